"""Frontiers over six objectives, searches for them, and how far their models are from what was measured."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fabric.plots.intervals import band, points
from fabric.plots.looks import FAINT, FAMILIES, GUIDE, INK, LOOKS, Look

_FAMILIES = {
    "clos": FAMILIES["clos"],
    "two-level": Look("two-level Clos", FAMILIES["multistage_clos"].color, FAMILIES["multistage_clos"].marker),
    "butterfly": FAMILIES["butterfly"],
    "parallel butterflies with skips": Look(
        "parallel butterflies with skips", FAMILIES["parallel_butterfly"].color, FAMILIES["parallel_butterfly"].marker
    ),
}
_NAMES = {
    "error": "error predicted (%)",
    "weights": "weights",
    "microseconds": "µs a trained sample",
    "latency": "µs to an answer",
    "milliwatts": "power (ordinal)",
    "logic_elements": "logic elements",
}


OBJECTIVES = tuple(_NAMES)


def frontier_slices(designs: pd.DataFrame, front: pd.DataFrame) -> Figure:
    """Predicted error against each other objective: all designs in grey, those that nothing beats in colours.

    Args:
        designs: all allowed, with the objectives.
        front: those of the frontier, with "family", "accuracy_low" and "accuracy_high" too.
    """
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.6))
    for ax, name in zip(axes.flat, [name for name in _NAMES if name != "error"], strict=False):
        ax.scatter(designs[name], 100 * designs["error"], s=5, color=FAINT, linewidths=0, rasterized=True)
        for family, rows in front.groupby("family"):
            look = _FAMILIES[family]
            ax.scatter(rows[name], 100 * rows["error"], s=15, color=look.color, marker=look.marker, linewidths=0)
        _by_logs(ax)
        ax.set_xlabel(_NAMES[name])
        ax.set_ylabel(_NAMES["error"])
    last = axes.flat[-1]
    rows = front.sort_values("error").reset_index(drop=True)
    ends = rows.assign(low=1 - rows["accuracy_high"], high=1 - rows["accuracy_low"])
    band(last, rows.index, ends, ("error", "low", "high"), 100, color=INK)
    last.set_xlabel("designs of the frontier, in order")
    last.set_ylabel("error predicted, with interval (%)")
    figure.legend(handles=_legend(front), loc="outside lower center", ncols=5)
    return figure


def parallel_coordinates(front: pd.DataFrame) -> Figure:
    """Each design of the frontier as a line through its six objectives, each from its least to its most, by logs."""
    figure, ax = plt.subplots(figsize=(9.5, 4.4))
    values = np.log(front[list(_NAMES)].to_numpy(float))
    scaled = (values - values.min(axis=0)) / np.ptp(values, axis=0)
    for family, line in zip(front["family"], scaled, strict=True):
        ax.plot(range(len(_NAMES)), line, color=_FAMILIES[family].color, alpha=0.35, linewidth=0.8)
    least, most = front[list(_NAMES)].min(), front[list(_NAMES)].max()
    texts = [f"{_text(name, least)}\n{text}" for name, text in _NAMES.items()]
    ax.set_xticks(range(len(_NAMES)), texts, fontsize=8)
    for at, name in enumerate(_NAMES):
        ax.annotate(_text(name, most), (at, 1), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=8)
    ax.set_yticks([])
    ax.set_ylabel("less is better")
    ax.grid(axis="y", visible=False)
    figure.legend(handles=_legend(front)[:-1], loc="outside lower center", ncols=4)
    return figure


def search_curves(table: pd.DataFrame) -> Figure:
    """Share of the full enumeration's hypervolume, and share of what is returned that nothing beats, by evaluations.

    Args:
        table: "algorithm", "evaluations", "share", "undominated", with "…_low" and "…_high" each.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8))
    names = {"share": "hypervolume (% of all designs')", "undominated": "undominated of what is returned (%)"}
    for ax, (column, text) in zip(axes, names.items(), strict=True):
        for algorithm, rows in table.groupby("algorithm"):
            rows, look = rows.sort_values("evaluations"), LOOKS[algorithm]
            ends = (column, f"{column}_low", f"{column}_high")
            band(ax, rows["evaluations"], rows, ends, 100.0, color=look.color, label=look.label)
        ax.set_xlabel("designs looked at")
        ax.set_ylabel(text)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def draw_surrogate(left_out: pd.DataFrame, retrained: pd.DataFrame) -> Figure:
    """Predicted against measured error: networks left out of the fit, and designs trained with new seeds.

    Args:
        left_out: "family", "accuracy", "predicted".
        retrained: "on_front", "accuracy", "predicted" with "predicted_low" and "predicted_high".
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.4))
    for family, rows in left_out.groupby("family"):
        look = _FAMILIES[family]
        axes[0].scatter(100 * (1 - rows["accuracy"]), 100 * (1 - rows["predicted"]), s=16, **look.named)
    axes[0].set_title("left out of the fit")
    for on_front, color, text in ((True, INK, "on the frontier"), (False, GUIDE, "beaten")):
        rows = retrained[retrained["on_front"] == on_front]
        ends = pd.DataFrame({"mean": 1 - rows["predicted"], "low": 1 - rows["predicted_high"],
                             "high": 1 - rows["predicted_low"]})  # fmt: skip
        points(axes[1], 100 * (1 - rows["accuracy"]), ends, ("mean", "low", "high"), 100.0, color=color, fmt="o",
               markersize=4, markerfacecolor=color if on_front else "white", label=text)  # fmt: skip
    axes[1].set_title("trained with new seeds")
    for ax in axes:
        _by_logs(ax)
        ends = [min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1])]
        ax.plot(ends, ends, color=GUIDE, linewidth=1)
        ax.set_xlabel("error measured (%)")
        ax.set_ylabel("error predicted (%)")
        ax.legend(fontsize=8)
    return figure


def draw_movement(table: pd.DataFrame) -> Figure:
    """Hops a weight, the busiest link and idle elements of layers at equal weights, as bars.

    Args:
        table: "family", "hops_per_weight", "busiest_link", "idle".
    """
    figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), sharey=True)
    texts = {"hops_per_weight": ("hops a weight", 1), "busiest_link": ("values over the busiest link", 1),
             "idle": ("idle elements (%)", 100)}  # fmt: skip
    looks = [FAMILIES[family] for family in table["family"]]
    for ax, (column, (text, scale)) in zip(axes, texts.items(), strict=True):
        ax.barh([look.label for look in looks], scale * table[column], color=[look.color for look in looks])
        ax.set_xlabel(text)
        ax.grid(axis="y", visible=False)
    axes[0].invert_yaxis()
    return figure


def draw_correlations(ax: Axes, table: pd.DataFrame) -> None:
    """Rank correlations of the objectives as a matrix of numbers.

    Args:
        ax: axes to draw on.
        table: "objective" and a column for each.
    """
    names = list(table["objective"])
    matrix = table[names].to_numpy()
    ax.imshow(matrix, cmap="PuOr", vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(matrix):
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                color="white" if abs(value) > 0.7 else INK)  # fmt: skip
    texts = [_NAMES[name].partition(" (")[0] for name in names]
    ax.set_xticks(range(len(names)), texts, rotation=30, ha="right")
    ax.set_yticks(range(len(names)), texts)
    ax.grid(visible=False)


def _by_logs(ax: Axes) -> None:
    """Logarithmic axes with plain numbers, at 1, 2 and 5 of each decade."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        axis.set_minor_formatter(NullFormatter())


def _text(name: str, values: pd.Series) -> str:
    value = 100 * values[name] if name == "error" else values[name]
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _legend(front: pd.DataFrame) -> list[Line2D]:
    looks = [_FAMILIES[family].named for family in _FAMILIES if family in set(front["family"])]
    looks.append({"color": FAINT, "marker": "o", "label": "allowed, but beaten"})
    return [Line2D([], [], linestyle="", **look) for look in looks]
