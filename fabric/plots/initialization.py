"""What initialisations do to deep cascades: variance through depth, and training."""

from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, StrMethodFormatter

from fabric.plots.style import COLORS, LABELS, MARKERS

_NAMES = LABELS | {"multistage_clos": "multistage Clos", "random_sparse": "random masks"}
_LINES = {"sparse_glorot_uniform": "-", "glorot_uniform": (0, (3, 1.5))}
_LOOKS = {
    "sparse_glorot_uniform": {"color": "#332288", "marker": "o", "label": "Sparse Glorot"},
    "end_to_end_glorot_uniform": {"color": "#44AA99", "marker": "D", "label": "Sparse Glorot scaled end to end"},
    "orthogonal": {"color": "#DDAA33", "marker": "^", "label": "orthogonal"},
    "glorot_uniform": {"color": "#CC3311", "marker": "X", "linestyle": (0, (3, 1.5)), "label": "ordinary Glorot"},
}


def variance_figure(table: pd.DataFrame) -> Figure:
    """Variance (log) against stages passed: lines are exact, the mark at the end is the mean over draws.

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
    kinds = [
        Line2D([], [], color="#333333", linestyle=line, label=_LOOKS[key]["label"]) for key, line in _LINES.items()
    ]
    families = [
        Line2D([], [], color=COLORS[family], marker=MARKERS[family], label=f"{_NAMES[family]}, {depth}")
        for family, depth in table.groupby("family", sort=False)["stages"].first().items()
    ]
    figure.legend(handles=kinds + families, loc="outside right center", title="topology, stages")
    return figure


def _draw_variances(ax: Axes, table: pd.DataFrame) -> None:
    marks = Counter()  # beside each other where several cascades end at the same stage
    for (family, initialization), rows in table.groupby(["family", "initialization"]):
        rows = rows.sort_values("passed")
        look = {"color": COLORS[family]}
        ax.plot(rows["passed"], rows["expected"], linestyle=_LINES[initialization], **look)
        end = rows.iloc[[-1]]
        depth = int(end["passed"].item())
        errors = [end["measured"] - end["low"], end["high"] - end["measured"]]
        place = depth + 0.025 * table["passed"].max() * marks[depth, initialization]
        ax.errorbar(place, end["measured"], errors, marker=MARKERS[family], capsize=2.5, linestyle="", **look)
        marks[depth, initialization] += 1
    ax.set_yscale("log")
    ax.xaxis.get_major_locator().set_params(integer=True)


def training_figure(accuracy: pd.DataFrame, curves: pd.DataFrame, scanned: str, fewest_stages: int) -> Figure:
    """Test accuracy with intervals, one line per initialisation: first panel against depth, the others over epochs.

    Args:
        accuracy: "family", "stages", "initialization", "accuracy", "low", "high" (fractions).
        curves: the same with "label" and "epoch".
        scanned: the family of the first panel.
        fewest_stages: of the networks that get a panel.
    """
    panels = list(curves[curves["stages"] >= fewest_stages].groupby(["family", "stages"], sort=False))
    columns = min(4, len(panels) + 1)
    rows = -(-(len(panels) + 1) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3 * columns, 0.6 + 2.7 * rows), sharey=True, squeeze=False)
    first, *others = axes.flat
    scan = accuracy[accuracy["family"] == scanned]
    _draw_accuracy(first, scan, "stages")
    first.set_xscale("log", base=2)
    depths = sorted(set(scan["stages"]))
    first.set_xticks(depths, map(str, depths))
    first.set(title=f"{_NAMES[scanned]}, last epoch", xlabel="stages")
    for ax, ((family, stages), table) in zip(others, panels, strict=False):
        _draw_accuracy(ax, table, "epoch")
        ax.set(title=f"{_NAMES[family]}, {stages} stages", xlabel="epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    for ax in others[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("test accuracy (%)")
    first.set_ylim(0, 102)
    used = [look for initialization, look in _LOOKS.items() if initialization in set(accuracy["initialization"])]
    figure.legend(handles=[Line2D([], [], **look) for look in used], loc="outside lower center", ncols=len(used))
    return figure


def _draw_accuracy(ax: Axes, table: pd.DataFrame, x: str) -> None:
    for initialization, look in _LOOKS.items():
        rows = table[table["initialization"] == initialization].sort_values(x)
        if len(rows):
            percent = 100 * rows[["accuracy", "low", "high"]]
            errors = [percent["accuracy"] - percent["low"], percent["high"] - percent["accuracy"]]
            ax.errorbar(rows[x], percent["accuracy"], errors, capsize=2.5, elinewidth=1, **look)
