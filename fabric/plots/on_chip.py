"""The simulated machine and PyTorch: accuracy over samples, samples a second over the clock."""

import re
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from fabric.plots.intervals import band, points
from fabric.plots.looks import EDGE, GUIDE, LOOKS

_LOOKS: dict[str, dict[str, Any]] = {
    "chip, overlapped": LOOKS["chip, overlapped"].mark,
    "chip, sequential": LOOKS["chip, sequential"].mark,
    "float32, Clos": LOOKS["clos"].mark | {"marker": "^", "linestyle": "--"},
    "float32, dense": LOOKS["dense"].mark | {"marker": "v", "linestyle": "--"},
    "float32, narrow dense": LOOKS["narrow"].mark,
}


_TICKS = (30, 50, 70, 80, 90, 93, 95, 97, 98, 99)


def accuracy_over_samples(ax: Axes, table: pd.DataFrame) -> None:
    """Accuracy (%) against the samples seen, a line for each name, bands where there are seeds.

    Both axes are logarithmic, that of accuracies in the error, so that the last points show as the first do.

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
    ax.set_yscale("function", functions=(_of_error, _of_error))
    most = min(99.5, 100 * table[["accuracy", "high"]].max().max())
    ax.set_ylim(100 * table["accuracy"].min() - 5, most + (100 - most) / 8)
    ax.yaxis.set_major_locator(FixedLocator(_TICKS))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("samples trained on, one at a time")
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.19))


def _of_error(accuracy: np.ndarray) -> np.ndarray:
    """A scale on which halving the error is as far everywhere."""
    return -np.log2(np.clip(100 - np.asarray(accuracy, float), 0.05, None))


def accuracy_of_seeds(ax: Axes, runs: pd.DataFrame, means: pd.DataFrame) -> None:
    """Accuracy (%) of each seed, joined from name to name, and the mean of each name with its interval.

    Args:
        ax: axes to draw on.
        runs: "name", "seed" and "accuracy" (%).
        means: "name", "accuracy", "low" and "high" (%).
    """
    by_seed = runs.pivot(index="seed", columns="name", values="accuracy")
    names = [name for name in _LOOKS if name in by_seed]
    ax.plot(range(len(names)), by_seed[names].T, color=EDGE, linewidth=0.8, marker=".", markersize=4, zorder=1)
    for place, name in enumerate(names):
        points(ax, [place], means[means["name"] == name], **_LOOKS[name] | {"linestyle": "none", "markersize": 7})
    ax.set_xticks(range(len(names)), [re.sub("(?<=,|w) ", "\n", name) for name in names])
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_xlabel("thin: each seed")
    ax.set_ylabel("test accuracy (%)")


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
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.19))
