"""Products with a sparse matrix given by its edges, one weight each: no dense matrix, differentiable to any order.

Two operators are each other's derivatives. `edge_product` is A @ columns or Aᵀ @ columns; `edge_gradient` holds the
entries of above @ belowᵀ at the edges. Both are registered with the dispatcher, so that `torch.compile`, `torch.export`
and `torch.jit.trace` see single steps. Columns are (neurons, batch).

Five index lists describe the edges: `offsets` and `sources` are the row offsets and column indices of A in compressed
sparse row (CSR) form, `source_offsets` and `targets` those of Aᵀ, `order` the position of the edges of Aᵀ in `weight`.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd import forward_ad
from torch.autograd.forward_ad import _set_fwd_grad_enabled
from torch.autograd.function import _SingleLevelFunction
from torch.nn import functional
from torch.utils.flop_counter import register_flop_formula

with warnings.catch_warnings():  # PyTorch warns once per process that CSR tensors are in beta: take it here
    warnings.simplefilter("ignore")
    torch.eye(1).to_sparse_csr()

_EDGES = "Tensor offsets, Tensor sources, Tensor source_offsets, Tensor targets, Tensor order"
_library = torch.library.Library("fabric", "FRAGMENT")
_library.define(f"edge_product(Tensor weight, Tensor columns, {_EDGES}, bool transposed) -> Tensor")
_library.define(f"edge_gradient(Tensor above, Tensor below, {_EDGES}) -> Tensor")
edge_product = torch.ops.fabric.edge_product.default
edge_gradient = torch.ops.fabric.edge_gradient.default


def _product(
    weight: Tensor,
    columns: Tensor,
    offsets: Tensor,
    sources: Tensor,
    source_offsets: Tensor,
    targets: Tensor,
    order: Tensor,
    transposed: bool,
) -> Tensor:
    """An output is a weighted sum of rows of `columns`, which is what an embedding bag computes.

    On CPU it takes a third of the time of the product with a CSR tensor.
    """
    if transposed:
        weight, offsets, sources = weight[order], source_offsets, targets
    if columns.shape[1] == 0:  # embedding bags of empty vectors fail now and then
        return columns.new_empty(offsets.numel() - 1, 0)
    return functional.embedding_bag(
        sources, columns.contiguous(), offsets, mode="sum", per_sample_weights=weight, include_last_offset=True
    )


def _gradient(above: Tensor, below: Tensor, offsets: Tensor, sources: Tensor, *transposed_edges: Tensor) -> Tensor:
    """Sparse kernels exist for float32 and float64; narrower types are multiplied in float32."""
    working = torch.float64 if above.dtype == torch.float64 else torch.float32
    shape = (above.shape[0], below.shape[0])
    zeros = torch.zeros(sources.numel(), dtype=working, device=above.device)
    matrix = torch.sparse_csr_tensor(offsets, sources, zeros, shape, check_invariants=False)
    above, below = above.to(working).contiguous(), below.to(working).contiguous()
    return torch.sparse.sampled_addmm(matrix, above, below.t(), beta=0.0).values().to(below.dtype)


def _below_autograd(operator: Callable[..., Tensor], *inputs: Any) -> Tensor:
    """The plain product. What is switched off here for one level of `torch.func` must be on again for the next."""
    if not torch._C._are_functorch_transforms_active():
        with torch._C._AutoDispatchBelowAutograd():
            return operator(*inputs)
    with torch._C._AutoDispatchBelowAutograd(), torch.enable_grad(), _set_fwd_grad_enabled(True):
        return operator(*inputs)


class _EdgeProduct(_SingleLevelFunction):
    @staticmethod
    def forward(*inputs: Any) -> Tensor:
        return _below_autograd(edge_product, *inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        *tensors, ctx.transposed = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple:
        weight, columns, *edges = ctx.saved_tensors
        above = above.contiguous()  # once for both products
        for_weight = for_columns = None
        if ctx.needs_input_grad[0]:
            for_weight = edge_gradient(*((columns, above) if ctx.transposed else (above, columns)), *edges)
        if ctx.needs_input_grad[1]:
            for_columns = edge_product(weight, above, *edges, not ctx.transposed)
        return for_weight, for_columns, None, None, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        weight, columns, *edges = ctx.saved_tensors
        changes = []
        if tangents[0] is not None:
            changes.append(edge_product(tangents[0], columns, *edges, ctx.transposed))
        if tangents[1] is not None:
            changes.append(edge_product(weight, tangents[1], *edges, ctx.transposed))
        return sum(changes[1:], changes[0])


class _EdgeGradient(_SingleLevelFunction):
    @staticmethod
    def forward(*inputs: Tensor) -> Tensor:
        return _below_autograd(edge_gradient, *inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, per_edge: Tensor) -> tuple:
        above, below, *edges = ctx.saved_tensors
        for_above = edge_product(per_edge, below, *edges, False) if ctx.needs_input_grad[0] else None
        for_below = edge_product(per_edge, above, *edges, True) if ctx.needs_input_grad[1] else None
        return for_above, for_below, None, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        above, below, *edges = ctx.saved_tensors
        changes = []
        if tangents[0] is not None:
            changes.append(edge_gradient(tangents[0], below, *edges))
        if tangents[1] is not None:
            changes.append(edge_gradient(above, tangents[1], *edges))
        return sum(changes[1:], changes[0])


def _differentiable(function: type[_SingleLevelFunction]) -> Callable[..., Tensor]:
    """The step for one level of differentiation: the dispatcher comes by once for each level of `torch.func`."""

    apply: Callable[..., Tensor] = function.apply  # type: ignore[attr-defined]

    def step(*inputs: Any) -> Tensor:
        if not torch._C._are_functorch_transforms_active():
            if torch.is_grad_enabled() or forward_ad._current_level >= 0:
                return apply(*inputs)
            return function.forward(*inputs)
        with enable_single_level_autograd_function():
            return apply(*inputs)

    return step


_library.impl("edge_product", _product, "CompositeExplicitAutograd")
_library.impl("edge_gradient", _gradient, "CompositeExplicitAutograd")
_library.impl("edge_product", _differentiable(_EdgeProduct), "Autograd")
_library.impl("edge_gradient", _differentiable(_EdgeGradient), "Autograd")


@torch.library.register_fake("fabric::edge_product", lib=_library)
def _(weight, columns, offsets, sources, source_offsets, targets, order, transposed):
    return columns.new_empty((source_offsets if transposed else offsets).shape[0] - 1, columns.shape[1])


@torch.library.register_fake("fabric::edge_gradient", lib=_library)
def _(above, below, offsets, sources, source_offsets, targets, order):
    return above.new_empty(sources.shape[0])


@register_flop_formula(torch.ops.fabric.edge_product)
def _product_flops(weight_shape, columns_shape, *others, out_shape=None, **kwargs) -> int:
    return 2 * weight_shape[0] * columns_shape[1]


@register_flop_formula(torch.ops.fabric.edge_gradient)
def _gradient_flops(above_shape, below_shape, *others, out_shape=None, **kwargs) -> int:
    return 2 * out_shape[0] * above_shape[1]


def _front(tensor: Tensor, axis: int | None, count: int) -> Tensor:
    """The axis of `torch.vmap` first; repeated where the tensor has none."""
    return tensor.expand(count, *tensor.shape) if axis is None else tensor.movedim(axis, 0)


def _copies(count: int, neurons: int, offsets: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
    """`count` copies of a CSR pattern, one below the other, each with its own `neurons` columns."""
    copy = torch.arange(count, device=offsets.device, dtype=offsets.dtype)[:, None]
    starts = (offsets[:-1] + copy * sources.numel()).flatten()
    return torch.cat((starts, offsets[-1:] * count)), (sources + copy * neurons).flatten()


def _copied(count: int, edges: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The edges of a block-diagonal matrix of `count` equal blocks."""
    offsets, sources, source_offsets, targets, order = edges
    forth = _copies(count, source_offsets.numel() - 1, offsets, sources)
    back = _copies(count, offsets.numel() - 1, source_offsets, targets)
    copy = torch.arange(count, device=order.device, dtype=order.dtype)[:, None]
    return *forth, *back, (order + copy * order.numel()).flatten()


@torch.library.register_vmap("fabric::edge_product", lib=_library)
def _(info, in_dims, weight, columns, *arguments):
    *edges, transposed = arguments
    count = info.batch_size
    columns = _front(columns, in_dims[1], count)
    if in_dims[0] is None:  # one matrix: a larger batch
        flat = columns.movedim(0, 1).flatten(1)
        return edge_product(weight, flat, *edges, transposed).unflatten(1, (count, -1)), 1
    weight = _front(weight, in_dims[0], count).flatten()
    product = edge_product(weight, columns.flatten(0, 1), *_copied(count, tuple(edges)), transposed)
    return product.unflatten(0, (count, -1)), 0


@torch.library.register_vmap("fabric::edge_gradient", lib=_library)
def _(info, in_dims, above, below, *edges):
    count = info.batch_size
    above, below = (_front(t, axis, count).flatten(0, 1) for t, axis in zip((above, below), in_dims[:2], strict=True))
    return edge_gradient(above, below, *_copied(count, edges)).unflatten(0, (count, -1)), 0
