"""Rank correlation of accuracy with what was counted before training, with bootstrap intervals."""

from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy import stats

from fabric.experiments.statements import Interval

PREDICTORS = ("coloring", "jacobian_rank", "fewest_paths", "depth", "parameters")


def correlations(accuracies: pd.DataFrame, counts: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Rank correlation between mean accuracy and each count over topologies, with 95 % bootstrap intervals.

    Every draw replaces the seeds of each topology and data set by as many of them, with replacement, and then takes as
    many families as there are, with replacement and each with all its topologies, the same ones for all data sets.
    Percentile intervals. They tell how far the answer depends on which families and seeds were compared, as if the
    families were a sample of all that could have been: topologies of one family are alike, so they are no
    independent evidence.

    Args:
        accuracies: one row per run: "dataset", "method", "seed", "accuracy"; equally many seeds everywhere.
        counts: one row per method: "method", "family" and the columns of `PREDICTORS`.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        One row per data set, and one for "all" (their mean), and per predictor: "dataset", "predictor", "spearman" and
        "kendall" (tau-b), each with "_low", "_high" and "_p" (of `bootstrap_p`), and "topologies".
    """
    order = counts["method"]
    by_dataset = runs_of(accuracies, order)
    values_of = {name: counts[name].astype(float).to_numpy() for name in PREDICTORS}
    families = counts["family"].to_numpy()
    rng = np.random.default_rng(seed)
    resampled = []
    for _ in range(draws):
        means, taken = resample(by_dataset, families, rng)
        resampled.append(_correlate(means, {name: values[taken] for name, values in values_of.items()}))
    whole = _correlate({name: runs.mean(axis=1) for name, runs in by_dataset.items()}, values_of)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    p = bootstrap_p(np.array(resampled))
    rows = []
    for place, (dataset, predictor) in enumerate(product([*by_dataset, "all"], PREDICTORS)):
        row = {"dataset": dataset, "predictor": predictor, "topologies": len(order)}
        for column, kind in enumerate(("spearman", "kendall")):
            values = whole[place, column], low[place, column], high[place, column], p[place, column]
            row |= dict(zip((kind, f"{kind}_low", f"{kind}_high", f"{kind}_p"), values, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def between_datasets(accuracies: pd.DataFrame, counts: pd.DataFrame, draws: int, seed: int) -> tuple[Interval, float]:
    """How far topologies rank alike on two data sets: Spearman's correlation of their mean accuracies.

    No count that sees no data can be expected to rank topologies better than that.

    Args:
        accuracies, counts, draws, seed: as in `correlations`, of the counts only "method" and "family"; more than two
            data sets are paired in all ways and averaged.

    Returns:
        The correlation with its 95 % bootstrap interval and its `bootstrap_p`; nan where there is one data set only.
    """
    by_dataset = runs_of(accuracies, counts["method"])
    families = counts["family"].to_numpy()
    if len(by_dataset) < 2:
        return Interval(np.nan, np.nan, np.nan), np.nan
    rng = np.random.default_rng(seed)
    resampled = np.array([_agreement(resample(by_dataset, families, rng)[0]) for _ in range(draws)])
    whole = _agreement({name: runs.mean(axis=1) for name, runs in by_dataset.items()})
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Interval(whole, float(low), float(high)), float(bootstrap_p(resampled))


def _agreement(means: Mapping[str, np.ndarray]) -> float:
    return float(np.mean([stats.spearmanr(one, other).statistic for one, other in combinations(means.values(), 2)]))


def bootstrap_p(resampled: np.ndarray) -> np.ndarray:
    """Two-sided p that a statistic is zero: twice the share of draws (first axis) on the rarer side of zero.

    No smaller than one draw allows, (1 + draws there) / (1 + draws), and no larger than one.
    """
    sides = np.minimum((resampled <= 0).sum(axis=0), (resampled >= 0).sum(axis=0))
    return np.minimum(1, 2 * (1 + sides) / (1 + len(resampled)))


def runs_of(accuracies: pd.DataFrame, order: pd.Series) -> dict[str, np.ndarray]:
    """Accuracies by data set, float64 (topologies, seeds), topologies in the order given."""
    return {
        str(name): runs.pivot(index="method", columns="seed", values="accuracy").loc[order].to_numpy()
        for name, runs in accuracies.groupby("dataset")
    }


def resample(
    by_dataset: Mapping[str, np.ndarray], families: np.ndarray, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Mean accuracies per data set of one draw of seeds and then of families, and which topologies were drawn.

    A draw of fewer than three different topologies, which have no ranks to speak of, is drawn again.

    Args:
        by_dataset: of `runs_of`.
        families: one name a topology, in the same order.
        rng: of the draw.
    """
    members = [np.flatnonzero(families == family) for family in sorted(set(families))]
    taken = np.array([], int)
    while len(set(taken)) < min(3, len(families)):
        taken = np.concatenate([members[at] for at in rng.integers(len(members), size=len(members))])
    means = {}
    for name, runs in by_dataset.items():
        seeds = rng.integers(runs.shape[1], size=runs.shape)
        means[name] = np.take_along_axis(runs, seeds, axis=1).mean(axis=1)[taken]
    return means, taken


def _correlate(means: Mapping[str, np.ndarray], predictors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Spearman and Kendall (columns) per data set and predictor, then their means over data sets (rows)."""
    table = np.array([[_both(x, y) for x in predictors.values()] for y in means.values()])
    return np.concatenate([table, table.mean(axis=0, keepdims=True)]).reshape(-1, 2)


def _both(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Spearman's and Kendall's correlation; zero where one of both is the same everywhere and so ranks nothing."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0, 0.0
    return stats.spearmanr(x, y).statistic, stats.kendalltau(x, y).statistic


def in_words(table: pd.DataFrame) -> str:
    """Spearman's correlations with their intervals, by predictor (the index)."""
    return ", ".join(
        f"{name.replace('_', ' ')} {row['spearman']:.2f} ({row['spearman_low']:.2f} … {row['spearman_high']:.2f})"
        for name, row in table.iterrows()
    )
