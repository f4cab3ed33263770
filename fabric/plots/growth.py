"""Networks that change while they train: the accuracies of different ways to spend the same operations."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fabric.plots.intervals import points
from fabric.plots.looks import EDGE, GUIDE, INK, LOOKS, Look, dataset_label, in_order


def accuracy_of_arms(table: pd.DataFrame, first: str) -> Figure:
    """One panel per data set: accuracy (%) of each arm with its interval, the best mean on top.

    Args:
        table: "dataset", "arm", "claim" (what its operations are compared with the first arm's, a name in `LOOKS`),
            "accuracy", "low", "high" (fractions).
        first: the arm whose accuracy a line marks.
    """
    datasets = list(table["dataset"].unique())
    order = table[table["dataset"] == datasets[0]].sort_values("accuracy")["arm"].tolist()
    size = (2.6 + 3.4 * len(datasets), 1.0 + 0.27 * len(order))
    figure, axes = plt.subplots(1, len(datasets), figsize=size, sharey=True, squeeze=False)
    for ax, dataset in zip(axes[0], datasets, strict=True):
        rows = table[table["dataset"] == dataset].set_index("arm")
        ax.axvline(100 * rows.loc[first, "accuracy"], color=GUIDE, linewidth=1, linestyle=":")
        for claim, part in rows.groupby("claim"):
            at = [order.index(arm) for arm in part.index]
            points(ax, at, part, scale=100, sideways=True, linestyle="", **LOOKS[str(claim)].mark)
        ax.set_xlabel("test accuracy (%)")
        ax.set_title(dataset_label(str(dataset)))
    axes[0, 0].set_yticks(range(len(order)), order)
    handles = [Line2D([], [], linestyle="", **LOOKS[claim].named) for claim in sorted(table["claim"].unique())]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def accuracy_against_updates(table: pd.DataFrame, together: Sequence[str]) -> Figure:
    """Accuracy (%) of each arm, with its interval, against its updates in percent.

    Args:
        table: "arm", "updates" (percent), "accuracy", "low", "high" (fractions).
        together: arms that a line joins.
    """
    figure, ax = plt.subplots(figsize=(7.4, 4.2))
    joined = table[table["arm"].isin(together)].sort_values("updates")
    ax.plot(joined["updates"], 100 * joined["accuracy"], color=EDGE, linewidth=1, zorder=1)
    arms = sorted(table["arm"])
    looks = in_order(arms[:9]) | {arm: Look(arm, INK, "*") for arm in arms[9:]}
    spread = table.groupby(table["updates"].round())["updates"].rank(method="first") - 1
    for row, offset in zip(table.to_dict("records"), spread, strict=True):
        points(ax, [row["updates"] + 0.5 * offset], pd.DataFrame([row]), scale=100, **looks[row["arm"]].named)
    ax.set_xlabel("updates of weights (% of those with nothing frozen; equal ones side by side)")
    ax.set_ylabel("test accuracy (%)")
    figure.legend(loc="outside right center")
    return figure
