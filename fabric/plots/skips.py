"""What fixed skips change: constraints, hits and accuracy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fabric.plots.intervals import points
from fabric.plots.looks import FAMILIES, GUIDE, LOOKS

KIND_LABELS = {
    "none": "no skips",
    "identity": "identity around\nevery stage",
    "off_support": "off the support\nof every stage",
    "from_input": "from the input to\nlater stages",
}


def draw_skip_constraints(ax: Axes, table: pd.DataFrame, families: Sequence[str]) -> None:
    """Per kind of skips and family what is solvable per parameter (bar) and what L1 hits (mark with its interval).

    Args:
        ax: axes to draw on.
        table: one row per family and kind: "family", "skips", "parameters", "jacobian_rank", "exact", "low", "high".
        families: in drawing order.
    """
    kinds = [kind for kind in KIND_LABELS if kind in set(table["skips"])]
    width = 0.84 / len(families)
    for offset, family in enumerate(families):
        rows = table[table["family"] == family].set_index("skips").loc[kinds]
        x = np.arange(len(kinds)) - 0.42 + width * (offset + 0.5)
        share, look = 1 / rows["parameters"], FAMILIES[family]
        ax.bar(x, rows["jacobian_rank"] * share, width * 0.92, color=look.color, alpha=0.35, label=look.label)
        points(ax, x, rows, ("exact", "low", "high"), share, linestyle="none", **look.mark)
    ax.axhline(1, color=GUIDE, linewidth=1, zorder=1)
    ax.set_xticks(range(len(kinds)), [KIND_LABELS[kind] for kind in kinds])
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x", visible=False)
    ax.set_ylim(0, 1.06)
    ax.set_ylabel("entries per parameter")


def draw_skip_accuracy(ax: Axes, table: pd.DataFrame) -> None:
    """Test accuracy (%) with its interval per cascade and kind of skips.

    Args:
        ax: axes to draw on.
        table: "method", "skips", "accuracy", "low", "high" (fractions); a method may lack some kinds.
    """
    kinds = [kind for kind in KIND_LABELS if kind in set(table["skips"])]
    methods = list(table["method"].unique())
    for method, shift in zip(methods, np.linspace(-0.15, 0.15, len(methods)), strict=True):
        rows = table[table["method"] == method].set_index("skips").reindex(kinds)
        points(ax, np.arange(len(kinds)) + shift, rows, scale=100, linestyle="none", **LOOKS[method].named)
    ax.set_xticks(range(len(kinds)), [KIND_LABELS[kind] for kind in kinds])
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x", visible=False)
    ax.set_xlim(-0.5, len(kinds) - 0.5)
    ax.set_ylabel("test accuracy (%)")
