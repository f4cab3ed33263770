"""The compiled loop of `reconstruct`: Adam on the edge weights of a cascade, at a cost in proportion to the edges.

Neurons are numbered through all levels, inputs first and outputs last. Row h of an array (neurons, inputs) says how
neuron h depends on the inputs; an edge adds its weight times the row of its tail to the row of its head.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fabric._compiled import njit
from fabric.topology import Topology

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # as in torch.optim.Adam
_FAST = {"reassoc", "contract"}  # sums over a row may be vectorised; infinities and nan keep their meaning


class Edges(NamedTuple):
    """The edges of a cascade and of its fixed skips, stage after stage, in each stage first those that are trained.

    Attributes:
        tail, head: (edges,) int64, the neurons that each edge leaves and enters.
        trained: (edges,) bool; False for fixed skips.
        neurons: of all levels.
    """

    tail: np.ndarray
    head: np.ndarray
    trained: np.ndarray
    neurons: int


def flatten(topology: Topology, skips: Sequence[np.ndarray | None] | None) -> Edges:
    """All edges in one list; those of a stage in the order of `np.argwhere(stage)`."""
    level_start = np.concatenate([[0], np.cumsum(topology.widths)])
    tails, heads, trained = [], [], []
    for level, stage in enumerate(topology.stages):
        for matrix in (stage, None if skips is None else skips[level]):
            if matrix is not None:
                head, tail = np.nonzero(matrix)
                tails.append(tail + level_start[level])
                heads.append(head + level_start[level + 1])
                trained.append(np.full(len(tail), matrix is stage))
    return Edges(np.concatenate(tails), np.concatenate(heads), np.concatenate(trained), int(level_start[-1]))


@njit(cache=True, fastmath=_FAST)
def descend(edges, weights, target, rates, absolute):
    """Change `weights` in place by one step of Adam per learning rate; returns what is then left of the target.

    Args:
        edges: of `flatten`.
        weights: (edges,) float32, one for fixed skips.
        target: (outputs, inputs) float32.
        rates: (steps,) float64.
        absolute: whether an entry's loss is its absolute error instead of its square; the sum over all is minimised.

    Returns:
        (outputs, inputs) float32, product minus target.
    """
    outputs, inputs = target.shape
    values = np.zeros((edges.neurons, inputs), np.float32)
    for neuron in range(inputs):
        values[neuron, neuron] = 1
    slopes = np.zeros_like(values)
    gradient = np.zeros_like(weights)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    first_output = edges.neurons - outputs
    for step in range(len(rates)):
        _forward(edges, weights, values, inputs)
        for output in range(outputs):
            for column in range(inputs):
                error = values[first_output + output, column] - target[output, column]
                slopes[first_output + output, column] = np.sign(error) if absolute else 2 * error
        _backward(edges, weights, values, slopes, first_output, gradient)
        size = np.float32(rates[step] / (1 - _BETA_1 ** (step + 1)))
        spread = np.float32(1 / np.sqrt(1 - _BETA_2 ** (step + 1)))
        for edge in range(len(weights)):
            if edges.trained[edge]:
                slope = gradient[edge]
                mean[edge] += np.float32(1 - _BETA_1) * (slope - mean[edge])
                square[edge] += np.float32(1 - _BETA_2) * (slope * slope - square[edge])
                weights[edge] -= size * mean[edge] / (np.sqrt(square[edge]) * spread + np.float32(_EPSILON))
    _forward(edges, weights, values, inputs)
    return values[first_output:] - target


@njit(cache=True, fastmath=_FAST)
def _forward(edges, weights, values, inputs):
    values[inputs:] = 0
    for edge in range(len(weights)):
        weight, source, sink = weights[edge], values[edges.tail[edge]], values[edges.head[edge]]
        for column in range(inputs):
            sink[column] += weight * source[column]


@njit(cache=True, fastmath=_FAST)
def _backward(edges, weights, values, slopes, first_output, gradient):
    slopes[:first_output] = 0
    for edge in range(len(weights) - 1, -1, -1):
        above, below = slopes[edges.head[edge]], slopes[edges.tail[edge]]
        weight, source = weights[edge], values[edges.tail[edge]]
        total = np.float32(0)
        for column in range(len(above)):
            total += above[column] * source[column]
            below[column] += weight * above[column]
        gradient[edge] = total
