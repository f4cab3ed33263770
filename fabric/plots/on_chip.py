"""The simulated machine and PyTorch: accuracy over samples, samples a second over the clock."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from fabric.plots.intervals import band
from fabric.plots.looks import GUIDE, LOOKS

_LOOKS: dict[str, dict[str, Any]] = {
    "chip, overlapped": LOOKS["chip, overlapped"].mark,
    "chip, sequential": LOOKS["chip, sequential"].mark,
    "float32, Clos": LOOKS["clos"].mark | {"marker": "^", "linestyle": "--"},
    "float32, dense": LOOKS["dense"].mark | {"marker": "v", "linestyle": "--"},
}


def accuracy_over_samples(ax: Axes, table: pd.DataFrame) -> None:
    """Accuracy (%) against the samples seen, a line for each name, bands where there are seeds.

    Args:
        ax: axes to draw on.
        table: of `fabric.experiments.studies.on_chip.curves`.
    """
    for name, look in _LOOKS.items():
        rows = table[table["name"] == name].sort_values("samples")
        if rows.empty:
            continue
        seeds = f"{rows['seeds'].max()} seeds" if rows["seeds"].max() > 1 else "one seed"
        what = "simulated Verilog" if name.startswith("chip") else "PyTorch"
        band(ax, rows["samples"], rows, scale=100, label=f"{name}: {what}, {seeds}", **look)
    ax.set_xscale("log")
    ax.set_xlabel("samples trained on, one at a time")
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="lower right")


def throughput_over_clock(ax: Axes, table: pd.DataFrame, clocks: tuple[float, float]) -> None:
    """Samples a second of the machine against its clock (MHz), and of PyTorch as level lines.

    Args:
        ax: axes to draw on.
        table: of `fabric.experiments.studies.on_chip.throughput`.
        clocks: range of the clock, MHz.
    """
    rows = table.set_index("name")
    at = np.array(clocks)
    for name, row in rows.iterrows():
        look = {key: value for key, value in _LOOKS[name].items() if key != "marker"}
        if np.isnan(row["cycles_per_sample"]):
            ax.axhline(row["samples_per_second"], label=f"{name}: PyTorch, measured on one core", **look)
            if row["low"] < row["high"]:
                ax.axhspan(row["low"], row["high"], color=look["color"], alpha=0.12, lw=0)
            continue
        label = f"{name}: clock / {row['cycles_per_sample']:.4g} cycles"
        ax.plot(at, 1e6 * at / row["cycles_per_sample"], label=label, **look)
        ax.plot(row["clock_mhz"], row["samples_per_second"], color=look["color"], marker=_LOOKS[name]["marker"])
    measured = rows["clock_mhz"].dropna().iloc[0]
    ax.axvline(measured, color=GUIDE, linewidth=0.8, zorder=1)
    ax.annotate(
        f"{measured:.0f} MHz:\n4 × 4 placed\non ECP5", (measured, 0.98), xycoords=("data", "axes fraction"),
        xytext=(-4, 0), textcoords="offset points", fontsize=8, color=GUIDE, ha="right", va="top",
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks([10, 20, 50, 100, 200], ["10", "20", "50", "100", "200"])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(*clocks)
    ax.set_xlabel("clock of the machine (MHz)")
    ax.set_ylabel("samples trained on per second")
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.38), frameon=True, framealpha=1, edgecolor="none")
