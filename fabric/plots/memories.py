"""Clash-free memories as pictures: what lies where, who reads what when, where two reads collide, how they scatter."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fabric.plots.intervals import points
from fabric.plots.looks import LOOKS, MARKED, PUBLISHED
from fabric.topology.clashes import Clash


def draw_banks(ax: Axes, memories: np.ndarray, rows: np.ndarray, title: str) -> None:
    """The left neurons in their memories during one sweep; the darker, the later a neuron is read.

    Args:
        ax: axes to draw on.
        memories, rows: integers (cycles of the sweep, lanes), as of `Interleaver.addresses()`.
        title: of the axes.
    """
    cycles, lanes = memories.shape
    read_in = np.empty((rows.max() + 1, lanes), int)
    read_in[rows, memories] = np.arange(cycles)[:, None]
    ax.imshow(read_in, cmap="Blues", vmin=-1, vmax=2 * cycles)
    for row, memory in np.ndindex(read_in.shape):
        ax.text(
            memory,
            row,
            f"neuron {row * lanes + memory}\ncycle {read_in[row, memory]}",
            ha="center",
            va="center",
            fontsize=8,
        )
    ax.set_xlabel("memory")
    ax.set_ylabel("row")
    _grid(ax, lanes, read_in.shape[0], title)


def draw_reads(ax: Axes, memories: np.ndarray, found: list[Clash], title: str) -> None:
    """Which memory each lane reads in each cycle, as number and shade; reads that collide are outlined.

    Args:
        ax: axes to draw on.
        memories: integers (cycles, lanes).
        found: the clashes among them.
        title: of the axes.
    """
    cycles, lanes = memories.shape
    ax.imshow(memories.T, cmap="Blues", vmin=-1, vmax=2 * lanes)
    for cycle, lane in np.ndindex(cycles, lanes):
        ax.text(cycle, lane, str(memories[cycle, lane]), ha="center", va="center", fontsize=9)
    for clash in found:
        for lane in np.flatnonzero(memories[clash.cycle] == clash.memory):
            frame = Rectangle(
                (clash.cycle - 0.46, lane - 0.46), 0.92, 0.92, fill=False, edgecolor=MARKED, linewidth=2.2
            )
            ax.add_patch(frame)
    ax.set_xlabel("clock cycle")
    ax.set_ylabel("lane")
    _grid(ax, cycles, lanes, title)


def draw_variants(ax: Axes, table: pd.DataFrame, quantity: str) -> None:
    """One row per variant of the interleaver: mean with its 95 % interval, the published value as a cross.

    Args:
        ax: axes to draw on.
        table: columns "variant", `quantity`, and with it the endings "_low" and "_high" and the beginning "published_".
        quantity: "spread" or "dispersion".
    """
    places = range(len(table))
    columns = (quantity, f"{quantity}_low", f"{quantity}_high")
    points(ax, places, table, columns, sideways=True, linestyle="none", label="ours", **LOOKS["ours"].mark)
    ax.plot(
        table[f"published_{quantity}"], places, color=PUBLISHED["color"], marker="x", markersize=8, linestyle="none",
        label="published",
    )  # fmt: skip
    ax.set_yticks(places, table["variant"])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel(quantity)


def _grid(ax: Axes, columns: int, rows: int, title: str) -> None:
    ax.set_xticks(range(columns))
    ax.set_yticks(range(rows))
    ax.grid(False)
    ax.set_title(title)
