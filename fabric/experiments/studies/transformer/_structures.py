"""What takes the place of the linear layers of a model, with at most a share of their weights."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from fabric import topology
from fabric.nn import CascadeLinear, SparseLinear, plan, replace
from fabric.nn._structured import StructuredLinear
from fabric.topology import Topology

STRUCTURES = ("dense", "clos", "low_rank", "monarch", "btt", "random_sparse")
BTT_ROUTERS = 4


def restructured(model: nn.Module, structure: str, fewer: float, seed: int) -> nn.Module:
    """The model with every `torch.nn.Linear` without bias as a structure of at most 1 / `fewer` of its weights.

    Every product starts with entries of the mean square that the dense matrix had, so that all models start with
    signals of one size.

    Args:
        model: not changed.
        structure: one of `STRUCTURES`; "dense" gives the model itself.
        fewer: above 1, but for "dense".
        seed: of random connections and of the weights.
    """
    if structure == "dense":
        return model
    rng = np.random.default_rng(seed)

    def choose(name: str, layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, nn.Linear):
            return None
        with torch.random.fork_rng():
            torch.manual_seed(int(rng.integers(2**31)))
            new = _LAYERS[structure](layer.in_features, layer.out_features, fewer, rng)
        with torch.no_grad():
            stages = new.stage_weights()
            wanted = layer.weight.square().mean() / new.dense_weight().square().mean()
            for stage in stages:
                stage.weight.mul_(wanted ** (0.5 / len(stages)))
        return new

    return replace(model, choose).model


def btt(inputs: int, outputs: int, routers: int, wires: int) -> Topology:
    """Two levels of as many routers and `wires` hidden neurons between every pair of them (block tensor train).

    With one wire it is Monarch. Both sizes are multiples of the routers.
    """
    hidden = np.arange(routers * wires * routers)  # router before, wire, router after
    before, after = hidden // (wires * routers), hidden % routers
    of_input, of_output = (np.arange(size) * routers // size for size in (inputs, outputs))
    stages = [before[:, None] == of_input, of_output[:, None] == after]
    return Topology(stages, name=f"btt({inputs}, {outputs}, {routers}, {wires})")


def _planned(structure: str) -> Callable[[int, int, float, np.random.Generator], StructuredLinear]:
    def build(inputs: int, outputs: int, fewer: float, rng: np.random.Generator) -> StructuredLinear:
        return plan(inputs, outputs, fewer=fewer, structures=[structure])[0].layer(bias=False)

    return build


def _btt(inputs: int, outputs: int, fewer: float, rng: np.random.Generator) -> StructuredLinear:
    wires = math.floor(inputs * outputs / fewer / (BTT_ROUTERS * (inputs + outputs)))
    return CascadeLinear(btt(inputs, outputs, BTT_ROUTERS, max(1, wires)), bias=False)


def _random(inputs: int, outputs: int, fewer: float, rng: np.random.Generator) -> StructuredLinear:
    return SparseLinear(
        topology.random_sparse(inputs, outputs, int(inputs * outputs / fewer), rng).stages[0], bias=False
    )


_LAYERS = {
    "clos": _planned("clos"),
    "low_rank": _planned("low rank"),
    "monarch": _planned("two-level"),
    "btt": _btt,
    "random_sparse": _random,
}
