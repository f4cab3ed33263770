"""How many entries of a dense matrix a cascade can hit exactly, estimated by colouring paths (NeuroFabric's poster)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fabric._checks import generator, instance, positive_int
from fabric.constraints._graph import Graph, flatten, free_edges, joined_by_several_paths
from fabric.constraints._search import Drawing, draw_paths
from fabric.topology import Topology
from fabric.topology.skips import checked

_MOST_EDGES = 1 << 24
_MOST_SEGMENTS = 1 << 31  # of two bytes each


@dataclass(frozen=True)
class Coloring:
    """Paths drawn one after the other under the four rules.

    Attributes:
        paths: (count, depth + 1) int64, in the order drawn: the neuron at every level, numbered within its level.
        colored_by: one int64 array per stage with an entry per edge, in the order of `np.argwhere(stage)`: the number
            of the first path over this edge, -1 where no path colours it.
    """

    paths: np.ndarray
    colored_by: tuple[np.ndarray, ...]

    @property
    def count(self) -> int:
        """Solved constraints: paths drawn, each between another pair of input and output."""
        return len(self.paths)


def coloring(
    topology: Topology,
    rng: np.random.Generator,
    skips: Sequence[ArrayLike | None] | None = None,
    attempts: int | None = None,
) -> Coloring:
    """Draw as many paths as a greedy strategy finds under the four rules of NeuroFabric's poster.

    1. A path drawn from an input to an output solves that constraint. 2. It may be drawn only if at least one of its
    edges is uncoloured. 3. It colours all its edges. 4. Two paths must intersect in one connected piece (or not at
    all). Fixed skips count as coloured from the start; a skip beside a trainable edge is absorbed by it and left out.

    Bound. The *waste* of a path is its new edges less its fresh neurons, those hidden neurons that no coloured edge or
    skip touches yet. Fresh neurons come in runs, each with one more new edge than neurons, so a path with a new edge
    wastes at least one. Summed over all paths, count <= P - (hidden neurons that no skip touches), so count <= P - H
    without skips (neurons on no path aside). A path of waste one is as good as any.

    Strategy. The inputs are visited in random order, again and again. A visit finds the least wasteful way to every
    output by a dynamic program over the levels (fewest new edges among equals, then at random), goes through the
    outputs in random order and draws the first path of waste one, or the first 1 + inputs // 16 of them, so that large
    cascades need fewer visits. Paths spread over the inputs leave every edge a pair that still needs it.
    When a whole round draws nothing, more waste is allowed, up to the depth; when it draws something, waste one is
    allowed again. An attempt ends when nothing is uncoloured or a round with any waste allowed draws nothing. The best
    of `attempts` is kept; reaching the bound, as Clos cascades and butterflies do at once, spares the others.

    Rule 4 is not implied by the strategy, it is enforced. It holds for a set of paths exactly if all paths through any
    neurons u and v run along one segment between them. A table of these segments is kept for the pairs of levels that
    are joined by more than one path, and a way is prolonged only along them; so every path drawn obeys the rule. The
    table takes two bytes per pair of neurons, 1 GB for the 1024-wide torus of 32 stages.

    The maximum is NP-hard and this is a lower bound of it. Each visit keeps one way per neuron, so on cascades with
    many paths per pair it can end while a path could still be drawn. The rules themselves only estimate what is
    solvable: see `jacobian_rank` for the truth, which lies below on low-rank cascades.

    Args:
        topology: the cascade.
        rng: NumPy generator; the same state gives the same paths.
        skips: fixed skip connections, see `fabric.topology.skips`.
        attempts: drawings to choose from where the bound is not reached; if None, 8 up to 10,000 parameters (seconds at
            most) and 1 beyond.

    Raises:
        ValueError: skips that do not fit, an `rng` that is not a NumPy Generator, attempts that are not 1 to 1000, or a
            topology that is too large: more than 2**24 parameters or 2**31 entries in the table.
    """
    instance("topology", topology, Topology)
    if topology.parameters > _MOST_EDGES:
        raise ValueError(f"topology must have at most {_MOST_EDGES:,} parameters to be coloured, got {topology}")
    if attempts is None:
        attempts = 8 if topology.parameters <= 10_000 else 1
    attempts = positive_int("attempts", attempts, upper=1000)
    generator(rng)
    fixed = checked(topology, skips)
    graph = flatten(topology, fixed)
    several = joined_by_several_paths(topology, fixed)
    bound = min(topology.inputs * topology.outputs, sum(int(edges.sum()) for edges in free_edges(topology, fixed)))
    drawn = np.empty((0, topology.depth), int)
    for _ in range(attempts):
        attempt = draw_paths(graph, _blank(topology, graph, several), 1 + topology.inputs // 16, rng)
        drawn = max(drawn, attempt, key=len)
        if len(drawn) == bound:
            break

    neurons = np.concatenate([graph.tail[drawn[:, :1]], graph.head[drawn]], axis=1)
    first = np.full(topology.parameters + 1, -1)  # one entry more, which takes the fixed skips
    first[graph.number[drawn[::-1]]] = np.arange(len(drawn))[::-1, None]
    ends = np.cumsum([np.count_nonzero(stage) for stage in topology.stages])
    return Coloring(neurons - graph.level_start[:-1], tuple(np.split(first[:-1], ends[:-1])))


def _blank(topology: Topology, graph: Graph, several: np.ndarray) -> Drawing:
    """Nothing drawn yet: only the fixed skips are coloured."""
    colored = graph.number < 0
    touched = np.zeros(graph.level_start[-1], bool)
    touched[: topology.inputs] = touched[-topology.outputs :] = True
    touched[graph.tail[colored]] = touched[graph.head[colored]] = True
    sizes = np.outer(topology.widths, topology.widths) * several
    if sizes.sum() > _MOST_SEGMENTS:
        raise ValueError(
            f"topology must need at most {_MOST_SEGMENTS:,} pairs of neurons in the table of rule 4, got {topology}: "
            f"{sizes.sum():,}"
        )
    starts = np.where(several, np.cumsum(sizes).reshape(sizes.shape) - sizes, -1)
    return Drawing(colored, touched, np.zeros(int(sizes.sum()), np.uint16), starts)
