"""A Clos cascade with more middle routers that computes what it computed before."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.optim import Optimizer

from fabric._checks import instance, shown, size
from fabric.nn._clos import ClosLinear
from fabric.nn.growth._carry import Move, carry, checked_optimizer
from fabric.nn.init import sparse_glorot_uniform_

# The axis of each weight along which the middle routers are counted.
MIDDLE_AXES = {"input_weight": 1, "middle_weight": 0, "output_weight": 2}


def grow(
    layer: ClosLinear,
    middle_routers: int,
    *,
    optimizer: Optimizer | None = None,
    generator: torch.Generator | None = None,
) -> ClosLinear:
    """The layer with more middle routers: more edges and paths between the same inputs and outputs, the same function.

    The new routers' first two stages are drawn as those of a new layer of the new size (`sparse_glorot_uniform_`). The
    weights behind them, in the third stage, are zero: so the outputs stay what they were, and these weights have a
    gradient from the first step on, the others from the second. (Were all zero, none would ever have one.)

    Args:
        layer: trained or not; it is left as it is. Use what is returned in its place.
        middle_routers: at least as many as the layer has.
        optimizer: one that trains the layer, and from now on the layer that is returned, with the same rates. Moments
            and steps of old weights are kept; those of new weights are zero.
        generator: of the new weights; PyTorch's own if None.

    Raises:
        ValueError: `layer` is not a plain `ClosLinear`, fewer middle routers than it has, or an optimiser that does not
            train it or keeps other things than one number for each weight.
    """
    checked_clos(layer)
    count = size("middle_routers", middle_routers)
    if count < layer.middle_routers:
        raise ValueError(
            f"middle_routers must be at least the {layer.middle_routers} of the layer, got {shown(middle_routers)}"
        )
    if generator is not None:
        instance("generator", generator, torch.Generator)
    trained = checked_optimizer(optimizer, list(layer.parameters()))
    larger = with_middle_routers(layer, count, bias=layer.bias is not None)
    sparse_glorot_uniform_(larger, generator=generator)
    moves = []
    with torch.no_grad():
        larger.output_weight[:, :, layer.middle_routers :] = 0
        for name, old in layer.named_parameters():
            new = larger.get_parameter(name)
            _first(new, name, layer.middle_routers).copy_(old)
            moves.append(Move(old, new, _embed(name, layer.middle_routers, new.shape)))
    carry(trained, moves)
    return larger


def checked_clos(layer: object) -> ClosLinear:
    """Return the layer, or raise ValueError unless it is a `ClosLinear` itself, of no class made from it."""
    if not isinstance(layer, ClosLinear) or type(layer) is not ClosLinear:
        raise ValueError(f"layer must be a ClosLinear, got {shown(layer)}")
    return layer


def with_middle_routers(layer: ClosLinear, count: int, bias: bool) -> ClosLinear:
    """A new layer of the same sizes, dtype, device and mode, but for the number of middle routers; weights drawn."""
    inputs, outputs, input_routers, _, output_routers = layer.routers
    first = layer.input_weight
    made = ClosLinear(inputs, outputs, input_routers, count, output_routers, bias, first.device, first.dtype)
    for name, parameter in made.named_parameters():
        parameter.requires_grad_(layer.get_parameter(name).requires_grad)
    return made.train(layer.training)


def _first(tensor: Tensor, name: str, count: int) -> Tensor:
    """The entries of the first middle routers; all of a bias."""
    return tensor.narrow(MIDDLE_AXES[name], 0, count) if name in MIDDLE_AXES else tensor


def _embed(name: str, count: int, shape: torch.Size) -> Callable[[Tensor], Tensor]:
    return partial(_embedded, name=name, count=count, shape=shape)


def _embedded(old: Tensor, name: str, count: int, shape: torch.Size) -> Tensor:
    new = old.new_zeros(shape)
    _first(new, name, count).copy_(old)
    return new
