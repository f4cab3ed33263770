"""Accuracy with its interval against a cost: parameters, epochs or operations."""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fabric.plots.intervals import band, points
from fabric.plots.looks import FAMILIES, LOOKS, PUBLISHED


def accuracy_against_parameters(ax: Axes, table: pd.DataFrame, ticks: list[int], shown: tuple[float, float]) -> None:
    """One line per method: mean accuracy (%) with its interval against the number of weights, on a log axis.

    Args:
        ax: axes to draw on.
        table: columns "method", "weights", "accuracy", "low", "high" (fractions).
        ticks: labelled weights.
        shown: range of accuracies (fractions) on the axis; a mean below it is written at the lower edge.
    """
    for method, rows in table.groupby("method"):
        rows = rows.sort_values("weights")
        points(ax, rows["weights"], rows, scale=100, **LOOKS[method].named)
        for _, row in rows[rows["accuracy"] < shown[0]].iterrows():
            ax.annotate(
                f"{100 * row['accuracy']:.1f} % ↓",
                (row["weights"], 100 * shown[0]),
                xytext=(4, 4),
                textcoords="offset points",
                color=LOOKS[method].color,
                fontsize=8,
            )
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda weights, _: f"{weights / 1000:g}k"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(100 * shown[0], 100 * shown[1])
    ax.set_xlabel("weights (without biases)")
    ax.set_ylabel("test accuracy (%)")


_STROKES = ("-", "--", "-.", ":")


def network_looks(networks: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Drawing arguments per network label: the method's colour, paler, thinner and in other strokes as networks shrink.

    Args:
        networks: columns "label", "method", "weights", in drawing order.
    """
    looks = {}
    for method, group in networks.groupby("method", sort=False):
        strengths = np.linspace(1, 0.35, len(group))
        for strength, stroke, (_, row) in zip(strengths, cycle(_STROKES), group.iterrows(), strict=False):
            looks[row["label"]] = {
                "color": FAMILIES[method].color,
                "alpha": strength,
                "linewidth": 0.8 + 1.4 * strength,
                "linestyle": stroke,
                "label": f"{row['label'].split(' → ')[0]}: {row['weights']:,}",
            }
    return looks


def accuracy_curves(ax: Axes, table: pd.DataFrame, x: str, looks: dict[str, dict[str, Any]]) -> None:
    """One line per network: mean accuracy (%) with its interval as a band.

    Args:
        ax: axes to draw on.
        table: columns "label", `x`, "accuracy", "low", "high" (fractions).
        x: column of the horizontal axis.
        looks: drawing arguments per label, in drawing order.
    """
    for network, look in looks.items():
        rows = table[table["label"] == network].sort_values(x)
        band(ax, rows[x], rows, scale=100, **look)
    ax.set_ylabel("test accuracy (%)")


def mark_published(ax: Axes, accuracies: list[float], text: str) -> None:
    """Horizontal lines at accuracies (%) that a source prints, labelled below the right end of the lowest."""
    for accuracy in accuracies:
        ax.axhline(accuracy, zorder=1.5, **PUBLISHED)
    _annotate(ax, text, (0.99, min(accuracies)), -10, xycoords=("axes fraction", "data"), ha="right")


def mark_compression(ax: Axes, weights: float, factor: float, text: str) -> None:
    """An arrow near the lower edge from `weights` to a `factor`-th of them, with a label above it."""
    height = ("data", "axes fraction")
    ax.annotate(
        "",
        xy=(weights / factor, 0.05),
        xytext=(weights, 0.05),
        xycoords=height,
        textcoords=height,
        arrowprops={"arrowstyle": "->", "color": PUBLISHED["color"], "shrinkA": 0, "shrinkB": 0},
    )
    _annotate(ax, text, (weights / factor**0.5, 0.05), 3, xycoords=height, ha="center")


def _annotate(ax: Axes, text: str, where: tuple[float, float], raised: int, **placing: Any) -> None:
    look = {"color": PUBLISHED["color"], "fontsize": 8}
    ax.annotate(text, where, xytext=(0, raised), textcoords="offset points", **look, **placing)
