"""Golden model: the machine's arithmetic in integers, instruction by instruction. The RTL equals it bit for bit."""

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from fabric.hardware._checks import instance
from fabric.hardware._protocol import Saturations, checked_samples
from fabric.hardware.fixed_point import RATES, FixedPoint
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._phases import Phase
from fabric.hardware.torus._program import Backward, Forward, Program
from fabric.hardware.torus._steps import KINDS, STEP, run_steps

SEED_FACTOR = 40503


class _Format(NamedTuple):
    """What the loops need of a `FixedPoint`."""

    word: int
    weight: int
    guard: int
    fraction: int
    widen: int
    operand: int
    update: int
    sigmoid: np.ndarray
    slope: np.ndarray


class GoldenMachine:
    """State of a torus, a `TrainingMachine`: the stored weights and the random number generators of its PEs.

    Args:
        mapping: cascades on the torus.
        fixed_point: formats.

    Attributes:
        deltas: of the inputs in the last run, int64 (samples, inputs), or (0, inputs) where its program emits none.
        saturations: how often the last run has clipped what its formats do not hold.
    """

    def __init__(self, mapping: TorusMapping, fixed_point: FixedPoint) -> None:
        self.mapping = instance("mapping", mapping, TorusMapping)
        self.fixed_point = instance("fixed_point", fixed_point, FixedPoint)
        self.deltas = np.zeros((0, mapping.inputs), dtype=np.int64)
        self.saturations = Saturations()
        ends = np.cumsum([0, *(phase.length for phase in mapping.phases)])
        self._offsets = [int(end) for end in ends[:-1]]
        # Row by row what all PEs use in a cycle, see _steps.py; of 32 bits where sums and update products fit.
        longest = max(phase.length for phase in mapping.phases)
        narrow = fixed_point.accumulator(longest) < 32 and 2 * fixed_point.word + RATES < 33
        dtype = np.int32 if narrow else np.int64
        self._weights = np.zeros((ends[-1], mapping.rows * mapping.columns), dtype=dtype)
        self._format = _Format(
            fixed_point.word,
            fixed_point.weight,
            fixed_point.guard,
            fixed_point.activation_fraction,
            fixed_point.delta_fraction - fixed_point.activation_fraction,
            fixed_point.operand_fraction,
            fixed_point.update_shift,
            fixed_point.sigmoid_table(),
            fixed_point.slope_table(),
        )
        self.reset()

    def reset(self) -> None:
        """Random generators start anew; weights stay."""
        index = np.arange(1, self.mapping.rows * self.mapping.columns + 1)
        self._random = (index * SEED_FACTOR % 65536).reshape(self.mapping.rows, self.mapping.columns).astype(np.uint16)

    def load(self, weights: Sequence[np.ndarray]) -> None:
        """Set the stored weights: for each phase integers (rings, neurons, values)."""
        memories = self.mapping.memories(weights, self.fixed_point)
        for phase, offset, held in zip(self.mapping.phases, self._offsets, memories, strict=True):
            by_place = held.transpose(1, 0, 2) if phase.axis == "row" else held
            used = np.take_along_axis(by_place, self._addresses(phase), axis=2)
            self._weights[offset : offset + phase.length] = used.transpose(2, 0, 1).reshape(phase.length, -1)

    def weights(self) -> list[np.ndarray]:
        """The stored weights of each phase, int64 (rings, neurons, values)."""
        read = []
        for index, (phase, offset) in enumerate(zip(self.mapping.phases, self._offsets, strict=True)):
            addresses = self._addresses(phase)
            used = self._weights[offset : offset + phase.length].T.reshape(*self._by_place(phase), phase.length)
            by_place = np.zeros_like(used)
            np.put_along_axis(by_place, np.broadcast_to(addresses, used.shape), used, axis=2)
            held = by_place.transpose(1, 0, 2) if phase.axis == "row" else by_place
            read.append(self.mapping.weights(index, held).astype(np.int64))
        return read

    def run(
        self,
        program: Program,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
        targets_are_deltas: bool = False,
    ) -> np.ndarray:
        """Run samples through the machine as `TrainingMachine.run` says.

        Args:
            targets_are_deltas: the targets are deltas of the outputs already.

        Raises:
            TypeError, ValueError: as `TrainingMachine.run`.
        """
        instance("program", program, Program).check_layout(self.mapping)
        fixed, torus = self.fixed_point, (self.mapping.rows, self.mapping.columns)
        given = checked_samples(program, fixed, inputs, targets, rate_exponent, stochastic)
        deltas_given = program.takes_deltas(targets_are_deltas)
        samples, wanted = self.mapping.place_inputs(given.inputs), np.zeros((0, *torus), dtype=np.int16)
        if given.targets is not None:
            wanted = self.mapping.place_outputs(given.targets)
        outputs = np.zeros((len(samples), *torus), dtype=np.int16)
        emitted = np.zeros((len(samples) if program.emits_deltas else 0, *torus), dtype=np.int16)
        forward, backward = self._table(program)
        dither = -1 if given.stochastic else 1 << (fixed.update_shift - 1)
        clipped = np.zeros(len(fields(Saturations)), dtype=np.int64)
        run_steps(
            forward, backward, program.drain, self._format, given.rate, dither, deltas_given, self._weights,
            self._random, samples, wanted, outputs, emitted, clipped,
        )  # fmt: skip
        self.saturations = Saturations(*map(int, clipped))
        self.deltas = self.mapping.collect_inputs(emitted).astype(np.int64)
        return self.mapping.collect_outputs(outputs).astype(np.int64)

    def _table(self, program: Program) -> tuple[np.ndarray, np.ndarray]:
        """The program's slots as the loops read them; all zero where a unit rests."""
        forward, backward = np.zeros(len(program.slots), STEP), np.zeros(len(program.slots), STEP)
        for at, slot in enumerate(program.slots):
            for step, rows in ((slot.forward, forward), (slot.backward, backward)):
                if step is not None:
                    rows[at] = self._row(step)
        return forward, backward

    def _row(self, step: Forward | Backward) -> tuple:
        derived = {
            "runs": True,
            "by_row": step.axis == "row",
            "offset": self._offsets[step.phase],
            "kind": KINDS.index(step.kind),
            "shift": self.fixed_point.operand_fraction + step.scale,
        }
        return tuple(derived.get(name, getattr(step, name, 0)) for name in STEP.fields or ())

    def _by_place(self, phase: Phase) -> tuple[int, int]:
        """Places of a ring and rings of the torus."""
        torus = (self.mapping.columns, self.mapping.rows)
        return torus if phase.axis == "row" else torus[::-1]

    def _addresses(self, phase: Phase) -> np.ndarray:
        """The address that each place uses in each cycle: (places, 1, length)."""
        return phase.addresses(self._by_place(phase)[0])[:, None]
