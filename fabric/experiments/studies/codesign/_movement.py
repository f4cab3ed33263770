"""What a forward pass of a layer moves over the links of a torus, counted edge by edge."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import pandas as pd

from fabric.codesign._candidates import digits
from fabric.experiments.statements import Verdict, above, exactly
from fabric.experiments.studies.codesign._places import Places, arcs, best_places, offsets, random_places
from fabric.topology import Topology, clos, hypercube, parallel_butterfly, random_sparse, torus

LINKS = {"one way": False, "both ways": True}  # east and south as in the machine, or west and north, too
_DRAWS = 10  # placements by chance
NO_TOPOLOGY = "random_sparse"  # the rival of all topologies


def equal_weights(side: int) -> dict[str, Topology]:
    """Layers of side² inputs and outputs by family, near the weights of the Clos cascade of `side` routers.

    Args:
        side: a power of four up to 64, at least 4, or 32.
    """
    n = side * side
    cascade = clos(n, n, side, side, side)
    budget = cascade.parameters
    radices, count = _butterflies(n, budget)
    return {
        "clos": cascade,
        "parallel_butterfly": parallel_butterfly(n, count, radices),
        "hypercube": hypercube(n, depth=_nearest(budget, n * n.bit_length())),
        "torus": torus((side, side), depth=_nearest(budget, 5 * n)),
        "random_sparse": random_sparse(n, n, budget, np.random.default_rng(0)),
    }


def movement(layers: Mapping[str, Topology], side: int) -> pd.DataFrame:
    """One forward pass of each layer, stage after stage, with links one way and with links both ways.

    All are placed by the same search, `best_places`. A value goes along its row to every column in which it is wanted,
    and from there along the column, one place a cycle; a link carries it once. A stage lasts as many cycles as its
    busiest link carries values, its busiest place multiplies, or its longest way has links, whichever are most: no
    schedule takes fewer.

    Args:
        layers: by family, every level a multiple of side² neurons.
        side: of the torus.

    Returns:
        "family", "links" (a key of `LINKS`), "topology", "weights", "stages", "connected" (every input with every
        output), "placement" (orders of the levels and shifts to the south and east, equal ones once), "hops" (links
        times values), "hops_per_weight", "by_chance" (the same, mean of `_DRAWS` placements drawn from all that the
        search looks at), "busiest_link" (values over all stages), "cycles", "idle" (share of places times cycles
        without a product), "unequal" (most products of a place in a stage over the mean of all places, in the worst
        stage).
    """
    rows = []
    for family, topology in layers.items():
        for links, both_ways in LINKS.items():
            places = best_places(topology, side, both_ways)
            names = {"family": family, "links": links, "topology": topology.name, "weights": topology.parameters}
            names |= {"stages": topology.depth, "connected": topology.is_fully_connected}
            names |= {"placement": _described(places)}
            rng = np.random.default_rng(0)
            drawn = [moved(topology, random_places(topology, side, rng), side, both_ways) for _ in range(_DRAWS)]
            by_chance = float(np.mean([each["hops_per_weight"] for each in drawn]))
            rows.append(names | moved(topology, places, side, both_ways) | {"by_chance": by_chance})
    return pd.DataFrame(rows)


def moved(topology: Topology, places: Sequence[Places], side: int, both_ways: bool) -> dict[str, float]:
    """The numbers of `movement` for one layer on given places."""
    hops, cycles, links, unequal = 0, 0, np.zeros((4, side, side), np.int64), 1.0
    for stage, before, after in zip(topology.stages, places[:-1], places[1:], strict=True):
        carried, longest = _links(offsets(stage, before, after, side), before, side, both_ways)
        targets, _ = np.nonzero(stage)
        products = np.zeros((side, side), np.int64)
        np.add.at(products, (after.rows[targets], after.columns[targets]), 1)
        hops, links = hops + int(carried.sum()), links + carried
        cycles += int(max(carried.max(), products.max(), longest))
        unequal = max(unequal, float(products.max() / products.mean()))
    return {
        "hops": hops,
        "hops_per_weight": hops / topology.parameters,
        "busiest_link": int(links.max()),
        "cycles": cycles,
        "idle": 1 - topology.parameters / (side * side * cycles),
        "unequal": unequal,
    }


def choice_matters(table: pd.DataFrame) -> Verdict:
    """Verdict on "selecting good topologies minimises data movement": the best topology against its rival without any,
    random edges of equal weights, both placed by one search.

    It is asked of links one way and both ways, of which the lesser factor counts; random edges that move no more than
    the best topology would contradict it.

    Args:
        table: of `movement`.
    """
    factors, stated = [], []
    for links in LINKS:
        rows = table[table["links"] == links].set_index("family")
        hops, placing = rows["hops_per_weight"].sort_values(), rows["by_chance"] / rows["hops_per_weight"]
        chosen, connected = hops.drop(NO_TOPOLOGY), hops[rows["connected"]]
        factors.append(float(hops[NO_TOPOLOGY] / chosen.min()))
        stated.append(
            f"Links {links}: {', '.join(f'{_words(name)} {value:.2f}' for name, value in hops.items())}, so that Clos "
            f"is number {hops.index.get_loc('clos') + 1} of {len(hops)}; where every input reaches every output, the "
            f"most is {connected.max() / connected.min():.2f} times the fewest; placed by chance, "
            f"{_words(placing.idxmax())} has {placing.max():.1f} times as many, and none fewer than "
            f"{rows['by_chance'].min():.2f}"
        )
    return above(
        "neurofabric-data-movement",
        exactly(min(factors)),
        f"Hops a weight, all placed by one search. {'. '.join(stated)}. So the choice pays only with a good place.",
        than=1,
    )


def _words(family: str) -> str:
    return family.replace("_", " ")


def _links(wanted: np.ndarray, before: Places, side: int, both_ways: bool) -> tuple[np.ndarray, int]:
    """Values over each link, int64 (east, south, west, north; rows; columns), and the links of the longest way."""
    carried = np.zeros((4, side, side), np.int64)
    columns = np.logical_or.reduce(wanted, axis=2)
    east, west = arcs(columns, both_ways)
    value, column = np.nonzero(columns)
    south, north = arcs(wanted[value, column], both_ways)
    below = (before.columns[value] + column) % side
    for step in range(side):
        for way, (length, row, at) in enumerate(
            [
                (east, before.rows, before.columns + step),
                (south, before.rows[value] + step, below),
                (west, before.rows, before.columns - step),
                (north, before.rows[value] - step, below),
            ]
        ):
            used = length > step
            np.add.at(carried[way], (row[used] % side, at[used] % side), 1)
    along = np.where(column <= east[value], column, side - column)
    return carried, int((along + np.maximum(south, north)).max())


def _described(places: Sequence[Places]) -> str:
    steps = [f"{at.order} +{at.south} +{at.east}" for at in places[1:]]
    runs = [(step, len(list(same))) for step, same in groupby(steps)]
    texts = [places[0].order, *(f"{times} × {step}" if times > 1 else step for step, times in runs)]
    return ", ".join(texts)


def _butterflies(n: int, budget: int) -> tuple[tuple[int, ...], int]:
    """Radices of equal butterflies, no radix of more than half the bits, whose weights come nearest to a budget."""
    choices = [(radices, count) for radices in digits(n, 1 << (n.bit_length() // 2)) if len(radices) > 2
               for count in range(2, 9)]  # fmt: skip
    return min(choices, key=lambda choice: (abs(choice[1] * n * sum(choice[0]) - budget), len(choice[0])))


def _nearest(budget: int, each: int) -> int:
    return max(1, round(budget / each))
