"""Which path serves a layer: the compiled kernel where one is built and can, else the reference in PyTorch."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._C._functorch import TransformType, get_interpreter_stack
from torch.autograd import forward_ad

from fabric.nn.kernels import _build
from fabric.nn.kernels._operators import cascade

if TYPE_CHECKING:
    from fabric.nn._structured import StructuredLinear

_DTYPES = (torch.float32, torch.bfloat16)
_PLAIN = (Tensor, nn.Parameter)
_cascade = cascade._op  # the operator without the step in Python before it, which only compilers need
_forced: ContextVar[bool] = ContextVar("fabric_reference", default=False)


class _Kernel:
    """The kernel of this process: looked up at the first use of a layer, and again after a build.

    Attributes:
        serves: whether it is loaded; a process loads one library only.
        name: "native" and the instruction set.
        why_not: the reason where it does not serve.
        refusals: how many `reference()` are open in all threads, which compiled programs watch.
    """

    loaded: Path | None = None

    def __init__(self) -> None:
        self.serves = False
        self.name = ""
        self.why_not = ""
        self.refusals = 0

    def look_up(self) -> None:
        self.serves, self.why_not = False, ""
        target = _build.instruction_set()
        if os.environ.get("FABRIC_KERNEL") == "reference":
            self.why_not = "FABRIC_KERNEL=reference"
        elif target is None:
            self.why_not = "no kernel for this processor"
        elif (path := _build.find(target)) is None:
            self.why_not = "kernel not built: run python -m fabric.nn.kernels build"
        else:
            try:
                if _Kernel.loaded is None:
                    torch.ops.load_library(path)
                    _Kernel.loaded = path
                self.serves, self.name = True, f"native {target}"
            except OSError as error:
                self.why_not = f"kernel does not load: {error}"

    def get(self) -> bool:
        if not self.serves and not self.why_not:
            self.look_up()
        return self.serves


_kernel = _Kernel()


def build() -> str:
    """Compile the kernel for this machine into the user's cache, unless it is there, and let it serve from now on.

    Returns:
        What `backend` says of layers that it serves, or why it does not serve.

    Raises:
        KernelBuildError: no compiler, or it fails.
    """
    _build.build()
    _kernel.look_up()
    return _kernel.name if _kernel.serves else f"reference: {_kernel.why_not}"


@contextmanager
def reference() -> Iterator[None]:
    """Layers compute with PyTorch's own operators inside, also where the kernel could serve."""
    token = _forced.set(True)
    _kernel.refusals += 1
    try:
        yield
    finally:
        _kernel.refusals -= 1
        _forced.reset(token)


def backend(layer: "StructuredLinear") -> str:
    """Which path computes a structured layer now, and why.

    "native" and the instruction set of the kernel ("native AVX-512 BF16", "native AVX-512", "native AVX2" or "native
    NEON"), or "reference: " and the reason why PyTorch's own operators compute.

    Inputs of the layer's own dtype and device are supposed. In exported, traced and symbolically traced programs, and
    for derivatives by `torch.func`, the reference serves.

    Raises:
        ValueError: a layer of another kind; name the layers inside a convolution or a recurrent layer.
    """
    if not hasattr(layer, "layout_weights"):
        raise ValueError(f"layer must be a structured linear layer of fabric.nn, got {type(layer).__name__}")
    why_not = _why_not(layer)
    return f"reference: {why_not}" if why_not else _kernel.name


def serves(tensors: Sequence[Tensor]) -> bool:
    """Whether the kernel may compute with these tensors here and now."""
    outside = torch.compiler.is_compiling() or torch._C._is_tracing() or _forced.get() or not _is_ordinary()
    return not outside and _kernel.get() and _are_served(tensors[0], tensors)


def product(layer: "StructuredLinear", x: Tensor) -> Tensor | None:
    """x (*, inputs) → (*, outputs) by the kernel, None where the reference must serve."""
    operator = _cascade
    if torch.compiler.is_compiling():
        if _kernel.refusals or not _kernel.serves or torch.compiler.is_exporting():
            return None
        operator = cascade
    elif not (_kernel.serves or _kernel.get()) or _forced.get() or torch._C._is_tracing() or not _is_ordinary():
        return None
    layout = layer.flat_layout
    if layout is None or x.ndim == 0 or x.shape[-1] != layout[0] or (weights := layer.layout_weights()) is None:
        return None
    own: dict[str, Any] = layer._parameters  # ten times as fast as attributes of a module
    bias = own["bias"] if "bias" in own else layer.bias  # noqa: SIM401, which would look up both
    if _are_served(x, weights if bias is None else (*weights, bias)):
        return operator(x, bias, weights, layer.edge_lists(), layout)
    return None


def _is_ordinary() -> bool:
    """Whether this thread differentiates backward or not at all; `torch.vmap` may be at work."""
    if torch._C._are_functorch_transforms_active():
        return all(level.key() == TransformType.Vmap for level in get_interpreter_stack() or ())
    return forward_ad._current_level < 0


def _are_served(x: Tensor, others: Sequence[Tensor]) -> bool:
    """Plain tensors on the CPU, all float32 or all bfloat16, or under an autocast that makes them bfloat16."""
    dtypes: tuple[torch.dtype, ...] = (x.dtype,)
    if x.dtype not in _DTYPES or not x.is_cpu or type(x) not in _PLAIN:
        return False
    if torch._C._is_any_autocast_enabled() and torch.is_autocast_enabled("cpu"):
        if torch.get_autocast_dtype("cpu") is not torch.bfloat16:
            return False
        dtypes = _DTYPES
    for tensor in others:  # noqa: SIM110, as a generator takes longer
        if tensor.dtype not in dtypes or not tensor.is_cpu or type(tensor) not in _PLAIN:
            return False
    return True


def _why_not(layer: "StructuredLinear") -> str:
    if _forced.get():
        return "forced by fabric.nn.reference()"
    if not _kernel.get():
        return _kernel.why_not
    if layer.flat_layout is None:
        return "a cascade that the kernel does not know"
    weights = layer.layout_weights()
    if weights is None:
        return "a stage has hooks"
    tensors = weights if layer.bias is None else [*weights, layer.bias]
    dtypes = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors}
    if len(dtypes) > 1 or weights[0].dtype not in _DTYPES:
        return " and ".join(sorted(dtypes))
    if any(not tensor.is_cpu for tensor in tensors):
        return f"device {weights[0].device}"
    return "" if _are_served(tensors[0], tensors) else "weights that are not plain tensors"
