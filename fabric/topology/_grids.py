"""Neighbours on a grid: every stage joins each neuron to itself and to the neurons one step away."""

import math
from collections.abc import Sequence

import numpy as np

from fabric._checks import MOST_NEURONS, buildable, positive_int, sequence, shown, size
from fabric.topology._families import family
from fabric.topology._stages import MOST_STAGES, Edges
from fabric.topology._topology import Topology


@family
def hypercube(n: int, depth: int | None = None) -> Topology:
    """Hypercube of n = 2**d neurons per level: each stage joins a neuron to itself and along all d dimensions.

    n (d + 1) parameters per stage. A path of `depth` stages flips at most `depth` bits of the neuron's number, so
    every input reaches every output if and only if `depth` is at least d.

    Args:
        n: inputs, outputs and hidden neurons per level, a power of two and at least 2.
        depth: number of stages; log2 n if None.

    Raises:
        ValueError: an n that is no power of two, or a depth that is not a positive integer.
    """
    n = size("n", n)
    dimensions = n.bit_length() - 1
    if dimensions == 0 or n != 1 << dimensions:
        nearest = f"{1 << dimensions} or {2 << dimensions}" if dimensions else "2"
        raise ValueError(f"n must be a power of two, at least 2 (nearest: {nearest}), got {n}")
    depth = dimensions if depth is None else size("depth", depth, MOST_STAGES)
    buildable([n] * (depth + 1), n=n, depth=depth)
    return Topology([_neighbours((2,) * dimensions, wrap=False)] * depth, name=f"hypercube({n}, {depth})")


@family
def torus(shape: Sequence[int], depth: int | None = None) -> Topology:
    """Torus: each stage joins a neuron to itself and to its neighbours on a grid whose sides close to rings.

    A neuron has two neighbours along a side of three or more, one along a side of two and none along a side of one
    (no edge is doubled): on a two-dimensional torus with sides of at least three, 5 n parameters per stage. Every
    input reaches every output if and only if `depth` is at least the diameter, the sum of all sides // 2.

    Args:
        shape: sides of the grid, any number of them and any lengths; a level has as many neurons as their product,
            numbered with the last coordinate running fastest.
        depth: number of stages; the diameter if None (one stage on a grid of one neuron).

    Raises:
        ValueError: a shape that is not a non-empty sequence of positive integers, or a bad depth.
    """
    return _grid("torus", shape, depth, wrap=True)


@family
def mesh(shape: Sequence[int], depth: int | None = None) -> Topology:
    """Mesh: like `torus`, but the sides do not close, so neurons at the border have fewer neighbours.

    Every input reaches every output if and only if `depth` is at least the diameter, the sum of all sides less one.

    Args:
        shape: sides of the grid, as for `torus`.
        depth: number of stages; the diameter if None (one stage on a grid of one neuron).

    Raises:
        ValueError: a shape that is not a non-empty sequence of positive integers, or a bad depth.
    """
    return _grid("mesh", shape, depth, wrap=False)


def _grid(kind: str, shape: Sequence[int], depth: int | None, wrap: bool) -> Topology:
    if len(sequence("shape", shape, "sides, positive integers")) == 0:
        raise ValueError(f"shape must be a non-empty sequence of positive integers, got {shown(shape)}")
    sides = tuple(positive_int(f"shape[{axis}]", side) for axis, side in enumerate(shape))
    neurons = math.prod(sides)
    if neurons > MOST_NEURONS:
        raise ValueError(f"shape must have at most {MOST_NEURONS:,} neurons, got {shown(shape)}: {shown(neurons)}")
    if depth is None:
        depth = max(1, sum(side // 2 if wrap else side - 1 for side in sides))
    depth = size("depth", depth, MOST_STAGES)
    buildable([neurons] * (depth + 1), shape=sides, depth=depth)
    return Topology([_neighbours(sides, wrap)] * depth, name=f"{kind}({sides}, {depth})")


def _neighbours(sides: tuple[int, ...], wrap: bool) -> Edges:
    """From each of n neurons to itself and to those one step away along one side."""
    numbers = np.arange(math.prod(sides)).reshape(sides)
    outputs, inputs = [numbers.ravel()], [numbers.ravel()]
    for axis, side in enumerate(sides):
        for step in (1, -1):
            if wrap and side <= (2 if step == -1 else 1):
                continue  # a side of one leads nowhere, one of two to the same neuron either way
            reached = np.roll(numbers, step, axis)
            inside = np.ones(sides, bool)
            if not wrap:  # what np.roll brought in over the border is no neighbour
                np.moveaxis(inside, axis, 0)[0 if step == 1 else -1] = False
            outputs.append(numbers[inside])
            inputs.append(reached[inside])
    return Edges((numbers.size, numbers.size), np.concatenate(outputs), np.concatenate(inputs))
