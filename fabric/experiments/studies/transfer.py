"""How far topologies rank alike on two data sets, and in two halves of the seeds (10_heuristic_vs_accuracy)."""

import math
from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pandas as pd

from fabric.experiments.statements import Interval
from fabric.experiments.studies.correlation import (
    Key,
    Runs,
    bounds_in_words,
    cosine,
    means_of,
    ranks,
    resample,
    runs_of,
)


def between_datasets(accuracies: pd.DataFrame, counts: pd.DataFrame, draws: int, seed: int) -> Interval:
    """How far topologies rank alike on two data sets: Spearman's correlation of their mean accuracies.

    Within budgets, and averaged over them. No count that sees no data can be expected to rank topologies better than
    that.

    Args:
        accuracies, counts, draws, seed: as in `correlation.correlations`, of the counts only "budget", "method" and
            "family"; more than two data sets are paired in all ways and averaged.

    Returns:
        The correlation with its 95 % bootstrap interval; nan where there is one data set only.
    """
    ranked = runs_of(accuracies, counts)
    families = counts["family"].to_numpy()
    if len({dataset for dataset, _ in ranked}) < 2:
        return Interval(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    resampled = np.array([_agreement(resample(ranked, families, rng)) for _ in range(draws)])
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Interval(_agreement(means_of(ranked)), float(low), float(high))


def between_halves(
    accuracies: pd.DataFrame, counts: pd.DataFrame, draws: int, seed: int
) -> tuple[Interval, Interval, Interval]:
    """How far half of the seeds rank topologies as the other half does: of the same data set, and of another one.

    Spearman's correlation of mean accuracies, within budgets and averaged over them. Both compare as many runs, so what
    another data set takes away is due to the data and not to chance in training, which alone keeps the first below one.

    Args:
        accuracies, counts, seed: as in `between_datasets`.
        draws: of the halves, and of the bootstrap.

    Returns:
        The correlation with the same data set, that with another, and the second minus the first, with 95 % bootstrap
        intervals; nan where no ranking has two seeds, or there is one data set only.
    """
    ranked, families = runs_of(accuracies, counts), counts["family"].to_numpy()
    rng = np.random.default_rng(seed)
    halves = [_halves(ranked, rng) for _ in range(draws)]
    whole = np.array([_with_same_and_other(means_of(half)) for half in halves]).mean(axis=0)
    resampled = np.array([_with_same_and_other(resample(half, families, rng)) for half in halves])
    bounds = np.quantile(np.column_stack([resampled, resampled[:, 1] - resampled[:, 0]]), [0.025, 0.975], axis=0)
    own, other, change = zip((*whole, whole[1] - whole[0]), *bounds, strict=True)
    return Interval(*map(float, own)), Interval(*map(float, other)), Interval(*map(float, change))


def in_words(own: Interval, other: Interval, change: Interval) -> str:
    """What `between_halves` finds, as a sentence."""
    found = f"Half of the seeds rank topologies as the other half does by {bounds_in_words(own)} on the same data set"
    if math.isnan(other.mean):
        return f"{found}; no other was tried."
    return f"{found}, by {bounds_in_words(other)} on another, which is a change of {bounds_in_words(change)}."


def _halves(ranked: Mapping[Key, Runs], rng: np.random.Generator) -> dict[tuple[Key, int], Runs]:
    """The seeds of each ranking in two halves, drawn; an odd seed is left out, a single one has none."""
    found: dict[tuple[Key, int], Runs] = {}
    for key, (runs, taken) in ranked.items():
        half = runs.shape[1] // 2
        order = rng.permutation(runs.shape[1])
        if half:
            found |= {(key, place): (runs[:, order[place * half :][:half]], taken) for place in range(2)}
    return found


def _with_same_and_other(means: Mapping[tuple[Key, int], Runs]) -> tuple[float, float]:
    """Mean correlation of first halves with second ones of the same budget, of the same data set and of another."""
    ranked = {key: ranks(values) for key, (values, _) in means.items()}
    found: dict[bool, list[float]] = {True: [], False: []}
    for ((one, budget), first), ((other, its), second) in product(ranked, repeat=2):
        if (first, second) == (0, 1) and budget == its:
            found[one == other].append(cosine(ranked[(one, budget), 0], ranked[(other, its), 1]))
    same, others = (float(np.mean(found[kind])) if found[kind] else np.nan for kind in (True, False))
    return same, others


def _agreement(means: Mapping[Key, Runs]) -> float:
    return float(
        np.mean(
            [
                cosine(ranks(means[one][0]), ranks(means[other][0]))
                for one, other in combinations(means, 2)
                if one[1] == other[1]  # of one budget
            ]
        )
    )
