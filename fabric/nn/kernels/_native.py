"""The compiled kernel as functions of tensors, with gradients.

A call is one packed structure (`Call` of cascade.h) through ctypes: about a microsecond. The backward pass needs x and
the weights only. Differentiating a gradient again goes through the reference, which PyTorch can differentiate.
"""

import ctypes
from pathlib import Path

import torch
from torch import Tensor
from torch._C import _dispatch_keys

from fabric.nn.kernels._plan import Plan

_NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


class Native:
    """A loaded library.

    Raises:
        OSError: the file is no library for this machine.
    """

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        self._forward = {dtype: getattr(library, f"fabric_forward_{name}") for dtype, name in _NAMES.items()}
        self._backward = {dtype: getattr(library, f"fabric_backward_{name}") for dtype, name in _NAMES.items()}

    def forward(self, plan: Plan, x: Tensor, bias: Tensor | None, weights: list[Tensor]) -> Tensor:
        """(batch, inputs) → (batch, outputs); contiguous tensors of one dtype, no gradients."""
        batch = x.shape[0]
        y = x.new_empty((batch, plan.outputs))
        call = plan.pack_forward(
            plan.address,
            batch,
            torch.get_num_threads(),
            0,
            x.data_ptr(),
            0 if bias is None else bias.data_ptr(),
            y.data_ptr(),
            0,
            0,
            0,
            *[weight.data_ptr() for weight in weights],
        )
        if self._forward[x.dtype](call):
            raise MemoryError("the kernel found no memory for its work space")
        return y

    def backward(
        self, plan: Plan, x: Tensor, weights: list[Tensor], above: Tensor, wants_x: bool, wants_bias: bool
    ) -> tuple[Tensor | None, Tensor | None, list[Tensor]]:
        """Gradients of x, bias (None where not wanted) and all weights, given the gradient of y."""
        for_x = torch.empty_like(x) if wants_x else None
        for_bias = x.new_empty(plan.outputs) if wants_bias else None
        for_weights = [torch.empty_like(weight) for weight in weights]
        call = plan.pack_backward(
            plan.address,
            x.shape[0],
            torch.get_num_threads(),
            wants_x,
            x.data_ptr(),
            0,
            0,
            above.data_ptr(),
            0 if for_x is None else for_x.data_ptr(),
            0 if for_bias is None else for_bias.data_ptr(),
            *[tensor.data_ptr() for tensor in (*weights, *for_weights)],
        )
        if self._backward[x.dtype](call):
            raise MemoryError("the kernel found no memory for its work space")
        return for_x, for_bias, for_weights


class CascadeProduct(torch.autograd.Function):
    """The kernel with gradients: `apply(native, plan, x, bias, *weights)`."""

    @staticmethod
    def forward(ctx, native: Native, plan: Plan, x: Tensor, bias: Tensor | None, *weights: Tensor):
        ctx.native, ctx.plan = native, plan
        ctx.save_for_backward(x, bias, *weights)
        return native.forward(plan, x, bias, list(weights))

    @staticmethod
    def backward(ctx, above: Tensor):
        x, bias, *weights = ctx.saved_tensors
        wanted = ctx.needs_input_grad[2:]
        again = torch.is_grad_enabled()  # create_graph: the gradients are differentiated again
        if again or _dispatch_keys(above).raw_repr() != _dispatch_keys(x).raw_repr():  # or `above` is vmapped
            tensors = [tensor for tensor, needed in zip((x, bias, *weights), wanted, strict=True) if needed]
            with torch.enable_grad():
                y = ctx.plan.reference(x, bias, *weights)
            found = iter(torch.autograd.grad(y, tensors, above, create_graph=again))
            return None, None, *(next(found) if needed else None for needed in wanted)
        for_x, for_bias, for_weights = ctx.native.backward(
            ctx.plan, x, weights, above.contiguous(), wanted[0], wanted[1]
        )
        return None, None, for_x, for_bias, *for_weights
