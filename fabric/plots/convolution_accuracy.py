"""Accuracies of convolutional networks whose layers have another structure."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fabric.plots.intervals import points
from fabric.plots.looks import GUIDE, LOOKS


def accuracy_by_structure(ax: Axes, table: pd.DataFrame) -> None:
    """Test accuracy (%) with its interval, one row per structure, the best above; hollow marks have a residual.

    Args:
        ax: axes to draw on.
        table: "structure", "family", "residual", "accuracy" (%), "low", "high"; "dense" is drawn as a line.
    """
    dense = table[table["structure"] == "dense"].iloc[0]
    ax.axvline(dense["accuracy"], color=GUIDE, linewidth=1, zorder=1)
    ax.annotate("dense", (dense["accuracy"], 1), (0, 3), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", color=GUIDE)  # fmt: skip
    rows = table[table["structure"] != "dense"].sort_values("accuracy", ignore_index=True)
    for place, row in rows.iterrows():
        look = LOOKS["narrow"] if row["family"] == "dense" else LOOKS[row["family"]]
        low, high = (row["accuracy"] if np.isnan(row[end]) else row[end] for end in ("low", "high"))
        ax.plot([low, high], [place, place], color=look.color, linewidth=1.5)
        face = "white" if row["residual"] else look.color
        ax.plot(row["accuracy"], place, linestyle="", markerfacecolor=face, **look.mark)
    ax.set_yticks(range(len(rows)), rows["structure"])
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("test accuracy (%)")


def accuracy_by_name(ax: Axes, table: pd.DataFrame) -> None:
    """Test accuracy (%) with its interval against weights (log), one mark per way to see 3 × 3 pixels.

    Args:
        ax: axes to draw on.
        table: "way", "weights", "accuracy" (%), "low", "high".
    """
    for way, rows in table.groupby("way", sort=False):
        look = LOOKS["narrow"] if way == "narrow dense" else LOOKS[way]
        points(ax, rows["weights"], rows, linestyle="", **look.named)
    ax.set_xscale("log")
    ends = [table["weights"].min(), table["weights"].max()]
    ax.set_xticks(ends, [f"{end:,}" for end in ends])
    ax.minorticks_off()
    ax.set_xlabel("weights of the 3 × 3 kernels")
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
