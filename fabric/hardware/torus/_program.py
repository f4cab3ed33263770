"""Instruction tables of the machine: which phase each unit works on in each slot of a round."""

from dataclasses import dataclass
from typing import Literal

from fabric.hardware._checks import choice, flag, instance, whole
from fabric.hardware.torus._mapping import TorusMapping

Mode = Literal["inference", "sequential", "overlapped", "interleaved"]
MODES: tuple[Mode, ...] = ("inference", "sequential", "overlapped", "interleaved")
BANKS = 3  # weight memories of a PE for overlapped and interleaved training
ERROR_CYCLES = 2  # between the last result of a sample and its first backward step, without pipelining
MODES_OF: tuple[tuple[Mode, ...], ...] = (  # what a torus of each pipeline, from 0, is made for
    ("inference", "sequential", "overlapped"),
    ("inference", "sequential"),
    ("inference", "sequential", "interleaved"),
)


@dataclass(frozen=True)
class Forward:
    """What the forward unit does in a slot, for the sample of `lag` rounds before.

    Fields as in rtl/README.md. `store` is where the operands are kept, `source` and `result` number the registers of an
    interleaving machine that hold the result of the phase before and that of this phase.
    """

    phase: int
    axis: str
    bank: int
    base: int
    length: int
    first: bool
    final: bool
    fed: bool
    kind: str
    scale: int
    save: bool
    store: int
    versions: int
    rows: int
    columns: int
    lag: int = 0
    source: int = 0
    result: int = 0

    @property
    def cycles(self) -> int:
        """From the first product to the last."""
        return self.length


@dataclass(frozen=True)
class Backward:
    """What the backward and the update unit do in a slot, for the sample of `lag` rounds before.

    `frozen` weights are not updated; `derive` cycles follow for the derivative of a sigmoid.
    """

    phase: int
    axis: str
    bank: int
    base: int
    length: int
    first: bool
    fed: bool
    kind: str
    scale: int
    store: int
    versions: int
    lag: int
    emit: bool
    derive: int = 0
    frozen: bool = False
    source: int = 0
    result: int = 0

    @property
    def cycles(self) -> int:
        """From the first product to the last."""
        return self.length + self.derive


@dataclass(frozen=True)
class Slot:
    """One instruction: both units side by side for `cycles` cycles."""

    cycles: int
    forward: Forward | None
    backward: Backward | None
    last: bool


@dataclass(frozen=True)
class Program:
    """Instructions of one round; a step of `lag` works on the sample that began that many rounds before.

    Attributes:
        mapping: what the program is made for. It runs on any machine that holds weights of the same layout.
        mode: one of `MODES`.
        slots: the instructions.
        pipeline: of the torus that they are made for, see `Torus`.
    """

    mapping: TorusMapping
    mode: Mode
    slots: tuple[Slot, ...]
    pipeline: int = 0

    def __post_init__(self) -> None:
        instance("mapping", self.mapping, TorusMapping)
        choice("mode", self.mode, MODES)
        if self.mode not in MODES_OF[whole("pipeline", self.pipeline, 0, len(MODES_OF) - 1)]:
            raise ValueError(f"pipeline must fit the mode, got {self.pipeline} for {self.mode}")
        phases = self.mapping.phases
        if not isinstance(self.slots, tuple) or not self.slots:
            raise TypeError(f"slots must be a tuple of at least one Slot, got {self.slots!r}")
        for slot in self.slots:
            instance("slots", slot, Slot)
            steps: list[Forward | Backward | None] = [slot.forward, slot.backward]
            for step in [step for step in steps if step is not None]:
                phase = phases[whole("phase of a step", step.phase, 0, len(phases) - 1)]
                if (step.axis, step.length) != (phase.axis, phase.length):
                    raise ValueError(
                        f"mapping must be that of the slots: its phase {step.phase} is along the {phase.axis} for "
                        f"{phase.length} cycles, got a step along the {step.axis} for {step.length}"
                    )
        if self.trains != any(slot.backward for slot in self.slots):
            raise ValueError(f"slots must hold backward steps if and only if the program trains, got {self.mode}")

    @property
    def inputs(self) -> int:
        """Of the mapping."""
        return self.mapping.inputs

    @property
    def outputs(self) -> int:
        """Of the mapping."""
        return self.mapping.outputs

    @property
    def emits_deltas(self) -> bool:
        """Whether the deltas of the inputs are sent out."""
        return any(slot.backward and slot.backward.emit for slot in self.slots)

    def check_layout(self, mapping: TorusMapping) -> None:
        """Raise ValueError unless weights of the mapping are those that the program is made for."""
        if self.mapping.layout != instance("mapping", mapping, TorusMapping).layout:
            raise ValueError(f"program must be made for the machine's {mapping!r}, got one for {self.mapping!r}")

    def takes_deltas(self, targets_are_deltas: bool) -> bool:
        """The flag, or ValueError where there are no targets."""
        if flag("targets_are_deltas", targets_are_deltas) and not self.trains:
            raise ValueError(f"targets_are_deltas must be False for a program that does not train, got {self.mode}")
        return bool(targets_are_deltas)

    @property
    def drain(self) -> int:
        """Rounds after the last sample's own until all its steps are done."""
        return max(step.lag for slot in self.slots for step in (slot.forward, slot.backward) if step)

    @property
    def trains(self) -> bool:
        """Whether there are backward steps."""
        return self.mode != "inference"

    @property
    def stored(self) -> int:
        """Activations that a PE stores."""
        ends = [f.store + f.versions for slot in self.slots if (f := slot.forward) and f.save]
        return max(2, *ends) if ends else 2

    @property
    def waits(self) -> int:
        """Cycles of a round in which the next slot waits for the error of the sample just finished."""
        count, lengths = len(self.slots), [slot.cycles for slot in self.slots]
        ends = [(f.lag * count + at, f) for at, slot in enumerate(self.slots) if (f := slot.forward) and f.final]
        begins = [b.lag * count + at for at, slot in enumerate(self.slots) if (b := slot.backward) and b.first]
        if not begins:
            return 0
        ((end, final),) = ends
        between = sum(lengths[slot % count] for slot in range(end, begins[0])) - final.length
        return max(0, ERROR_CYCLES + self.pipeline - between)

    def late(self) -> dict[int, int]:
        """Samples that begin a phase forward before the update of a sample reaches it, by phase; none is 0."""
        order = {f.phase: (f.lag, at) for at, slot in enumerate(self.slots) if (f := slot.forward)}
        return {
            b.phase: b.lag - order[b.phase][0] - (at < order[b.phase][1])
            for at, slot in enumerate(self.slots)
            if (b := slot.backward)
        }
