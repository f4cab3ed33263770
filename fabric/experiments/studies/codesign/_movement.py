"""What a forward pass of a layer moves over the links of a torus, counted edge by edge."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fabric.codesign._candidates import digits
from fabric.topology import Topology, clos, hypercube, parallel_butterfly, random_sparse, torus

Places = tuple[np.ndarray, np.ndarray]  # row and column of each neuron of a level


def equal_weights(side: int) -> dict[str, tuple[Topology, list[Places]]]:
    """Layers of side² inputs and outputs on side × side places, near the weights of the Clos cascade of `side` routers.

    A neuron of number k stands in row k // side and column k % side; those of the Clos cascade stand where its next
    level finds them, see `TorusMapping`.

    Args:
        side: a power of four up to 64, at least 4, or 32.
    """
    n = side * side
    cascade = clos(n, n, side, side, side)
    budget = cascade.parameters
    by_number = np.divmod(np.arange(n), side)
    turned = (by_number[1], by_number[0])
    layers = {"clos": (cascade, [by_number, by_number, turned, by_number])}
    radices, count = _butterflies(n, budget)
    others = {
        "parallel_butterfly": parallel_butterfly(n, count, radices),
        "hypercube": hypercube(n, depth=_nearest(budget, n * n.bit_length())),
        "torus": torus((side, side), depth=_nearest(budget, 5 * n)),
        "random_sparse": random_sparse(n, n, budget, np.random.default_rng(0)),
    }
    for name, topology in others.items():
        layers[name] = (topology, [_copies(by_number, stage.shape[0]) for stage in _levels(topology)])
    return layers


def movement(layers: Mapping[str, tuple[Topology, Sequence[Places]]], side: int) -> pd.DataFrame:
    """One forward pass of each layer, stage after stage.

    Values move as in the machine, one place east or south a cycle. A value goes along its row to every column in which
    it is wanted, and from there down the column; a link carries it once. A stage lasts as many cycles as its busiest
    link carries values, its busiest place multiplies, or its longest way has links, whichever are most: no schedule
    takes fewer.

    Returns:
        "family", "topology", "weights", "stages", "hops" (links times values), "hops_per_weight", "busiest_link"
        (values over all stages), "cycles", "idle" (share of places times cycles without a product), "unequal" (most
        products of a place in a stage over the mean of all places, in the worst stage).
    """
    rows = []
    for family, (topology, places) in layers.items():
        hops, cycles, links, unequal = 0, 0, np.zeros((2, side, side), np.int64), 1.0
        for stage, before, after in zip(topology.stages, places[:-1], places[1:], strict=True):
            targets, sources = np.nonzero(stage)
            carried, longest = _links(targets, sources, before, after, side)
            products = np.zeros((side, side), np.int64)
            np.add.at(products, (after[0][targets], after[1][targets]), 1)
            hops, links = hops + int(carried.sum()), links + carried
            cycles += int(max(carried.max(), products.max(), longest))
            unequal = max(unequal, float(products.max() / products.mean()))
        rows.append(
            {
                "family": family,
                "topology": topology.name,
                "weights": topology.parameters,
                "stages": topology.depth,
                "hops": hops,
                "hops_per_weight": hops / topology.parameters,
                "busiest_link": int(links.max()),
                "cycles": cycles,
                "idle": 1 - topology.parameters / (side * side * cycles),
                "unequal": unequal,
            }
        )
    return pd.DataFrame(rows)


def _links(
    targets: np.ndarray, sources: np.ndarray, before: Places, after: Places, side: int
) -> tuple[np.ndarray, int]:
    """Values over each link, int64 (east or south, rows, columns), and the links of the longest way."""
    row, column = before[0][sources], before[1][sources]
    east, south = (after[1][targets] - column) % side, (after[0][targets] - row) % side
    reach = np.full((len(before[0]), side), -1)  # of each value, by columns to the east: how far south, -1 not at all
    np.maximum.at(reach, (sources, east), south)
    carried = np.zeros((2, side, side), np.int64)
    for value in np.unique(sources):
        r, c = before[0][value], before[1][value]
        wanted = np.flatnonzero(reach[value] >= 0)
        carried[0, r, (c + np.arange(wanted[-1])) % side] += 1
        for steps in wanted:
            carried[1, (r + np.arange(reach[value, steps])) % side, (c + steps) % side] += 1
    return carried, int((east + south).max())


def _butterflies(n: int, budget: int) -> tuple[tuple[int, ...], int]:
    """Radices of equal butterflies, no radix of more than half the bits, whose weights come nearest to a budget."""
    choices = [(radices, count) for radices in digits(n, 1 << (n.bit_length() // 2)) if len(radices) > 2
               for count in range(2, 9)]  # fmt: skip
    return min(choices, key=lambda choice: (abs(choice[1] * n * sum(choice[0]) - budget), len(choice[0])))


def _nearest(budget: int, each: int) -> int:
    return max(1, round(budget / each))


def _levels(topology: Topology) -> list[np.ndarray]:
    """A matrix whose rows are the neurons of each level, the inputs first."""
    return [topology.stages[0].T, *topology.stages]


def _copies(places: Places, neurons: int) -> Places:
    """Those of a level of several times as many neurons, copy after copy on the same places."""
    times = neurons // len(places[0])
    return np.tile(places[0], times), np.tile(places[1], times)
