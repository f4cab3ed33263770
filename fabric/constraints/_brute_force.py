"""The best that the colouring rules allow, by trying everything."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from fabric._checks import shown
from fabric.topology import Topology
from fabric.topology.skips import checked

_MOST_PATHS = 100
_MOST_TRIALS = 10_000


def brute_force(topology: Topology, skips: Sequence[ArrayLike | None] | None = None) -> int:
    """Greatest number of paths that can be drawn under the four rules of `coloring`, over all choices and orders.

    Tries every set of paths, one or none for each pair of input and output, that may beat the best one so far. A set
    can be drawn in some order exactly if taking away paths that have an edge to themselves, one after the other, leaves
    nothing: read backwards, that is the order. The time grows exponentially, to seconds for a dozen pairs with a few
    paths each; after 10,000 trials the search gives up.

    Args:
        topology: a tiny cascade, at most 100 paths.
        skips: fixed skip connections, see `fabric.topology.skips`.

    Raises:
        ValueError: more than 100 paths, more than 10,000 trials, or skips that do not fit.
    """
    fixed = checked(topology, skips)
    stages = [stage if skip is None else stage | skip for stage, skip in zip(topology.stages, fixed, strict=True)]
    count = _count_paths(stages)
    if count > _MOST_PATHS:
        raise ValueError(
            f"topology must have at most {_MOST_PATHS} paths to try them all, got {shown(count)} in {topology}"
        )
    by_pair: dict[tuple[int, int], list[tuple[int, ...]]] = {}
    for path in _paths(stages):
        by_pair.setdefault((path[0], path[-1]), []).append(path)
    pairs = list(by_pair.values())
    trials = 0
    trainable = {path: _trainable_edges(topology, path) for paths in pairs for path in paths}

    def best(position: int, chosen: list[tuple[int, ...]], at_least: int) -> int:
        """Greatest set that continues `chosen` with the pairs from `position` on; at_least if it is no greater."""
        nonlocal trials
        if len(chosen) + len(pairs) - position <= at_least:
            return at_least
        if position == len(pairs):
            return len(chosen)
        for path in pairs[position]:
            trials += 1
            if trials > _MOST_TRIALS:
                raise ValueError(
                    f"topology must be so small that {_MOST_TRIALS:,} trials find the best set of paths, got {topology}"
                )
            extended = [*chosen, path]
            if all(_is_connected(path, other) for other in chosen) and _can_be_ordered(extended, trainable):
                at_least = best(position + 1, extended, at_least)
        return best(position + 1, chosen, at_least)

    return best(0, [], 0)


def _count_paths(stages: Sequence[np.ndarray]) -> int:
    """Exact number of paths, in Python integers."""
    reaching = [1] * stages[0].shape[1]
    for stage in stages:
        reaching = [sum(reaching[neuron] for neuron in np.flatnonzero(row)) for row in stage]
    return sum(reaching)


def _paths(stages: Sequence[np.ndarray]) -> Iterator[tuple[int, ...]]:
    """All paths from an input to an output as the neurons of every level."""
    paths: list[tuple[int, ...]] = [(neuron,) for neuron in range(stages[0].shape[1])]
    for stage in stages:
        paths = [(*path, int(neuron)) for path in paths for neuron in np.flatnonzero(stage[:, path[-1]])]
    return iter(paths)


def _trainable_edges(topology: Topology, path: tuple[int, ...]) -> frozenset[tuple[int, int, int]]:
    return frozenset(
        (level, path[level], path[level + 1])
        for level, stage in enumerate(topology.stages)
        if stage[path[level + 1], path[level]]
    )


def _is_connected(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Rule 4: the levels at which two paths meet follow each other."""
    levels = [level for level, (a, b) in enumerate(zip(one, other, strict=True)) if a == b]
    return not levels or levels[-1] - levels[0] == len(levels) - 1


def _can_be_ordered(
    paths: list[tuple[int, ...]], edges: dict[tuple[int, ...], frozenset[tuple[int, int, int]]]
) -> bool:
    """Rules 2 and 3: whether some order lets every path colour a new edge."""
    left = set(paths)
    while left:
        uses: dict[tuple[int, int, int], int] = {}
        for path in left:
            for edge in edges[path]:
                uses[edge] = uses.get(edge, 0) + 1
        last = {path for path in left if any(uses[edge] == 1 for edge in edges[path])}
        if not last:
            return False
        left -= last
    return True
