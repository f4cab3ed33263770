"""Learning together: accuracy against rounds and against what all clients have uploaded."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fabric.plots.looks import GUIDE, LOOKS

_TITLES = {"iid": "samples at random", "shards": "two shards a client"}


def accuracy_by_bytes(curves: pd.DataFrame, targets: Sequence[float], lowest: float) -> Figure:
    """One row per partition: the best accuracy so far (%) against rounds and against uploaded megabytes.

    Args:
        curves: "kind", "arm" (a name in `LOOKS`), "round", "uploaded" (bytes), "best" (fractions).
        targets: fractions that lines mark.
        lowest: fraction at which the axes begin.
    """
    kinds = list(curves["kind"].unique())
    figure, axes = plt.subplots(len(kinds), 2, figsize=(9.5, 0.9 + 2.8 * len(kinds)), sharey=True, squeeze=False)
    for row, kind in zip(axes, kinds, strict=True):
        for ax, (column, scale, name) in zip(
            row, (("round", 1.0, "rounds"), ("uploaded", 1e-6, "uploaded by all clients (MB)")), strict=True
        ):
            for arm, rows in curves[curves["kind"] == kind].groupby("arm", sort=False):
                ax.plot(scale * rows[column], 100 * rows["best"], color=LOOKS[str(arm)].color)
            for target in targets:
                ax.axhline(100 * target, color=GUIDE, linewidth=0.8, linestyle=":")
            ax.set_xlabel(name)
        row[1].set_xscale("log")
        row[0].set_ylabel("best test accuracy so far (%)")
        row[0].set_title(_TITLES.get(kind, kind))
        row[0].set_ylim(bottom=100 * lowest)
    arms = list(curves["arm"].unique())
    handles = [Line2D([], [], color=LOOKS[arm].color, label=LOOKS[arm].label) for arm in arms]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure
