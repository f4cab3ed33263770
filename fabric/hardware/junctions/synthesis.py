"""What a junction costs in logic, by Yosys: generic cells, no vendor's flow."""

import json
from dataclasses import dataclass

from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.junctions._build import table_files
from fabric.hardware.junctions._junction import Junction
from fabric.hardware.synthesis.yowasp import run_yosys
from fabric.hardware.torus import ACTIVATIONS
from fabric.hardware.verilog.rtl import sources_of


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
        "DITHER": int(junction.dithered), "SLOWEST": junction.cycles, "LEFT_FUNCTION": ACTIVATIONS.index(left_activation),
        "RIGHT_FUNCTION": ACTIVATIONS.index(junction.activation),
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
