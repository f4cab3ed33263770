"""Middle routers that are not trained any more, without a mask: a Clos cascade is the sum over its middle routers."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fabric._checks import integer, sequence, shown
from fabric.nn._clos import ClosLinear
from fabric.nn.growth._carry import Move, carry, checked_optimizer
from fabric.nn.growth._grow import MIDDLE_AXES, checked_clos, with_middle_routers


class PartlyFrozenClos(nn.Module):
    """A Clos cascade in two parts with the same inputs and outputs, whose outputs are added.

    Shapes: x (*, in_features) → y (*, out_features). The frozen part needs no gradient, so that no optimiser touches
    it, whatever its momentum or weight decay; autograd passes it by where the inputs need no gradient either.

    Attributes:
        trained: the middle routers that are trained, with the bias. It may be exchanged for what `grow` makes of it.
        frozen: the others, without a bias, in the order in which they were frozen.
    """

    def __init__(self, trained: ClosLinear, frozen: ClosLinear) -> None:
        super().__init__()
        self.trained = trained
        self.frozen = frozen.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """(*, in_features) → (*, out_features); errors as for `ClosLinear`."""
        return self.trained(x) + self.frozen(x)

    def dense_weight(self) -> Tensor:
        """The equivalent dense matrix, shape (out_features, in_features)."""
        return self.trained.dense_weight() + self.frozen.dense_weight()


def freeze(
    layer: ClosLinear | PartlyFrozenClos, middle_routers: Sequence[int], *, optimizer: Optimizer | None = None
) -> PartlyFrozenClos:
    """The layer with some of its middle routers frozen: all edges through them keep their weights, bit for bit.

    Outputs stay the same but for the order of the sums.

    Args:
        layer: it is left as it is. Use what is returned in its place.
        middle_routers: numbers from 0 among those that are trained so far; at least one of them must be left. (A whole
            layer freezes by `layer.requires_grad_(False)`.)
        optimizer: as for `grow`; it forgets the frozen weights and keeps moments and steps of the others.

    Raises:
        ValueError: another kind of layer, numbers that are none of these routers, none or all of them, or an optimiser
            as for `grow`.
    """
    before = layer if isinstance(layer, PartlyFrozenClos) else None
    source = checked_clos(layer if before is None else before.trained)
    chosen = _routers(middle_routers, source.middle_routers)
    left = [router for router in range(source.middle_routers) if router not in chosen]
    trained = checked_optimizer(optimizer, list(source.parameters()))
    remaining = with_middle_routers(source, len(left), bias=source.bias is not None)
    moves = []
    with torch.no_grad():
        for name, old in source.named_parameters():
            new = remaining.get_parameter(name)
            moves.append(Move(old, new, partial(_of, name=name, routers=left)))
            new.copy_(_of(old, name, left))
        frozen = _extended(None if before is None else before.frozen, source, chosen)
    carry(trained, moves)
    return PartlyFrozenClos(remaining, frozen).train(source.training)


def _routers(given: object, present: int) -> list[int]:
    """The routers' numbers, or a ValueError."""
    wanted = f"integers from 0 to {present - 1}"
    numbers = [integer("middle_routers", each) for each in sequence("middle_routers", given, wanted, entry=int)]
    if any(not 0 <= number < present for number in numbers) or len(set(numbers)) != len(numbers):
        raise ValueError(f"middle_routers must be different {wanted}, got {shown(given)}")
    if not 0 < len(numbers) < present:
        raise ValueError(f"middle_routers must be some but not all of the {present} trained ones, got {shown(given)}")
    return numbers


def _extended(frozen: ClosLinear | None, source: ClosLinear, chosen: list[int]) -> ClosLinear:
    """The frozen cascade with more routers behind its own."""
    count = 0 if frozen is None else frozen.middle_routers
    made = with_middle_routers(source, count + len(chosen), bias=False)
    for name, axis in MIDDLE_AXES.items():
        parts = [_of(source.get_parameter(name), name, chosen)]
        if frozen is not None:
            parts.insert(0, frozen.get_parameter(name))
        made.get_parameter(name).copy_(torch.cat(parts, dim=axis))
    return made


def _of(values: Tensor, name: str, routers: list[int]) -> Tensor:
    """The entries of these middle routers; all of a bias."""
    if name not in MIDDLE_AXES:
        return values.clone()
    return values.index_select(MIDDLE_AXES[name], torch.tensor(routers, device=values.device))
