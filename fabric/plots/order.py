"""Accuracy of topologies whose inputs come in several orders."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fabric.plots.intervals import points
from fabric.plots.looks import GUIDE, LOOKS


def accuracy_by_order(ax: Axes, table: pd.DataFrame, natural: str) -> None:
    """A group of marks per topology: hollow in natural order, filled in others, with intervals over seeds.

    Args:
        ax: axes to draw on.
        table: columns "topology", "order", "accuracy", "low", "high" (fractions), one row per pair.
        natural: the order that is drawn hollow and first.
    """
    topologies = list(table["topology"].unique())
    for place, topology in enumerate(topologies):
        rows = table[table["topology"] == topology]
        rows = pd.concat([rows[rows["order"] == natural], rows[rows["order"] != natural]])
        half = 0.3 if len(rows) > 1 else 0
        at = place + np.linspace(-half, half, len(rows))
        look = {"linestyle": "none", **LOOKS[topology].mark}
        points(ax, at[:1], rows[:1], scale=100, markerfacecolor="white", **look)
        points(ax, at[1:], rows[1:], scale=100, **look)
    for edge in range(1, len(topologies)):
        ax.axvline(edge - 0.5, color=GUIDE, linewidth=0.5)
    ax.set_xticks(range(len(topologies)), [LOOKS[topology].label for topology in topologies])
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x", visible=False)
    ax.set_xlim(-0.5, len(topologies) - 0.5)
    ax.set_ylabel("test accuracy (%)")
