"""Block diagrams of the machine: nodes and arrows from the Verilog, places from here (ClosNets, figures 6 to 9)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

from fabric.plots.looks import CONTROL, FLOW, INK, KINDS

_WIDTH, _HEIGHT = 1.16, 0.44
_INCHES = 0.89  # of a figure, for one unit of the places below
# Where each node stands, and how an arrow that would cross a node bends. Every node of the source must have a place.
PLACES = {
    "fabric_forward": {
        "incoming": (0, 2.2), "loaded": (0, 1.4), "weight": (0, 0.4), "operand_q": (1.5, 1.8), "product": (3, 1.1),
        "sum": (4.5, 1.1), "sum_q": (4.5, 0), "truncate": (6, 1.1), "function_of": (7.5, 1.1),
        "activation": (9, 1.1),
    },
    "fabric_backward": {
        "sigmoid.slope": (0, 2.6), "own": (0, 1.9), "weight": (0, 1.2), "loaded": (0, 0.2), "factor": (1.5, 1.9),
        "delta_q": (1.5, 0.2), "product": (3, 1.2), "incoming": (3, 2.6), "passing_q": (4.7, 2.6), "sum": (6.2, 1.7),
        "sigmoid.truncate": (4.7, 0.2), "delta_next": (6.2, 0.2), "taken": (0, -0.6),
    },
    "fabric_update": {
        "incoming": (0, 2.2), "loaded": (0, 1.4), "delta": (0, 0.4), "activation_q": (1.5, 1.8), "product": (3, 1.4),
        "noise": (3, 0.4), "seed": (1.5, 0.4), "step": (4.5, 1.4), "dither": (4.5, 0.4), "weight": (6, 0.4),
        "total": (6, 1.4), "updated": (7.5, 1.4),
    },
    "fabric_pe": {
        "operand_in": (1.7, 6.5), "forward": (5.2, 6.5),
        "operand": (7.2, 6.5), "input_in": (0, 5.1), "input_q": (1.7, 5.1), "to_write": (1.7, 3.9),
        "bank.weights": (3.4, 3.9), "forward_weight": (5.2, 4.9), "backward_weight": (6, 3.5), "store": (7.2, 4.15),
        "sum_in": (1.7, 2.2), "backward": (4.8, 2.2), "sum": (7.2, 1.4),
        "activation_in": (1.7, 0.4), "update": (5.2, 0.4), "at_once.leaving": (9.2, 5.3),
        "activation": (7.2, 0.4), "output_in": (9.2, 6.5), "output_q": (9.2, 4.6), "calculator": (9.2, 3.3),
        "error_q": (7.2, 2.2), "seed": (5.2, -0.5), "target_q": (9.2, 1.8), "target_in": (9.2, 0.4),
    },
    "fabric_machine": {
        "program_data": (0, 5.6), "command_data": (0, 4.6), "input_data": (0, 2.4), "target_data": (0, 1.2),
        "sequencer": (4, 5.6), "input_chain": (2.4, 3.6), "input_memory": (2.4, 2.4), "target_memory": (2.4, 1.2),
        "target_chain": (2.4, 0), "feeds.row.feed": (4.6, 3.25), "torus": (6.6, 1.8), "output_chain": (6.6, 0.4),
        "output_skid": (8.6, 1.1), "output_data": (10.2, 1.1), "statistics": (8.6, 4.9), "steps_q": (8.6, 2.3),
        "count_clipped_activations": (10.2, 7.3), "count_clipped_errors": (10.2, 6.75),
        "count_clipped_deltas": (10.2, 6.2), "count_clipped_weights": (10.2, 5.65), "count_cycles": (10.2, 5.1),
        "count_forward": (10.2, 4.55), "count_backward": (10.2, 4), "count_waiting": (10.2, 3.45),
        "count_updates": (10.2, 2.9), "count_steps": (10.2, 2.3), "wait_for": (5.85, 4.7), "to_next": (5.3, 6.9),
        "to_memories": (6.6, 6.2), "to_places": (5.3, 6.2), "say_starts": (4, 6.4), "to_multiply": (6.6, 6.9),
        "to_add": (7.9, 7.8), "to_result": (7.9, 7.2), "to_write": (7.9, 6.6),
    },
}  # fmt: skip
BENDS = {
    ("fabric_forward", "activation", "operand_q"): 0.22,
    ("fabric_forward", "sum", "sum_q"): 0.3,
    ("fabric_forward", "sum_q", "sum"): 0.3,
    ("fabric_backward", "delta_next", "delta_q"): -0.16,
    ("fabric_machine", "command_data", "target_chain"): 0.09,
    ("fabric_machine", "sequencer", "target_chain"): -0.14,
}


def block_diagrams(panels: Sequence[tuple[str, nx.DiGraph, str]]) -> Figure:
    """Block diagrams of modules below one another, all at one scale.

    Args:
        panels: (module, graph, title) each: one of `PLACES`, of `fabric.hardware.datapath.datapath`, of the axes.

    Raises:
        ValueError: a module has nodes without a place here, or places without a node.
    """
    corners = [np.array(list(PLACES[module].values())) for module, _, _ in panels]
    width = max(places[:, 0].max() for places in corners) + 1.2
    heights = [np.ptp(places[:, 1]) + 0.85 for places in corners]
    figure = plt.figure(figsize=(_INCHES * width, _INCHES * sum(heights) + 0.4 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights).flat
    for ax, (module, graph, title), places in zip(axes, panels, corners, strict=True):
        middle = places[:, 0].max() / 2
        _draw(ax, module, graph)
        ax.set_xlim(middle - width / 2, middle + width / 2)
        ax.set_ylim(places[:, 1].min() - 0.45, places[:, 1].max() + 0.4)
        ax.set_aspect("equal")
        ax.set_axis_off()
        ax.set_title(title)
    handles = _meanings([graph for _, graph, _ in panels])
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, columnspacing=1.2)
    return figure


def _draw(ax: Axes, module: str, graph: nx.DiGraph) -> None:
    places = PLACES[module]
    if set(places) != set(graph):
        raise ValueError(
            f"places of {module} must be those of its nodes, missing: {sorted(set(graph) - set(places))}, "
            f"not in the source: {sorted(set(places) - set(graph))}"
        )
    boxes = {}
    for name, look in graph.nodes(data=True):
        x, y = places[name]
        boxes[name] = FancyBboxPatch(
            (x - _WIDTH / 2, y - _HEIGHT / 2), _WIDTH, _HEIGHT, boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=KINDS[look["kind"]].color, edgecolor=INK, linewidth=2.2 if _is_result(look) else 0.9,
            linestyle="--" if look["kind"] in ("input", "output") else "-", zorder=3,
        )  # fmt: skip
        ax.add_patch(boxes[name])
        ax.text(x, y, _label(name, look), ha="center", va="center", fontsize=8, zorder=4, linespacing=1.0)
    for source, target, control in graph.edges.data("control"):
        bend = BENDS.get((module, source, target), 0)
        arrow = FancyArrowPatch(
            places[source], places[target], patchA=boxes[source], patchB=boxes[target], arrowstyle="-|>", linewidth=1,
            mutation_scale=9, color=CONTROL if control else FLOW, connectionstyle=f"arc3,rad={bend}", shrinkA=0,
            shrinkB=1, zorder=1 if control else 2,
        )  # fmt: skip
        ax.add_patch(arrow)


def _is_result(look: dict) -> bool:
    """Whether a node is an output and not a mere port."""
    return look["leaves"] and look["kind"] != "output"


def _meanings(graphs: Sequence[nx.DiGraph]) -> list[Patch | Line2D]:
    """Handles of a legend: what the colours and lines of these graphs mean."""
    looks = [look for graph in graphs for _, look in graph.nodes(data=True)]
    present = {look["kind"] for look in looks}
    labels = {look.label: look.color for kind, look in KINDS.items() if kind in present}
    handles: list[Patch | Line2D] = [
        Patch(facecolor=color, edgecolor=INK, label=label) for label, color in labels.items()
    ]
    if any(map(_is_result, looks)):
        handles.append(Patch(facecolor="white", edgecolor=INK, linewidth=2.2, label="also an output"))
    if any(control for graph in graphs for _, _, control in graph.edges.data("control")):
        handles += [Line2D([], [], color=FLOW, label="words"), Line2D([], [], color=CONTROL, label="control")]
    return handles


def _label(name: str, look: dict) -> str:
    sign = {"multiply": "× ", "add": "+ "}.get(look["kind"], "")
    short = name.removeprefix("sigmoid.").replace("feeds.row.", "").replace("bank.", "")
    if len(short) > 14:
        short = "_\n".join(short.rsplit("_", 1))
    copies = f" ×{look['copies']}" if look["copies"] > 1 else ""
    module = f"\n{look['module']}{copies}" if look["module"] else ""
    return f"{sign}{short}{module}"
