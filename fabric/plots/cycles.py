"""Cycles per sample on chip against the size of a layer."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator, ScalarFormatter

from fabric.plots.looks import FAMILIES, PUBLISHED

_NETWORKS = {"dense": "dense", "Clos": "clos"}
_MODES = {"inference": ("o", "-"), "sequential": ("s", "--"), "overlapped": ("D", ":")}


def cycles_against_size(ax: Axes, measured: pd.DataFrame, marked: dict[str, tuple[float, float]]) -> None:
    """Cycles per sample, measured by the clock (marks), on the cycle model's values (lines), against the inputs.

    Args:
        ax: axes to draw on.
        measured: "network", "mode", "inputs", "stopwatch" and "interval".
        marked: text to published (inputs, cycles).
    """
    for (network, mode), rows in measured.groupby(["network", "mode"]):
        rows = rows.sort_values("inputs")
        marker, line = _MODES[mode]
        color = FAMILIES[_NETWORKS[network]].color
        ax.plot(rows["inputs"], rows["interval"], linestyle=line, linewidth=1, color=color)
        ax.plot(
            rows["inputs"], rows["stopwatch"], linestyle="", marker=marker, markerfacecolor="none",
            label=f"{network}, {mode}", color=color,
        )  # fmt: skip
    for text, (inputs, count) in marked.items():
        ax.plot([inputs], [count], marker="x", color=PUBLISHED["color"], markersize=7)
        ax.annotate(text, (inputs, count), xytext=(7, 0), textcoords="offset points", ha="left", va="center",
                    fontsize=8, color=PUBLISHED["color"])  # fmt: skip
    sizes = np.unique(measured["inputs"])
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xlim(sizes[0] / 1.7, 8 * max(inputs for inputs, _ in marked.values()))  # room for their names
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.set_xlabel("inputs, outputs and processing elements")
    ax.set_ylabel("cycles per sample")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
