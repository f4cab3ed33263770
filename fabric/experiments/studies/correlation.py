"""Rank correlation of accuracy with what was counted before training, with bootstrap intervals."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from fabric.experiments.statements import Interval

PREDICTORS = ("coloring", "jacobian_rank", "fewest_paths", "depth", "parameters")
WITHIN, ACROSS = "mean", "across"  # in the place of a budget: the mean over all, and all in one ranking
Key = tuple[str, float | str]  # data set and budget
_AnyKey = TypeVar("_AnyKey", bound=Hashable)
# Accuracies, float64 (topologies, seeds), and the topologies' places in the counts.
Runs = tuple[np.ndarray, np.ndarray]


def correlations(
    accuracies: pd.DataFrame, counts: pd.DataFrame, draws: int, seed: int, across: bool = False
) -> pd.DataFrame:
    """Rank correlation between mean accuracy and each count over topologies, with 95 % bootstrap intervals.

    Topologies are ranked among those of the same budget, since weights alone raise accuracy, and the correlations are
    averaged over budgets, those that a data set has; or `across` budgets, all in one ranking. Every draw replaces the
    seeds of each topology and data set by as many of them, with replacement, and then takes as many families as there
    are, with replacement and each with all its topologies, the same ones for all data sets and budgets. Percentile
    intervals. They tell how far the answer depends on which families and seeds were compared, as if the families were a
    sample of all that could have been: topologies of one family are alike, so they are no independent evidence.

    Args:
        accuracies: one row per run: "dataset", "budget", "method", "seed", "accuracy". Of topologies that are ranked
            together only the seeds that all of them have count.
        counts: one row per topology: "budget", "method", "family" and the columns of `PREDICTORS`.
        draws: of the bootstrap.
        seed: of the draws.
        across: whether all budgets make one ranking; data sets that have one budget only are then left out.

    Returns:
        One row per data set, budget and predictor: "dataset" (and "all" for the mean over all rankings), "budget" (and
        `WITHIN` for their mean, or `ACROSS` alone), "predictor", "spearman" and "kendall" (tau-b), each with "_low",
        "_high" and "_p" (of `bootstrap_p`), and "topologies".
    """
    ranked = runs_of(accuracies, counts, across)
    values = counts[list(PREDICTORS)].astype(float).to_numpy()
    families = counts["family"].to_numpy()
    together = _averages(ranked, ACROSS if across else WITHIN)
    rng = np.random.default_rng(seed)
    resampled = np.array([_correlate(resample(ranked, families, rng), values, together) for _ in range(draws)])
    whole = _correlate(means_of(ranked), values, together)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    p = bootstrap_p(resampled)
    rows = []
    for place, ((dataset, budget), keys) in enumerate(together.items()):
        size = len(set(np.concatenate([ranked[key][1] for key in keys])))
        for at, predictor in enumerate(PREDICTORS):
            row = {"dataset": dataset, "budget": str(budget), "predictor": predictor, "topologies": size}
            for column, kind in enumerate(("spearman", "kendall")):
                found = [float(table[place, at, column]) for table in (whole, low, high, p)]
                row |= dict(zip((kind, f"{kind}_low", f"{kind}_high", f"{kind}_p"), found, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


def bootstrap_p(resampled: np.ndarray) -> np.ndarray:
    """Two-sided p that a statistic is zero: twice the share of draws (first axis) on the rarer side of zero.

    No smaller than one draw allows, (1 + draws there) / (1 + draws), and no larger than one.
    """
    sides = np.minimum((resampled <= 0).sum(axis=0), (resampled >= 0).sum(axis=0))
    return np.minimum(1, 2 * (1 + sides) / (1 + len(resampled)))


def runs_of(accuracies: pd.DataFrame, counts: pd.DataFrame, across: bool = False) -> dict[Key, Runs]:
    """The runs of topologies that are ranked together, by data set and budget (`ACROSS` if that makes no difference).

    Args:
        accuracies, counts, across: as in `correlations`.
    """
    places = pd.MultiIndex.from_frame(counts[["budget", "method"]])
    grouped = pd.Series(ACROSS, places) if across else pd.Series(counts["budget"].to_numpy(), places)
    ranked: dict[Key, Runs] = {}
    for dataset, runs in accuracies.groupby("dataset"):
        table = runs.pivot(index=["budget", "method"], columns="seed", values="accuracy").reindex(places)
        trained = table.notna().any(axis=1).to_numpy()
        if across and counts.loc[trained, "budget"].nunique() == 1:
            continue
        for budget in grouped[trained].unique():
            taken = np.flatnonzero(trained & (grouped == budget))
            ranked[str(dataset), budget] = (table.iloc[taken].dropna(axis=1).to_numpy(), taken)
    return ranked


def means_of(ranked: Mapping[_AnyKey, Runs]) -> dict[_AnyKey, Runs]:
    """Accuracies averaged over seeds, float64 (topologies,), and the topologies' places."""
    return {key: (runs.mean(axis=1), taken) for key, (runs, taken) in ranked.items()}


def resample(ranked: Mapping[_AnyKey, Runs], families: np.ndarray, rng: np.random.Generator) -> dict[_AnyKey, Runs]:
    """Mean accuracies of one draw of seeds and then of families, and the places of the topologies that were drawn.

    A draw of fewer than three different topologies in one ranking, which have no ranks to speak of, is drawn again.

    Args:
        ranked: of `runs_of`.
        families: one name for each topology of the counts.
        rng: of the draw.
    """
    names = np.unique(families)
    while True:
        drawn = rng.choice(names, len(names))
        at = {
            key: np.concatenate([np.flatnonzero(families[taken] == name) for name in drawn])
            for key, (_, taken) in ranked.items()
        }
        if all(len(set(at[key])) >= min(3, len(taken)) for key, (_, taken) in ranked.items()):
            break
    means = {}
    for key, (runs, taken) in ranked.items():
        seeds = rng.integers(runs.shape[1], size=runs.shape)
        means[key] = np.take_along_axis(runs, seeds, axis=1).mean(axis=1)[at[key]], taken[at[key]]
    return means


def _averages(ranked: Mapping[Key, Runs], mean: str) -> dict[Key, list[Key]]:
    """What is averaged over what: each ranking alone, the budgets of each data set, and all."""
    together = {key: [key] for key in ranked}
    for dataset in sorted({dataset for dataset, _ in ranked}):
        together[dataset, mean] = [key for key in ranked if key[0] == dataset]
    return {**together, ("all", mean): list(ranked)}


def _correlate(means: Mapping[Key, Runs], values: np.ndarray, together: Mapping[Key, list[Key]]) -> np.ndarray:
    """Spearman and Kendall (last axis) by average and predictor."""
    found = {}
    for key, (accuracy, taken) in means.items():
        given = ranks(accuracy), _orders(accuracy)
        found[key] = np.array([[cosine(ranks(x), given[0]), cosine(_orders(x), given[1])] for x in values[taken].T])
    return np.array([np.mean([found[key] for key in keys], axis=0) for keys in together.values()])


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Of ranks Spearman's correlation, of orders Kendall's; zero where one of both is zero and so ranks nothing."""
    length = float(np.sqrt(x @ x) * np.sqrt(y @ y))
    return float(x @ y) / length if length else 0.0


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks less their mean; all zero where all values are the same."""
    return stats.rankdata(values) - (len(values) + 1) / 2


def _orders(values: np.ndarray) -> np.ndarray:
    """Which of each pair is larger: 1, 0 or -1."""
    return np.sign(values[:, None] - values).ravel()


def in_words(table: pd.DataFrame) -> str:
    """Spearman's correlations with their intervals, by predictor (the index)."""
    columns = ["spearman", "spearman_low", "spearman_high"]
    return ", ".join(
        f"{name.replace('_', ' ').replace('coloring', 'colouring')} {bounds_in_words(Interval(*row))}"
        for name, row in table[columns].iterrows()
    )


def bounds_in_words(bounds: Interval) -> str:
    """A correlation with its interval, "0.61 (0.33 … 0.79)"."""
    return f"{bounds.mean:.2f} ({bounds.low:.2f} … {bounds.high:.2f})"
