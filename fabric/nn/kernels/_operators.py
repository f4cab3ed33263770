"""The kernel as operators of PyTorch: `fabric::cascade` and its derivative, `fabric::cascade_backward`; and
`fabric::descend`, whole steps of training, which only the compiled library computes.

They exist wherever this package is imported. Here they are declared, computed by formulas, and described to
`torch.compile`, autocast and `torch.vmap`. The compiled library (operators.cpp) brings what is fast: the CPU kernel and
the autograd formula of plain tensors. Derivatives of any other kind, such as those of `torch.func` and gradients of
gradients, are those of the formulas.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from fabric.nn.kernels import _formulas

_library = torch.library.Library("fabric", "FRAGMENT")
_FORWARD = "(Tensor x, Tensor? bias, Tensor[] weights, Tensor[] edges, int[] layout) -> Tensor"
_BACKWARD = (
    "(Tensor above, Tensor x, Tensor[] weights, Tensor[] edges, int[] layout, bool for_x, bool for_bias)"
    " -> (Tensor, Tensor, Tensor[])"
)
for _name, _schema, _formula in (
    ("cascade", _FORWARD, _formulas.cascade),
    ("cascade_backward", _BACKWARD, _formulas.cascade_backward),
):
    _library.define(_name + _schema)
    _library.impl(_name, _formula, "CompositeExplicitAutograd")
    _library.define(f"{_name}_formula{_schema}")
    for _key in ("CompositeImplicitAutograd", "FuncTorchBatched", "Batched"):
        _library.impl(f"{_name}_formula", _formula, _key)

_library.define(
    "descend(Tensor x, Tensor labels, Tensor(a!)[] weights, Tensor(b!)[] biases, Tensor[] edges, int[] layouts,"
    " float rate) -> Tensor"
)

cascade = torch.ops.fabric.cascade.default
cascade_backward = torch.ops.fabric.cascade_backward.default


def _unless_plain(operator: Callable[..., Any], formula: Callable[..., Any]) -> Callable[..., Any]:
    """The operator where nothing is to be differentiated, else its formula."""

    def step(*inputs: Any) -> Any:
        tensors = [leaf for leaf in torch.utils._pytree.tree_leaves(inputs) if isinstance(leaf, Tensor)]
        plain = not torch._C._are_functorch_transforms_active() and torch.autograd.forward_ad._current_level < 0
        if plain and not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)):
            with torch._C._AutoDispatchBelowAutograd():
                return operator(*inputs)
        return formula(*inputs)

    return step


_library.impl("cascade", _unless_plain(cascade, _formulas.cascade), "Autograd")
_library.impl("cascade_backward", _unless_plain(cascade_backward, _formulas.cascade_backward), "Autograd")


def _under_autocast(
    x: Tensor, bias: Tensor | None, weights: Sequence[Tensor], edges: Sequence[Tensor], layout: Sequence[int]
) -> Tensor:
    dtype = torch.get_autocast_dtype("cpu")
    with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)):
        narrow = [weight.to(dtype) for weight in weights]
        return cascade(x.to(dtype), None if bias is None else bias.to(dtype), narrow, edges, layout)


_library.impl("cascade", _under_autocast, "AutocastCPU")


@torch.library.register_fake("fabric::cascade", lib=_library)
def _(x, bias, weights, edges, layout):
    return x.new_empty((*x.shape[:-1], layout[1]))


@torch.library.register_fake("fabric::cascade_backward", lib=_library)
def _(above, x, weights, edges, layout, for_x, for_bias):
    for_weights = [weight.new_empty(weight.shape) for weight in weights]
    return x.new_empty(x.shape if for_x else 0), x.new_empty(layout[1] if for_bias else 0), for_weights


def _each(operator: Callable[..., Any], info: Any, in_dims: Any, inputs: tuple) -> Any:
    """The operator for one sample of `torch.vmap` after the other, results stacked."""
    leaves, tree = torch.utils._pytree.tree_flatten(inputs)
    axes = torch.utils._pytree.tree_leaves(
        torch.utils._pytree.tree_map(lambda axis: -1 if axis is None else axis, in_dims, is_leaf=lambda a: a is None)
    )
    assert len(axes) == len(leaves)
    results = []
    for i in range(info.batch_size):
        one = [leaf if axis < 0 else leaf.select(axis, i) for leaf, axis in zip(leaves, axes, strict=True)]
        results.append(operator(*torch.utils._pytree.tree_unflatten(one, tree)))
    return torch.utils._pytree.tree_map(lambda *parts: torch.stack(parts), *results)


@torch.library.register_vmap("fabric::cascade", lib=_library)
def _(info, in_dims, x, bias, weights, edges, layout):
    if any(axis is not None for axis in torch.utils._pytree.tree_leaves(in_dims[1:], is_leaf=lambda a: a is None)):
        return _each(cascade, info, in_dims, (x, bias, weights, edges, layout)), 0
    return cascade(x.movedim(in_dims[0], 0), bias, weights, edges, layout), 0  # a larger batch


@torch.library.register_vmap("fabric::cascade_backward", lib=_library)
def _(info, in_dims, *inputs):
    results = _each(cascade_backward, info, in_dims, inputs)
    return results, torch.utils._pytree.tree_map(lambda _: 0, results)


@register_flop_formula(torch.ops.fabric.cascade)
def _flops(x_shape, bias_shape, weight_shapes, *others, out_shape=None, **kwargs) -> int:
    return 2 * prod(x_shape[:-1]) * sum(map(prod, weight_shapes))


@register_flop_formula(torch.ops.fabric.cascade_backward)
def _backward_flops(above_shape, x_shape, weight_shapes, edge_shapes, layout, for_x, *others, **kwargs) -> int:
    """As without the kernel; the hidden levels, which it computes again, are not counted."""
    sizes = [prod(shape) for shape in weight_shapes]
    return 2 * prod(x_shape[:-1]) * (2 * sum(sizes) - (0 if for_x else sizes[0]))
