"""What initialisations do to deep cascades: variance through depth, and training."""

from collections import Counter
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

from fabric.plots.intervals import points
from fabric.plots.looks import FAMILIES, INK, LOOKS

_DASHED = (0, (3, 1.5))
_LINES: dict[str, Any] = {"sparse_glorot_uniform": "-", "glorot_uniform": _DASHED}
# Lines that lie on each other: the wider below, so that all are seen.
_WIDTHS = {"sparse_glorot_uniform": 5.0, "end_to_end_glorot_uniform": 2.8, "orthogonal": 1.0, "glorot_uniform": 1.5}
_INITIALIZATIONS = ("sparse_glorot_uniform", "end_to_end_glorot_uniform", "orthogonal", "glorot_uniform")


def variance_figure(table: pd.DataFrame) -> Figure:
    """Variance (log) against stages passed: lines are exact, the mark near the end is the mean over draws.

    Above both initialisations, below Sparse Glorot alone; left signals, right gradients; one colour per family.

    Args:
        table: of `fabric.experiments.studies.sparse_glorot.variances` for Sparse and ordinary Glorot.
    """
    figure, axes = plt.subplots(2, 2, figsize=(9.5, 7), sharex=True)
    for column, (direction, title) in enumerate((("forward", "signals"), ("backward", "gradients"))):
        for row, initializations in enumerate((list(_LINES), ["sparse_glorot_uniform"])):
            chosen = table["initialization"].isin(initializations) & (table["direction"] == direction)
            _draw_variances(axes[row, column], table[chosen])
        axes[0, column].yaxis.set_major_locator(LogLocator(base=1e10))
        axes[0, column].set_title(title)
        axes[1, column].set_xlabel(f"stages passed from the {'inputs' if direction == 'forward' else 'outputs'}")
        axes[1, column].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes[1, column].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes[1, column].minorticks_off()
    axes[0, 0].set_ylabel("variance, both initialisations")
    axes[1, 0].set_ylabel("variance, Sparse Glorot only")
    kinds = [Line2D([], [], color=INK, linestyle=line, label=LOOKS[key].label) for key, line in _LINES.items()]
    families = [
        Line2D([], [], label=f"{FAMILIES[family].label}, {depth}", **FAMILIES[family].mark)
        for family, depth in table.groupby("family", sort=False)["stages"].first().items()
    ]
    figure.legend(handles=kinds + families, loc="outside right center", title="topology, stages")
    return figure


def _draw_variances(ax: Axes, table: pd.DataFrame) -> None:
    marks: Counter[tuple[int, str]] = Counter()  # where several cascades end at the same stage, the marks step back
    step = max(1, round(0.05 * table["passed"].max()))
    for (family, initialization), rows in table.groupby(["family", "initialization"]):
        rows = rows.sort_values("passed")
        look = FAMILIES[family]
        ax.plot(rows["passed"], rows["expected"], linestyle=_LINES[initialization], color=look.color)
        depth = int(rows["passed"].max())
        marked = rows[rows["passed"] == max(1, depth - step * marks[depth, initialization])]
        points(ax, marked["passed"], marked, ("measured", "low", "high"), linestyle="", **look.mark)
        marks[depth, initialization] += 1
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def training_figure(accuracy: pd.DataFrame, curves: pd.DataFrame, scanned: str, fewest_stages: int) -> Figure:
    """Test accuracy with intervals, one line per initialisation: first panel against depth, the others over epochs.

    Intervals of Student's t that pass 100 % are drawn up to it.

    Args:
        accuracy: "family", "stages", "initialization", "accuracy", "low", "high" (fractions).
        curves: the same with "label" and "epoch".
        scanned: the family of the first panel.
        fewest_stages: of the networks that get a panel.
    """
    panels = list(curves[curves["stages"] >= fewest_stages].groupby(["family", "stages"], sort=False))
    columns = min(4, len(panels) + 1)
    rows = -(-(len(panels) + 1) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.6 * columns, 0.6 + 2.4 * rows), sharey=True, squeeze=False)
    first, *others = axes.flat
    scan = accuracy[accuracy["family"] == scanned]
    _draw_accuracy(first, scan, "stages")
    first.set_xscale("log", base=2)
    depths = sorted(set(scan["stages"]))
    first.set_xticks(depths, map(str, depths))
    first.set(title=f"{FAMILIES[scanned].label}, last epoch", xlabel="stages")
    for ax, ((family, stages), table) in zip(others, panels, strict=False):
        _draw_accuracy(ax, table, "epoch")
        ax.set(title=f"{FAMILIES[family].label}, {stages} stages", xlabel="epoch")
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    free = others[len(panels) :]
    for ax in free:
        ax.axis("off")
    for ax in axes[:, 0]:
        ax.set_ylabel("test accuracy (%)")
    first.set_ylim(0, 100)
    used = [
        _look(name) | {"label": LOOKS[name].label}
        for name in _INITIALIZATIONS
        if name in set(accuracy["initialization"])
    ]
    handles = [Line2D([], [], **look) for look in used]
    if free:
        free[0].legend(handles=handles, loc="center", title="initialisation")
    else:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(used))
    return figure


def _draw_accuracy(ax: Axes, table: pd.DataFrame, x: str) -> None:
    for initialization in _INITIALIZATIONS:
        rows = table[table["initialization"] == initialization].sort_values(x)
        if len(rows):
            within = rows.assign(low=rows["low"].clip(lower=0), high=rows["high"].clip(upper=1))
            points(ax, rows[x], within, scale=100, clip_on=False, **_look(initialization))


def _look(initialization: str) -> dict[str, Any]:
    line = {"linestyle": _LINES.get(initialization, "-"), "linewidth": _WIDTHS[initialization]}
    return LOOKS[initialization].mark | line | {"markersize": 3 + _WIDTHS[initialization]}
