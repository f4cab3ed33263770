"""Three reasons that are given for one topology's accuracy, told apart by regression (10_heuristic_vs_accuracy)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fabric.experiments.statements import Interval
from fabric.experiments.studies.correlation import Key, Runs, bootstrap_p, means_of, resample, runs_of


def regressors(counts: pd.DataFrame) -> pd.DataFrame:
    """What the poster names, as numbers of which more should be better.

    Args:
        counts: of `heuristics.count_all`.

    Returns:
        "budget", "method", "family", "efficiency" (Jacobian rank over parameters), "shallowness" (minus the depth) and
        "diversity" (logarithm of the fewest paths, of at least one).
    """
    fewest = counts["fewest_paths"].astype(float).clip(lower=1)
    return pd.DataFrame(
        {
            "budget": counts["budget"],
            "method": counts["method"],
            "family": counts["family"],
            "efficiency": counts["jacobian_rank"] / counts["parameters"],
            "shallowness": -counts["depth"].astype(float),
            "diversity": np.log(fewest),
        }
    )


def regression(accuracies: pd.DataFrame, reasons: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Accuracy as a linear function of all reasons at once, all in standard deviations over topologies.

    Both are standardised within each budget, accuracies on each data set, over which they are then averaged. Intervals
    are percentiles of a bootstrap over seeds and families of topologies, as in `correlation.correlations`.

    Args:
        accuracies: one row per run: "dataset", "budget", "method", "seed", "accuracy".
        reasons: of `regressors`; the topologies to regress on.
        draws, seed: of the bootstrap.

    Returns:
        "reason", "alone" (the correlation with accuracy), "effect" (standard deviations of accuracy for one of the
        reason, the others held) with "effect_low", "effect_high" and "effect_p", and "explained", the share of the
        variance of accuracy that all explain together.
    """
    names = [name for name in reasons.columns if name not in ("budget", "method", "family")]
    ranked = runs_of(accuracies, reasons)
    values = reasons[names].to_numpy(float)
    families = reasons["family"].to_numpy()
    rng = np.random.default_rng(seed)
    resampled = [_effects(*_standardised(resample(ranked, families, rng), values)) for _ in range(draws)]
    scaled, accuracy = _standardised(means_of(ranked), values)
    effects = _effects(scaled, accuracy)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "reason": names,
            "alone": scaled.T @ accuracy / len(accuracy) / max(accuracy.std(), _TINY),
            "effect": effects,
            "effect_low": low,
            "effect_high": high,
            "effect_p": bootstrap_p(np.array(resampled)),
            "explained": 1 - float(np.var(accuracy - scaled @ effects)) / max(float(np.var(accuracy)), _TINY),
        }
    )


def all_of_them(table: pd.DataFrame) -> Interval:
    """Bounds above zero only if all effects are, below zero if one of them is: the least of each column."""
    return Interval(*(float(table[column].min()) for column in ("effect", "effect_low", "effect_high")))


def in_words(table: pd.DataFrame) -> str:
    """The effects with their intervals, by reason."""
    return ", ".join(
        f"{row.reason} {row.effect:.2f} ({row.effect_low:.2f} … {row.effect_high:.2f})" for row in table.itertuples()
    )


_TINY = 1e-300  # topologies that a draw or a small study makes all alike have no spread to divide by


def _effects(scaled: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(scaled, accuracy, rcond=None)[0]


def _standardised(means: Mapping[Key, Runs], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reasons, float64 (topologies, reasons), and accuracies, float64 (topologies,), budget by budget."""
    reasons, accuracies = [], []
    for budget in dict.fromkeys(budget for _, budget in means):
        of_budget = [accuracy for key, (accuracy, _) in means.items() if key[1] == budget]
        taken = next(taken for key, (_, taken) in means.items() if key[1] == budget)  # the same on all data sets
        reasons.append(_standard(values[taken]))
        accuracies.append(np.mean([_standard(each) for each in of_budget], axis=0))
    return np.concatenate(reasons), np.concatenate(accuracies)


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), _TINY)
