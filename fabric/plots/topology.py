"""Topologies as pictures: neurons and edges, and a Clos cascade as its routers."""

from itertools import pairwise, product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from fabric.plots.looks import EDGE, FAMILIES, INK, MARKED
from fabric.topology import Topology, router_sizes


def draw_topology(ax: Axes, topology: Topology, path: tuple[int, int] | None = None, title: str | None = None) -> None:
    """Neurons as dots, levels from left to right, edges as lines.

    Args:
        ax: axes to draw on.
        topology: what to draw; up to a few hundred edges stay readable.
        path: (input, output) whose paths are highlighted.
        title: of the axes; the topology's name if None.
    """
    heights = level_heights(topology)
    on_path = _edges_between(topology, *path) if path else [np.zeros_like(stage) for stage in topology.stages]
    ordinary: dict[str, Any] = {"colors": EDGE, "linewidths": 0.8}
    highlit: dict[str, Any] = {"colors": MARKED, "linewidths": 2.2, "zorder": 3}
    for level, (stage, marked) in enumerate(zip(topology.stages, on_path, strict=True)):
        for edges, look in ((stage & ~marked, ordinary), (marked, highlit)):
            lines = [((level, heights[level][i]), (level + 1, heights[level + 1][o])) for o, i in np.argwhere(edges)]
            ax.add_collection(LineCollection(lines, **look))
    for level, height in enumerate(heights):
        ax.scatter(np.full(len(height), level), height, s=28, color=INK, zorder=4)
    labels = ["inputs", *[f"hidden {level}" for level in range(1, topology.depth)], "outputs"]
    ax.set_xticks(range(topology.depth + 1), labels)
    _clean(ax, title or topology.name)


def draw_clos_routers(
    ax: Axes, inputs: int, outputs: int, input_routers: int, middle_routers: int, output_routers: int
) -> None:
    """A Clos cascade as routers joined by wires, the network engineer's view (ClosNets, figure 2, left)."""
    columns = [(1, input_routers), (2, middle_routers), (3, output_routers)]
    for x, routers in columns:
        for y in _spread(routers):
            box = Rectangle(
                (x - 0.12, y - 0.4 / routers), 0.24, 0.8 / routers, facecolor=FAMILIES["clos"].color, zorder=3
            )
            ax.add_patch(box)
    wires = [
        ((left + 0.12, y), (right - 0.12, z))
        for (left, before), (right, after) in pairwise(columns)
        for y, z in product(_spread(before), _spread(after))
    ]
    for x, edge, neurons, routers in ((0, 0.88, inputs, input_routers), (4, 3.12, outputs, output_routers)):
        ends = np.repeat(_spread(routers), router_sizes(neurons, routers))
        wires += [((x, y), (edge, z)) for y, z in zip(_spread(neurons), ends, strict=True)]
        ax.scatter(np.full(neurons, x), _spread(neurons), s=28, color=INK, zorder=4)
    ax.add_collection(LineCollection(wires, colors=EDGE, linewidths=0.8))
    counts = zip(("R_i", "R_m", "R_o"), columns, strict=True)
    ax.set_xticks(range(5), ["inputs", *[f"${name}$ = {routers}" for name, (_, routers) in counts], "outputs"])
    _clean(ax, f"Clos ({inputs}, {outputs}, {input_routers}, {middle_routers}, {output_routers}) as routers")


def level_heights(topology: Topology) -> list[np.ndarray]:
    """Vertical places of the neurons of every level, from the top, in 0 ... 1."""
    return [_spread(width) for width in topology.widths]


def _spread(count: int) -> np.ndarray:
    """Heights of `count` items, evenly spaced over 0 ... 1 from the top."""
    return 1 - (np.arange(count) + 0.5) / count


def _edges_between(topology: Topology, source: int, target: int) -> list[np.ndarray]:
    """Per stage the edges that lie on a path from an input to an output, boolean (outputs, inputs)."""
    forward = [np.arange(topology.inputs) == source]
    for stage in topology.stages:
        forward.append(stage @ forward[-1])
    backward = np.arange(topology.outputs) == target
    edges = []
    for stage, reached in zip(reversed(topology.stages), reversed(forward[:-1]), strict=True):
        edges.append(stage & backward[:, None] & reached[None, :])
        backward = stage.T @ backward
    return edges[::-1]


def _clean(ax: Axes, title: str) -> None:
    ax.set_title(title)
    ax.set_yticks([])
    ax.grid(False)
    ax.set_ylim(-0.03, 1.03)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(axis="x", length=0)
