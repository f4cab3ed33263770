"""The compiled loops of `coloring`: the search for the least wasteful path, and the accounts of the four rules."""

from typing import NamedTuple

import numpy as np

from fabric._compiled import njit
from fabric.constraints._graph import Graph

# The cost of a way is its waste times _WASTE plus its new edges: waste decides, new edges break ties.
_WASTE = 1 << 20
_UNREACHED = np.iinfo(np.int64).max


class Drawing(NamedTuple):
    """What has been drawn so far; the loops change these arrays in place.

    Attributes:
        colored: (edges,) bool; True for fixed skips from the start.
        touched: (neurons,) bool, False for fresh hidden neurons: those without any coloured edge.
        segments: uint16; the entry of neurons u and v is one plus the place of the edge by which the accepted paths
            through both leave u, among the edges that leave u; zero where no accepted path runs through both.
        segment_start: (levels, levels) int64, where the entries of a pair of levels start; -1 for pairs of levels
            that are joined by single paths, on which rule 4 cannot be broken.
    """

    colored: np.ndarray
    touched: np.ndarray
    segments: np.ndarray
    segment_start: np.ndarray


class Labels(NamedTuple):
    """The best ways known from one input to every neuron: [v, 0] without a new edge, [v, 1] with at least one.

    Attributes:
        cost: (neurons, 2) int64, _UNREACHED where there is no way.
        edge: (neurons, 2) int64, the last edge of the way.
        state: (neurons, 2) int64, which of the two ways to that edge's tail it prolongs.
    """

    cost: np.ndarray
    edge: np.ndarray
    state: np.ndarray


@njit(cache=True)
def draw_paths(graph: Graph, drawing: Drawing, per_visit: int, rng: np.random.Generator) -> np.ndarray:
    """Draw paths by the strategy that `coloring` describes; returns them as edges, shape (paths, depth)."""
    depth = len(graph.level_start) - 2
    neurons = graph.level_start[-1]
    sources = np.arange(graph.level_start[1])
    targets = np.arange(graph.level_start[depth], neurons)
    labels = Labels(
        np.empty((neurons, 2), np.int64), np.empty((neurons, 2), np.int64), np.empty((neurons, 2), np.int64)
    )
    way = np.empty(depth, np.int64)
    uncolored = np.count_nonzero(~drawing.colored)
    paths = np.empty((uncolored, depth), np.int64)
    count = 0
    allowed = 1
    while allowed <= depth and uncolored > 0:
        before_sweep = count
        _shuffle(sources, rng)
        for source in sources:
            _find_ways(source, graph, drawing, labels, way, rng)
            _shuffle(targets, rng)
            before_visit = count
            for target in targets:
                if labels.cost[target, 1] // _WASTE > allowed:
                    continue
                _trace(depth, target, 1, graph, labels, way)
                # Paths accepted since the labels were found may have coloured this way or closed it.
                if 1 <= _waste(way, graph, drawing) <= allowed and _is_consistent(way, graph, drawing):
                    uncolored -= _accept(way, graph, drawing)
                    paths[count] = way
                    count += 1
                    if count == before_visit + per_visit:
                        break
        allowed = 1 if count > before_sweep else allowed + 1
    return paths[:count]


@njit(cache=True)
def _shuffle(values, rng) -> None:
    for last in range(len(values) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        values[last], values[other] = values[other], values[last]


@njit(cache=True)
def _find_ways(source, graph, drawing, labels, way, rng) -> None:
    """Find the cheapest consistent prolongation of the best ways, level by level; equals are drawn at random."""
    labels.cost[:] = _UNREACHED
    labels.cost[source, 0] = 0
    for level in range(len(graph.level_start) - 2):
        restricted = (drawing.segment_start[: level + 1, level + 1] >= 0).any()
        for tail in range(graph.level_start[level], graph.level_start[level + 1]):
            for state in range(2):
                so_far = labels.cost[tail, state]
                if so_far == _UNREACHED:
                    continue
                if restricted:
                    _trace(level, tail, state, graph, labels, way)
                for edge in range(graph.edge_start[tail], graph.edge_start[tail + 1]):
                    target = graph.head[edge]
                    after, price = state, so_far
                    if not drawing.colored[edge]:
                        after, price = 1, so_far + (_WASTE + 1 if drawing.touched[target] else 1)
                    known = labels.cost[target, after]
                    if price > known or (price == known and rng.random() < 0.5):
                        continue
                    way[level] = edge
                    if not restricted or _may_end(level + 1, way, graph, drawing):
                        labels.cost[target, after] = price
                        labels.edge[target, after] = edge
                        labels.state[target, after] = state


@njit(cache=True)
def _trace(level, neuron, state, graph, labels, way) -> None:
    """Write the edges of the way to a neuron of level `level` into way[:level]."""
    for above in range(level - 1, -1, -1):
        edge = labels.edge[neuron, state]
        way[above] = edge
        neuron, state = graph.tail[edge], labels.state[neuron, state]


@njit(cache=True)
def _segment(above, level, way, graph, drawing) -> int:
    """Index of the entry for the way's neurons of levels `above` and `level`, -1 if there is none."""
    start = drawing.segment_start[above, level]
    if start < 0:
        return -1
    width = graph.level_start[level + 1] - graph.level_start[level]
    row = graph.tail[way[above]] - graph.level_start[above]
    return start + row * width + graph.head[way[level - 1]] - graph.level_start[level]


@njit(cache=True)
def _may_end(level, way, graph, drawing) -> bool:
    """Rule 4 for the end of way[:level]: accepted paths through it and an earlier neuron run along the way."""
    for above in range(level - 1):
        entry = _segment(above, level, way, graph, drawing)
        if entry >= 0 and drawing.segments[entry] != 0:
            edge = way[above]
            if drawing.segments[entry] != edge - graph.edge_start[graph.tail[edge]] + 1:
                return False
    return True


@njit(cache=True)
def _is_consistent(way, graph, drawing) -> bool:
    """Rule 4 for a complete path: whether its intersection with every accepted path is connected."""
    for level in range(2, len(way) + 1):  # noqa: SIM110 (compiled code has no `all`)
        if not _may_end(level, way, graph, drawing):
            return False
    return True


@njit(cache=True)
def _waste(way, graph, drawing) -> int:
    """New edges less fresh neurons of a complete path as the colours are now; zero if it has no new edge."""
    waste = 0
    for edge in way:
        waste += not drawing.colored[edge] and drawing.touched[graph.head[edge]]
    return waste


@njit(cache=True)
def _accept(way, graph, drawing) -> int:
    """Colour a path's edges (rule 3) and note its segments; returns how many edges were new."""
    new = 0
    for above, edge in enumerate(way):
        new += not drawing.colored[edge]
        drawing.colored[edge] = True
        drawing.touched[graph.head[edge]] = True
        for level in range(above + 2, len(way) + 1):
            entry = _segment(above, level, way, graph, drawing)
            if entry >= 0:
                drawing.segments[entry] = edge - graph.edge_start[graph.tail[edge]] + 1
    return new
