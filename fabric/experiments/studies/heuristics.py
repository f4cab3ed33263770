"""Does a count made before training predict accuracy? Topologies at equal parameters (10_heuristic_vs_accuracy)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from fabric import constraints
from fabric.experiments.networks import Layer, LayerWithSkips
from fabric.experiments.runs import Measured, Natural, Results, RunConfig
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.comparison import choose_learning_rates, train_networks
from fabric.experiments.studies.equal_layers import layers
from fabric.topology import Topology

INITIALIZATION = "skip_scaled_glorot_uniform"
UNSTEADY = 1.5  # times the median over seeds: a training loss that ends above it belongs to a run that diverged


@dataclass(frozen=True)
class CountConfig(RunConfig):
    """What is counted of one layer before training.

    Attributes:
        layer: the layer; a random one is drawn with `seed`.
        seed: of random topologies, colouring and rank.
        rank: whether the exact Jacobian rank is wanted too; it takes n**2 times parameters numbers of memory.
    """

    recipe: ClassVar[int] = 1

    layer: Layer | LayerWithSkips
    seed: Natural
    rank: bool


def count(config: CountConfig) -> Measured:
    """All counts of one layer; paths run over fixed skips too.

    Returns:
        "parameters", "depth", "fewest_paths" and "most_paths" (text: they pass 64 bits), "coloring", "bound" (entries,
        or free weights if fewer: parameters less the hidden neurons that no skip touches), "closed_form" (None where
        none is proved) and "jacobian_rank" (None if not wanted).
    """
    topology, skips = config.layer.wired(np.random.default_rng(config.seed))
    joined = topology if skips is None else Topology([a | b for a, b in zip(topology.stages, skips, strict=True)])
    fewest, most = joined.path_diversity
    return {
        "label": config.layer.label,
        "parameters": topology.parameters,
        "depth": topology.depth,
        "fewest_paths": str(fewest),
        "most_paths": str(most),
        "coloring": constraints.coloring(topology, np.random.default_rng(config.seed), skips).count,
        "bound": min(
            topology.inputs * topology.outputs, topology.parameters - (topology.hidden if skips is None else 0)
        ),
        "closed_form": constraints.closed_form(topology) if skips is None else None,
        "jacobian_rank": constraints.jacobian_rank(topology, np.random.default_rng(config.seed), skips)
        if config.rank
        else None,
    }


def count_all(results: Results, chosen: pd.DataFrame, rank_side: int, seed: int) -> pd.DataFrame:
    """Every count of every network's first layer, with its Jacobian rank.

    The rank is exact where a closed form is proved and where side and `rank_side` are the same. Elsewhere it is the
    bound times the share of the bound that the exact rank of the same kind of layer with side `rank_side`, at the same
    budget, reaches.

    Args:
        results: where counts are kept, as runs are.
        chosen: of `equal_layers.networks`.
        rank_side: side at which all ranks are computed exactly.
        seed: of random topologies and of the counting.

    Returns:
        "budget", "method", "family" (Clos cascades of any number of stages are one), "label" and what `count` returns,
        with "jacobian_rank", "rank_by" ("proof", "computation" or "share") and "bound_share": exact rank over bound
        at `rank_side`.
    """
    counted = results.sweep(count, [CountConfig(layer, seed, False) for layer in chosen["layer"]], title="counts")
    small = {budget: layers(rank_side, budget) for budget in chosen["budget"].unique()}
    exact = results.sweep(
        count,
        [CountConfig(small[row.budget][row.method], seed, True) for row in chosen.itertuples()],
        title="ranks",
    )
    share = exact["jacobian_rank"] / exact["bound"]
    proved = counted["closed_form"].notna()
    same = counted["label"] == exact["label"]
    rank = (counted["bound"] * share).round().where(~proved, counted["closed_form"])
    by = np.select([proved, same], ["proof", "computation"], "share")
    family = chosen["family"].replace("multistage_clos", "clos").to_numpy()
    known = {name: chosen[name].to_numpy() for name in ("budget", "method")}
    counted = counted.assign(**known, family=family, jacobian_rank=rank.astype(int), rank_by=by)
    columns = [
        "budget",
        "method",
        "family",
        "label",
        "parameters",
        "depth",
        "fewest_paths",
        "most_paths",
        "coloring",
        "bound",
    ]
    return counted[[*columns, "jacobian_rank", "rank_by"]].assign(bound_share=share)


def train_all(
    results: Results,
    chosen: pd.DataFrame,
    seeds: Mapping[str, Sequence[int]],
    rates: Sequence[float],
    tuning: Mapping[str, int],
    epochs: int,
    batch_size: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every network on every data set, each with the learning rate that is best for it there on held-out samples.

    Where a run diverges with it (`UNSTEADY`, which looks at the training loss only), the network takes the next lower
    candidate instead, with all its seeds.

    Args:
        results: where runs are kept.
        chosen: of `equal_layers.networks`.
        seeds: runs per network, for each data set by budget, from the smallest budget up; none with 0.
        rates: candidates.
        tuning: "epochs", "seeds" and "held_out" of the runs that choose among them.
        epochs, batch_size: as in `TrainConfig`.

    Returns:
        All records with the networks' columns, and the table of trials with "dataset", "budget" and "diverged", whether
        the rate was left for that reason.

    Raises:
        ValueError: no rates, no runs, or a data set with more or fewer numbers of seeds than there are budgets.
    """
    not_empty(rates=rates)
    positive(**{"seeds of all data sets and budgets": sum(sum(runs) for runs in seeds.values())})
    by_budget = list(chosen.groupby("budget"))
    if odd := [dataset for dataset, runs in seeds.items() if len(runs) != len(by_budget)]:
        raise ValueError(f"seeds must hold a number for each of {len(by_budget)} budgets, those of {odd} do not")
    wanted = [
        (dataset, count, budget, networks)
        for dataset, counts in seeds.items()
        for count, (budget, networks) in zip(counts, by_budget, strict=True)
        if count
    ]
    records, trials = [], []
    for dataset, count, budget, networks in wanted:
        tuned, tried = choose_learning_rates(
            results, networks, rates, dataset, batch_size=batch_size, initialization=INITIALIZATION, **tuning
        )
        left = set()
        while True:
            runs = train_networks(results, tuned, dataset, epochs, batch_size, count, INITIALIZATION)
            lowered = tuned["learning_rate"].where(~tuned["label"].isin(unsteady(runs)), next_lower(tuned, rates))
            changed = tuned[lowered != tuned["learning_rate"]]
            if changed.empty:
                break
            left |= set(zip(changed["label"], changed["learning_rate"], strict=True))
            tuned = tuned.assign(learning_rate=lowered)
        records.append(runs)
        chosen_rate = tried["label"].map(tuned.set_index("label")["learning_rate"])
        gone = [pair in left for pair in zip(tried["label"], tried["learning_rate"], strict=True)]
        trials.append(
            tried.assign(chosen=tried["learning_rate"] == chosen_rate, dataset=dataset, budget=budget, diverged=gone)
        )
    return pd.concat(records, ignore_index=True), pd.concat(trials, ignore_index=True)


def unsteady(records: pd.DataFrame) -> list[str]:
    """Labels of the networks of which a run diverged: its training loss is not finite, or above `UNSTEADY` medians."""
    losses = records.assign(loss=records["train_loss"].astype(float).fillna(np.inf)).groupby("label")["loss"]
    return [str(label) for label, loss in losses if loss.max() > UNSTEADY * loss.median() or np.isinf(loss.max())]


def next_lower(networks: pd.DataFrame, rates: Sequence[float]) -> pd.Series:
    """For each network the highest of the rates below its "learning_rate"; where there is none, that rate itself."""
    return networks["learning_rate"].map(lambda rate: max([lower for lower in rates if lower < rate], default=rate))


def spreads(records: pd.DataFrame) -> pd.DataFrame:
    """How far means over seeds are from what they estimate: 95 % intervals, one for all topologies of a budget.

    Two seeds tell little of one topology's variance; the mean over all that are trained alike tells more.

    Args:
        records: of `train_all`, with at least two seeds.

    Returns:
        "dataset", "budget", "half_width" (a fraction, as accuracies are).
    """
    rows = []
    for (dataset, budget), runs in records.groupby(["dataset", "budget"]):
        accuracies = runs.groupby("method")["accuracy"]
        seeds = accuracies.size().iloc[0]
        degrees = accuracies.ngroups * (seeds - 1)
        half_width = stats.t.ppf(0.975, degrees) * np.sqrt(accuracies.var().mean() / seeds)
        rows.append({"dataset": dataset, "budget": budget, "half_width": half_width})
    return pd.DataFrame(rows)
