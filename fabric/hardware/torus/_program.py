"""Instruction tables of the machine: which phase each unit works on in each slot, for inference and both trainings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from fabric.hardware._checks import choice, flag, instance, whole
from fabric.hardware.torus._mapping import TorusMapping

Mode = Literal["inference", "sequential", "overlapped"]
MODES: tuple[Mode, ...] = ("inference", "sequential", "overlapped")
BANKS = 3  # weight memories of a PE for overlapped training
ERROR_CYCLES = 2  # between the last result of a sample and its first backward step


@dataclass(frozen=True)
class Forward:
    """What the forward unit does in a slot. Fields as in rtl/README.md; `store` is where the operands are kept."""

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


@dataclass(frozen=True)
class Backward:
    """What the backward and the update unit do in a slot, for the sample of `lag` rounds before."""

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

    @property
    def cycles(self) -> int:
        """The derivative of a sigmoid takes one cycle more."""
        return self.length + (self.kind == "sigmoid")


@dataclass(frozen=True)
class Slot:
    """One instruction: both units side by side for `cycles` cycles."""

    cycles: int
    forward: Forward | None
    backward: Backward | None
    last: bool


@dataclass(frozen=True)
class Program:
    """Instructions of one round; the sample of round n goes forward in it, and backward `lag` rounds later.

    Attributes:
        mapping: what the program is made for. It runs on any machine that holds weights of the same layout.
        mode: one of `MODES`.
        slots: the instructions.
    """

    mapping: TorusMapping
    mode: Mode
    slots: tuple[Slot, ...]

    def __post_init__(self) -> None:
        instance("mapping", self.mapping, TorusMapping)
        choice("mode", self.mode, MODES)
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
        """Rounds after the last sample's own until it has gone backward everywhere."""
        return max((slot.backward.lag for slot in self.slots if slot.backward), default=0)

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
        slots = (*self.slots[-1:], *self.slots)
        return sum(
            max(0, ERROR_CYCLES - (a.cycles - a.forward.length))
            for a, b in pairwise(slots)
            if a.forward is not None and a.forward.final and b.backward is not None and b.backward.first
        )

    def late(self) -> dict[int, int]:
        """Samples that begin a phase forward before the update of a sample reaches it, by phase; none is 0."""
        order = {slot.forward.phase: at for at, slot in enumerate(self.slots) if slot.forward}
        return {
            slot.backward.phase: slot.backward.lag - (at < order[slot.backward.phase])
            for at, slot in enumerate(self.slots)
            if slot.backward
        }


def program(
    mapping: TorusMapping,
    mode: Mode,
    scales: Sequence[int] | None = None,
    banks: int = BANKS,
    rotation: int | None = None,
    emit_deltas: bool = False,
) -> Program:
    """The instructions for a mapping.

    "inference" goes forward only. "sequential" is exact stochastic gradient descent: forward, then backward, then the
    next sample. "overlapped" sends the next samples forward while the last ones go backward: in slot j phase j goes
    forward and phase (rotation - j) mod P backward, so that each weight memory is read at one address at most.

    Args:
        mapping: cascades on the torus.
        mode: one of `MODES`.
        scales: for each phase 0 to 3: its weight operands have that many fraction bits more than the format says.
        banks: weight memories of a PE, 1 or 3; overlapped training needs 3.
        rotation: None for the one with the shortest interval.
        emit_deltas: send the deltas of the inputs out after each sample, for a torus before this one; sequential only.

    Raises:
        TypeError: another mapping than a `TorusMapping`.
        ValueError: an argument outside the above, or phases that cannot share the memories.
    """
    count = len(instance("mapping", mapping, TorusMapping).phases)
    choice("mode", mode, MODES)
    flag("emit_deltas", emit_deltas)
    scales = (0,) * count if scales is None else scales
    if not isinstance(scales, (list, tuple)) or len(scales) != count:
        raise ValueError(f"scales must be an integer from 0 to 3 for each of the {count} phases, got {scales!r}")
    scales = [whole(f"scales[{index}]", scale, 0, 3) for index, scale in enumerate(scales)]
    if whole("banks", banks, 1, BANKS) not in (1, BANKS):
        raise ValueError(f"banks must be 1 or {BANKS}, got {banks}")
    if mode == "overlapped" and banks != BANKS:
        raise ValueError(f"overlapped training needs {BANKS} banks, got {banks}")
    if rotation is not None and mode != "overlapped":
        raise ValueError(f"rotation must be None for any but overlapped training, got {rotation!r} for {mode}")
    if emit_deltas and (mode != "sequential" or mapping.fed):
        raise ValueError(
            "emit_deltas needs sequential training and no more inputs on a row than the torus has columns, got "
            f"{mode} and {mapping.phases[0].values} inputs on {mapping.columns} columns"
        )
    forward, backward = _units(mapping, scales, banks, emit_deltas)
    if mode == "overlapped":
        rotations = range(count) if rotation is None else [whole("rotation", rotation, 0, count - 1)]
        allowed = [r for r in rotations if _shares(count, r)]
        if not allowed:
            raise ValueError(
                f"{count} phases cannot overlap with rotation {rotation}: two would read one memory at once"
            )
        return min((_overlapped(mapping, forward, backward, r) for r in allowed), key=_cost)
    steps: list[tuple[Forward | None, Backward | None]] = [(step, None) for step in forward]
    if mode == "sequential":
        steps += [(None, step) for step in reversed(backward)]
    return _numbered(mapping, mode, steps)


def bases(mapping: TorusMapping, banks: int) -> list[tuple[int, int]]:
    """Memory and first address of each phase's weights: phases are dealt to the memories in turn."""
    if whole("banks", banks, 1, BANKS) not in (1, BANKS):
        raise ValueError(f"banks must be 1 or {BANKS}, got {banks}")
    used = [0] * banks
    places = []
    for index, phase in enumerate(mapping.phases):
        places.append((index % banks, used[index % banks]))
        used[index % banks] += phase.length
    return places


def _units(
    mapping: TorusMapping, scales: Sequence[int], banks: int, emit_deltas: bool
) -> tuple[list[Forward], list[Backward]]:
    forward, backward = [], []
    below = "identity"
    last = len(mapping.phases) - 1
    for index, (phase, (bank, base), scale) in enumerate(
        zip(mapping.phases, bases(mapping, banks), scales, strict=True)
    ):
        fed = index == 0 and mapping.fed
        by_row = phase.axis == "row"
        forward.append(
            Forward(
                phase=index,
                axis=phase.axis,
                bank=bank,
                base=base,
                length=phase.length,
                first=index == 0,
                final=index == last,
                fed=fed,
                kind=phase.activation,
                scale=scale,
                save=False,
                store=0,
                versions=1,
                rows=phase.rings if by_row else phase.neurons,
                columns=phase.neurons if by_row else phase.rings,
            )
        )
        backward.append(
            Backward(
                phase=index,
                axis=phase.axis,
                bank=bank,
                base=base,
                length=phase.length,
                first=index == last,
                fed=fed,
                kind=below,
                scale=scale,
                store=0,
                versions=1,
                lag=0,
                emit=index == 0 and emit_deltas,
            )
        )
        below = phase.activation
    return forward, backward


def _shares(count: int, rotation: int) -> bool:
    """No two different phases of one memory meet in a slot."""
    meets = [(j, (rotation - j) % count) for j in range(count)]
    return all(f == b or f % BANKS != b % BANKS for f, b in meets)


def _overlapped(mapping: TorusMapping, forward: list[Forward], backward: list[Backward], rotation: int) -> Program:
    count = len(forward)
    begin = (rotation - (count - 1)) % count  # slot of the first backward step
    steps: list[tuple[Forward | None, Backward | None]] = []
    for at in range(count):
        step = backward[(rotation - at) % count]
        steps.append((forward[at], replace(step, lag=1 + (begin + count - 1 - step.phase) // count)))
    return _numbered(mapping, "overlapped", steps)


def _numbered(mapping: TorusMapping, mode: Mode, steps: list[tuple[Forward | None, Backward | None]]) -> Program:
    """Give every saved activation as many places as samples hold it at once, and close the round."""
    written = {f.phase: at for at, (f, _) in enumerate(steps) if f}
    read = {b.phase: (at, b.lag) for at, (_, b) in enumerate(steps) if b}
    places, used = {}, 0
    for phase, (at, lag) in read.items():
        # The operands of a later sample may be written in the slot in which those of this one are read, not before.
        versions = next(v for v in (1, 2, 4) if (lag - v, at) <= (0, written[phase]))
        places[phase] = (used, versions)
        used += versions
    if used > 16:
        raise ValueError(f"a PE stores 16 activations at most, this program needs {used}: use fewer cascades")
    slots = []
    for number, (f, b) in enumerate(steps):
        if f and f.phase in places:
            f = replace(f, save=True, store=places[f.phase][0], versions=places[f.phase][1])
        if b:
            b = replace(b, store=places[b.phase][0], versions=places[b.phase][1])
        cycles = max(f.length if f else 0, b.cycles if b else 0)
        slots.append(Slot(cycles, f, b, number == len(steps) - 1))
    return Program(mapping, mode, tuple(slots))


def _cost(candidate: Program) -> tuple[int, int]:
    """Interval first, then how late updates are."""
    return sum(slot.cycles for slot in candidate.slots) + candidate.waits, sum(candidate.late().values())
