"""Search: what genomes stand for, what is counted as an evaluation, fronts and hypervolumes worked out another way."""

import dataclasses
import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.core.variable import Binary, Choice, Integer

from fabric import topology
from fabric.experiments.networks import LayerWithSkips
from fabric.experiments.searching import OBJECTIVES, SearchConfig, decode, search, variables
from fabric.experiments.studies import topology_search
from fabric.hardware import TorusMapping
from fabric.hardware.torus.rings import butterfly_rings, clos_rings


@st.composite
def genomes(draw, n=64):
    kinds = {
        Choice: lambda variable: st.sampled_from(list(variable.options)),
        Binary: lambda variable: st.booleans(),
        Integer: lambda variable: st.integers(*map(int, variable.bounds)),
    }
    return {name: draw(kinds[type(variable)](variable)) for name, variable in variables(n).items()}


@given(genomes(), st.integers(100, 4000))
def test_every_genome_is_a_cascade_within_the_budget_or_marked_infeasible(genome, budget):
    candidate = decode(genome, 64, budget)
    if not candidate.feasible:
        assert candidate.parameters > budget or isinstance(candidate.layer, LayerWithSkips)
        return
    t, skips = candidate.layer.wired(np.random.default_rng(0))
    assert (t.inputs, t.outputs) == (64, 64)
    assert (t.parameters, t.depth) == (candidate.parameters, candidate.depth)
    assert t.parameters <= budget
    assert t.is_fully_connected
    if isinstance(candidate.layer, LayerWithSkips):
        assert all((skip & stage).sum() == 0 for skip, stage in zip(skips, t.stages, strict=True))


@cache
def found(algorithm, seed=0):
    return search(SearchConfig(64, 1000, 30, 10, algorithm, seed))


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_the_same_seed_finds_the_same_and_as_much_as_was_asked_for(algorithm):
    record = found(algorithm)
    assert record == search(SearchConfig(64, 1000, 30, 10, algorithm, 0))
    assert record["found"] != found(algorithm, 1)["found"]
    assert len(json.loads(json.dumps(record))["found"]) == len(record["found"])
    table = pd.DataFrame(record["found"])
    assert len(table) == 30
    assert table["label"].is_unique
    assert (table["parameters"] <= 1000).all()
    assert (table["constraints"] <= table["parameters"]).all()


def test_hypervolume_grows_with_every_evaluation():
    volumes = topology_search.hypervolumes(as_table(), 64, 1000, range(1, 31))
    for _, group in volumes.groupby(["algorithm", "seed"]):
        assert (np.diff(group["hypervolume"]) >= -1e-12).all()
        assert 0 <= group["hypervolume"].iloc[0] < group["hypervolume"].iloc[-1] < 1


def test_nothing_reaches_above_what_all_have_found_together():
    volumes = topology_search.hypervolumes(as_table(), 64, 1000, [30])["hypervolume"]
    together = topology_search.ceiling(as_table(), 64, 1000)
    assert volumes.max() < together < volumes.sum()  # searches find different cascades


def as_table():
    frames = [
        pd.DataFrame(found(algorithm, seed)["found"]).assign(
            algorithm=algorithm, seed=seed, evaluation=range(1, 31), family="", skips=False
        )
        for algorithm in ("nsga2", "random")
        for seed in (0, 1)
    ]
    return pd.concat(frames, ignore_index=True)


def test_the_front_is_what_no_other_cascade_dominates():
    table = as_table().drop_duplicates("label")
    goals = table[list(OBJECTIVES)].to_numpy() * np.array([-1, 1, 1, 1])
    dominated = [any((other <= one).all() and (other < one).any() for other in goals) for one in goals]
    assert set(topology_search.pareto_front(table)["label"]) == set(table["label"][~np.array(dominated)])
    assert 0 < sum(dominated) < len(table)


def test_hypervolume_of_two_points_by_hand():
    rows = pd.DataFrame(
        {"constraints": [50, 100], "parameters": [50, 100], "depth": [5, 5], "cycles": [16, 8], "evaluation": [1, 2]}
    ).assign(algorithm="random", seed=3)
    # Losses (0.5, 0.5, 0.5, 0.5) and (0.0, 1.0, ...): the second is worthless, as all of its budget is spent.
    table = topology_search.hypervolumes(rows, n=32, budget=100, evaluations=[1, 2])
    assert table["hypervolume"].tolist() == pytest.approx([0.5**4, 0.5**4])
    rows.loc[1, "parameters"] = (
        80  # boxes 0.5 × 0.5 × 0.5 × 0.5 and 1.0 × 0.2 × 0.5 × 0.75, shared 0.5 × 0.2 × 0.5 × 0.5
    )
    table = topology_search.hypervolumes(rows, n=32, budget=100, evaluations=[2])
    assert table["hypervolume"].item() == pytest.approx(0.0625 + 0.075 - 0.025)


def test_ends_are_best_in_their_objective():
    front = topology_search.pareto_front(as_table())
    ends = topology_search.ends(front, 64, 1000).set_index("method")
    best = {"most constraints": front["constraints"].max(), "fewest parameters": front["parameters"].min()}
    best |= {"least depth": front["depth"].min(), "fewest cycles": front["cycles"].min()}
    for method, objective in zip(best, OBJECTIVES, strict=True):
        row = front.set_index("label").loc[ends.loc[method, "cascade"]]
        assert row[objective] == best[method]
    assert ends.loc["by hand", "cascade"] == "clos(64, 64, 8, 5, 8) + off-support skips"
    assert abs(ends.loc["narrow dense", "weights"] - ends.loc["by hand", "weights"]) <= (64 + 10) / 2


@pytest.mark.parametrize("tuple_", [(1024, 1024, 32, 32, 32), (1024, 256, 16, 8, 16), (1024, 256, 32, 16, 32)])
def test_three_levels_take_the_cycles_of_the_machine(tuple_):
    inputs, outputs, *routers = tuple_
    mapping = TorusMapping([tuple_])
    assert clos_rings(inputs, outputs, routers) == (
        mapping.rows,
        mapping.columns,
        sum(phase.length for phase in mapping.phases),
    )


@given(st.lists(st.integers(1, 12), min_size=2, max_size=5), st.integers(1, 40), st.integers(1, 40))
def test_no_torus_is_faster_than_its_places_allow(routers, inputs, outputs):
    rings = clos_rings(inputs, outputs, routers)
    edges = topology.multistage_clos(max(inputs, routers[0]), max(outputs, routers[-1]), routers).parameters
    whole = clos_rings(max(inputs, routers[0]), max(outputs, routers[-1]), routers)
    assert whole.cycles * whole.rows * whole.columns >= edges
    assert rings.cycles <= whole.cycles


@pytest.mark.parametrize(
    ("radices", "count", "rings"),
    [([16, 16], 1, (16, 16, 32)), ([2] * 8, 1, (16, 16, 128)), ([4, 64], 1, (64, 4, 68)), ([8, 32], 2, (32, 8, 80))],
)
def test_butterflies_on_a_torus(radices, count, rings):
    found = butterfly_rings(radices, count)
    assert (sorted(found[:2]), found.cycles) == (sorted(rings[:2]), rings[2])


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_a_search_ends_where_no_cascade_is_within_the_budget(algorithm):
    assert search(SearchConfig(4, 1, 2, 3, algorithm, 0)) == {"found": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [({"n": 48}, "n must.*48"), ({"budget": 4096}, "budget.*4096"), ({"algorithm": "tabu"}, "algorithm.*'tabu'")],
)
def test_bad_configurations(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SearchConfig(64, 1000, 9, 3, "random", 0), **change)
