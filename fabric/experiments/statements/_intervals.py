"""Means of independent repetitions with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided Student-t interval over seeds; nan bounds where there is one value only."""

    mean: float
    low: float
    high: float


def interval(values: Sequence[float] | np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Mean and two-sided Student-t interval of independent repetitions, 95 % unless said otherwise.

    Raises:
        ValueError: no values.
    """
    array = np.asarray(values, float)
    if array.size == 0:
        raise ValueError("values must hold at least one repetition, got none")
    mean = float(array.mean())
    if array.size == 1:
        return Interval(mean, float("nan"), float("nan"))
    half = float(stats.t.ppf((1 + confidence) / 2, array.size - 1) * stats.sem(array))
    return Interval(mean, mean - half, mean + half)


def summarise(frame: pd.DataFrame, by: Sequence[str], column: str) -> pd.DataFrame:
    """Per group of `by`: `column`'s mean, its 95 % interval as "low" and "high", and "seeds", the group's size."""
    rows = []
    for keys, group in frame.groupby(list(by), sort=True):
        bounds = interval(group[column])
        rows.append(
            dict(zip(by, keys, strict=True))
            | {column: bounds.mean, "low": bounds.low, "high": bounds.high, "seeds": len(group)}
        )
    return pd.DataFrame(rows)


def exactly(value: float) -> Interval:
    """The interval of a quantity that is counted, not measured."""
    return Interval(value, value, value)


def p_value(
    values: Sequence[float] | np.ndarray, than: float, alternative: Literal["less", "greater", "two-sided"]
) -> float:
    """Of Student's t-test that the mean of independent repetitions is `than`; nan where there is one value only."""
    array = np.asarray(values, float)
    if array.size < 2:
        return float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):  # repetitions without spread: infinitely far away, or nan
        distance = (array.mean() - than) / stats.sem(array)
    below, above = (float(stats.t.cdf(side, array.size - 1)) for side in (distance, -distance))
    return {"less": below, "greater": above, "two-sided": 2 * min(below, above)}[alternative]
