"""The junction pipeline as pictures: who works on what when, what it gains, what z costs, what staleness does."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter, StrMethodFormatter

from fabric.hardware.junctions import PROCESSES, Schedule
from fabric.plots.intervals import points
from fabric.plots.looks import GUIDE, LOOKS, MARKED, PALETTE, PUBLISHED

_SHARING = ("one process", "parallel processes", "junction pipeline", "both", "both, behind a trunk")


def draw_pipeline(ax: Axes, schedule: Schedule, blocks: int, title: str) -> None:
    """Junctions and their processes over the first blocks; numbers and shades are samples.

    Args:
        ax: axes to draw on.
        schedule: what ran.
        blocks: how many to show.
        title: of the axes.
    """
    rows = [(j, p) for j in range(1, len(schedule.network) + 1) for p in PROCESSES if (j, p) != (1, "BP")]
    for task in schedule.tasks:
        if task.block >= blocks:
            continue
        at = rows.index((task.junction, task.process))
        shade = (1.0, 0.8, 0.62)[task.sample % 3]
        color = LOOKS[task.process].color
        ax.add_patch(Rectangle((task.block, at - 0.42), 0.94, 0.84, facecolor=color, alpha=shade))
        ax.text(task.block + 0.47, at, str(task.sample + 1), ha="center", va="center", fontsize=8, color="white")
    ax.set_yticks(range(len(rows)), [f"junction {j}  {p}" for j, p in rows])
    ax.set_xticks(np.arange(blocks) + 0.47, [str(block + 1) for block in range(blocks)])
    ax.set_xlim(-0.1, blocks)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel("block")
    ax.grid(False)
    ax.set_title(title)


def pipeline_frames(schedule: Schedule, blocks: int, title: str) -> Iterator[Figure]:
    """`draw_pipeline` block by block, for `player`: the present block is framed, what is to come is pale."""
    for block in range(blocks):
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        ax = figure.add_subplot()
        draw_pipeline(ax, schedule, blocks, title)
        bottom, top = ax.get_ylim()
        ax.add_patch(Rectangle((block + 0.97, top), blocks, bottom - top, facecolor="white", alpha=0.8, zorder=5))
        ax.add_patch(Rectangle((block - 0.03, top), 1, bottom - top, fill=False, edgecolor=MARKED, zorder=6))
        yield figure


def draw_speed_up(ax: Axes, sharing: pd.DataFrame) -> None:
    """Speed-up against the number of junctions; the table of `junction_pipeline.compare_sharing`."""
    for name in _SHARING:
        rows = sharing[sharing["sharing"] == name]
        ax.plot(rows["junctions"], rows["speed_up"], **LOOKS[name].named)
    printed = sharing.dropna(subset="printed")
    ax.plot(printed["junctions"], printed["printed"], label="published: 3 J", **PUBLISHED)
    ax.set_xticks(sorted(sharing["junctions"].unique()))
    ax.set_xlabel("junctions J")
    ax.set_ylabel("speed-up over one process at a time")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def draw_trade_off(axes: tuple[Axes, Axes], parallelisms: pd.DataFrame, cells: pd.DataFrame) -> None:
    """Time against hardware: multipliers of balanced networks, and logic of one synthesised junction.

    Args:
        axes: left for `junction_pipeline.compare_parallelisms`, right for the synthesis records.
        parallelisms: its last row is the network that is not balanced.
        cells: columns "parallelism", "cycles", "lookup_tables", "flip_flops", "multipliers", "pattern".
    """
    left, right = axes
    balanced, other = parallelisms.iloc[:-1], parallelisms.iloc[-1:]
    left.loglog(balanced["multipliers"], balanced["cycles"], **LOOKS["balanced"].named)
    left.loglog(other["multipliers"], other["cycles"], linestyle="none", markersize=8, **LOOKS["unbalanced"].named)
    for row in parallelisms.itertuples():
        below = row.Index == other.index[0]
        left.annotate(
            f"z = {row.parallelisms}", (row.multipliers, row.cycles), (8, -3) if below else (5, 5),
            textcoords="offset points", fontsize=8,
        )  # fmt: skip
    for axis, values in ((left.xaxis, balanced["multipliers"]), (left.yaxis, balanced["useful_cycles"])):
        axis.set_major_locator(FixedLocator(sorted(values)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_locator(NullLocator())
    left.set_xlim(balanced["multipliers"].min() / 1.4, balanced["multipliers"].max() * 3)
    left.set_xlabel("multipliers")
    left.set_ylabel("cycles from sample to sample")
    left.legend(loc="lower left")
    for (pattern, rows), line in zip(cells.groupby("pattern"), ("-", ":"), strict=False):
        rows = rows.sort_values("parallelism")
        for column in ("lookup_tables", "flip_flops", "multipliers"):
            look = LOOKS[column]
            label = f"{look.label}, {'with' if '+MD' in pattern else 'no'} dither"
            right.loglog(rows["parallelism"], rows[column], linestyle=line, label=label, **look.mark)
    right.set_xticks(sorted(cells["parallelism"].unique()), sorted(cells["parallelism"].unique()))
    right.minorticks_off()
    right.set_xlabel("degree of parallelism z")
    right.set_ylabel("cells of a junction")
    right.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)


def draw_machines(axes: tuple[Axes, Axes], machines: pd.DataFrame) -> None:
    """Whole machines, synthesised: time against logic, and what each resource becomes when z grows.

    Args:
        axes: left for cycles against logic elements, right for the resources as multiples of the slowest machine's.
        machines: the table of `junction_pipeline.machine_table`.
    """
    left, right = axes
    elements, cycles = machines["logic_elements"], machines["cycles"]
    left.plot(elements, cycles[0] * elements[0] / elements, color=GUIDE, linestyle="--", label="one for one")
    left.loglog(elements, cycles, **LOOKS["balanced"].named)
    for row in machines.itertuples():
        left.annotate(f"z = {row.parallelisms}", (row.logic_elements, row.cycles), (-6, -11), ha="right",
                      textcoords="offset points", fontsize=8)  # fmt: skip
    left.set_xlim(elements.min() / 1.5, elements.max() * 1.2)
    left.set_ylim(cycles.min() / 1.25, cycles.max() * 1.15)
    for axis, values in ((left.xaxis, elements), (left.yaxis, cycles)):
        axis.set_major_locator(FixedLocator(sorted(values)))
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.set_minor_locator(NullLocator())
    left.set_xlabel("logic elements")
    left.set_ylabel("cycles from sample to sample")
    left.legend()
    for name in ("logic_elements", "registers", "memory_bits", "memory_blocks", "multipliers"):
        right.plot(machines.index, machines[name] / machines[name][0], **LOOKS[name].named)
    right.set_xticks(machines.index, machines["parallelisms"])
    right.set_xlabel("degrees of parallelism z")
    right.set_ylabel(f"times that of z = {machines['parallelisms'][0]}")
    right.set_ylim(bottom=0)
    right.legend()


def draw_staleness(ax: Axes, staleness: pd.DataFrame) -> None:
    """Accuracy gained by the pipeline, paired by seed; the table of `junction_pipeline.staleness_table`."""
    shifts = (-0.08, 0.08)
    columns = ("pipelined_minus_sequential", "low", "high")
    for (depth, rows), shift, color in zip(staleness.groupby("junctions"), shifts, PALETTE, strict=False):
        label = f"{depth} junctions, updates up to {2 * (depth - 1) + 1} samples late"
        look: dict[str, Any] = {
            "color": color,
            "marker": "o" if shift < 0 else "s",
            "linestyle": "none",
            "label": label,
        }
        points(ax, np.arange(len(rows)) + shift, rows, columns, scale=100, **look)
    ax.axhline(0, color=GUIDE, linewidth=0.8)
    exponents = sorted(staleness["rate_exponent"].unique())
    ax.set_xticks(range(len(exponents)), [f"1/{2**exponent}" for exponent in exponents])
    ax.set_xlim(-0.5, len(exponents) - 0.5)
    ax.set_xlabel("learning rate")
    ax.set_ylabel("accuracy, pipelined minus sequential (points)")
    ax.legend()
