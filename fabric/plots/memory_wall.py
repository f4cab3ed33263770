"""Time per epoch against batch size, and what bounds a step."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from fabric.plots.style import COLORS, PUBLISHED

_LOOKS = {
    "ResNet18": {"color": COLORS["butterfly"], "marker": "D"},
    "dense": {"color": COLORS["dense"], "marker": "s"},
    "Clos": {"color": COLORS["clos"], "marker": "o"},
    "wide dense": {"color": COLORS["dense"], "marker": "s", "linestyle": "--", "markerfacecolor": "white"},
    "wide Clos": {"color": COLORS["clos"], "marker": "o", "linestyle": "--", "markerfacecolor": "white"},
}
_PARTS = {
    "memory": {"color": COLORS["low_rank"], "label": "move its bytes"},
    "compute": {"color": COLORS["random_sparse"], "label": "compute"},
    "overhead": {"color": COLORS["hypercube"], "label": "call"},
}


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
        spread = [(rows["seconds"] - rows["fastest"]) * per_step, (rows["slowest"] - rows["seconds"]) * per_step]
        ax.errorbar(rows["batch_size"], rows["epoch_seconds"], yerr=spread, capsize=2.5, label=name, **_LOOKS[name])
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
    spread = [(rows["seconds"] - rows["fastest"]) / size, (rows["slowest"] - rows["seconds"]) / size]
    look = {"color": "black", "marker": "o", "linestyle": "none", "capsize": 2.5, "zorder": 3}
    ax.errorbar(rows["batch_size"], rows["seconds"] / size, yerr=spread, label="measured", **look)
    ax.plot(rows["batch_size"], rows["modelled"] / size, color="black", linewidth=1, label="model")
    for part, look in _PARTS.items():
        ax.plot(rows["batch_size"], rows[part] / size, linestyle="--", **look)
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
