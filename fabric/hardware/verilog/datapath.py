"""The flow of data through one instance of an elaborated design, as a graph: what a block diagram shows."""

import itertools
import re

from fabric.hardware._tools import required_packages
from fabric.hardware.verilog.source import Design, path_of

with required_packages():
    import networkx as nx
    from pyverilog.dataflow import dataflow as df

_INDEX = re.compile(r"\[\d+\]")


def datapath(design: Design, instance: str, bits: int) -> nx.DiGraph:
    """Signals of an instance and the instances in it as nodes, the flow of words as edges.

    Signals narrower than `bits` are control and left out, but where one instance drives another with nothing between
    them. A wire that only passes a value on, as it is or in parts, is one with it. Instances and signals of a generate
    loop become one node, named without index.

    Args:
        design: elaborated.
        instance: path of the instance.
        bits: of the narrowest data word.

    Returns:
        Nodes with "kind" ("input", "output", "register", "memory", "table", "instance", "multiply", "add", "select",
        "logic"), "module" (of an instance, else ""), "copies" and "leaves" (whether it is an output: a node that
        calculates, chooses or stores is named as that even then). Edges with "control".

    Raises:
        KeyError: no such instance.
    """
    if instance not in design.instances:
        raise KeyError(f"instance must be one of the design's, got {instance!r}")
    graph, everything = _flow(design, instance, bits), _flow(design, instance, 1)
    instances = [name for name, kind in graph.nodes("kind") if kind == "instance"]
    nx.set_edge_attributes(graph, False, "control")
    narrow = [edge for edge in itertools.permutations(instances, 2) if everything.has_edge(*edge)]
    graph.add_edges_from((edge for edge in narrow if not graph.has_edge(*edge)), control=True)
    return graph


def _flow(design: Design, instance: str, bits: int) -> nx.DiGraph:
    inside = f"{instance}." if instance else ""
    local = {
        path: path.removeprefix(inside) for path in design.instances if path.startswith(inside) and path != instance
    }
    children = {path: _INDEX.sub("", name) for path, name in local.items() if design.owner(path) == instance}
    graph, nodes = nx.DiGraph(), {}
    for path, name in children.items():
        copies = sum(other == name for other in children.values())
        graph.add_node(name, kind="instance", module=design.instances[path], copies=copies, leaves=False)
    for path, signal in design.signals.items():
        if signal.bits < bits or not path.startswith(inside) or path.endswith("unused"):
            continue
        owner = design.owner(path)
        if owner == instance:
            nodes[path] = _INDEX.sub("", path.removeprefix(inside))
            leaves = "Output" in signal.kinds
            graph.add_node(nodes[path], kind=_kind(design, path), module="", copies=1, leaves=leaves)
        else:
            nodes[path] = next(name for child, name in children.items() if f"{owner}.".startswith(f"{child}."))
    for path, target in nodes.items():
        for bind in design.binds.get(path, ()):
            read = {path_of(node.name) for node in design.walk(bind.tree) if isinstance(node, df.DFTerminal)}
            graph.add_edges_from((nodes[source], target) for source in read if nodes.get(source, target) != target)
    for name in [name for name, kind in graph.nodes("kind") if kind == "wire"]:
        _merge(graph, name)
    # What is put together from constants and control alone is no flow of words.
    graph.remove_nodes_from([name for name, kind in graph.nodes("kind") if kind == "wire" and not graph.pred[name]])
    graph.remove_nodes_from([name for name in nx.isolates(graph) if graph.nodes[name]["kind"] != "instance"])
    return graph


def _kind(design: Design, path: str) -> str:
    signal = design.signals[path]
    if signal.words > 1:
        return "memory" if signal.clocked else "table"
    if signal.clocked:
        return "register"
    found = [node for bind in design.binds.get(path, ()) for node in design.walk(bind.tree)]
    if "Input" in signal.kinds:
        return "input"
    if any(design.multiplies(node) for node in found):
        return "multiply"
    operators = {node.operator for node in found if isinstance(node, df.DFOperator) and design.constant(node) is None}
    if operators & {"Plus", "Minus"}:
        return "add"
    if any(isinstance(node, df.DFBranch) and design.constant(node.condnode) is None for node in found):
        return "select"
    return "logic" if operators else "output" if "Output" in signal.kinds else "wire"


def _merge(graph: nx.DiGraph, wire: str) -> None:
    """Make a wire one with the only node that drives it."""
    drivers = list(graph.predecessors(wire))
    if len(drivers) == 1:
        graph.add_edges_from((drivers[0], after) for after in graph.successors(wire) if after != drivers[0])
        graph.remove_node(wire)
