"""A topology and its skips as flat arrays, the form that compiled loops walk through."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import sparse

from fabric.topology import Topology


class Graph(NamedTuple):
    """All neurons numbered through, level after level, and all edges sorted by the neuron that they leave.

    Attributes:
        level_start: (depth + 2,) int64; level l holds the neurons level_start[l] ... level_start[l + 1] - 1.
        edge_start: (neurons + 1,) int64; neuron u is left by the edges edge_start[u] ... edge_start[u + 1] - 1.
        tail, head: (edges,) int64, the neurons that each edge leaves and enters.
        number: (edges,) int64; the edges of the topology are counted stage after stage, each in the order of
            `np.argwhere(stage)`; -1 marks a fixed skip.
    """

    level_start: np.ndarray
    edge_start: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    number: np.ndarray


def flatten(topology: Topology, skips: Sequence[np.ndarray | None]) -> Graph:
    """The flat form. A skip inside its stage's support is left out: the trainable edge beside it absorbs it."""
    level_start = np.concatenate([[0], np.cumsum(topology.widths)])
    tails, heads, numbers = [], [], []
    counted = 0
    for level, (stage, skip) in enumerate(zip(topology.stages, skips, strict=True)):
        head, tail = np.nonzero(stage if skip is None else stage | skip)
        trainable = stage[head, tail]
        tails.append(tail + level_start[level])
        heads.append(head + level_start[level + 1])
        numbers.append(np.where(trainable, counted + np.cumsum(trainable) - 1, -1))
        counted += int(trainable.sum())
    tail = np.concatenate(tails)
    order = np.argsort(tail, kind="stable")
    edge_start = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=level_start[-1]))])
    return Graph(level_start, edge_start, tail[order], np.concatenate(heads)[order], np.concatenate(numbers)[order])


def joined_by_several_paths(topology: Topology, skips: Sequence[np.ndarray | None]) -> np.ndarray:
    """Boolean (depth + 1, depth + 1): whether some neuron of level a reaches one of level b by more than one path."""
    stages = [
        sparse.csr_array(stage if skip is None else stage | skip, dtype=np.int64)
        for stage, skip in zip(topology.stages, skips, strict=True)
    ]
    several = np.zeros((topology.depth + 1,) * 2, bool)
    for first in range(topology.depth):
        counts = stages[first]
        for level in range(first + 1, topology.depth):
            counts = stages[level] @ counts
            counts.data = np.minimum(counts.data, 2)  # none, one or several is all that matters
            several[first, level + 1] = counts.data.max(initial=0) > 1
    return several


def live_stages(topology: Topology) -> list[np.ndarray]:
    """The stages without the edges that lie on no path from an input to an output: their weights change nothing."""
    stages = list(topology.stages)
    reached = np.ones(topology.inputs, bool)
    for level, stage in enumerate(stages):
        stages[level] = stage & reached
        reached = np.asarray(stages[level].any(axis=1))
    useful = np.ones(topology.outputs, bool)
    for level in reversed(range(len(stages))):
        stages[level] = stages[level] & useful[:, None]
        useful = np.asarray(stages[level].any(axis=0))
    return stages


def free_edges(topology: Topology, skips: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """The stages without one edge into each hidden neuron that can be rescaled, one that no skip enters or leaves.

    Rescaling neuron h makes the derivatives of the edges around it linearly dependent. Leaving out one edge into each
    such neuron loses no rank: the left-out edge of h occurs in the equations of h and of its own tail only, so level
    by level each equation can be solved for its left-out derivative. The number of edges kept bounds the rank.
    """
    free = [stage.copy() for stage in topology.stages]
    for level, (before, after) in enumerate(pairwise(skips)):
        rescaled = free[level].any(axis=1)
        if before is not None:
            rescaled &= ~(before & ~topology.stages[level]).any(axis=1)
        if after is not None:
            rescaled &= ~(after & ~topology.stages[level + 1]).any(axis=0)
        free[level][rescaled, free[level].argmax(axis=1)[rescaled]] = False
    return free
