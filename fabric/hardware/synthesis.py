"""From the Verilog of the machine to a netlist of Cyclone IV cells, by Yosys and the maps in techmaps/cyclone4.

Tables and registers, carry chains, 9-bit multipliers and M9K blocks as that family has them (ClosNets, table II, names
the device). Placing, routing and the vendor's own optimisation are not modelled: these are results of Yosys.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, Literal

from fabric.hardware.machine import Machine
from fabric.hardware.program import Program, encode
from fabric.hardware.resources import Resources, count_module
from fabric.hardware.torus import Torus
from fabric.hardware.verilator import RTL, Simulation
from fabric.hardware.yosys import content_key, run_yosys

MAPS = Path(__file__).resolve().parent / "techmaps" / "cyclone4"
Part = Literal["machine", "modules", "element", "surroundings"]
PARTS: tuple[Part, ...] = ("machine", "modules", "element", "surroundings")
TOP, ELEMENT = "fabric_machine", "fabric_pe"
_WIDEST_LOAD = 32
_AREA = "+strash;ifraig;scorr;dc2;dch,-f;if,-K,4,-a;mfs2;lutpack"  # if -a: the fewest tables, whatever the depth
# Queues deliver in the cycle of the address, which blocks do not: they stay in registers, as the paper's must have.
_QUEUES = 'setattr -set ram_style "logic" A:hdlname=fabric_fifo/m:*'


@dataclass(frozen=True)
class Netlist:
    """A mapped design.

    Attributes:
        modules: resources of all instances of a Verilog module together, without those of the instances in them.
        instances: how many of each module.
        folder: holds the netlist, its JSON form and the log of Yosys.
    """

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
    return Netlist(*_count(before["modules"], after["modules"], mapped["modules"]), folder)


def synthesis_key(torus: Torus, program: Program | None = None, part: Part = "machine") -> str:
    """SHA-256 (hex) of all that `synthesize` depends on: sources without comments, maps, script, version of Yosys."""
    return content_key(*_job(torus, program, part))


class NetlistMachine(Machine):
    """The mapped netlist of a torus, simulated with models of the cells: the same streams, the same checks.

    Args:
        torus: what was synthesised.
        netlist: of part "machine" or "modules".
    """

    def __init__(self, torus: Torus, netlist: Netlist) -> None:
        self.torus = torus
        sources = [netlist.folder / name for name in ("netlist.vlt", "netlist.v", "cells.v")]
        self.simulation = Simulation.of(TOP, {}, sources=sources)
        self.reset()


def _job(torus: Torus, program: Program | None, part: Part) -> tuple[str, dict[str, str]]:
    """Script and files of a run of Yosys."""
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, got {part!r}")
    read, files = design(torus, program, ELEMENT if part == "element" else TOP)
    files |= {path.name: path.read_text(encoding="utf-8") for path in sorted(MAPS.iterdir())}
    files["loads.v"], files["load_registers.v"] = _loads()
    kept = {"machine": f"A:hdlname={ELEMENT}", "surroundings": f"A:hdlname={ELEMENT}", "modules": "A:hdlname=*"}
    script = [
        "read_verilog -lib cells.v",
        *read,
        *([f"setattr -mod -set keep_hierarchy 1 {kept[part]}"] if part in kept else []),
        *([f"blackbox A:hdlname={ELEMENT}"] if part == "surroundings" else []),
        *([_QUEUES] if part != "element" else []),
        *_FLOW,
    ]
    return "\n".join(script) + "\n", files


def design(torus: Torus, program: Program | None, top: str = TOP) -> tuple[list[str], dict[str, str]]:
    """Commands that read a design into Yosys and set its parameters, and the files that they name."""
    tables = torus.tables()
    if program is not None:
        tables["PROGRAM_TABLE"] = _program_table(torus, program)
    parameters = {**torus.parameters, "FIXED": int(program is not None)}
    parameters |= {name: f'"{name.lower()}.hex"' for name in tables}
    sources = _sources(top)
    declared = re.findall(r"parameter (\w+)", sources[f"{top}.v"])
    read = [
        *(f"read_verilog -defer {name}" for name in sources),
        *(f"chparam -set {name} {value} {top}" for name, value in parameters.items() if name in declared),
        f"hierarchy -check -top {top}",
    ]
    return read, {**sources, **{f"{name.lower()}.hex": text for name, text in tables.items()}}


_FLOW = (
    "proc",
    "flatten",
    "opt_expr",
    "opt_clean",
    "check -assert",
    "opt -nodffe -nosdff",
    "opt",
    "wreduce",
    "peepopt",
    "opt_clean",
    "techmap -map multiply.v",
    "opt_clean",
    "alumacc",
    "share",
    "opt",
    "extract -map loads.v",
    "techmap -map load_registers.v",
    "memory -nomap",
    "opt_clean",
    "write_json before.json",
    "memory_libmap -lib m9k.txt",
    "write_json after.json",
    "techmap -map memory.v",
    "memory_map",
    "opt -mux_undef -undriven -fine",
    "techmap -map arithmetic.v",
    "techmap",
    "opt -fast",
    "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x -cell $_SDFF_PP0_ x -cell $_SDFFCE_PP0P_ x",
    "opt_merge",
    "opt_clean",
    "muxcover -mux4=190 -nopartial",
    "techmap -map multiplexers.v",
    f"abc -lut 4 -script {_AREA}",
    "opt_lut",
    "techmap -map elements.v",
    "delete t:$scopeinfo",
    "clean",
    "check -mapped -assert",
    "write_json mapped.json",
    "splitnets",
    "write_verilog -noattr netlist.v",
)


def _sources(top: str) -> dict[str, str]:
    """Files of a module and of all that it holds, by name, without comments: those do not change a netlist."""
    texts: dict[str, str] = {}
    waiting = [top]
    while waiting:
        name = waiting.pop()
        if f"{name}.v" not in texts:
            text = (RTL / f"{name}.v").read_text(encoding="utf-8")
            text = "\n".join(line for line in (re.sub(r"\s*//.*", "", raw) for raw in text.splitlines()) if line)
            texts[f"{name}.v"] = text + "\n"
            waiting += [found for found in re.findall(r"\bfabric_\w+", text) if (RTL / f"{found}.v").exists()]
    return dict(sorted(texts.items()))


def _program_table(torus: Torus, program: Program) -> str:
    words = [encode(slot, torus.address_bits, torus.length_bits) for slot in program.slots]
    if len(words) > torus.slots:
        raise ValueError(f"program needs {len(words)} instructions, the torus holds {torus.slots}")
    words += [0] * ((1 << torus.slot_bits) - len(words))
    return "".join(f"{word:x}\n" for word in words)


def _loads() -> tuple[str, str]:
    """Registers that take one of two words, to be found in the design, and what they become: synchronous loads."""
    found, made = [], []
    for width in range(2, _WIDEST_LOAD + 1):
        word = f"[{width - 1}:0]"
        choice = f"wire {word} D; \\$mux #(.WIDTH({width})) choice (.A(A), .B(B), .S(S), .Y(D));"
        settings = f".WIDTH({width}), .CLK_POLARITY(1), .EN_POLARITY(1)"
        clears = f"{settings}, .SRST_POLARITY(1), .SRST_VALUE({width}'d0)"
        ports = f"input C, input E, input S, input {word} A, input {word} B, output {word} Q"
        for name, more, cell in (
            ("load", "", f"\\$dffe #({settings}) word (.CLK(C), .EN(E), .D(D), .Q(Q));"),
            ("clear_load", ", input R", f"\\$sdffe #({clears}) word (.CLK(C), .EN(E), .SRST(R), .D(D), .Q(Q));"),
        ):
            found.append(f"module {name}_{width} ({ports}{more}); {choice} {cell} endmodule\n")
            enable, clear = ("E | R", "R") if more else ("E", "1'b0")
            controls = f".clk(C), .ena({enable}), .sclr({clear}), .sload(S)"
            register = f"le_register bit ({controls}, .asdata(B[i]), .d(A[i]), .q(Q[i]));"
            loop = f"for (i = 0; i < {width}; i = i + 1) {register}"
            made.append(f"module {name}_{width} ({ports}{more}); genvar i; generate {loop} endgenerate endmodule\n")
    return "".join(found), "".join(made)


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
