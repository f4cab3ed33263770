"""A colouring step by step, and the counts that come of it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from fabric.constraints import Coloring
from fabric.plots.looks import FAMILIES, GUIDE, INK, LOOKS, MARKED
from fabric.plots.topology import draw_topology, level_heights
from fabric.topology import Topology

_WAYS = ("coloring", "jacobian_rank", "closed_form", "jacobian_rank_with_skips")


def draw_coloring_step(ax: Axes, topology: Topology, coloring: Coloring, step: int) -> None:
    """The graph after path number `step` (from 0): edges that it coloured are marked, those of earlier paths dark.

    Args:
        ax: axes to draw on.
        topology: the cascade; up to a few dozen edges stay readable.
        coloring: its colouring.
        step: the path that is drawn as a pale line.
    """
    draw_topology(ax, topology)
    heights = level_heights(topology)
    for level, (stage, owners) in enumerate(zip(topology.stages, coloring.colored_by, strict=True)):
        for (target, source), owner in zip(np.argwhere(stage), owners, strict=True):
            if 0 <= owner <= step:
                line = [(level, heights[level][source]), (level + 1, heights[level + 1][target])]
                color = MARKED if owner == step else INK
                ax.add_collection(LineCollection([line], colors=color, linewidths=1.8, zorder=3))
    path = coloring.paths[step]
    way = [(level, heights[level][neuron]) for level, neuron in enumerate(path)]
    ax.plot(*zip(*way, strict=True), color=MARKED, linewidth=6, alpha=0.25, zorder=2)
    ax.set_title(f"path {step + 1}: {path[0]} → {path[-1]}", fontsize=9)
    ax.set_xticks([])


def draw_constraint_counts(ax: Axes, table: pd.DataFrame) -> None:
    """Solvable constraints per parameter, one row per family, one mark per way of counting.

    Args:
        ax: axes to draw on.
        table: of `fabric.experiments.studies.topologies.count_constraints`.
    """
    rows = np.arange(len(table))
    for offset, way in zip(np.linspace(-0.24, 0.24, len(_WAYS)), _WAYS, strict=True):
        share = table[way].astype(float) / table["parameters"]
        ax.scatter(share, rows + offset, s=36, zorder=3, **LOOKS[way].named)
    ax.axvline(1, color=GUIDE, linewidth=1)
    ax.set_yticks(rows, [FAMILIES[family].label for family in table["family"]])
    for tick, family in zip(ax.get_yticklabels(), table["family"], strict=True):
        tick.set_color(FAMILIES[family].color)
    ax.invert_yaxis()
    ax.set_xlabel("solvable constraints per parameter")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
