"""Time per epoch against batch size, and what bounds a step."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from fabric.plots.intervals import points
from fabric.plots.looks import LOOKS, PUBLISHED

_HOLLOW = {"linestyle": "--", "markerfacecolor": "white"}
_LOOKS: dict[str, dict[str, Any]] = {
    "ResNet18": LOOKS["ResNet18"].mark,
    "dense": LOOKS["dense"].mark,
    "Clos": LOOKS["clos"].mark,
    "wide dense": LOOKS["dense"].mark | _HOLLOW,
    "wide Clos": LOOKS["clos"].mark | _HOLLOW,
}
_SECONDS = ("seconds", "fastest", "slowest")


def time_per_epoch(ax: Axes, table: pd.DataFrame, names: list[str]) -> None:
    """Seconds per epoch against batch size, both on log axes, bars from the fastest round to the slowest.

    A thin broken line falls from each first point inversely with the batch size, as figure 1 of ClosNets is described.

    Args:
        ax: axes to draw on.
        table: of `studies.memory_wall.times`.
        names: what to draw.
    """
    for name in names:
        rows = table[table["name"] == name].sort_values("batch_size")
        per_step = rows["epoch_seconds"] / rows["seconds"]
        points(ax, rows["batch_size"], rows, _SECONDS, per_step, label=name, **_LOOKS[name])
        first = rows.iloc[0]
        inverse = first["epoch_seconds"] * first["batch_size"] / rows["batch_size"]
        ax.plot(rows["batch_size"], inverse, zorder=1.5, **(PUBLISHED | {"linewidth": 0.8}))
    ax.plot([], [], label="inverse to the batch size", **(PUBLISHED | {"linewidth": 0.8}))
    _batch_axis(ax, table[table["name"].isin(names)])
    drawn = table.loc[table["name"].isin(names), "epoch_seconds"]
    ax.set_ylim(drawn.min() / 2, drawn.max() * 2)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.set_ylabel("seconds per epoch, extrapolated")
    ax.legend()


def step_parts(ax: Axes, table: pd.DataFrame, name: str) -> None:
    """Microseconds per sample of one network against batch size: measured, and the three parts of the model.

    Args:
        ax: axes to draw on.
        table: of `studies.memory_wall.times`.
        name: of the network.
    """
    rows = table[table["name"] == name].sort_values("batch_size")
    size = rows["batch_size"] / 1e6
    look: dict[str, Any] = {"color": "black", "marker": "o", "linestyle": "none", "zorder": 3}
    points(ax, rows["batch_size"], rows, _SECONDS, 1 / size, label="measured", **look)
    ax.plot(rows["batch_size"], rows["modelled"] / size, color="black", linewidth=1, label="model")
    for part in ("memory", "compute", "overhead"):
        ax.plot(rows["batch_size"], rows[part] / size, "--", color=LOOKS[part].color, label=LOOKS[part].label)
    _batch_axis(ax, rows)
    ax.set_ylabel("µs per sample")
    ax.set_title(name)


def _batch_axis(ax: Axes, table: pd.DataFrame) -> None:
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(FixedLocator(sorted(set(table["batch_size"]))[::2]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("batch size")
