"""Genomes: cascades as pymoo's mixed variables.

A genome always stands for one cascade: a Clos cascade of two to five levels of routers, or butterflies whose neuron
numbers are cut into digits anywhere, one or several side by side, both with or without fixed skips off the support.
What a genome says about the other family is ignored. Genomes over the budget, or with skips that find no room, are
infeasible; arithmetic tells, before anything is counted.
"""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from pymoo.core.variable import Binary, Choice, Integer

from fabric import constraints
from fabric.experiments.networks import Layer, LayerWithSkips
from fabric.hardware.torus.rings import butterfly_rings, clos_rings

LEVELS, ROUTERS, BUTTERFLIES = 5, 32, 8  # the largest numbers that a genome can hold


class Candidate(NamedTuple):
    """What arithmetic knows of a genome: the cascade it stands for, whether it is allowed, and its costs."""

    layer: Layer | LayerWithSkips
    feasible: bool
    parameters: int
    depth: int
    cycles: int


def variables(n: int) -> dict[str, Any]:
    """The genome of layers of n = 2**bits inputs and as many outputs, as pymoo's variables."""
    return {
        "family": Choice(options=["clos", "butterfly"]),
        "skips": Binary(),
        "levels": Integer(bounds=(2, LEVELS)),
        **{f"routers_{level}": Integer(bounds=(1, ROUTERS)) for level in range(LEVELS)},
        **{f"cut_{bit}": Binary() for bit in range(1, n.bit_length() - 1)},
        "count": Integer(bounds=(1, BUTTERFLIES)),
    }


def decode(genome: Mapping[str, Any], n: int, budget: int) -> Candidate:
    """The cascade that a genome stands for; nothing is built or counted."""
    if genome["family"] == "clos":
        routers = tuple(int(genome[f"routers_{level}"]) for level in range(genome["levels"]))
        wires = [before * after for before, after in pairwise(routers)]
        inner = sum(wire * after for wire, after in zip(wires, routers[2:], strict=False))
        parameters = n * (routers[1] + routers[-2]) + inner
        layer = Layer("multistage_clos", (n, n, routers))
        has_room, depth, cycles = min(routers) > 1, len(routers), clos_rings(n, n, routers).cycles
    else:
        radices, count = _radices(genome, n), int(genome["count"])
        parameters = count * n * sum(radices)
        layer = Layer("parallel_butterfly", (n, count, radices)) if count > 1 else Layer("butterfly", (n, radices))
        has_room, depth, cycles = len(radices) > 1, len(radices), butterfly_rings(radices, count).cycles
    skips = bool(genome["skips"])
    feasible = parameters <= budget and (has_room or not skips)
    return Candidate(LayerWithSkips(layer, "off_support") if skips else layer, feasible, parameters, depth, cycles)


def _radices(genome: Mapping[str, Any], n: int) -> tuple[int, ...]:
    """The bits of a neuron's number, cut into digits."""
    bits = n.bit_length() - 1
    cuts = [0, *[bit for bit in range(1, bits) if genome[f"cut_{bit}"]], bits]
    return tuple(1 << (end - start) for start, end in pairwise(cuts))


@cache
def solvable(layer: Layer | LayerWithSkips) -> int:
    """The heuristic: constraints that one attempt at colouring solves. Remembered, so no cascade is coloured twice."""
    topology, skips = layer.wired(np.random.default_rng(0))
    return constraints.coloring(topology, np.random.default_rng(0), skips, attempts=1).count
