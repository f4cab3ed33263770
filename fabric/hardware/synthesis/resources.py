"""What a mapped netlist takes of a Cyclone IV device: cells counted, registers packed into logic elements."""

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

_WEIGHTS = {"multiplier_9x9": 1, "multiplier_18x18": 2}


@dataclass(frozen=True)
class Resources:
    """Parts of the device.

    A logic element holds one table (or one bit of a carry chain) and one register. The rule of `logic_elements`: a
    register shares the element of the table that drives it, unless another register does already, or unless it loads
    through the third input of an element whose table needs all four; every other register takes an element of its own.

    Attributes:
        logic_elements: by the rule.
        tables: of up to four inputs, bits of carry chains among them.
        registers: of logic elements.
        memory_bits: words times bits of the memories that are in blocks.
        memory_blocks: M9K blocks.
        multipliers: embedded multipliers, 9 bit by 9 bit.
    """

    logic_elements: int = 0
    tables: int = 0
    registers: int = 0
    memory_bits: int = 0
    memory_blocks: int = 0
    multipliers: int = 0

    @property
    def fewest(self) -> int:
        """Logic elements if every register found a place beside some table."""
        return max(self.tables, self.registers)

    @property
    def most(self) -> int:
        """Logic elements if no register shared one with a table."""
        return self.tables + self.registers

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __mul__(self, times: int) -> "Resources":
        return Resources(*(getattr(self, f.name) * times for f in fields(self)))


def count_module(cells: dict[str, dict[str, Any]], memory_bits: int) -> Resources:
    """Resources of one module's own cells, as Yosys writes them to JSON; those of instances are not among them."""
    kinds = Counter(cell["type"] for cell in cells.values())
    inputs = {}  # of the table that drives a net
    for cell in cells.values():
        wires = cell["connections"]
        if cell["type"] == "le_lut":
            inputs[wires["y"][0]] = sum(isinstance(wires[name][0], int) for name in "abcd")
        elif cell["type"] == "le_arithmetic":
            inputs.update((bit, 2) for bit in wires["sum"])
    alone, taken = 0, set()
    for cell in cells.values():
        if cell["type"] == "le_register":
            wires = cell["connections"]
            loads = wires["sload"] != ["0"] and wires["asdata"] not in (["0"], ["1"])
            data = wires["d"][0]
            if data in taken or inputs.get(data, 5) > (3 if loads else 4):
                alone += 1
            else:
                taken.add(data)
    tables = kinds["le_lut"] + kinds["le_arithmetic"]
    return Resources(
        logic_elements=tables + alone,
        tables=tables,
        registers=kinds["le_register"],
        memory_bits=memory_bits,
        memory_blocks=kinds["m9k"],
        multipliers=sum(count * kinds[kind] for kind, count in _WEIGHTS.items()),
    )
