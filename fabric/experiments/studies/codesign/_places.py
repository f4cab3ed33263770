"""Where the neurons of each level stand on a torus, for the fewest links that a forward pass uses."""

from typing import NamedTuple

import numpy as np

from fabric.topology import Topology

ORDERS = ("rows", "columns")  # neuron k at row k // side and column k % side, or the two exchanged


class Places(NamedTuple):
    """Row and column of each neuron of a level, and how they were found: see `ORDERS`."""

    rows: np.ndarray
    columns: np.ndarray
    order: str
    south: int
    east: int


def best_places(t: Topology, side: int, both_ways: bool) -> list[Places]:
    """Of one family for all topologies, the places with the fewest hops, the inputs' first.

    The family: each level stands in either order of `ORDERS`, and anywhere to the south and east of the level before.
    A torus looks the same from everywhere, so the best shift of a stage follows from the orders at its two ends alone;
    rows and columns are shifted apart, since hops along rows and along columns add up. The best orders are a shortest
    path through the levels. A level of several times side² neurons has copy after copy on the same places.

    Args:
        t: every level a multiple of side² neurons.
        side: of the torus.
        both_ways: whether links run west and north, too.
    """
    orders = range(len(ORDERS))
    levels = [[_numbered(neurons, side, order) for order in orders] for neurons in t.widths]
    least = np.zeros(len(ORDERS), np.int64)  # hops up to this level, by its order
    steps: list[list[tuple[int, int, int]]] = []  # of each stage, by the order of its outputs: order before, shifts
    for stage, before, after in zip(t.stages, levels[:-1], levels[1:], strict=True):
        found = []
        for end in orders:
            ways = []
            for start in orders:
                hops, south, east = _best_shift(stage, before[start], after[end], side, both_ways)
                ways.append((int(least[start]) + hops, start, south, east))
            found.append(min(ways))
        least = np.array([hops for hops, *_ in found])
        steps.append([(start, south, east) for _, start, south, east in found])
    return _followed(levels, steps, int(least.argmin()), side)


def random_places(t: Topology, side: int, rng: np.random.Generator) -> list[Places]:
    """Places of the family of `best_places`, all equally likely: each level in either order, shifted anywhere."""
    levels = [[_numbered(neurons, side, order) for order in range(len(ORDERS))] for neurons in t.widths]
    steps = []
    for _ in levels:
        order, (south, east) = int(rng.integers(len(ORDERS))), rng.integers(side, size=2)
        steps.append((order, int(south), int(east)))
    return _placed(levels, steps, side)


def arcs(wanted: np.ndarray, both_ways: bool) -> tuple[np.ndarray, np.ndarray]:
    """Links that a value uses forwards and backwards on a ring to reach all places where it is wanted.

    Args:
        wanted: bool (values, side), by distance forwards from where the value is.
        both_ways: whether it may go backwards; then it leaves out the longest gap.

    Returns:
        Two int64 arrays (values,).
    """
    values, side = wanted.shape
    if not both_ways:
        last = side - 1 - wanted[:, ::-1].argmax(axis=1)
        return np.where(wanted.any(axis=1), last, 0), np.zeros(values, np.int64)
    points = wanted.copy()
    points[:, 0] = True
    gap = np.ones((values, side), np.int64)  # from each place to the next point
    for place in range(side - 2, -1, -1):
        gap[:, place] = np.where(points[:, place + 1], 1, gap[:, place + 1] + 1)
    gap[~points] = 0
    forwards = gap.argmax(axis=1)
    return forwards, side - forwards - gap[np.arange(values), forwards]


def offsets(stage: np.ndarray, before: Places, after: Places, side: int) -> np.ndarray:
    """Where each value of a stage is wanted, bool (sources, columns to the east, rows to the south)."""
    targets, sources = np.nonzero(stage)
    wanted = np.zeros((stage.shape[1], side, side), bool)
    east = (after.columns[targets] - before.columns[sources]) % side
    south = (after.rows[targets] - before.rows[sources]) % side
    wanted[sources, east, south] = True
    return wanted


def _best_shift(stage: np.ndarray, before: Places, after: Places, side: int, both_ways: bool) -> tuple[int, int, int]:
    """Fewest hops of a stage over all shifts of its outputs, and that shift: rows south, columns east."""
    wanted = offsets(stage, before, after, side)
    along, down = np.logical_or.reduce(wanted, axis=2), wanted.reshape(-1, side)
    south, east = (_by_shift(ring[np.logical_or.reduce(ring, axis=1)], both_ways) for ring in (down, along))
    return int(south.min() + east.min()), int(south.argmin()), int(east.argmin())


def _by_shift(wanted: np.ndarray, both_ways: bool) -> np.ndarray:
    """Links used on rings, over all values, by how far the places where they are wanted are shifted forwards."""
    patterns, times = np.unique(np.packbits(wanted, axis=1), axis=0, return_counts=True)
    different = np.unpackbits(patterns, axis=1, count=wanted.shape[1]).astype(bool)
    shifts = range(wanted.shape[1])
    return np.array([times @ sum(arcs(np.roll(different, shift, axis=1), both_ways)) for shift in shifts])


def _numbered(neurons: int, side: int, order: int) -> Places:
    major, minor = np.divmod(np.arange(neurons) % (side * side), side)
    rows, columns = (minor, major) if order else (major, minor)
    return Places(rows, columns, ORDERS[order], 0, 0)


def _followed(levels: list[list[Places]], steps: list[list[tuple[int, int, int]]], end: int, side: int) -> list[Places]:
    """The places along the best path, found from its end."""
    path = [(end, 0, 0)]
    for step in reversed(steps):
        start, south, east = step[path[0][0]]
        path[0] = (path[0][0], south, east)
        path.insert(0, (start, 0, 0))
    return _placed(levels, path, side)


def _placed(levels: list[list[Places]], path: list[tuple[int, int, int]], side: int) -> list[Places]:
    """The places of each level by its order and its shift, south and east, against the level before."""
    places, down, right = [], 0, 0
    for level, (order, south, east) in zip(levels, path, strict=True):
        down, right = (down + south) % side, (right + east) % side
        at = level[order]
        places.append(Places((at.rows + down) % side, (at.columns + right) % side, at.order, south, east))
    return places
