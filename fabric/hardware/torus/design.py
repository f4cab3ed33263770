"""A machine as Verilog files and the commands of Yosys that read them: sizes, formats and tables set."""

import re
from pathlib import Path

from fabric.hardware._checks import instance
from fabric.hardware.torus._encoding import encode
from fabric.hardware.torus._program import Program
from fabric.hardware.torus._torus import Torus
from fabric.hardware.verilog.rtl import sources_of

TOP, ELEMENT = "fabric_machine", "fabric_pe"


def design(torus: Torus, program: Program | None, top: str = TOP) -> tuple[list[str], dict[str, str]]:
    """Commands that read a design into Yosys and set its parameters, and the files that they name."""
    tables = instance("torus", torus, Torus).tables()
    if program is not None:
        tables["PROGRAM_TABLE"] = _program_table(torus, program)
    parameters: dict[str, int | str] = {**torus.parameters, "FIXED": int(program is not None)}
    parameters |= {name: f'"{name.lower()}.hex"' for name in tables}
    sources = {path.name: _without_comments(path) for path in sources_of(top)}  # comments do not change a netlist
    declared = re.findall(r"parameter (\w+)", sources[f"{top}.v"])
    read = [
        *(f"read_verilog -defer {name}" for name in sources),
        *(f"chparam -set {name} {value} {top}" for name, value in parameters.items() if name in declared),
        f"hierarchy -check -top {top}",
    ]
    return read, {**sources, **{f"{name.lower()}.hex": text for name, text in tables.items()}}


def _without_comments(path: Path) -> str:
    lines = (re.sub(r"\s*//.*", "", line) for line in path.read_text(encoding="utf-8").splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def _program_table(torus: Torus, program: Program) -> str:
    torus.check(instance("program", program, Program).mapping, program)
    words = [encode(slot, torus.address_bits, torus.length_bits) for slot in program.slots]
    words += [0] * ((1 << torus.slot_bits) - len(words))
    return "".join(f"{word:x}\n" for word in words)
