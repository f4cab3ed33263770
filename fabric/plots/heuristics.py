"""Accuracy of many topologies beside what was counted of them before training."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fabric.plots.intervals import points
from fabric.plots.looks import FAMILIES, GUIDE, PUBLISHED, dataset_label

_COUNTS = {
    "coloring": "colouring (constraints)",
    "jacobian_rank": "Jacobian rank (constraints)",
    "fewest_paths": "path diversity (fewest paths)",
    "depth": "depth (stages)",
}
_BELOW: dict[str, Any] = {
    "xycoords": ("data", "axes fraction"),
    "textcoords": "offset points",
    "fontsize": 8,
}


def accuracy_against_counts(table: pd.DataFrame, correlations: pd.DataFrame) -> Figure:
    """One panel per data set (row) and count (column), each topology with its 95 % interval; rank correlation above.

    Args:
        table: "dataset", "family", "skips", "accuracy", "low", "high" (fractions) and the counts.
        correlations: of `fabric.experiments.studies.correlation.correlations`.
    """
    datasets = sorted(table["dataset"].unique())
    size = (11, 0.6 + 2.9 * len(datasets))
    figure, axes = plt.subplots(len(datasets), len(_COUNTS), figsize=size, sharey="row", sharex="col", squeeze=False)
    found = correlations.set_index(["dataset", "predictor"])
    for dataset, line in zip(datasets, axes, strict=True):
        rows = table[table["dataset"] == dataset]
        lowest, off_scale = _scale(rows)
        for (count, name), ax in zip(_COUNTS.items(), line, strict=True):
            _scatter(ax, rows.drop(off_scale.index), count)
            for _, row in off_scale.iterrows():
                text, where = f"{100 * row['accuracy']:.1f} ↓", (float(row[count]), 0)
                side = "right" if row[count] == rows[count].max() else "center"  # the rightmost text stays inside
                ax.annotate(text, where, xytext=(0, 3), color=FAMILIES[row["family"]].color, ha=side, **_BELOW)
            rho = found.loc[(dataset, count)]
            interval = f"{rho['spearman_low']:.2f} … {rho['spearman_high']:.2f}"
            ax.set_title(f"Spearman {rho['spearman']:.2f} ({interval})", fontsize=9)
            if dataset == datasets[-1]:
                ax.set_xlabel(name)
        line[0].set_ylim(bottom=100 * lowest)
        line[0].set_ylabel(f"{dataset_label(dataset)}\ntest accuracy (%)")
    figure.legend(handles=_legend(table), loc="outside lower center", ncols=5)
    return figure


def _scale(rows: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """Lower end of the axis, and the topologies so far below all others that they would squeeze the rest."""
    quarter, three_quarters = rows["accuracy"].quantile([0.25, 0.75])
    off_scale = rows["accuracy"] < quarter - 3 * (three_quarters - quarter)
    shown = rows[~off_scale]
    margin = 0.05 * (shown["high"].max() - shown["low"].min())
    return shown["low"].min() - margin, rows[off_scale]


def _scatter(ax: Axes, rows: pd.DataFrame, count: str) -> None:
    for _, row in rows.iterrows():
        look = FAMILIES[row["family"]]
        face = "white" if row["skips"] else look.color
        at = [float(row[count])]
        points(ax, at, row.to_frame().T, scale=100, capsize=0, elinewidth=0.8, markerfacecolor=face, **look.mark)
    if count == "fewest_paths":
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xticks([0, 1, 100, 10**4, 10**6])
        ax.xaxis.set_minor_locator(plt.NullLocator())
    elif count != "depth":
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda constraints, _: f"{constraints / 1000:g}k"))


def _legend(table: pd.DataFrame) -> list[Line2D]:
    looks = [look.named for family, look in FAMILIES.items() if family in set(table["family"])]
    looks.append({"color": GUIDE, "marker": "o", "markerfacecolor": "white", "label": "open: with fixed skips"})
    return [Line2D([], [], linestyle="", **look) for look in looks]


def accuracy_ranking(ax: Axes, rows: pd.DataFrame, marked: dict[str, str]) -> None:
    """All topologies of one data set from the most accurate down: mean accuracy (%) with its interval.

    Args:
        ax: axes to draw on.
        rows: "method", "family", "skips", "accuracy", "low", "high" (fractions).
        marked: method to the source that calls it the best, written beside it.
    """
    rows = rows.sort_values("accuracy", ascending=False, ignore_index=True)
    places = np.arange(len(rows))
    lowest, off_scale = _scale(rows)
    for place, row in rows.drop(off_scale.index).iterrows():
        look = FAMILIES[row["family"]]
        face = "white" if row["skips"] else look.color
        points(ax, [place], rows.loc[[place]], scale=100, sideways=True, capsize=0, markerfacecolor=face, **look.mark)
        if row["method"] in marked:
            ax.annotate(
                f"best in {marked[row['method']]}",
                (100 * row["high"], place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=PUBLISHED["color"],
            )
    ax.set_xlim(left=100 * lowest)
    for place, row in off_scale.iterrows():
        text = f"← {100 * row['accuracy']:.1f} ({100 * row['low']:.1f} … {100 * row['high']:.1f})"
        ax.annotate(text, (100 * lowest, place), xytext=(4, -3), textcoords="offset points", fontsize=8)
    ax.set_yticks(places, rows["method"], fontsize=8)
    ax.set_ylim(len(rows) - 0.3, -0.7)
    ax.set_xlabel("test accuracy (%)")
