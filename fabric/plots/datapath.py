"""Block diagrams of the machine: nodes and arrows from the Verilog, places from here (ClosNets, figures 6 to 9)."""

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

KINDS = {
    "input": ("#FFFFFF", "port"),
    "output": ("#FFFFFF", "port"),
    "register": ("#BFD7EA", "register"),
    "memory": ("#8FB8DE", "memory"),
    "table": ("#8FB8DE", "memory"),
    "instance": ("#DDE3E8", "module"),
    "multiply": ("#F0A08A", "multiplier"),
    "add": ("#F5DC82", "adder"),
    "select": ("#C9E4C5", "multiplexer"),
    "logic": ("#EDE3F2", "shift, logic"),
}
_WIDTH, _HEIGHT = 1.04, 0.42
_INK = "#2F3B47"
# Where each node stands, and how an arrow that would cross a node bends. Every node of the source must have a place.
PLACES = {
    "fabric_forward": {
        "incoming": (0, 2.2), "loaded": (0, 1.4), "weight": (0, 0.4), "operand_q": (1.5, 1.8), "product": (3, 1.1),
        "sum": (4.5, 1.1), "held": (4.5, 0), "sum_q": (6, 0), "round": (6, 1.1), "function_of": (7.5, 1.1),
        "activation": (9, 1.1),
    },
    "fabric_backward": {
        "sigmoid.slope": (0, 2.6), "own": (0, 1.9), "weight": (0, 1.2), "loaded": (0, 0.2), "factor": (1.5, 1.9),
        "delta_q": (1.5, 0.2), "product": (3, 1.2), "incoming": (3, 2.6), "passing_q": (4.7, 2.6), "sum": (6.2, 1.7),
        "sigmoid.round": (4.7, 0.2), "delta_next": (6.2, 0.2),
    },
    "fabric_update": {
        "incoming": (0, 2.2), "loaded": (0, 1.4), "delta": (0, 0.4), "activation_q": (1.5, 1.8), "product": (3, 1.4),
        "noise": (3, 0.4), "step": (4.5, 1.4), "dither": (4.5, 0.4), "dithered": (6, 1.4), "increment": (7.5, 1.4),
        "weight": (7.5, 0.4), "total": (9, 1.4), "updated": (10.5, 1.4),
    },
    "fabric_pe": {
        "operand_north": (0, 6.5), "operand_west": (0, 5.7), "operand_in": (1.6, 6.1), "input_in": (1.6, 7.2),
        "input_q": (3.2, 7.2), "bank.weights": (0.6, 4.4), "to_write": (2.1, 3.5), "forward_weight": (3.4, 5.0),
        "backward_weight": (3.4, 4.1), "forward": (5, 6.1), "operand": (6.8, 6.7), "store": (6.3, 4.6),
        "sum_north": (0, 3.2), "sum_west": (0, 2.5), "sum_in": (1.6, 2.6), "backward": (5, 3.1), "sum": (6.9, 3.2),
        "activation_north": (0, 1.6), "activation_west": (0, 0.9), "activation_in": (1.6, 1.2), "update": (5, 1.4),
        "activation": (6.9, 1.2), "output_in": (9, 6.8), "output_q": (9, 5.6), "target_in": (9, 0.6),
        "target_q": (9, 1.6), "calculator": (9, 3.6), "error_q": (8.2, 2.5),
    },
    "fabric_machine": {
        "program_data": (0, 5.0), "command_data": (0, 4.1), "input_data": (0, 1.9), "target_data": (0, 0.9),
        "sequencer": (1.9, 5.0), "input_chain": (1.9, 4.1), "input_memory": (1.9, 1.9), "target_memory": (1.9, 0.9),
        "target_chain": (1.9, 3.2), "feeds.row.feed": (3.8, 2.4), "torus": (5.7, 1.4), "output_chain": (5.7, 0.4),
        "output_data": (7.6, 1.4), "counters": (5.7, 3.7), "count_cycles": (7.6, 4.6), "count_forward": (7.6, 4.0),
        "count_backward": (7.6, 3.4), "count_waiting": (7.6, 2.8), "steps_q": (5.7, 2.3), "count_steps": (7.6, 2.2),
    },
}  # fmt: skip
BENDS = {
    ("fabric_forward", "activation", "operand_q"): 0.22,
    ("fabric_backward", "delta_next", "delta_q"): -0.16,
}


def draw_datapath(ax: Axes, module: str, graph: nx.DiGraph, title: str) -> None:
    """A block diagram of a module.

    Args:
        ax: axes to draw on.
        module: one of `PLACES`.
        graph: of `fabric.hardware.datapath.datapath`.
        title: of the axes.

    Raises:
        ValueError: the module has nodes without a place here, or places without a node.
    """
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
            facecolor=KINDS[look["kind"]][0], edgecolor=_INK, linewidth=0.9, zorder=3,
            linestyle="--" if look["kind"] in ("input", "output") else "-",
        )  # fmt: skip
        ax.add_patch(boxes[name])
        ax.text(x, y, _label(name, look), ha="center", va="center", fontsize=7.5, zorder=4, linespacing=1.05)
    for source, target in graph.edges:
        bend = BENDS.get((module, source, target), 0)
        arrow = FancyArrowPatch(
            places[source], places[target], patchA=boxes[source], patchB=boxes[target], arrowstyle="-|>", linewidth=1,
            mutation_scale=9, color="#6B7782", connectionstyle=f"arc3,rad={bend}", shrinkA=0, shrinkB=1, zorder=2,
        )  # fmt: skip
        ax.add_patch(arrow)
    xs, ys = zip(*places.values(), strict=True)
    ax.set_xlim(min(xs) - 0.7, max(xs) + 0.7)
    ax.set_ylim(min(ys) - 0.7, max(ys) + 0.7)
    ax.set_axis_off()
    ax.set_title(title)


def legend_of_kinds(ax: Axes, **placing: object) -> None:
    """What the colours of block diagrams mean; `placing` goes to matplotlib's legend."""
    labels = {label: color for color, label in KINDS.values()}
    handles = [Patch(facecolor=color, edgecolor=_INK, label=label) for label, color in labels.items()]
    ax.legend(handles=handles, ncols=len(handles), fontsize=8, **placing)


def _label(name: str, look: dict) -> str:
    sign = {"multiply": "× ", "add": "+ "}.get(look["kind"], "")
    short = name.removeprefix("sigmoid.").replace("feeds.row.", "").replace("bank.", "")
    copies = f" ×{look['copies']}" if look["copies"] > 1 else ""
    module = f"\n{look['module']}{copies}" if look["module"] else ""
    return f"{sign}{short}{module}"
