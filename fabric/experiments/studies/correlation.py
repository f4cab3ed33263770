"""Rank correlation of accuracy with what was counted before training, with bootstrap intervals."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

PREDICTORS = ("coloring", "jacobian_rank", "fewest_paths", "depth", "parameters")


def correlations(accuracies: pd.DataFrame, counts: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Rank correlation between mean accuracy and each count over topologies, with 95 % bootstrap intervals.

    Every draw replaces the seeds of each topology and data set by as many of them, with replacement, and then takes as
    many topologies as there are, with replacement, the same ones for all data sets. Percentile intervals. They tell how
    far the answer depends on which topologies and seeds were compared, as if the topologies were a sample of all that
    could have been.

    Args:
        accuracies: one row per run: "dataset", "method", "seed", "accuracy"; equally many seeds everywhere.
        counts: one row per method: "method" and the columns of `PREDICTORS`.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        One row per data set, and one for "all" (their mean), and per predictor: "dataset", "predictor", "spearman" and
        "kendall" (tau-b), each with "_low" and "_high", and "topologies".
    """
    order = counts["method"]
    by_dataset = {
        name: runs.pivot(index="method", columns="seed", values="accuracy").loc[order].to_numpy()
        for name, runs in accuracies.groupby("dataset")
    }
    predictors = {name: counts[name].astype(float).to_numpy() for name in PREDICTORS}
    rng = np.random.default_rng(seed)
    resampled = [_correlate(*_resample(by_dataset, predictors, rng)) for _ in range(draws)]
    whole = _correlate({name: runs.mean(axis=1) for name, runs in by_dataset.items()}, predictors)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    rows = []
    for place, (dataset, predictor) in enumerate(product([*by_dataset, "all"], PREDICTORS)):
        row = {"dataset": dataset, "predictor": predictor, "topologies": len(order)}
        for column, kind in enumerate(("spearman", "kendall")):
            values = whole[place, column], low[place, column], high[place, column]
            row |= dict(zip((kind, f"{kind}_low", f"{kind}_high"), values, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def _resample(
    by_dataset: Mapping[str, np.ndarray], predictors: Mapping[str, np.ndarray], rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Mean accuracies per data set and predictors of one draw of topologies and of seeds."""
    size = len(next(iter(predictors.values())))
    taken = rng.integers(size, size=size)
    means = {}
    for name, runs in by_dataset.items():
        seeds = rng.integers(runs.shape[1], size=runs.shape)
        means[name] = np.take_along_axis(runs, seeds, axis=1).mean(axis=1)[taken]
    return means, {name: values[taken] for name, values in predictors.items()}


def _correlate(means: Mapping[str, np.ndarray], predictors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Spearman and Kendall (columns) per data set and predictor, then their means over data sets (rows)."""
    table = np.array(
        [
            [(stats.spearmanr(x, y).statistic, stats.kendalltau(x, y).statistic) for x in predictors.values()]
            for y in means.values()
        ]
    )
    return np.concatenate([table, table.mean(axis=0, keepdims=True)]).reshape(-1, 2)


def in_words(table: pd.DataFrame) -> str:
    """Spearman's correlations with their intervals, by predictor (the index)."""
    return ", ".join(
        f"{name.replace('_', ' ')} {row['spearman']:.2f} ({row['spearman_low']:.2f} … {row['spearman_high']:.2f})"
        for name, row in table.iterrows()
    )
