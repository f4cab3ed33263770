"""The build parameters of a machine: size of the torus, formats, memories. What is fixed when it is synthesised."""

from collections.abc import Sequence, ValuesView
from dataclasses import dataclass, field

from fabric.hardware._checks import flag, instance, listed, whole
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._program import BANKS, MODES_OF, Program
from fabric.hardware.torus._schedule import bases

_MOST_PLACES = (1 << 16) - 1  # so that no element has a random generator that begins at zero
_RANGES = (
    ("rows", 1, _MOST_PLACES), ("columns", 2, _MOST_PLACES), ("banks", 1, BANKS), ("depth", 1, 1 << 20),
    ("longest", 1, 1 << 16), ("store", 2, 16), ("feed", 0, 1 << 16), ("slots", 1, 1 << 12),
    ("pipeline", 0, len(MODES_OF) - 1),
)  # fmt: skip


@dataclass(frozen=True)
class Torus:
    """A torus as it is built. Any program that its memories hold can be loaded at run time.

    Attributes:
        rows, columns: PEs; at least two columns.
        fixed_point: formats.
        banks: weight memories of a PE, 1 or 3.
        depth: words of a weight memory.
        longest: cycles of the longest phase.
        store: activations that a PE stores, 2 to 16.
        feed: inputs of a row where they exceed the columns, else 0.
        slots: instructions.
        sigmoid: whether the PEs have its tables.
        pipeline: 0: product, sum and activation in one cycle; 1: registers behind the products; 2: also behind the
            rounded sums, and the results of several phases are kept, as interleaved training needs.
        saturations: whether the machine counts what its formats clip; for simulation, since it costs an adder a PE.
    """

    rows: int
    columns: int
    fixed_point: FixedPoint = field(default_factory=FixedPoint)
    banks: int = BANKS
    depth: int = 16
    longest: int = 16
    store: int = 16
    feed: int = 0
    slots: int = 16
    sigmoid: bool = True
    pipeline: int = 0
    saturations: bool = False

    def __post_init__(self) -> None:
        instance("fixed_point", self.fixed_point, FixedPoint)
        flag("sigmoid", self.sigmoid)
        flag("saturations", self.saturations)
        for name, least, most in _RANGES:
            object.__setattr__(self, name, whole(name, getattr(self, name), least, most))
        if self.banks not in (1, BANKS):
            raise ValueError(f"banks must be 1 or {BANKS}, got {self.banks!r}")
        if self.rows * self.columns > _MOST_PLACES:
            raise ValueError(f"rows × columns must be at most {_MOST_PLACES}, got {self.rows} × {self.columns}")

    @classmethod
    def of(
        cls,
        mapping: TorusMapping,
        fixed_point: FixedPoint,
        programs: Sequence[Program] | ValuesView[Program],
        banks: int = BANKS,
    ) -> "Torus":
        """The smallest torus that holds a mapping and runs the programs.

        Raises:
            TypeError: a mapping, a format or programs of another class.
            ValueError: no program, or one for another mapping or another number of banks.
        """
        instance("mapping", mapping, TorusMapping)
        programs = listed("programs", list(programs) if isinstance(programs, ValuesView) else programs, Program)
        if not programs:
            raise ValueError("programs must hold at least one program, got none")
        places = bases(mapping, banks)
        torus = cls(
            rows=mapping.rows,
            columns=mapping.columns,
            fixed_point=fixed_point,
            banks=banks,
            depth=max(2, *(base + phase.length for (_, base), phase in zip(places, mapping.phases, strict=True))),
            longest=max(phase.length for phase in mapping.phases),
            store=max(program.stored for program in programs),
            feed=mapping.phases[0].length if mapping.fed else 0,
            slots=max(len(program.slots) for program in programs),
            sigmoid="sigmoid" in mapping.activations,
            pipeline=programs[0].pipeline,
        )
        for program in programs:
            program.check_layout(mapping)
            torus.check(program.mapping, program)
        return torus

    @property
    def address_bits(self) -> int:
        """Bits of a weight address."""
        return max(1, (self.depth - 1).bit_length())

    @property
    def length_bits(self) -> int:
        """Bits of a slot's length: a phase, the derivative of a sigmoid, and what a pipeline adds to both."""
        longest = self.longest + (1, 4, 7)[self.pipeline]
        return max(longest, self.rows, self.columns).bit_length()

    @property
    def slot_bits(self) -> int:
        """Bits of an instruction's number."""
        return max(1, (self.slots - 1).bit_length())

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters of the Verilog module fabric_machine, in its words."""
        fixed = self.fixed_point
        return {
            "ROWS": self.rows,
            "COLUMNS": self.columns,
            "WORD": fixed.word,
            "WEIGHT": fixed.weight,
            "ACC": max(fixed.accumulator(self.longest), fixed.operand_fraction + 5),
            "SHIFT": fixed.operand_fraction,
            "FRACTION": fixed.activation_fraction,
            "WIDEN": fixed.delta_fraction - fixed.activation_fraction,
            "UPDATE_SHIFT": fixed.update_shift,
            "BANKS": self.banks,
            "DEPTH": self.depth,
            "ADDRESS": self.address_bits,
            "LENGTH": self.length_bits,
            "STORE": self.store,
            "FEED": (self.feed - 1).bit_length() if self.feed else 0,
            "SLOTS": 1 << self.slot_bits,
            "SLOT": self.slot_bits,
            "MEMORY": 1 << max(1, (max(self.columns, self.feed) - 1).bit_length()),
            "SIGMOID": int(self.sigmoid),
            "PIPELINE": self.pipeline,
            "SATURATIONS": int(self.saturations),
        }

    def check(self, mapping: TorusMapping, program: Program | None = None) -> None:
        """Raise ValueError where the torus cannot hold a mapping or its program, naming what is too large."""
        instance("mapping", mapping, TorusMapping)
        if (mapping.rows, mapping.columns) != (self.rows, self.columns):
            raise ValueError(
                f"mapping must be for a torus of {self.rows} × {self.columns}, got {mapping.rows} × {mapping.columns}"
            )
        places = list(zip(bases(mapping, self.banks), mapping.phases, strict=True))
        deepest = max(base + phase.length for (_, base), phase in places)
        longest = max(phase.length for phase in mapping.phases)
        if deepest > self.depth or longest > self.longest:
            raise ValueError(
                f"mapping needs {deepest} words a memory and phases of {longest} cycles, the torus has "
                f"{self.depth} and {self.longest}"
            )
        if mapping.fed and mapping.phases[0].length > self.feed:
            raise ValueError(f"mapping feeds {mapping.phases[0].length} inputs a row, the torus holds {self.feed}")
        if "sigmoid" in mapping.activations and not self.sigmoid:
            raise ValueError("mapping has a sigmoid, the torus is built without")
        if program is None:
            return
        instance("program", program, Program).check_layout(mapping)
        if len(program.slots) > self.slots or program.stored > self.store:
            raise ValueError(
                f"program needs {len(program.slots)} instructions and stores {program.stored} activations a PE, the "
                f"torus holds {self.slots} and {self.store}"
            )
        if program.pipeline != self.pipeline:
            raise ValueError(
                f"program must be made for the torus, program(…, pipeline={self.pipeline}), got one for pipeline "
                f"{program.pipeline}"
            )
        used = {(f.bank, f.base, f.length) for slot in program.slots if (f := slot.forward)}
        if used != {(*place, phase.length) for place, phase in places}:
            raise ValueError("program must be made for this mapping and for as many banks as the torus has")

    def tables(self) -> dict[str, str]:
        """Contents of the files that the table parameters name: the sigmoid and its derivative, hexadecimal."""
        if not self.sigmoid:
            return {}
        digits = (self.fixed_point.word + 3) // 4
        return {
            name: "".join(f"{value:0{digits}x}\n" for value in values)
            for name, values in (
                ("SIGMOID_TABLE", self.fixed_point.sigmoid_table()),
                ("SLOPE_TABLE", self.fixed_point.slope_table()),
            )
        }
