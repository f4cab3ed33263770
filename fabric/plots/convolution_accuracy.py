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
        table: "structure", "family", "residual", "accuracy" (%), "low", "high"; "dense" is a line, its interval a band.
    """
    dense = table[table["structure"] == "dense"].iloc[0]
    ax.axvline(dense["accuracy"], color=GUIDE, linewidth=1, zorder=1)
    ax.axvspan(*dense[["low", "high"]].fillna(dense["accuracy"]), color=GUIDE, alpha=0.12, linewidth=0)
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
    """Test accuracy (%) with its interval, one row per way to see 3 × 3 pixels, the best above, with its weights.

    Args:
        ax: axes to draw on.
        table: "way", "weights", "accuracy" (%), "low", "high".
    """
    rows = table.sort_values("accuracy", ignore_index=True)
    looks = [LOOKS["narrow" if way == "narrow dense" else way] for way in rows["way"]]
    for place, look in enumerate(looks):
        points(ax, [place], rows.loc[[place]], sideways=True, **look.mark)
    names = ["narrow dense" if way == "narrow dense" else LOOKS[way].label for way in rows["way"]]
    ax.set_yticks(range(len(rows)), [f"{name}\n{n:,} weights" for name, n in zip(names, rows["weights"], strict=True)])
    ax.set_ylim(-0.5, len(rows) - 0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("test accuracy (%)")
