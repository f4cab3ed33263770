"""What searches found: hypervolume, the Pareto front and its ends as networks (11_topology_search)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pymoo.indicators.hv import HV
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from fabric.experiments.networks import Layer, LayerWithSkips, at_parameters, label, layer, one_hidden_layer, weights
from fabric.experiments.runs import Results
from fabric.experiments.searching import OBJECTIVES, SearchConfig, search, solvable
from fabric.experiments.studies._parameters import positive
from fabric.hardware.torus.rings import clos_rings

WORST_DEPTH = 10
ENDS = {
    "most constraints": ("constraints", False),
    "fewest parameters": ("parameters", True),
    "least depth": ("depth", True),
    "fewest cycles": ("cycles", True),
}


def search_all(results: Results, n: int, budget: int, evaluations: int, population: int, seeds: int) -> pd.DataFrame:
    """Both searches with seeds 0, 1, ...

    Returns:
        One row per evaluated cascade: "algorithm", "seed", "evaluation" (from 1), "label", "family", "skips", "layer"
        (as in records) and the objectives.
    """
    positive(seeds=seeds)
    configs = [
        SearchConfig(n, budget, evaluations, population, algorithm, seed)
        for algorithm in ("nsga2", "random")
        for seed in range(seeds)
    ]
    frames = []
    for record in results.sweep(search, configs, title="searches").to_dict("records"):
        found = pd.DataFrame(record["found"])
        found.insert(0, "evaluation", np.arange(1, len(found) + 1))
        frames.append(found.assign(algorithm=record["algorithm"], seed=record["seed"]))
    found = pd.concat(frames, ignore_index=True)
    layers = found["layer"].map(as_layer)
    return found.assign(
        family=[each.layer.topology if isinstance(each, LayerWithSkips) else each.topology for each in layers],
        skips=[isinstance(each, LayerWithSkips) for each in layers],
    )


def as_layer(fields: dict[str, Any]) -> Layer | LayerWithSkips:
    """The layer whose fields a record holds."""
    if "skips" in fields:
        return LayerWithSkips(layer(**fields["layer"]), fields["skips"])
    return layer(**fields)


def losses(found: pd.DataFrame, n: int, budget: int) -> np.ndarray:
    """Objectives (cascades, 4), to be minimised, each such that 1 is worthless.

    The share of the budget that solves nothing, parameters over budget, depth over `WORST_DEPTH`, cycles over the n
    that a ring of n places takes for a dense layer.
    """
    return np.column_stack(
        [
            1 - found["constraints"] / budget,
            found["parameters"] / budget,
            found["depth"] / WORST_DEPTH,
            found["cycles"] / n,
        ]
    )


def hypervolumes(found: pd.DataFrame, n: int, budget: int, evaluations: Sequence[int]) -> pd.DataFrame:
    """Hypervolume of the first `evaluations` cascades of every search, against 1 in every objective of `losses`.

    Returns:
        "algorithm", "seed", "evaluations" and "hypervolume", from 0 to 1.
    """
    indicator = HV(ref_point=np.ones(len(OBJECTIVES)))
    rows = []
    for (algorithm, seed), group in found.groupby(["algorithm", "seed"]):
        points = losses(group.sort_values("evaluation"), n, budget)
        rows += [
            {"algorithm": algorithm, "seed": seed, "evaluations": some, "hypervolume": float(indicator(points[:some]))}
            for some in evaluations
        ]
    return pd.DataFrame(rows)


def ceiling(found: pd.DataFrame, n: int, budget: int) -> float:
    """Hypervolume, from 0 to 1, of all that every search and seed has found, taken together."""
    return float(HV(ref_point=np.ones(len(OBJECTIVES)))(losses(pareto_front(found), n, budget)))


def pareto_front(found: pd.DataFrame) -> pd.DataFrame:
    """The cascades that no other one beats or equals in all objectives while beating it in one, each once."""
    cascades = found.drop_duplicates("label")
    minimised = cascades[list(OBJECTIVES)].to_numpy(float) * np.where(np.array(OBJECTIVES) == "constraints", -1, 1)
    best = NonDominatedSorting().do(minimised, only_non_dominated_front=True)
    columns = ["label", "family", "skips", *OBJECTIVES, "layer"]
    return cascades.iloc[np.sort(best)][columns].sort_values("label", ignore_index=True)


def ends(front: pd.DataFrame, n: int, budget: int) -> pd.DataFrame:
    """The cascade that is best in each objective (most constraints, then fewest parameters, decide among equals).

    Then "by hand" is the three-stage Clos cascade of the papers with as many routers in its first and last level as
    each has neurons, and as many in the middle as the budget allows; skips off the support. The last row, "narrow
    dense", is a dense layer to fewer neurons, with as many weights as the network by hand.

    Returns:
        "method" (a key of `ENDS`, "by hand" or "narrow dense"), "cascade", its objectives, and "label", "weights" and
        "network" for `fabric.experiments.studies.comparison`.
    """
    chosen = {}
    for name, (objective, ascending) in ENDS.items():
        order = {objective: ascending} | {"constraints": False, "parameters": True}
        best = front.sort_values([*order, "label"], ascending=[*order.values(), True]).iloc[0]
        chosen[name] = as_layer(best["layer"]), best[list(OBJECTIVES)].to_dict()
    side = math.isqrt(n)
    routers = (side, budget // (2 * n + side**2), side)
    by_hand = LayerWithSkips(Layer("clos", (n, n, *routers)), "off_support")
    topology = by_hand.build(np.random.default_rng(0))
    costs = solvable(by_hand), topology.parameters, topology.depth, clos_rings(n, n, routers).cycles
    chosen["by hand"] = by_hand, dict(zip(OBJECTIVES, costs, strict=True))
    dense, _ = at_parameters("dense", weights(one_hidden_layer(by_hand)), n, n)
    edges = dense.build(np.random.default_rng(0)).parameters
    chosen["narrow dense"] = dense, dict(zip(OBJECTIVES, (edges, edges, 1, n), strict=True))
    rows = []
    for method, (first, objectives) in chosen.items():
        network = one_hidden_layer(first)
        names = {"method": method, "cascade": first.label, "label": label(network)}
        rows.append({**names, **objectives, "weights": weights(network), "network": network})
    return pd.DataFrame(rows)
