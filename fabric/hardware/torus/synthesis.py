"""From the Verilog of the machine to a netlist of Cyclone IV cells, by Yosys and the maps in techmaps/cyclone4.

Tables and registers, carry chains, 9-bit multipliers and M9K blocks as that family has them (ClosNets, table II, names
the device). Placing, routing and the vendor's own optimisation are not modelled: these are results of Yosys.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, Literal

from fabric.hardware._checks import choice, instance
from fabric.hardware.simulation.verilator import Simulation
from fabric.hardware.synthesis.cyclone4 import CONSTANTS_ENTER, FLOW, QUEUES_IN_REGISTERS, READ, maps
from fabric.hardware.synthesis.resources import Resources, count_module
from fabric.hardware.synthesis.yowasp import content_key, run_yosys
from fabric.hardware.torus._machine import Machine
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._program import Program
from fabric.hardware.torus._torus import Torus
from fabric.hardware.torus.design import ELEMENT, TOP, design

Part = Literal["machine", "modules", "element", "surroundings"]
# The seed of an element's random generator is a constant, though a port.
_SEEDED = (f"delete -input {ELEMENT}/w:seed", f"cd {ELEMENT}", "connect -set seed 16'd40503", "cd ..")
PARTS: tuple[Part, ...] = ("machine", "modules", "element", "surroundings")


@dataclass(frozen=True)
class Netlist:
    """A mapped design.

    Attributes:
        torus, program, part: what was mapped, as `synthesize` takes them.
        modules: resources of all instances of a Verilog module together, without those of the instances in them.
        instances: how many of each module.
        folder: holds the netlist, its JSON form and the log of Yosys.
    """

    torus: Torus
    program: Program | None
    part: Part
    modules: dict[str, Resources]
    instances: dict[str, int]
    folder: Path

    @property
    def resources(self) -> Resources:
        """Of the whole design."""
        return reduce(add, self.modules.values())


def synthesize(torus: Torus, program: Program | None = None, part: Part = "machine") -> Netlist:
    """Map a machine, or a part of it, to the cells of a Cyclone IV device; a finished run of equal content is reused.

    Args:
        torus: its size, formats and memories.
        program: instructions that are fixed in the design; None for a table that the host writes.
        part: "machine", optimised within each processing element and within all that is around them; "modules", within
            each Verilog module only, for a count of each; "element", one processing element; "surroundings", the
            machine without them. One of the last and rows × columns of the third make the first.

    Raises:
        ValueError: another part, or a program that the torus cannot hold.
        SynthesisError: Yosys rejects the design.
    """
    folder = run_yosys(*_job(torus, program, part))
    before, after, mapped = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("before", "after", "mapped")
    )
    return Netlist(torus, program, part, *_count(before["modules"], after["modules"], mapped["modules"]), folder)


def synthesis_key(torus: Torus, program: Program | None = None, part: Part = "machine") -> str:
    """SHA-256 (hex) of all that `synthesize` depends on: sources without comments, maps, script, version of Yosys."""
    return content_key(*_job(torus, program, part))


class NetlistMachine(Machine):
    """The mapped netlist of a torus, simulated with models of the cells: the same streams, the same checks.

    Args:
        netlist: of part "machine" or "modules". If instructions are fixed in it, it runs their program alone.
        mapping: cascades on the torus; None for those of a fixed program, or to `connect` them later.

    Raises:
        ValueError: a netlist of another part.
    """

    def __init__(self, netlist: Netlist, mapping: TorusMapping | None = None) -> None:
        if instance("netlist", netlist, Netlist).part not in ("machine", "modules"):
            raise ValueError(f'netlist must be of part "machine" or "modules", got {netlist.part!r}')
        self.netlist = netlist
        sources = [netlist.folder / name for name in ("netlist.vlt", "netlist.v", "cells.v")]
        if mapping is None and netlist.program is not None:
            mapping = netlist.program.mapping
        self._start(netlist.torus, mapping, Simulation.of(TOP, {}, sources=sources))

    def _check(self, program: Program) -> None:
        super()._check(program)
        if self.netlist.program is not None and program.slots != self.netlist.program.slots:
            raise ValueError(
                f"program must be the {self.netlist.program.mode} one that is fixed in the netlist, got another "
                f"{program.mode} one"
            )


def _job(torus: Torus, program: Program | None, part: Part) -> tuple[str, dict[str, str]]:
    """Script and files of a run of Yosys."""
    choice("part", part, PARTS)
    read, files = design(torus, program, ELEMENT if part == "element" else TOP)
    kept = {"machine": f"A:hdlname={ELEMENT}", "surroundings": f"A:hdlname={ELEMENT}", "modules": "A:hdlname=*"}
    script = [
        "read_verilog -lib cells.v",
        *read,
        *([f"setattr -mod -set keep_hierarchy 1 {kept[part]}"] if part in kept else []),
        *([f"blackbox A:hdlname={ELEMENT}"] if part == "surroundings" else []),
        *([QUEUES_IN_REGISTERS] if part != "element" else []),
        *READ,
        *(_SEEDED if part == "element" else []),
        *(CONSTANTS_ENTER if part == "machine" else []),
        *FLOW,
    ]
    return "\n".join(script) + "\n", files | maps()


def _count(
    before: dict[str, Any], after: dict[str, Any], mapped: dict[str, Any]
) -> tuple[dict[str, Resources], dict[str, int]]:
    """Resources and instances of each Verilog module: parameters make variants, which are added up."""
    top = next(name for name, module in mapped.items() if "top" in module["attributes"])
    times = Counter(_instances(mapped, top))
    resources: dict[str, Resources] = {}
    instances: Counter[str] = Counter()
    for variant, count in times.items():
        name = mapped[variant]["attributes"].get("hdlname", variant).split()[0]
        bits = _memory_bits(before[variant]) - _memory_bits(after[variant])
        own = count_module(mapped[variant]["cells"], bits) * count
        resources[name] = resources.get(name, Resources()) + own
        instances[name] += count
    return dict(sorted(resources.items())), dict(instances)


def _instances(modules: dict[str, Any], name: str) -> Iterator[str]:
    """The module and the modules of all instances in it, black boxes left out."""
    yield name
    for cell in modules[name]["cells"].values():
        if cell["type"] in modules and "blackbox" not in modules[cell["type"]]["attributes"]:
            yield from _instances(modules, cell["type"])


def _memory_bits(module: dict[str, Any]) -> int:
    """Bits of the memories that are not mapped yet."""
    shapes = [cell["parameters"] for cell in module["cells"].values() if cell["type"] == "$mem_v2"]
    return sum(int(shape["SIZE"], 2) * int(shape["WIDTH"], 2) for shape in shapes)
