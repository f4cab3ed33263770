"""The Verilog counted and drawn: what modules, processing elements and units consist of (13_processing_element)."""

from collections.abc import Sequence

import networkx as nx
import pandas as pd
from matplotlib.figure import Figure

from fabric.hardware.verilog.datapath import datapath
from fabric.hardware.verilog.header import header
from fabric.hardware.verilog.rtl import RTL
from fabric.hardware.verilog.source import Counts, Design
from fabric.plots.datapath import block_diagrams

TOP = "fabric_machine"
ELEMENT = "torus.row[0].pe[0].element"
UNITS = ("forward", "backward", "update")
WORD = 9  # bits of a data word by default; what is narrower is control
PARTS = (
    ("top level", "fabric_machine", "", "figure 6, left"),
    ("cascade of PEs in a torus", "fabric_torus", "torus", "figure 6, right"),
    ("training inputs cache", "fabric_fifo", "input_memory", "figure 6, left"),
    ("targets cache", "fabric_fifo", "target_memory", "figure 6, left"),
    ("FIFOs of inputs beyond the torus", "fabric_feed", "feeds.row[0].feed", "figure 6, right"),
    ("error calculator", "fabric_error", f"{ELEMENT}.calculator", "figure 6, left"),
    ("processing element", "fabric_pe", ELEMENT, "figure 7"),
    ("weights in block RAM", "fabric_ram", f"{ELEMENT}.bank[0].weights", "figure 7"),
    ("forward pass unit (FPU)", "fabric_forward", f"{ELEMENT}.forward", "figure 8"),
    ("activation function", "fabric_activation", f"{ELEMENT}.forward.function_of", "figure 8"),
    ("backward pass unit (BPU)", "fabric_backward", f"{ELEMENT}.backward", "figure 9"),
    ("weight update unit (WUU)", "fabric_update", f"{ELEMENT}.update", "figure 9"),
)


def elaborate() -> Design:
    """The machine with the default formats and the smallest torus that has every module in it: one row of two."""
    return Design(TOP, {"ROWS": 1, "COLUMNS": 2, "FEED": 2})


def modules(design: Design) -> pd.DataFrame:
    """Every module of the design once, as its first instance in the design.

    Returns:
        "module", "purpose" and "latency" as its header says, "instances" in the design, "parameters", "inputs" and
        "outputs" (ports), "registers", "memory" and "tables" in bits and "multipliers", without those of instances in
        it.
    """
    counts = design.counts()
    rows = []
    for name in sorted(set(design.instances.values())):
        told = header(RTL / f"{name}.v")
        instances = [instance for instance, module in design.instances.items() if module == name]
        first = instances[0]
        own = [signal for name, signal in design.signals.items() if design.owner(name) == first]
        rows.append(
            {
                "module": name,
                "purpose": told.purpose,
                "latency": told.latency,
                "instances": len(instances),
                "parameters": len(design.parameters(first)),
                "inputs": sum("Input" in signal.kinds for signal in own),
                "outputs": sum("Output" in signal.kinds for signal in own),
                **vars(counts[first]),
            }
        )
    return pd.DataFrame(rows)


def element(design: Design) -> pd.DataFrame:
    """What one processing element consists of: its own part, its units and memories with all that is in them.

    Returns:
        "part", "registers", "memory", "tables" (bits), "multipliers"; the last row, "all", is the sum.
    """
    held: dict[str, Counts] = {}
    for path, counts in design.counts().items():
        if f"{path}.".startswith(f"{ELEMENT}."):
            part = path.removeprefix(ELEMENT).lstrip(".").split(".")[0].split("[")[0]
            name = {
                "": "chains, error, stored activations",
                "bank": "weight memories",
                "calculator": "error calculator",
            }
            key = name.get(part, f"{part} unit")
            held[key] = held.get(key, Counts()) + counts
    held["all"] = sum(held.values(), Counts())
    return pd.DataFrame({"part": part, **vars(counts)} for part, counts in held.items())


def parts(design: Design) -> pd.DataFrame:
    """The paper's names of the parts of figures 6 to 9 and the modules that are them here.

    Returns:
        "part", "figure", "module", "instance".

    Raises:
        ValueError: the design has another module there.
    """
    for part, module, instance, _ in PARTS:
        if design.instances.get(instance) != module:
            raise ValueError(f"{part} must be a {module} at {instance!r}, got {design.instances.get(instance)}")
    return pd.DataFrame(PARTS, columns=["part", "module", "instance", "figure"])


def traversing(design: Design) -> list[str]:
    """Words that a processing element takes from a neighbour on the torus.

    They come in as "…_in". What goes round on the rings is handed on under the bare name, what is shifted along a row
    as "…_q".
    """
    ports = {path.rpartition(".")[2] for path in design.signals if design.owner(path) == ELEMENT}
    taken = {name.removesuffix("_in") for name in ports if name.endswith("_in")}
    return sorted(name for name in taken if {name, f"{name}_q"} & ports)


def count_caches(design: Design) -> int:
    """Queues of the top level that feed the torus from a stream of their own."""
    graph = datapath(design, "", WORD)
    words = nx.subgraph_view(graph, filter_edge=lambda source, target: not graph.edges[source, target]["control"])
    queues = [name for name, module in graph.nodes("module") if module == "fabric_fifo"]
    return sum("torus" in words.successors(name) and words.in_degree(name) == 1 for name in queues)


def diagram(design: Design, instances: Sequence[tuple[str, str]]) -> Figure:
    """Block diagrams below one another: (path of the instance, title) each."""
    return block_diagrams([(design.instances[path], datapath(design, path, WORD), title) for path, title in instances])
