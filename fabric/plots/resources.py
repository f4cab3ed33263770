"""Figures of a synthesised machine: ours beside the published, by module, and growing."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fabric.plots.intervals import points
from fabric.plots.looks import LOOKS, PUBLISHED

_OURS = LOOKS["ours"]
_NAMES = {"logic_elements": "logic elements", "registers": "registers"}


def resources_per_element(table: pd.DataFrame) -> Figure:
    """Logic elements and registers per processing element, each size beside the published value.

    Args:
        table: of `fpga_synthesis.compare`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
    for ax, (quantity, name) in zip(axes, _NAMES.items(), strict=True):
        rows = table[table["quantity"] == quantity].sort_values("size")
        at, elements = np.arange(len(rows)), rows["size"].to_numpy() ** 2
        ours = rows["per_pe"].to_numpy()
        bars = ax.bar(at - 0.2, ours, 0.38, color=_OURS.color, label=_OURS.label)
        ax.bar_label(bars, fmt="%.0f", label_type="center", color="white", fontsize=8)
        if rows["fewest"].notna().all():
            counted = rows.assign(counted=ours * elements)
            look: dict[str, Any] = {"linestyle": "none", "color": "black", "label": "bounds of any packing"}
            points(ax, at - 0.06, counted, ("counted", "fewest", "most"), 1 / elements, **look)
        printed = ax.bar(at + 0.2, rows["published_per_pe"], 0.38, color=PUBLISHED["color"], alpha=0.75,
                         label="published, table II")  # fmt: skip
        ax.bar_label(printed, fmt="%.0f", label_type="center", color="white", fontsize=8)
        ax.set_xticks(at, [f"{n} × {n}" for n in rows["size"]])
        ax.set_ylabel(f"{name} per PE")
        ax.set_xlabel("torus")
        ax.margins(y=0.16)
        ax.grid(visible=False, axis="x")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def resources_by_module(ax: Axes, modules: pd.DataFrame) -> None:
    """Logic elements of each Verilog module as bars: tables, and registers that share no element with one.

    Args:
        modules: of `fpga_synthesis.by_module`, sums left out.
    """
    rows = modules[modules["logic_elements"] > 0].sort_values("logic_elements")
    names = [name.removeprefix("fabric_") for name in rows["module"]]
    ax.barh(names, rows["tables"], color=LOOKS["lookup_tables"].color, label="tables and carries")
    alone = rows["logic_elements"] - rows["tables"]
    ax.barh(names, alone, left=rows["tables"], color=LOOKS["flip_flops"].color, label="registers alone")
    ax.set_xlabel("logic elements, all instances")
    ax.grid(visible=False, axis="y")
    ax.legend(loc="lower right")


def resources_growing(ax: Axes, growth: pd.DataFrame, compared: pd.DataFrame, device: int) -> None:
    """Logic elements against the side of the torus, the published ones, and the size of the device.

    Args:
        growth: of `fpga_synthesis.growth`.
        compared: of `fpga_synthesis.compare`.
        device: its logic elements.
    """
    ax.plot(growth["size"], growth["logic_elements"], "-", **_OURS.named)
    printed = compared[compared["quantity"] == "logic_elements"]
    ax.plot(printed["size"], printed["published"], "x", color=PUBLISHED["color"], label="published, table II")
    ax.axhline(device, **PUBLISHED, label=f"device of {device // 1000},000")
    ax.set_yscale("log")
    ax.set_xlabel("rows and columns of the torus")
    ax.set_ylabel("logic elements")
    ax.set_xticks(growth["size"])
    ax.legend(loc="lower right")


def clock_and_time(placed: pd.DataFrame) -> Figure:
    """Clock and time of a trained sample against the size, build by build, with 95 % intervals.

    Args:
        placed: as from `fpga_synthesis.placed`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    sizes, variants = sorted(set(placed["size"])), list(dict.fromkeys(placed["variant"]))
    for ax, value, low, high in ((left, "megahertz", "low", "high"), (right, "microseconds", "shortest", "longest")):
        for number, name in enumerate(variants):
            rows = placed[placed["variant"] == name].sort_values("size")
            at = np.array([sizes.index(size) for size in rows["size"]]) + 0.12 * (number - (len(variants) - 1) / 2)
            points(ax, at, rows, (value, low, high), linestyle="none", **LOOKS[name].named)
        ax.set_xticks(range(len(sizes)), [f"{n} × {n}" for n in sizes])
        ax.set_xlim(-0.5, len(sizes) - 0.5)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("torus")
    left.set_ylabel("highest clock (MHz), ECP5")
    right.set_ylabel("time of a trained sample (µs)")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
