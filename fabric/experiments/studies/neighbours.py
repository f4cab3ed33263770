"""Where a processing element takes its words from: its neighbours, its own memories (13_processing_element)."""

from collections.abc import Sequence

import numpy as np

from fabric import topology
from fabric.experiments.studies.processing_element import UNITS, WORD
from fabric.hardware._tools import required_packages
from fabric.hardware.torus.rings import clos_rings
from fabric.hardware.verilog.source import Design, path_of

with required_packages():
    from pyverilog.dataflow import dataflow as df


def elements(design: Design) -> list[str]:
    """Paths of all processing elements."""
    return sorted(path for path, module in design.instances.items() if module == "fabric_pe")


def takes_from(design: Design, element: str, word: str) -> frozenset[str]:
    """Elements whose words can come in at the port of an element that takes `word` and ends in "_in": paths."""
    return _origins(design, f"{element}.{word}_in", "torus") & frozenset(elements(design))


def movements(design: Design, words: Sequence[str]) -> int:
    """Sets of elements that these words can come from, the most of all elements: 1 where all words move alike."""
    return max(len({takes_from(design, element, word) for word in words}) for element in elements(design))


def with_own_weights(design: Design) -> float:
    """Share of the elements whose three units multiply by words of memories inside them and by no other weights."""
    local = []
    for element in elements(design):
        origins = frozenset[str]().union(*(_origins(design, f"{element}.{unit}.weight", element) for unit in UNITS))
        memories = {path for path in origins if design.instances[path] == "fabric_ram"}
        local.append(bool(memories) and memories == origins and all(m.startswith(f"{element}.") for m in memories))
    return sum(local) / len(local)


def across_rings(cascade: Sequence[int]) -> int:
    """Connections of a Clos cascade that lead out of the ring on which the torus computes their stage.

    Neurons of a router stand side by side: in a row in stages 1 and 3 and in a column in stage 2, in the row or column
    of the router's number. The inputs of a router of stage 1 enter in its row.

    Args:
        cascade: (I, O, R_i, R_m, R_o).
    """
    inputs, outputs, r_i, r_m, r_o = cascade
    places = [_grid(r_i, inputs // r_i), _grid(r_i, r_m), _grid(r_m, r_o)[:, ::-1], _grid(r_o, outputs // r_o)]
    crossing = 0
    for number, stage in enumerate(topology.clos(*cascade).stages):
        to, fro = np.nonzero(stage)
        axis = number % 2  # 0: rows, 1: columns
        crossing += int(np.count_nonzero(places[number + 1][to, axis] != places[number][fro, axis]))
    return crossing


def busy(cascade: Sequence[int]) -> float:
    """Share of the cycles of a forward pass in which a unit multiplies, by the count of `clos_rings`: at most 1.

    Args:
        cascade: (I, O, R_i, R_m, R_o).
    """
    inputs, outputs, *routers = cascade
    torus = clos_rings(inputs, outputs, routers)
    return topology.clos(*cascade).parameters / (torus.rows * torus.columns * torus.cycles)


def _grid(rows: int, columns: int) -> np.ndarray:
    """(row, column) of each place, row by row."""
    return np.argwhere(np.ones((rows, columns), dtype=bool))


def _origins(design: Design, path: str, inside: str) -> frozenset[str]:
    """Instances whose words reach a signal through nothing but signals that the instance `inside` declares."""
    found = frozenset[str]()
    for bind in design.binds.get(path, ()):
        for node in design.walk(bind.tree):
            name = path_of(node.name) if isinstance(node, df.DFTerminal) else path
            if name == path or name not in design.signals or design.signals[name].bits < WORD:
                continue
            owner = design.owner(name)
            found |= _origins(design, name, inside) if owner == inside else frozenset({owner})
    return found
