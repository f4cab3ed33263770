"""Accuracy with its interval against a cost: parameters, epochs or operations."""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
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


_STROKES = ("-", (0, (5, 2)), (0, (3, 1, 1, 1)), (0, (1, 1)))
_MARKERS = "osD^vPX"


def network_looks(networks: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Drawing arguments per network label: the method's colour, from dark to pale as networks shrink, and for each its
    own stroke and marker.

    Args:
        networks: columns "label", "method", "weights", in drawing order.
    """
    looks = {}
    for method, group in networks.groupby("method", sort=False):
        whites = np.linspace(-0.55, 0.45, len(group))
        for white, stroke, marker, (_, row) in zip(
            whites, cycle(_STROKES), cycle(_MARKERS), group.iterrows(), strict=False
        ):
            looks[row["label"]] = {
                "color": _mixed(FAMILIES[method].color, white),
                "linewidth": 1.3,
                "linestyle": stroke,
                "marker": marker,
                "markersize": 3.5,
                "label": f"{row['label'].split(' → ')[0]}: {row['weights']:,}",
            }
    return looks


def _mixed(color: str, white: float) -> tuple[float, ...]:
    """The colour with so much white in it, or with so much black if that is negative."""
    other = 1.0 if white > 0 else 0.0
    return tuple((1 - abs(white)) * part + abs(white) * other for part in to_rgb(color))


def accuracy_curves(ax: Axes, table: pd.DataFrame, x: str, looks: dict[str, dict[str, Any]]) -> None:
    """One line per network: mean accuracy (%) with its interval as a band.

    Args:
        ax: axes to draw on.
        table: columns "label", `x`, "accuracy", "low", "high" (fractions).
        x: column of the horizontal axis.
        looks: drawing arguments per label, in drawing order.
    """
    places = list(looks)
    for network, look in looks.items():
        rows = table[table["label"] == network].sort_values(x)
        start = places.index(network) * len(rows) // (6 * len(places))  # marks of different lines at different places
        band(ax, rows[x], rows, scale=100, markevery=(start, max(1, len(rows) // 6)), **look)
    ax.set_ylabel("test accuracy (%)")


def accuracy_over_batch_sizes(ax: Axes, table: pd.DataFrame) -> None:
    """One line per method: mean accuracy (%) with its interval over the batch size, on a log axis.

    The training that takes more epochs than the others is a point of its own, hollow.

    Args:
        ax: axes to draw on.
        table: columns "method", "epochs", "batch_size", "accuracy", "low", "high" (fractions).
    """
    for (method, epochs), rows in table.groupby(["method", "epochs"]):
        look = LOOKS[method].named | {"label": f"{LOOKS[method].named['label']}, {epochs} epochs"}
        if len(rows) == 1:
            look |= {"markerfacecolor": "white"}
        points(ax, rows["batch_size"], rows, scale=100, **look)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(FixedLocator(sorted(table["batch_size"].unique())))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    ax.set_xlabel("batch size (samples)")
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
