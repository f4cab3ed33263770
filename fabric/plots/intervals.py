"""Means with their intervals, from columns that hold a mean, its lower and its upper end."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

ACCURACY = ("accuracy", "low", "high")


def bounds(rows: pd.DataFrame, columns: tuple[str, str, str] = ACCURACY, scale: ArrayLike = 1.0) -> np.ndarray:
    """Mean, lower and upper end in the unit of the axis, float64 (3, rows); where there is no interval, the mean.

    Args:
        rows: the table.
        columns: of the mean, the lower and the upper end.
        scale: what they are multiplied by, one number or one per row: 100 makes percent of fractions.
    """
    mean, low, high = rows[list(columns)].astype(float).to_numpy().T * np.asarray(scale)
    return np.array([mean, np.where(np.isnan(low), mean, low), np.where(np.isnan(high), mean, high)])


def points(
    ax: Axes,
    at: ArrayLike,
    rows: pd.DataFrame,
    columns: tuple[str, str, str] = ACCURACY,
    scale: ArrayLike = 1.0,
    sideways: bool = False,
    **look: Any,
) -> None:
    """Means as marks with error bars, along y at the places `at` on x, or `sideways` the other way round."""
    mean, low, high = bounds(rows, columns, scale)
    # Rounding may put an end on the wrong side of a mean that equals it.
    lengths = np.clip([mean - low, high - mean], 0, None)
    look = {"capsize": 2.5, "elinewidth": 1, **look}
    if sideways:
        ax.errorbar(mean, at, xerr=lengths, **look)
    else:
        ax.errorbar(at, mean, yerr=lengths, **look)


def band(
    ax: Axes,
    at: ArrayLike,
    rows: pd.DataFrame,
    columns: tuple[str, str, str] = ACCURACY,
    scale: ArrayLike = 1.0,
    **look: Any,
) -> None:
    """Means as a line over the places `at`, their intervals as a pale band around it."""
    mean, low, high = bounds(rows, columns, scale)
    ax.plot(at, mean, **look)
    ax.fill_between(at, low, high, color=look["color"], alpha=0.12, linewidth=0)
