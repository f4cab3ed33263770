"""Bytes and energy at equal accuracy, and accuracy at equal bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fabric.plots.intervals import points
from fabric.plots.looks import EDGE, FAMILIES, GRID, INK, LOOKS

_ORDER = ("clos", "low_rank", "random_sparse", "dense")
_RIVALS = ("clos", "dense", "random forest", "decision tree", "linear SVM")


def bytes_at_equal_accuracy(ax: Axes, table: pd.DataFrame, devices: Sequence[Mapping[str, Any]]) -> None:
    """Bytes of batchless training (filled) and of Adam in batches (open) for each accuracy, on a log axis.

    Devices are lines across at the size of their on-chip memory.

    Args:
        ax: axes to draw on.
        table: of `studies.edge_budget.at_equal_accuracy`.
        devices: of `paper/devices.toml`.
    """
    targets = sorted(table["target"].unique())
    for place, method in enumerate(_ORDER):
        rows = table[table["method"] == method]
        x = [targets.index(target) + 0.18 * (place - 1.5) for target in rows["target"]]
        look = {**FAMILIES[method].mark, "linestyle": "none", "markersize": 7}
        ax.plot(x, rows["in_place"] / 1000, label=f"{FAMILIES[method].label}, batchless", **look)
        ax.plot(x, rows["adam_total"] / 1000, markerfacecolor="white", label=f"{FAMILIES[method].label}, Adam", **look)
    by_size: dict[int, list[str]] = {}
    for device in devices:
        by_size.setdefault(device["bytes"], []).append(device["name"])
    for size, names in by_size.items():
        ax.axhline(size / 1000, color=EDGE, linewidth=0.8, linestyle=":", zorder=1)
        ax.annotate(
            ", ".join(names), (1, size / 1000), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=8, color=INK,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,g}"))
    ax.set_xticks(range(len(targets)), [f"{target:.1%}" for target in targets])
    ax.set_xlim(-0.5, len(targets) - 0.5)
    ax.set_xlabel("test accuracy reached, mean over seeds")
    ax.set_ylabel("bytes held in training (kB)")
    ax.legend(ncols=2, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def energy_per_sample(ax: Axes, table: pd.DataFrame) -> None:
    """Energy of one batchless training step (µJ, log axis): weights in DRAM (filled) and on the chip (hollow).

    Args:
        ax: axes to draw on.
        table: of `studies.edge_budget.energies`, of one accuracy.
    """
    rows = table.set_index("method").reindex([method for method in _ORDER if method in set(table["method"])])
    places = np.arange(len(rows))
    for place, (method, row) in zip(places, rows.iterrows(), strict=True):
        look = FAMILIES[method]
        ax.plot([place, place], row[["on_chip", "with_dram"]], color=GRID, linewidth=3, zorder=1)
        for total, face in (("with_dram", look.color), ("on_chip", "white")):
            ax.plot(place, row[total], **look.mark, markersize=8, markerfacecolor=face, linestyle="")
            ax.annotate(
                f"{row[total]:.3g}", (place, row[total]), xytext=(8, -3), textcoords="offset points", fontsize=8
            )
    ax.set_yscale("log")
    ax.set_ylim(rows["on_chip"].min() / 3, 3 * rows["with_dram"].max())
    ax.set_xlim(-0.5, len(rows) - 0.3)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda energy, _: f"{energy:,g}"))
    ax.set_xticks(places, [FAMILIES[method].label.replace(" ", "\n") for method in rows.index])
    ax.set_ylabel("µJ per sample of batchless training")
    ax.set_title(f"at {table['target'].iloc[0]:.1%}: weights in DRAM (filled),\non the chip (hollow)", fontsize=10)


def accuracy_of_rivals(ax: Axes, table: pd.DataFrame, shown: tuple[float, float]) -> None:
    """Accuracy (%) with its interval against the bytes that a model really takes, on a log axis.

    Args:
        ax: axes to draw on.
        table: of `studies.edge_rivals.rival_table`.
        shown: range of accuracies (fractions) on the axis.
    """
    for model in _RIVALS:
        rows = table[table["model"] == model].drop_duplicates("bytes").sort_values("bytes")
        points(ax, rows["bytes"] / 1000, rows, scale=100, **LOOKS[model].named)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(100 * shown[0], 100 * shown[1])
    ax.set_xlabel("bytes stored to classify (kB)")
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
