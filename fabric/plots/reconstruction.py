"""Entries that optimisation hits beside those that a cascade could hit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fabric.plots.intervals import points
from fabric.plots.looks import FAMILIES, GUIDE, INK, LOOKS

_TARGETS = ("gaussian", "uniform", "orthogonal")
_LOSSES = ("l1", "l2")


def draw_hits(ax: Axes, table: pd.DataFrame, families: Sequence[str]) -> None:
    """Per family a bar for what is solvable per parameter, a mark for the colouring, and what L1 and L2 hit.

    Args:
        ax: axes to draw on.
        table: one row per family, target and loss of one width: "family", "target", "loss", "parameters",
            "jacobian_rank", "coloring", and "exact" with its interval "low" and "high".
        families: from the top.
    """
    targets = [target for target in _TARGETS if target in set(table["target"])]
    for place, family in enumerate(families):
        rows = table[table["family"] == family]
        counts = rows.iloc[0]
        solvable, colored = counts["jacobian_rank"] / counts["parameters"], counts["coloring"] / counts["parameters"]
        ax.barh(place, solvable, height=0.78, color=FAMILIES[family].color, alpha=0.22, zorder=1)
        ax.plot([colored, colored], [place - 0.39, place + 0.39], color=INK, linewidth=1.4, zorder=2)
        for row in rows[rows["target"].isin(targets)].itertuples():
            offset = np.linspace(-0.22, 0.22, len(targets))[targets.index(row.target)] if len(targets) > 1 else 0
            color, marker = LOOKS[f"loss {row.loss}"].color, LOOKS[f"target {row.target}"].marker
            own, at = rows.loc[[row.Index]], [place + offset]
            look: dict[str, Any] = {"color": color, "marker": marker, "linestyle": "none", "markersize": 4, "zorder": 3}
            points(ax, at, own, ("exact", "low", "high"), 1 / row.parameters, sideways=True, **look)
        best = rows[(rows["loss"] == "l1") & (rows["target"] == "gaussian")].iloc[0]
        share = 100 * best["exact"] / best["jacobian_rank"]
        ax.text(1.01, place, f"{share:.0f} %", transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ax.text(1.01, -0.75, "L1 hits of\nsolvable", transform=ax.get_yaxis_transform(), va="bottom", fontsize=9)
    ax.set_yticks(range(len(families)), [FAMILIES[family].label for family in families])
    ax.set_ylim(len(families) - 0.5, -0.5)
    ax.set_xlim(-0.02, 1.03)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("entries per parameter")


def hits_legend() -> list[Artist]:
    """Handles that explain `draw_hits`."""
    losses = [LOOKS[f"loss {loss}"] for loss in _LOSSES]
    targets = [LOOKS[f"target {target}"] for target in _TARGETS]
    return [
        Patch(color=GUIDE, alpha=0.3, label="solvable (Jacobian rank)"),
        Line2D([], [], color=INK, linewidth=1.4, label="colouring"),
        *(Line2D([], [], color=look.color, linewidth=3, label=look.label) for look in losses),
        *(Line2D([], [], linestyle="none", **look.named) for look in targets),
    ]
