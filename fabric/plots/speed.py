"""How fast layers are: against batch size, under the machine's roof, and side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from fabric.plots.intervals import band, points
from fabric.plots.looks import GUIDE, INK, LOOKS, in_order

_HOLLOW = {"linestyle": "--", "markerfacecolor": "white"}
_LOOKS: dict[str, dict[str, Any]] = {
    "dense": LOOKS["dense"].mark,
    "dense, oneDNN": LOOKS["dense"].mark | _HOLLOW,
    "Clos": LOOKS["clos"].mark,
    "Clos, no kernel": LOOKS["clos"].mark | _HOLLOW,
    "low rank": LOOKS["low_rank"].mark,
    "Monarch": LOOKS["monarch"].mark,
    "butterflies": LOOKS["butterfly"].mark,
    "block-diagonal": LOOKS["block-diagonal"].mark,
    "CSR": LOOKS["CSR"].mark,
    "edge list": LOOKS["random_sparse"].mark,
    "masked dense": LOOKS["masked dense"].mark,
}
_INTERVAL = ("faster", "low", "high")


def draw_times(ax: Axes, table: pd.DataFrame) -> None:
    """Microseconds a sample against batch size, both on log axes, a line for each way to compute a layer.

    Args:
        ax: axes to draw on.
        table: of `studies.speed.speeds`, one layer and one pass.
    """
    for way, look in _LOOKS.items():
        rows = table[table["way"] == way].sort_values("batch")
        if len(rows):
            strong = {"linewidth": 2.4, "zorder": 3} if way in ("dense", "Clos") else {"linewidth": 1.1}
            ax.plot(rows["batch"], 1e6 * rows["seconds"] / rows["batch"], label=way, **(look | strong))
    _batches(ax, table)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("µs a sample")


def draw_faster(ax: Axes, table: pd.DataFrame) -> None:
    """Times faster than `torch.nn.Linear` against batch size: a line for each layer by its kernel, with the interval
    over rounds, a thin broken one without; at the right edge how many times fewer operations it has.

    Args:
        ax: axes to draw on.
        table: of `studies.speed.speeds`, one dtype and one pass.
    """
    looks = in_order(list(dict.fromkeys(table["layer"])))
    last = table["batch"].max()
    for layer, look in looks.items():
        rows = table[table["layer"] == layer].sort_values("batch")
        served, plain = (rows[rows["way"] == way] for way in ("Clos", "Clos, no kernel"))
        band(ax, served["batch"], served, _INTERVAL, **look.named)
        ax.plot(plain["batch"], plain["faster"], linestyle=":", linewidth=1, color=look.color)
        ax.plot(last * 1.6, served["fewer"].iloc[0], marker="_", markersize=12, markeredgewidth=2.4, color=look.color)
    ax.axhline(1, color=GUIDE, linewidth=0.8)
    _batches(ax, table)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("times faster than torch.nn.Linear")


def draw_roofline(ax: Axes, table: pd.DataFrame, limits: pd.Series, ways: Sequence[str]) -> None:
    """Operations a second against operations for each byte, under the machine's measured limits; log axes.

    Args:
        ax: axes to draw on.
        table: of `studies.speed.speeds`, the forward pass of one layer in float32.
        limits: a row of `studies.speed.limits`.
        ways: what to draw; the batch grows along each line.
    """
    drawn = table[table["way"].isin(ways)]
    low, high = drawn["intensity"].min() / 1.6, drawn["intensity"].max() * 1.6
    across = np.geomspace(low, high, 200)
    for name, style in (("cache", "-"), ("memory", "--")):
        roof = np.minimum(limits[name] * across, limits["peak"]) / 1e9
        ax.plot(across, roof, color=INK, linewidth=1, linestyle=style, label=f"limit, {name}")
    for way in ways:
        rows = drawn[drawn["way"] == way].sort_values("batch")
        ax.plot(rows["intensity"], rows["rate"] / 1e9, label=way, **(_LOOKS[way] | {"linewidth": 1}))
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlim(low, high)
    ax.set_xlabel("operations for each byte of\nweights, inputs and outputs")
    ax.set_ylabel("10⁹ operations a second")
    ax.legend()


def draw_seconds(ax: Axes, table: pd.DataFrame, names: Sequence[str], unit: str) -> None:
    """A horizontal bar for each row, as long as its median time, with a line from the fastest to the slowest round.

    Args:
        ax: axes to draw on.
        table: "seconds", "fastest", "slowest".
        names: columns that name a bar; the first says what is timed.
        unit: "µs" or "ms".
    """
    scale = {"µs": 1e6, "ms": 1e3}[unit]
    looks = [_LOOKS.get(name, _LOOKS["Clos"]) for name in table[names[0]]]
    _bars(ax, table, names, ("seconds", "fastest", "slowest"), scale, looks)
    ax.set_xlabel(unit)


def draw_shares(ax: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    """A horizontal bar for each row, as long as its share in %, with the interval over rounds.

    Args:
        ax: axes to draw on.
        table: of `studies.speed.wire_shares`.
        names: columns that name a bar.
    """
    looks = [_LOOKS["Clos" if form == "kernel" else "Clos, no kernel"] for form in table["form"]]
    _bars(ax, table, names, ("share", "low", "high"), 100, looks)
    ax.set_xlabel("% of the time")


def _bars(
    ax: Axes,
    table: pd.DataFrame,
    names: Sequence[str],
    columns: tuple[str, str, str],
    scale: float,
    looks: list[dict[str, Any]],
) -> None:
    """From top to bottom, each with its value at its end."""
    at = np.arange(len(table))[::-1]
    values, ends = (table[column].to_numpy() * scale for column in (columns[0], columns[2]))
    faces = [look.get("markerfacecolor", look["color"]) for look in looks]
    edges = [look["color"] for look in looks]
    ax.barh(at, values, height=0.62, color=faces, edgecolor=edges, linewidth=1.4)
    points(ax, at, table, columns, scale, sideways=True, color=INK, linestyle="none", marker="")
    for place, value, end in zip(at, values, ends, strict=True):
        right = max(value, end, 0)
        ax.annotate(f"{value:.3g}", (right, place), (5, 0), textcoords="offset points", va="center", fontsize=8.5)
    ax.set_yticks(at, table[list(names)].astype(str).agg(", ".join, axis=1))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.margins(x=0.14)
    ax.set_ylim(len(table) - 0.2 - max(10, len(table) + 0.6), len(table) - 0.2)  # few bars are no thicker than many


def _batches(ax: Axes, table: pd.DataFrame) -> None:
    ax.set_xscale("log", base=2)
    sizes = sorted(set(table["batch"]))
    apart = sizes[:1]  # labels of others would touch
    for size in sizes:
        if size >= 3 * apart[-1]:
            apart.append(size)
    ax.xaxis.set_major_locator(FixedLocator(apart))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}" if size < 1024 else f"{size / 1024:g}k"))
    ax.xaxis.set_minor_locator(FixedLocator(sizes))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("batch size")
