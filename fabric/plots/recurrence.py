"""Recurrent layers: how they grow, and what they reach with their weights."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from fabric.plots.intervals import points
from fabric.plots.looks import LOOKS, PUBLISHED

_WIDTH = 0.025  # of a mark, as a share of the axis
_COUNTED = {"weights": "weights (without biases)", "recurrent_weights": "weights of the recurrent matrix"}


def reached_against_weights(ax: Axes, table: pd.DataFrame, weights: str, reached: str) -> None:
    """What networks reach against their number of weights, on a log axis: one colour and one line per structure.

    Marks that would cover each other stand side by side. Accuracies are drawn in percent; intervals of Student's t that
    pass 0 or 100 % are drawn up to it.

    Args:
        ax: axes to draw on.
        table: "structure", `weights`, `reached`, "low", "high"; a row for each network.
        weights: "weights" or "recurrent_weights".
        reached: "accuracy" (fractions) or "nll" (nats).
    """
    table, scale = table.assign(place=_side_by_side(table[weights])), 1.0
    if reached == "accuracy":
        table, scale = table.assign(low=table["low"].clip(lower=0), high=table["high"].clip(upper=1)), 100.0
    for structure, rows in table.groupby("structure", sort=False):
        rows = rows.sort_values(weights)
        points(ax, rows["place"], rows, (reached, "low", "high"), scale, **LOOKS[structure].named)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7) if _is_narrow(table[weights]) else (1, 3)))
    ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(_COUNTED[weights])


def mark_published_mean(ax: Axes, mean: float, text: str) -> None:
    """A horizontal line at a printed mean, named in the legend."""
    ax.axhline(mean, label=text, **PUBLISHED)


def weights_growing(ax: Axes, table: pd.DataFrame, along: str) -> None:
    """Weights of a layer against its memory or its input window, both on log axes, one line per structure.

    Args:
        ax: axes to draw on.
        table: "structure", "weights" and `along`; the other size is the same in all rows.
        along: "hidden" or "inputs".
    """
    for structure, rows in table.groupby("structure", sort=False):
        rows = rows.sort_values(along)
        ax.plot(rows[along], rows["weights"], **LOOKS[structure].named)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    sizes = sorted(set(table[along]))
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()
    ax.set_xlabel({"hidden": "memory (hidden neurons)", "inputs": "input window (inputs)"}[along])
    ax.set_ylabel("weights, and operations a step")


def _thousands(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _side_by_side(weights: pd.Series) -> pd.Series:
    """Places on a log axis; numbers less than a mark apart from the next are spread about their middle, in order."""
    logs = np.log(weights).sort_values()
    width = _WIDTH * (logs.max() - logs.min())
    covered = logs.groupby((logs.diff() > width).cumsum())
    return np.exp(covered.transform("mean") + width * (covered.cumcount() - (covered.transform("size") - 1) / 2))


def _is_narrow(weights: pd.Series) -> bool:
    """Whether they span so little that ticks must stand close."""
    return weights.max() < 8 * weights.min()
