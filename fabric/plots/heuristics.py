"""Accuracy of many topologies beside what was counted of them before training."""

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fabric.plots.intervals import points
from fabric.plots.looks import FAINT, FAMILIES, GUIDE, PUBLISHED, dataset_label, in_order

_COUNTS = {
    "coloring": "colouring",
    "jacobian_rank": "Jacobian rank",
    "fewest_paths": "fewest paths",
    "depth": "depth",
    "parameters": "weights",
}
_BELOW: dict[str, Any] = {
    "xycoords": ("data", "axes fraction"),
    "textcoords": "offset points",
    "fontsize": 9,
}


def accuracy_against_coloring(table: pd.DataFrame, spreads: pd.DataFrame, correlations: pd.DataFrame) -> Figure:
    """A row of panels for each data set, one for each budget, a mark for each topology; rank correlation above.

    Args:
        table: "dataset", "budget", "family", "skips", "weights", "accuracy" (fractions) and "coloring".
        spreads: of `fabric.experiments.studies.heuristics.spreads`, drawn once in each panel.
        correlations: of `fabric.experiments.studies.correlation.correlations`, within budgets.
    """
    datasets, budgets = list(spreads["dataset"].unique()), sorted(spreads["budget"].unique())
    size = (max(7.5, 0.6 + 2.5 * len(budgets)), 0.9 + 2.6 * len(datasets))
    figure, axes = plt.subplots(len(datasets), len(budgets), figsize=size, squeeze=False)
    found = correlations[correlations["predictor"] == "coloring"].set_index(["dataset", "budget"])
    half_widths = spreads.set_index(["dataset", "budget"])["half_width"]
    for (dataset, budget), ax in zip(itertools.product(datasets, budgets), axes.flat, strict=True):
        if (dataset, budget) not in half_widths.index:
            ax.set_axis_off()
            continue
        rows = table[(table["dataset"] == dataset) & (table["budget"] == budget)]
        _scatter(ax, rows, half_widths[dataset, budget])
        rho = found.loc[(dataset, str(budget))]
        interval = f"{rho['spearman']:.2f} ({rho['spearman_low']:.2f} … {rho['spearman_high']:.2f})".replace("-", "−")
        ax.set_title(
            f"budget {budget:g}, about {rows['weights'].mean() / 1000:.3g}k weights\nSpearman {interval}", fontsize=9
        )
        ax.set_xlabel("colouring (constraints)")
    for ax, dataset in zip(axes[:, 0], datasets, strict=True):
        ax.set_ylabel(f"{dataset_label(dataset).split(',')[0]}\ntest accuracy (%)")
    figure.legend(handles=_legend(table), loc="outside lower center", ncols=5)
    return figure


def rank_correlations(
    ax: Axes, within: pd.DataFrame, across: pd.DataFrame, ceiling: tuple[float, float, float]
) -> None:
    """Spearman's correlations of all counts with accuracy, with their 95 % intervals.

    Args:
        ax: axes to draw on.
        within: "spearman", "spearman_low", "spearman_high" by predictor (the index), mean over budgets.
        across: the same with all budgets in one ranking.
        ceiling: how far two data sets rank alike, mean and ends of its interval; nan where there is one.
    """
    places = np.arange(len(_COUNTS))
    looks = in_order(["within budgets", "across budgets"])
    for look, rows, shift in zip(looks.values(), (within, across), (-0.14, 0.14), strict=True):
        columns = ("spearman", "spearman_low", "spearman_high")
        points(ax, places + shift, rows.loc[list(_COUNTS)], columns, sideways=True, linestyle="", **look.named)
    mean, low, high = ceiling
    if not np.isnan(mean):
        ax.axvspan(low, high, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
        ax.axvline(mean, color=GUIDE, linestyle="--", label="between data sets", zorder=1)
    ax.axvline(0, color=GUIDE, linewidth=0.8, zorder=1)
    ax.set_yticks(places, _COUNTS.values())
    ax.set_ylim(len(places) - 0.5, -0.5)
    ax.set_xlim(-1, 1)
    ax.set_xlabel("Spearman correlation with accuracy")


def _scale(rows: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """Lower end of the axis, and the topologies so far below all others that they would squeeze the rest."""
    quarter, three_quarters = rows["accuracy"].quantile([0.25, 0.75])
    off_scale = rows["accuracy"] < quarter - 3 * (three_quarters - quarter)
    shown = rows[~off_scale]
    margin = 0.05 * (shown["high"].max() - shown["low"].min())
    return shown["low"].min() - margin, rows[off_scale]


def _scatter(ax: Axes, rows: pd.DataFrame, half_width: float) -> None:
    """Marks, and in the corner the interval that the mean of each has; far below all others only a number."""
    lowest, off_scale = _scale(rows.assign(low=rows["accuracy"], high=rows["accuracy"]))
    bottom = 100 * (lowest - 2.4 * half_width)
    for _, row in rows.drop(off_scale.index).iterrows():
        look = FAMILIES[row["family"]]
        face = "white" if row["skips"] else look.color
        ax.plot(float(row["coloring"]), 100 * row["accuracy"], linestyle="", markerfacecolor=face, **look.mark)
    for _, row in off_scale.iterrows():
        text, where = f"{100 * row['accuracy']:.1f} ↓", (float(row["coloring"]), 0)
        side = "right" if row["coloring"] == rows["coloring"].max() else "center"  # the rightmost text stays inside
        ax.annotate(text, where, xytext=(0, 3), color=FAMILIES[row["family"]].color, ha=side, **_BELOW)
    middle = bottom + 120 * half_width
    interval = pd.DataFrame({"accuracy": [middle], "low": middle - 100 * half_width, "high": middle + 100 * half_width})
    points(ax, [0.05], interval, transform=ax.get_yaxis_transform(), color=GUIDE)
    ax.set_ylim(bottom=bottom)
    ends, margin = rows["coloring"].agg(["min", "max"]), 0.08 * np.ptp(rows["coloring"])
    ax.set_xlim(ends["min"] - margin, ends["max"] + margin)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda constraints, _: f"{constraints / 1000:g}k"))


def _legend(table: pd.DataFrame) -> list[Line2D]:
    looks = [look.named for family, look in FAMILIES.items() if family in set(table["family"])]
    looks.append({"color": GUIDE, "marker": "o", "markerfacecolor": "white", "label": "open: with fixed skips"})
    looks.append({"color": GUIDE, "marker": "|", "markersize": 10, "label": "interval of each mean"})
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
    room = lowest + 0.4 * (rows["high"].max() - lowest)
    for place, row in rows.drop(off_scale.index).iterrows():
        look = FAMILIES[row["family"]]
        face = "white" if row["skips"] else look.color
        points(ax, [place], rows.loc[[place]], scale=100, sideways=True, capsize=0, markerfacecolor=face, **look.mark)
        if row["method"] in marked:
            on_the_left = row["low"] > room  # for the name of the source
            ax.annotate(
                marked[row["method"]],
                (100 * row["low" if on_the_left else "high"], place),
                xytext=(-5 if on_the_left else 5, 0),
                textcoords="offset points",
                ha="right" if on_the_left else "left",
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
