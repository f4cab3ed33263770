"""What everything that is drawn looks like: one label, one colour and one marker for each, in one table.

The colour of a topology family, of what a source published and of what is marked stands for nothing else. All other
things share a palette of nine colours, since there are more things than colours that an eye tells apart; no two of
them have the same colour within a figure.
"""

import re
from dataclasses import dataclass
from typing import Any

from fabric._checks import Named, instance, sequence, shown


@dataclass(frozen=True)
class Look:
    """How one thing is drawn and what it is called."""

    label: str
    color: str
    marker: str = "o"

    @property
    def mark(self) -> dict[str, Any]:
        """Arguments of matplotlib without the label."""
        return {"color": self.color, "marker": self.marker}

    @property
    def named(self) -> dict[str, Any]:
        """Arguments of matplotlib with the label."""
        return {**self.mark, "label": self.label}


PALETTE = ("#332288", "#CC6677", "#44AA99", "#DDCC77", "#88CCEE", "#882255", "#117733", "#999933", "#AA4499")
_INDIGO, _ROSE, _TEAL, _SAND, _CYAN, _WINE, _GREEN, _OLIVE, _PURPLE = PALETTE
INK, GUIDE, EDGE, FAINT, PALE, GRID = (
    "#2F3B47",
    "#777777",
    "#9AA5B1",
    "#D9D9D9",
    "#C7D3DF",
    "#E5E5E5",
)  # what is no data
MARKED = "#D7191C"  # what a picture points at: a path, a clash
PUBLISHED: dict[str, Any] = {"color": "#AA3377", "linestyle": (0, (4, 2)), "linewidth": 1.2}

FAMILIES = {
    "clos": Look("Clos", "#0072B2", "o"),
    "dense": Look("dense", "#4D4D4D", "s"),
    "low_rank": Look("low-rank", "#D55E00", "^"),
    "random_sparse": Look("random sparse", "#009E73", "D"),
    "multistage_clos": Look("multistage Clos", "#56B4E9", "p"),
    "butterfly": Look("butterfly", "#CC79A7", "v"),
    "parallel_butterfly": Look("parallel butterflies", "#8E4585", "<"),
    "hypercube": Look("hypercube", "#E69F00", "h"),
    "torus": Look("torus", "#8C6D31", "P"),
    "mesh": Look("mesh", "#7F7F7F", "X"),
    "predefined": Look("pre-defined sparse", "#B8A200", "d"),
}
OTHERS = {
    # other ways to a smaller or another model
    "hashing": Look("hashing", _PURPLE, "D"),
    "block_diagonal": Look("block diagonal", _GREEN, "D"),
    "clos_by_gate": Look("Clos, a cascade a gate", _CYAN, "P"),
    "magnitude_pruning": Look("magnitude pruning", _ROSE, "X"),
    "l1": Look("L1 regularisation", _INDIGO, "v"),
    "dropout": Look("dropout", _TEAL, "P"),
    "random forest": Look("random forest", _TEAL, "v"),
    "decision tree": Look("decision tree", _ROSE, "^"),
    "linear SVM": Look("linear SVM", _PURPLE, "P"),
    "ResNet18": Look("ResNet18", _TEAL, "D"),
    # ways to compute a layer; the Clos cascade, the dense layer and the low-rank product look as everywhere
    "monarch": Look("Monarch", _INDIGO, "D"),
    "block-diagonal": Look("block-diagonal", _TEAL, "P"),
    "CSR": Look("CSR", _OLIVE, "X"),
    "masked dense": Look("masked dense", _ROSE, "*"),
    "btt": Look("block tensor train", _ROSE, "P"),
    "chosen": Look("nearest of all", _TEAL, "X"),
    "one rate": Look("one rate for all", _ROSE, "X"),
    "carried": Look("rates carried over", _TEAL, "o"),
    # initialisations
    "sparse_glorot_uniform": Look("Sparse Glorot", _INDIGO, "o"),
    "end_to_end_glorot_uniform": Look("Sparse Glorot scaled end to end", _TEAL, "D"),
    "orthogonal": Look("orthogonal", _SAND, "^"),
    "glorot_uniform": Look("ordinary Glorot", _ROSE, "X"),
    # searches, ways of counting, losses and targets
    "nsga2": Look("evolutionary (NSGA-II)", _INDIGO),
    "nsga3": Look("evolutionary (NSGA-III)", _INDIGO),
    "enumeration": Look("enumeration, cut off", _OLIVE),
    "random": Look("random", _TEAL),
    "coloring": Look("colouring (greedy)", _INDIGO, "o"),
    "jacobian_rank": Look("Jacobian rank (truth)", _ROSE, "D"),
    "closed_form": Look("closed form, where proved", _TEAL, "x"),
    "jacobian_rank_with_skips": Look("Jacobian rank with skips off the support", _OLIVE, "^"),
    "loss l1": Look("hit with L1", _INDIGO),
    "loss l2": Look("hit with L2", _ROSE),
    "target gaussian": Look("gaussian targets", GUIDE, "o"),
    "target uniform": Look("uniform targets", GUIDE, "s"),
    "target orthogonal": Look("orthogonal targets", GUIDE, "D"),
    # networks that change while they train
    "equal operations": Look("equal operations", _INDIGO, "o"),
    "fewer operations": Look("fewer operations", _TEAL, "v"),
    "more operations": Look("more operations", _ROSE, "^"),
    # learning together
    "narrow dense": Look("narrow dense", _WINE, "X"),
    "structured update": Look("structured update of dense", _ROSE, "^"),
    "Clos, 9 bits": Look("Clos, 9 bits sent", _INDIGO, "P"),
    # the machine: cells, variants, training, word lengths
    "ours": Look("ours, Yosys", _INDIGO, "o"),
    "lookup_tables": Look("tables of four inputs", _INDIGO),
    "flip_flops": Look("flip-flops", _CYAN),
    "multipliers": Look("multipliers", _ROSE),
    "logic_elements": Look("logic elements", _INDIGO, "o"),
    "registers": Look("registers", _CYAN, "s"),
    "memory_bits": Look("bits of memories", _OLIVE, "D"),
    "memory_blocks": Look("memory blocks", _TEAL, "^"),
    "table II": Look("as in table II", _INDIGO, "o"),
    "pipelined": Look("pipelined", _TEAL, "s"),
    "interleaved training": Look("pipelined, interleaved training", _ROSE, "D"),
    "on-chip training": Look("on-chip training", _OLIVE, "^"),
    "chip, overlapped": Look("chip, overlapped", _INDIGO, "o"),
    "chip, sequential": Look("chip, sequential", _TEAL, "s"),
    "float32": Look("float32", _GREEN, "D"),
    "9/12": Look("9/12 bits", _INDIGO, "s"),
    "9/9": Look("9/9 bits", _ROSE, "o"),
    "memory": Look("move its bytes", _ROSE),
    "compute": Look("compute", _TEAL),
    "overhead": Look("call", _OLIVE),
    # convolutions
    "parameters": Look("parameters", _INDIGO),
    "operations": Look("operations", _SAND),
    "narrow": Look("narrow dense, equal weights", _WINE, "X"),
    "grouped": Look("grouped and shuffled", _OLIVE, "P"),
    "trained": Look("trained", _INDIGO),
    "at random": Look("random", _SAND),
    "first": Look("in the first stage", _INDIGO, "o"),
    "im2col": Look("over im2col", _TEAL, "D"),
    "depthwise": Look("depthwise, then pixel by pixel", _ROSE, "^"),
    # pre-defined sparsity on its machine
    "FF": Look("FF", _INDIGO),
    "BP": Look("BP", _ROSE),
    "UP": Look("UP", _GREEN),
    "one process": Look("one process", _OLIVE, "s"),
    "parallel processes": Look("parallel processes", _TEAL, "D"),
    "junction pipeline": Look("junction pipeline", _ROSE, "^"),
    "both": Look("both", _INDIGO, "o"),
    "both, behind a trunk": Look("both, behind a convolutional trunk", _CYAN, "v"),
    "balanced": Look("balanced junctions", _INDIGO, "o"),
    "unbalanced": Look("not balanced", _ROSE, "X"),
    "no dither": Look("no dither", _INDIGO, "o"),
    "dither": Look("memory dither", _ROSE, "o"),
}
LOOKS = Named("look", FAMILIES | OTHERS)

# Faces of cells and boxes, pale so that text stands on them.
FINDINGS = {
    "agrees": "#D9EAD9",
    "close": "#FFF2C2",
    "rounded twice": "#F2DFA0",
    "misprint": "#F6C9B4",
    "mislabelled": "#D5DDF2",
}
LEVELS = {"I": "#E3E6E9", "R_i": "#9AD3B5", "R_m": "#F5DC82", "R_o": "#F0A08A"}  # the paper's green, yellow and red
PHASES = {1: "#2E8B63", 2: "#B8900F", 3: "#C05A3C"}  # the same for lines, by phase
RING, WIRE = ("#F6F7F8", "#C9CED3"), "#B4BBC2"  # face and rim of a ring of processing elements; a wire between rings
FLOW, CONTROL = "#6B7782", "#D08C60"
KINDS = {
    "input": Look("port", "#FFFFFF"),
    "output": Look("port", "#FFFFFF"),
    "register": Look("register", "#BFD7EA"),
    "memory": Look("memory", "#8FB8DE"),
    "table": Look("memory", "#8FB8DE"),
    "instance": Look("module", "#DDE3E8"),
    "multiply": Look("multiplier", "#F0A08A"),
    "add": Look("adder", "#F5DC82"),
    "select": Look("multiplexer", "#C9E4C5"),
    "logic": Look("shift, logic", "#EDE3F2"),
}


_DATASETS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "mnist1d": "MNIST-1D",
    "morse": "Morse code",
    "jsb_chorales": "JSB chorales",
}


def dataset_label(name: str) -> str:
    """A data set in the words of titles: "mnist-16x16" is "MNIST, 16 × 16 pixels", "morse-0" is "Morse code, noise 0";
    "digits" stays what it is.

    Raises:
        ValueError: something else than a name.
    """
    first, *rest = instance("name", name, str).split("-", 1)
    sides = re.fullmatch(r"(\d+)x(\d+)", rest[0]) if rest else None
    plain = f", noise {rest[0]}" if rest and first == "morse" else f" ({rest[0]})" if rest else ""
    details = f", {sides[1]} × {sides[2]} pixels" if sides else plain
    return _DATASETS.get(first, first) + details


def in_order(names: list[str]) -> dict[str, Look]:
    """Looks for things that have no name of their own in the table, in the order in which they come.

    Raises:
        ValueError: more names than colours, or something else than names.
    """
    markers = "osD^vPXdp"
    for name in sequence("names", names, "names"):
        instance("names", name, str)
    if len(names) > len(PALETTE):
        raise ValueError(f"names must be at most {len(PALETTE)}, got {len(names)}: {shown(names)}")
    return {name: Look(name, color, marker) for name, color, marker in zip(names, PALETTE, markers, strict=False)}
