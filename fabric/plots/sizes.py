"""Accuracy over the size of a layer: its width and weights, and the fewest weights that are enough."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fabric.plots.intervals import points
from fabric.plots.looks import FAMILIES, GUIDE, in_order

SKIPS = " + skips"
_ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)


def accuracy_over_width(ax: Axes, table: pd.DataFrame) -> None:
    """A line per number of weights: accuracy (%) with its interval against the width, on a log axis.

    Marks of one width stand side by side, so that no interval hides another.

    Args:
        ax: axes to draw on.
        table: columns "width", "target", "accuracy", "low", "high" (fractions).
    """
    looks = in_order([f"{target:,} weights" for target in sorted(table["target"].unique())])
    shifts = 1 + 0.04 * (np.arange(len(looks)) - (len(looks) - 1) / 2)
    for (target, rows), shift in zip(table.groupby("target"), shifts, strict=True):
        rows = rows.sort_values("width")
        points(ax, shift * rows["width"], rows, scale=100, **looks[f"{target:,} weights"].named)
    ax.set_xscale("log", base=2)
    ax.set_xticks(sorted(table["width"].unique()), sorted(table["width"].unique()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("width: outputs of the cascade")
    ax.set_ylabel("test accuracy (%)")


def difference_over_weights(ax: Axes, table: pd.DataFrame, margin: float) -> None:
    """A line per kind: percentage points of accuracy over dense with their interval against weights, on a log axis.

    Args:
        ax: axes to draw on.
        table: columns "kind" (a topology family, in words, with " + skips" where it has them: hollow marks on a
            dashed line), "weights", "points", "low", "high".
        margin: that is allowed below dense, in points; drawn as a line.
    """
    families = {name.replace("_", " ").replace("clos", "Clos"): look for name, look in FAMILIES.items()}
    for kind, rows in table.groupby("kind"):
        rows = rows.sort_values("weights")
        look, skips = families[kind.removesuffix(SKIPS)], kind.endswith(SKIPS)
        hollow: dict[str, Any] = {"markerfacecolor": "white", "linestyle": "--"} if skips else {}
        points(ax, rows["weights"], rows, ("points", "low", "high"), **look.mark, **hollow, label=kind)
    ax.axhline(0, color=GUIDE, linewidth=0.8)
    ax.axhline(-margin, color=GUIDE, linewidth=1, linestyle=":", label=f"comparable: {margin:.2f} points")
    ax.set_xscale("log")
    ends = table["weights"].min() / 1.08, table["weights"].max() * 1.08
    ticks = [count * 10**power for power in range(8) for count in _ROUND]
    ax.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if ends[0] <= tick <= ends[1]]))
    ax.set_xlim(*ends)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda weights, _: f"{weights / 1000:.3g}k"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("weights (without biases)")
    ax.set_ylabel("accuracy over dense (points)")
