"""A Clos cascade some of whose routers are merged into larger ones, and which computes what it computed before."""

import copy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fabric._checks import one_of, positive_int, shown
from fabric.nn._cascade import CascadeLinear
from fabric.nn._clos import ClosLinear
from fabric.nn.growth._carry import Move, carry, checked_optimizer
from fabric.nn.growth._grow import checked_clos
from fabric.topology import Topology

LEVELS = ("input", "middle", "output")


def merge(layer: ClosLinear, level: str, routers: int, *, optimizer: Optimizer | None = None) -> CascadeLinear:
    """The layer with neighbouring routers of one level merged into fewer, larger ones: more edges, the same function.

    A merged router joins all inputs of its parts with all outputs of its parts. The wires stay, so that the routers of
    the neighbouring levels have several wires to it; that is no Clos cascade any more, but a `CascadeLinear`. The
    weights of the new edges are zero, and each of them has a gradient from the first step on.

    Args:
        layer: trained or not; it is left as it is. Use what is returned in its place.
        level: "input", "middle" or "output".
        routers: left on that level, a divisor of those that the layer has there.
        optimizer: as for `grow`.

    Raises:
        ValueError: `layer` is not a plain `ClosLinear`, an unknown level, a number of routers that is no divisor, or an
            optimiser as for `grow`.
    """
    checked_clos(layer)
    place = LEVELS.index(one_of("level", level, LEVELS))
    present = (layer.input_routers, layer.middle_routers, layer.output_routers)[place]
    count = positive_int("routers", routers, upper=present)
    if present % count:
        raise ValueError(f"routers must divide the {present} {level} routers of the layer, got {shown(routers)}")
    trained = checked_optimizer(optimizer, list(layer.parameters()))
    stages = list(layer.topology.stages)
    stages[place] = _merged(stages[place], present // count)
    wiring = Topology(stages, name=f"{layer.topology.name}, {level} routers merged to {count}")
    first = layer.input_weight
    merged = CascadeLinear(wiring, layer.bias is not None, None, first.device, first.dtype).train(layer.training)
    moves = [_move(*pair) for pair in zip(_weights(layer), _edges(layer), merged.stages, strict=True)]
    if layer.bias is not None and merged.bias is not None:
        moves.append(Move(layer.bias, merged.bias, torch.clone))
    with torch.no_grad():
        for move in moves:
            move.new.copy_(move.embed(move.old.detach()))
            move.new.requires_grad_(move.old.requires_grad)
    carry(trained, moves)
    return merged


def _merged(stage: np.ndarray, share: int) -> np.ndarray:
    """The stage (outputs, inputs) with every `share` neighbouring routers joined to one."""
    _, router = np.unique(stage.argmax(axis=1), return_inverse=True)  # of each output, by the router's first input
    merged = router // share
    return merged[:, None] == merged[stage.argmax(axis=0)]


def _weights(layer: ClosLinear) -> list[nn.Parameter]:
    return [layer.input_weight, layer.middle_weight, layer.output_weight]


def _edges(layer: ClosLinear) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each stage: which entries of its weight stand for edges, and these edges' target and source neurons."""
    inputs, outputs, ri, rm, ro = layer.routers
    found = []
    for stage, (target, source) in zip(
        layer.stage_weights(),
        (
            # (router, output, input) of a weight → its neurons, in the order in which the topology counts them
            (lambda r, m, k: r * rm + m, lambda r, m, k: _start(inputs, ri, r) + k),
            (lambda m, o, r: m * ro + o, lambda m, o, r: r * rm + m),
            (lambda o, j, m: _start(outputs, ro, o) + j, lambda o, j, m: m * ro + o),
        ),
        strict=True,
    ):
        used = torch.ones_like(stage.weight, dtype=torch.bool)
        if stage.used is not None:
            used &= stage.used
        entries = used.nonzero(as_tuple=True)
        found.append((used, target(*entries), source(*entries)))
    return found


def _start(size: int, routers: int, router: Tensor) -> Tensor:
    """The first neuron of a router where `size` neurons are dealt out as `topology.router_sizes` says."""
    share, more = divmod(size, routers)
    return router * share + router.clamp(max=more)


def _move(old: nn.Parameter, edges: tuple[Tensor, Tensor, Tensor], stage: Any) -> Move:
    """How the old weights of a stage come into the `BlockStage` or `EdgeStage` that holds the merged routers."""
    used, target, source = edges
    numbered = copy.deepcopy(stage).double()
    with torch.no_grad():
        numbered.weight.copy_(torch.arange(1, stage.weight.numel() + 1).view_as(stage.weight))
        place = numbered.dense()[target, source].long() - 1  # of each old edge among the stage's weights
    return Move(old, stage.weight, partial(_embedded, used=used, place=place, shape=stage.weight.shape))


def _embedded(old: Tensor, used: Tensor, place: Tensor, shape: torch.Size) -> Tensor:
    new = old.new_zeros(shape.numel())
    new[place] = old[used]
    return new.view(shape)
