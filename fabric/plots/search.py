"""Searches compared by hypervolume, and the Pareto front that they found together."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from fabric.plots.intervals import band
from fabric.plots.looks import FAINT, FAMILIES, GUIDE, LOOKS


def hypervolume_curves(ax: Axes, table: pd.DataFrame, ceiling: float) -> None:
    """Mean hypervolume with its 95 % interval against evaluations, one line per search.

    Args:
        ax: axes to draw on.
        table: "algorithm", "evaluations", "hypervolume", "low", "high".
        ceiling: hypervolume of everything that was found, drawn as a line.
    """
    ax.axhline(ceiling, color=GUIDE, linewidth=1, linestyle=":", label="everything found, together")
    for algorithm, rows in table.groupby("algorithm"):
        rows, look = rows.sort_values("evaluations"), LOOKS[algorithm]
        columns = ("hypervolume", "low", "high")
        band(ax, rows["evaluations"], rows, columns, color=look.color, label=look.label)
    ax.set_xlabel("cascades counted")
    ax.set_ylabel("hypervolume")
    ax.legend(loc="lower right")


def pareto_panels(found: pd.DataFrame, front: pd.DataFrame, ends: pd.Series, budget: int) -> Figure:
    """Constraints against parameters, cycles and depth: all cascades found in grey, the Pareto front in colours.

    Cascades of one depth are scattered beside it by chance, so that more of them are seen.

    Args:
        found, front: of `fabric.experiments.studies.topology_search`, with "family", "skips" and the objectives.
        ends: the label of each end's cascade, indexed by the end's name; it gets a ring and a number.
        budget: most parameters, drawn as a line.
    """
    numbered = pd.Series([str(number) for number in range(1, len(ends) + 1)], index=ends.to_numpy())
    marks = numbered.groupby(level=0).agg(", ".join)
    cascades = front.set_index("label")
    figure, axes = plt.subplots(1, 3, figsize=(10.2, 4.4), sharey=True)
    texts = {"parameters": "parameters", "cycles": "cycles per sample on a torus", "depth": "depth (stages)"}
    for ax, (column, text) in zip(axes, texts.items(), strict=True):
        width = 0.35 if column == "depth" else 0
        ax.scatter(_beside(found[column], width), found["constraints"], s=4, color=FAINT, linewidths=0, rasterized=True)
        for (family, skips), rows in sorted(front.groupby(["family", "skips"]), key=lambda group: -len(group[1])):
            face = "white" if skips else FAMILIES[family].color
            ax.scatter(
                _beside(rows[column], width),
                rows["constraints"],
                s=9,
                marker=FAMILIES[family].marker,
                facecolor=face,
                edgecolor=FAMILIES[family].color,
                linewidths=0.5,
            )
        for label, numbers in marks.items():
            where = cascades.loc[label, column], cascades.loc[label, "constraints"]
            ax.scatter(*where, s=130, facecolor="none", edgecolor="black", linewidths=1, clip_on=False)
            ax.annotate(numbers, where, xytext=(0, 9), textcoords="offset points", ha="center", fontsize=8)
        ax.set_xlabel(text)
        ax.margins(0.12)  # room for the numbers of the ends
    axes[0].axline((0, 0), slope=1, color=GUIDE, linewidth=1)
    axes[0].axvline(budget, color=GUIDE, linewidth=1, linestyle=":")
    axes[0].set_ylabel("constraints (colouring)")
    axes[1].set_xscale("log", base=2)
    axes[1].xaxis.set_major_formatter(ScalarFormatter())
    axes[2].xaxis.set_major_locator(MaxNLocator(integer=True))
    names = "; ".join(f"{number}: {name}" for number, name in enumerate(ends.index, start=1))
    figure.suptitle(f"ends: {names}", fontsize=9)
    figure.legend(handles=_legend(front), loc="outside lower center", ncols=5)
    return figure


def _beside(values: pd.Series, width: float) -> pd.Series:
    """The values, moved by chance by at most `width`, always in the same way."""
    return values + np.random.default_rng(0).uniform(-width, width, len(values))


def _legend(front: pd.DataFrame) -> list[Line2D]:
    looks = [FAMILIES[family].named for family in sorted(set(front["family"]))]
    looks.append({"color": GUIDE, "marker": "o", "markerfacecolor": "white", "label": "open: with fixed skips"})
    looks.append({"color": FAINT, "marker": "o", "label": "found, but dominated"})
    return [Line2D([], [], linestyle="", **look) for look in looks]
