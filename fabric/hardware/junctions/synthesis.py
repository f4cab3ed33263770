"""What a junction costs in generic cells, and the whole machine in cells of a Cyclone IV device, by Yosys."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from fabric.hardware._checks import instance
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.junctions._build import JunctionBuild, table_files
from fabric.hardware.junctions._junction import Junction
from fabric.hardware.synthesis.cyclone4 import FLOW, QUEUES_IN_REGISTERS, READ, maps
from fabric.hardware.synthesis.resources import Resources, count_module
from fabric.hardware.synthesis.yowasp import content_key, run_yosys
from fabric.hardware.torus import ACTIVATIONS
from fabric.hardware.verilog.rtl import sources_of

# Mapped once each, however many there are of them; their borders stay.
_REPEATED = ("fabric_junction_lane", "fabric_junction_neuron", "fabric_junction_sum")


@dataclass(frozen=True)
class Cells:
    """Cells of a junction: tables of four inputs, flip-flops, multipliers; bits of memories and of function tables."""

    lookup_tables: int
    flip_flops: int
    multipliers: int
    memory_bits: int
    table_bits: int


def synthesize_junction(junction: Junction, fixed: FixedPoint, left_activation: str = "sigmoid") -> Cells:
    """Synthesise a hidden junction, the last of its network, to cells.

    Memories and multipliers stay whole, everything else is mapped to tables of four inputs and flip-flops.

    Args:
        junction: sizes, pattern and degree of parallelism.
        fixed: formats.
        left_activation: function of its left neurons.

    Raises:
        SynthesisError: Yosys ends with an error.
    """
    z = junction.parallelism
    sigmoids = (left_activation == "sigmoid", junction.activation == "sigmoid")
    parameters = {
        "WORD": fixed.word, "WEIGHT": fixed.weight,
        "ACC": fixed.accumulator(max(junction.fan_in, junction.fan_out)) + 1,
        "SHIFT": fixed.operand_fraction, "FRACTION": fixed.activation_fraction, "UPDATE_SHIFT": fixed.update_shift,
        "INPUTS": junction.inputs, "FAN_OUT": junction.fan_out, "OUTPUTS": junction.outputs, "LANES": z, "FILL": 1,
        "RIGHT_LANES": junction.group, "BANKS": 3, "ENTRIES": len(junction.entries()[0]),
        "DITHER": int(junction.dithered), "SLOWEST": junction.cycles,
        "LEFT_FUNCTION": ACTIVATIONS.index(left_activation), "RIGHT_FUNCTION": ACTIVATIONS.index(junction.activation),
    }  # fmt: skip
    sources = sources_of("fabric_junction")
    settings = " ".join(f"-set {name} {value}" for name, value in parameters.items())
    script = [
        f"read_verilog -defer {' '.join(path.name for path in sources)}",
        f'chparam {settings} -set SIGMOID_TABLE "SIGMOID_TABLE" -set SLOPE_TABLE "SLOPE_TABLE" fabric_junction',
        "hierarchy -top fabric_junction -check", "proc", "flatten", "opt -full", "wreduce", "peepopt", "opt_clean",
        "tee -q -o words.json stat -json", "memory -nomap", "opt_clean",
        "techmap t:* t:$mul %d t:$mem_v2 %d", "opt -fast", "abc -lut 4", "opt_clean",
        "tee -q -o cells.json stat -json",
    ]  # fmt: skip
    files = table_files(fixed) | {path.name: path.read_text(encoding="utf-8") for path in sources}
    folder = run_yosys("\n".join(script) + "\n", files)
    words, cells = (json.loads((folder / f"{name}.json").read_text())["design"] for name in ("words", "cells"))
    memory, cells = words["num_memory_bits"], cells["num_cells_by_type"]
    tables = fixed.word * (
        sigmoids[1] * junction.group * 2 ** (fixed.word - 1) + sigmoids[0] * z * (2**fixed.activation_fraction + 1)
    )
    return Cells(
        lookup_tables=cells["$lut"],
        flip_flops=sum(count for name, count in cells.items() if "DFF" in name),
        multipliers=cells["$mul"],
        memory_bits=memory - tables,
        table_bits=tables,
    )


def synthesize_machine(build: JunctionBuild) -> Resources:
    """Map the whole machine to the cells of a Cyclone IV device; a finished run of equal content is found again.

    Every memory with a clocked read port is in blocks of its own, however small it is. What is read without a clock is
    in logic: the sigmoids, the patterns, and the queues of targets and outputs.

    Raises:
        SynthesisError: Yosys ends with an error.
    """
    folder = run_yosys(*_job(build))
    before, after, mapped = (
        json.loads((folder / f"{name}.json").read_text())["modules"] for name in ("before", "after", "mapped")
    )
    designed = {name for name, module in mapped.items() if "blackbox" not in module["attributes"]}

    @cache
    def resources(module: str) -> Resources:
        cells = mapped[module]["cells"]
        own = count_module(cells, _memory_bits(before[module]) - _memory_bits(after[module]))
        below = (cell["type"] for cell in cells.values() if cell["type"] in designed)
        return sum(map(resources, below), own)

    return resources("fabric_junctions")


def machine_key(build: JunctionBuild) -> str:
    """SHA-256 (hex) of all that `synthesize_machine` depends on: sources, maps, script, version of Yosys."""
    return content_key(*_job(build))


def _job(build: JunctionBuild) -> tuple[str, dict[str, str]]:
    """Script and files of a run of Yosys."""
    top, parameters = "fabric_junctions", instance("build", build, JunctionBuild).parameters
    sources, tables = sources_of(top), table_files(build.fixed_point)
    values: dict[str, object] = {
        name: f"{value[1]}'d{value[0]}" if isinstance(value, tuple) else value for name, value in parameters.items()
    }
    values |= {name: f'"{name}"' for name in tables}
    script = [
        "read_verilog -lib cells.v",
        f"read_verilog -defer {' '.join(path.name for path in sources)}",
        f"chparam {' '.join(f'-set {name} {value}' for name, value in values.items())} {top}",
        f"hierarchy -top {top} -check",
        f"setattr -mod -set keep_hierarchy 1 {' '.join(f'A:hdlname={name}' for name in _REPEATED)}",
        QUEUES_IN_REGISTERS,
        *READ,
        *FLOW,
    ]
    files = tables | {path.name: path.read_text(encoding="utf-8") for path in sources} | maps()
    # A memory goes into blocks if its bits are more than their cost.
    files["m9k.txt"] = files["m9k.txt"].replace("cost 150;", "cost 1;")
    return "\n".join(script) + "\n", files


def _memory_bits(module: dict[str, Any]) -> int:
    """Bits of the memories that are not mapped yet."""
    shapes = [cell["parameters"] for cell in module["cells"].values() if cell["type"] == "$mem_v2"]
    return sum(int(shape["SIZE"], 2) * int(shape["WIDTH"], 2) for shape in shapes)
