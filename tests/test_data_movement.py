"""Hops over the links of a torus: placements against their definition, verdicts on topologies and on rows of tori."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fabric.experiments.studies import codesign
from fabric.experiments.studies.codesign._movement import moved
from fabric.experiments.studies.codesign._places import ORDERS, Places, arcs, best_places, random_places
from fabric.topology import clos, hypercube, parallel_butterfly, random_sparse, torus

SIDE = 4
LAYERS = {
    "clos": clos(16, 16, 4, 4, 4),
    "parallel_butterfly": parallel_butterfly(16, 2, (4, 2, 2)),
    "hypercube": hypercube(16, 3),
    "torus": torus((4, 4), 4),
    "random_sparse": random_sparse(16, 16, 40, np.random.default_rng(0)),
}


def reached(start, forwards, backwards, side):
    return {(start + step) % side for step in range(-backwards, forwards + 1)}


@given(arrays.arrays(bool, st.tuples(st.just(1), st.integers(1, 7))), st.booleans())
def test_arcs_are_the_shortest_that_reach_every_place(wanted, both_ways):
    side = wanted.shape[1]
    ((forwards,), (backwards,)) = arcs(wanted, both_ways)
    needed = set(np.flatnonzero(wanted[0])) | {0}
    assert needed <= reached(0, forwards, backwards, side)
    least = min(f + b for f in range(side) for b in range(side if both_ways else 1) if needed <= reached(0, f, b, side))
    assert forwards + backwards == least


@pytest.mark.parametrize("both_ways", codesign.LINKS.values())
@pytest.mark.parametrize("family", ["hypercube", "torus", "random_sparse"])
def test_no_shift_and_no_order_of_one_stage_takes_fewer_hops(family, both_ways):
    t = type(LAYERS[family])(LAYERS[family].stages[:1])
    numbered = np.divmod(np.arange(SIDE**2), SIDE)
    grids = [Places(*numbered, ORDERS[0], 0, 0), Places(*numbered[::-1], ORDERS[1], 0, 0)]
    tried = []
    for before, after, south, east in itertools.product(grids, grids, range(SIDE), range(SIDE)):
        shifted = Places((after.rows + south) % SIDE, (after.columns + east) % SIDE, after.order, south, east)
        tried.append(moved(t, [before, shifted], SIDE, both_ways)["hops"])
    assert moved(t, best_places(t, SIDE, both_ways), SIDE, both_ways)["hops"] == min(tried)


def test_known_layers_move_what_their_shape_says():
    table = codesign.movement({"clos": clos(64, 64, 8, 8, 8), "torus": torus((8, 8), 4)}, 8)
    table = table.set_index(["family", "links"])
    for links in codesign.LINKS:
        assert table.loc[("clos", links), "hops_per_weight"] == pytest.approx(7 / 8)  # each value round a whole ring
    assert table.loc[("torus", "one way"), "hops_per_weight"] == pytest.approx(6 / 5)
    assert table.loc[("torus", "one way"), "placement"] == "rows, 4 × rows +1 +1"  # one place on at each stage
    assert table.loc[("torus", "both ways"), "hops_per_weight"] == pytest.approx(4 / 5)  # each neighbour by one link


def test_links_both_ways_never_take_more_hops_and_stages_no_fewer_cycles_than_products():
    table = codesign.movement(LAYERS, SIDE)
    hops = table.pivot(index="family", columns="links", values="hops")
    assert (hops["both ways"] <= hops["one way"]).all()
    assert (table["cycles"] >= table["weights"] / SIDE**2).all()


def test_places_by_chance_are_of_the_family_that_the_search_looks_at():
    for family, t in LAYERS.items():
        for both_ways in codesign.LINKS.values():
            best = moved(t, best_places(t, SIDE, both_ways), SIDE, both_ways)["hops"]
            drawn = [
                moved(t, random_places(t, SIDE, np.random.default_rng(seed)), SIDE, both_ways)["hops"]
                for seed in range(4)
            ]
            assert best <= min(drawn), family


@pytest.mark.parametrize(("random", "verdict"), [(3.0, "reproduced"), (1.0, "reproduced"), (0.8, "not reproduced")])
def test_the_best_topology_must_move_less_than_random_edges(random, verdict):
    rows = [(family, links, hops * (2 - (links == "both ways")), 9.0, family == "clos")
            for family, hops in (("clos", 1.0), ("torus", 0.9), ("hypercube", 5.0), ("random_sparse", random))
            for links in codesign.LINKS]  # fmt: skip
    table = pd.DataFrame(rows, columns=["family", "links", "hops_per_weight", "by_chance", "connected"])
    found = codesign.choice_matters(table)
    assert (found.verdict, found.ours) == (verdict, pytest.approx(random / 0.9))
    assert f"Clos is number {2 + (random < 1)} of 4" in found.reason and "hypercube 5.00" in found.reason


@pytest.mark.parametrize(
    ("counted", "verdict", "words"),
    [((50, 50), "reproduced", "2 are as fast"), ((50, 66.5), "not reproduced", "deltas come back after 133 cycles")],
)
def test_all_rows_of_tori_say_what_sets_the_pace(counted, verdict, words):
    rows = pd.DataFrame(
        {"cascades": ["a; b", "a; a; a"], "slowest": 50, "late": [1, 2], "counted": counted, "differing": 0}
    )
    found = codesign.slowest_sets_the_pace(rows)
    assert (found.verdict, found.ours) == (verdict, max(counted) / 50) and words in found.reason
    for wrong in ({"counted": 49.0}, {"differing": 1}):
        with pytest.raises(ValueError, match="no faster than their slowest torus"):
            codesign.slowest_sets_the_pace(rows.assign(**wrong))
