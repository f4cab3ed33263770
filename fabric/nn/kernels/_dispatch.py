"""Which path serves a layer: the compiled kernel where one is built and can, else the reference in PyTorch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._C import _dispatch_keys, _dispatch_tls_local_exclude_set, _dispatch_tls_local_include_set
from torch.autograd import forward_ad

from fabric.nn.kernels import _build
from fabric.nn.kernels._native import CascadeProduct, Native
from fabric.nn.kernels._plan import Layout, plan_of

if TYPE_CHECKING:
    from fabric.nn._structured import StructuredLinear

_DTYPES = (torch.float32, torch.bfloat16)
_forced: ContextVar[bool] = ContextVar("fabric_reference", default=False)


def _switches() -> tuple[int, int]:
    """What PyTorch's dispatcher is told to do beside computing in this thread: vmap, autocast, tracing, modes."""
    return _dispatch_tls_local_include_set().raw_repr(), _dispatch_tls_local_exclude_set().raw_repr()


def _plain() -> tuple[set[int], set[tuple[int, int]]]:
    """The keys of tensors and the switches under which an operator computes, records gradients, and no more."""
    keys, switches = {_dispatch_keys(torch.empty(1)).raw_repr()}, {_switches()}
    with torch.inference_mode():
        return keys | {_dispatch_keys(torch.empty(1)).raw_repr()}, switches | {_switches()}


_PLAIN_KEYS, _PLAIN_SWITCHES = _plain()


class _Kernel:
    """The kernel of this process: looked up at the first use of a layer, and again after a build."""

    def __init__(self) -> None:
        self.native: Native | None = None
        self.name = ""
        self.why_not = ""

    def look_up(self) -> None:
        self.native, self.why_not = None, ""
        target = _build.instruction_set()
        if os.environ.get("FABRIC_KERNEL") == "reference":
            self.why_not = "FABRIC_KERNEL=reference"
        elif target is None:
            self.why_not = "no kernel for this processor"
        elif (path := _build.find(target)) is None:
            self.why_not = "kernel not built: run python -m fabric.nn.kernels build"
        else:
            try:
                self.native, self.name = Native(path), f"native {target}"
            except OSError as error:
                self.why_not = f"kernel does not load: {error}"

    def get(self) -> Native | None:
        if self.native is None and not self.why_not:
            self.look_up()
        return self.native


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
    return _kernel.name if _kernel.native else f"reference: {_kernel.why_not}"


@contextmanager
def reference() -> Iterator[None]:
    """Layers compute with PyTorch's own operators inside, also where the kernel could serve."""
    token = _forced.set(True)
    try:
        yield
    finally:
        _forced.reset(token)


def backend(layer: "StructuredLinear") -> str:
    """Which path computes a structured layer now, and why: "native AVX-512" or "reference: ...".

    Inputs of the layer's own dtype and device are supposed, outside `torch.compile`, `torch.func` and autocast: under
    these the reference serves.

    Raises:
        ValueError: a layer of another kind; name the layers inside a convolution or a recurrent layer.
    """
    if not hasattr(layer, "layout_weights"):
        raise ValueError(f"layer must be a structured linear layer of fabric.nn, got {type(layer).__name__}")
    why_not = _why_not(layer)
    return f"reference: {why_not}" if why_not else _kernel.name


def product(layer: "StructuredLinear", x: Tensor) -> Tensor | None:
    """x (*, inputs) → (*, outputs) by the kernel, None where the reference must serve."""
    if torch.compiler.is_compiling() or torch._C._is_tracing():
        return None
    if not (native := _kernel.native or _kernel.get()) or _forced.get():
        return None
    attributes = layer.__dict__
    if "_plan" not in attributes:
        layout = layer.layout()
        attributes["_plan"] = None if layout is None else plan_of(layout)
    plan, dtype = attributes["_plan"], x.dtype
    if (
        plan is None
        or dtype not in _DTYPES
        or x.ndim == 0
        or x.shape[-1] != layer.in_features
        or _dispatch_keys(x).raw_repr() not in _PLAIN_KEYS
        or (_dispatch_tls_local_include_set().raw_repr(), _dispatch_tls_local_exclude_set().raw_repr())
        not in _PLAIN_SWITCHES
        or forward_ad._current_level >= 0
        or (weights := layer.layout_weights()) is None
    ):
        return None
    own: dict[str, Any] = layer._parameters
    bias = own["bias"] if "bias" in own else layer.bias  # noqa: SIM401, which would look up both
    gradients = x.requires_grad
    for tensor in weights if bias is None else (*weights, bias):
        if (
            tensor.dtype is not dtype
            or _dispatch_keys(tensor).raw_repr() not in _PLAIN_KEYS
            or not tensor.is_contiguous()
        ):
            return None
        gradients = gradients or tensor.requires_grad
    rows = (x if x.ndim == 2 else x.reshape(x.shape[:-1].numel(), x.shape[-1])).contiguous()
    if gradients and torch.is_grad_enabled():
        y = CascadeProduct.apply(native, plan, rows, bias, *weights)
    else:
        y = native.forward(plan, rows, bias, weights)
    return y if x.ndim == 2 else y.view(*x.shape[:-1], plan.outputs)


def _why_not(layer: "StructuredLinear") -> str:
    if _forced.get():
        return "forced by fabric.nn.reference()"
    if _kernel.get() is None:
        return _kernel.why_not
    layout: Layout | None = layer.layout()
    if layout is None:
        return "not a cascade of equal routers"
    weights = layer.layout_weights()
    if weights is None:
        return "a stage has hooks"
    tensors = weights if layer.bias is None else [*weights, layer.bias]
    dtypes = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors}
    if len(dtypes) > 1 or weights[0].dtype not in _DTYPES:
        return " and ".join(sorted(dtypes))
    if any(tensor.device.type != "cpu" for tensor in tensors):
        return f"device {weights[0].device}"
    if not all(tensor.is_contiguous() and _dispatch_keys(tensor).raw_repr() in _PLAIN_KEYS for tensor in tensors):
        return "weights that are not plain contiguous tensors"
    return ""
