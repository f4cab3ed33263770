"""A Clos cascade on a torus of processing elements, and the values that move on it, from tables of a trace."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

from fabric.plots.looks import INK, LEVELS, PHASES, RING, WIRE

_HALF = 0.34  # half the side of a processing element; its neighbour is 1 away


def draw_cascade(ax: Axes, computed: pd.DataFrame) -> None:
    """The cascade as three stages of routers, each neuron with the number of its processing element (figure 4, left).

    Args:
        ax: axes to draw on.
        computed: of `studies.torus_mapping.computed`: "row", "column", "phase", "neuron".
    """
    rows, columns = computed["row"].max() + 1, computed["column"].max() + 1
    names = {(line.phase, line.row, line.column): line.neuron for line in computed.itertuples()}
    names |= {(0, row, column): f"I{row * columns + column + 1}" for row, column in np.ndindex(rows, columns)}
    radius = 0.34 / (rows * columns)

    def height(ring: int, place: int, length: int) -> float:
        return 1 - (ring * length + place + 0.5) / (rows * columns)

    for phase, left in ((1, 0.0), (2, 1.0), (3, 2.0)):
        across = phase == 2  # the rings of the middle stage are columns
        rings, length = (columns, rows) if across else (rows, columns)
        for ring in range(rings):
            heights = [height(ring, place, length) for place in range(length)]
            box = FancyBboxPatch(
                (left + 0.09, heights[-1] - radius), 0.64, heights[0] - heights[-1] + 2 * radius,
                boxstyle="round,pad=0.01,rounding_size=0.02", facecolor=RING[0], edgecolor=RING[1], zorder=1,
            )  # fmt: skip
            ax.add_patch(box)
            ends = [((left + 0.2, a), (left + 0.62, b)) for a in heights for b in heights]
            ax.add_collection(LineCollection(ends, colors=PHASES[phase], linewidths=1.2, zorder=2))
            for place, y in enumerate(heights):
                at = (place, ring) if across else (ring, place)
                if phase == 1:
                    _neuron(ax, left + 0.2, y, names[0, *at])
                else:
                    x, other = left - 0.38, height(*at, columns) if across else height(place, ring, rows)
                    ax.plot([x, left + 0.2], [other, y], color=WIRE, linewidth=1.2, zorder=1)
                    ax.plot(left + 0.2, y, "o", color=INK, markersize=3, zorder=4)
                _neuron(ax, left + 0.62, y, names[phase, *at])
    for x, text, color in ((0.41, "phase 1", 1), (1.41, "phase 2", 2), (2.41, "phase 3", 3)):
        ax.text(x, 1.02, text, ha="center", va="bottom", color=PHASES[color], fontsize=10)
    ax.set_xlim(0, 2.8)
    ax.set_ylim(-0.02, 1.1)
    ax.set_axis_off()


def draw_torus(ax: Axes, computed: pd.DataFrame) -> None:
    """The torus, each processing element with the neurons that it computes (figure 4, right)."""
    rows, columns = computed["row"].max() + 1, computed["column"].max() + 1
    for (row, column), own in computed.sort_values("phase").groupby(["row", "column"]):
        _element(ax, row, column)
        ax.text(column, row - 0.25, f"PE {row + 1}{column + 1}", ha="center", va="center", fontsize=8.5, color=INK)
        for line, name in enumerate(own["neuron"]):
            chip = FancyBboxPatch(
                (column - 0.24, row - 0.155 + 0.17 * line), 0.48, 0.13, boxstyle="round,pad=0.005",
                facecolor=LEVELS[_level(name)], edgecolor="none", zorder=3,
            )  # fmt: skip
            ax.add_patch(chip)
            ax.text(column, row - 0.085 + 0.17 * line, _math(name), ha="center", va="center", fontsize=9, zorder=4)
    for row, column in np.ndindex(rows, columns):
        _link(ax, (row, column), (row, (column + 1) % columns), PHASES[1])
        _link(ax, (row, column), ((row + 1) % rows, column), PHASES[2])
    _frame(ax, rows, columns)
    ax.set_title("rows: phases 1 and 3; columns: phase 2", fontsize=10)


def draw_step(ax: Axes, moved: pd.DataFrame, unit: str, cycle: int) -> None:
    """Where every value is in one cycle, and where it is in the next one (figure 5).

    Args:
        ax: axes to draw on.
        moved: of `studies.torus_mapping.movement`.
        unit: "forward" or "update".
        cycle: one in which the unit works.
    """
    of_unit = moved[moved["unit"] == unit]
    now = of_unit[of_unit["cycle"] == cycle]
    following = of_unit[of_unit["cycle"] == cycle + 1].set_index("neuron")
    for line in now.itertuples():
        _element(ax, line.row, line.column, LEVELS[_level(line.neuron)])
        ax.text(line.column, line.row - 0.07, _math(line.neuron), ha="center", va="center", fontsize=11, zorder=4)
        number = f"{line.value}".replace("-", "−")
        ax.text(line.column, line.row + 0.17, number, ha="center", va="center", fontsize=8, zorder=4)
        if line.neuron in following.index:
            after = following.loc[line.neuron]
            _link(ax, (line.row, line.column), (after["row"], after["column"]), PHASES[line.phase])
    _frame(ax, now["row"].max() + 1, now["column"].max() + 1)
    phase, step = now[["phase", "step"]].iloc[0]
    ax.set_title(f"cycle {cycle}: {unit}, phase {phase}, step {step}", fontsize=9.5)


def draw_space_time(ax: Axes, moved: pd.DataFrame) -> None:
    """All cycles at a glance: the number of the neuron whose value every processing element works on."""
    columns = moved["column"].max() + 1
    for line in moved.itertuples():
        y = line.row * columns + line.column
        face = FancyBboxPatch(
            (line.cycle - 0.46, y - 0.44), 0.92, 0.88, boxstyle="square,pad=0",
            facecolor=LEVELS[_level(line.neuron)], edgecolor="none",
        )  # fmt: skip
        ax.add_patch(face)
        number = line.neuron.removeprefix(_level(line.neuron))
        ax.text(line.cycle, y, number, ha="center", va="center", fontsize=8)
    elements = sorted(set(zip(moved["row"], moved["column"], strict=True)))
    ax.set_yticks(range(len(elements)), [f"PE {row + 1}{column + 1}" for row, column in elements])
    ax.set_xlim(-0.6, moved["cycle"].max() + 0.6)
    ax.set_ylim(len(elements) - 0.4, -0.6)
    ax.set_xlabel("cycle: forward pass, error, backward pass with update")
    ax.grid(False)
    handles = [Patch(facecolor=color, label=f"${name}_k$" if name == "I" else f"${name[0]}_{{{name[2]}k}}$")
               for name, color in LEVELS.items() if name != "R_o"]  # fmt: skip
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), title="value $k$ of", title_fontsize=10)


def movement_frames(moved: pd.DataFrame) -> Iterator[Figure]:
    """The steps of `draw_step` one after the other, forward and then backward, for `player`."""
    for unit, cycle in moved[["unit", "cycle"]].drop_duplicates().itertuples(index=False, name=None):
        figure = Figure(figsize=(3.4, 3.6))
        draw_step(figure.add_subplot(), moved, unit, cycle)
        yield figure


def _level(neuron: str) -> str:
    return neuron.rstrip("0123456789")


def _math(neuron: str) -> str:
    """R_i3 as the paper sets it."""
    level = _level(neuron)
    number = neuron.removeprefix(level)
    return f"$I_{{{number}}}$" if level == "I" else f"$R_{{{level[2]}{number}}}$"


def _neuron(ax: Axes, x: float, y: float, name: str) -> None:
    ax.plot(x, y, "o", color=LEVELS[_level(name)], markeredgecolor=INK, markeredgewidth=0.8, markersize=22, zorder=4)
    ax.text(x, y, _math(name), ha="center", va="center", fontsize=9, zorder=5)


def _element(ax: Axes, row: int, column: int, color: str = "white") -> None:
    box = FancyBboxPatch(
        (column - _HALF, row - _HALF), 2 * _HALF, 2 * _HALF, boxstyle="round,pad=0,rounding_size=0.05",
        facecolor=color, edgecolor=INK, linewidth=1.0, zorder=2,
    )  # fmt: skip
    ax.add_patch(box)


def _link(ax: Axes, source: tuple[int, int], target: tuple[int, int], color: str) -> None:
    """An arrow along a ring; from its last place back to the first around the elements between them."""
    (row, column), (to_row, to_column) = source, target
    along_row = row == to_row
    forward = to_column > column if along_row else to_row > row
    sign = 1 if forward else -1
    if along_row:
        begin, end = (column + sign * _HALF, row - 0.12 * sign), (to_column - sign * _HALF, row - 0.12 * sign)
    else:
        begin, end = (column + 0.12 * sign, row + sign * _HALF), (column + 0.12 * sign, to_row - sign * _HALF)
    bend = 0.0
    if abs(to_row - row) + abs(to_column - column) > 1:  # around, from and to the sides that face no neighbour
        begin, end, bend = (
            ((column - 0.1, row + _HALF), (to_column + 0.1, row + _HALF), -0.14)
            if along_row
            else ((column - _HALF, row - 0.1), (column - _HALF, to_row + 0.1), -0.14)
        )
    arrow = FancyArrowPatch(
        begin, end, arrowstyle="-|>", mutation_scale=10, color=color, linewidth=1.4, shrinkA=1, shrinkB=1, zorder=1,
        connectionstyle=f"arc3,rad={bend}",
    )  # fmt: skip
    ax.add_patch(arrow)


def _frame(ax: Axes, rows: int, columns: int) -> None:
    ax.set_xlim(-0.65, columns - 0.35)
    ax.set_ylim(rows - 0.35, -0.65)
    ax.set_aspect("equal")
    ax.set_axis_off()
