"""Golden model: the machine's arithmetic in integers, instruction by instruction. The RTL equals it bit for bit."""

import numpy as np
from numba import njit

from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.mapping import TorusMapping
from fabric.hardware.program import BANKS, Backward, Forward, Program, bases

SEED_FACTOR = 40503


class GoldenMachine:
    """State of a torus: the weight memories and the random number generators of its PEs.

    Args:
        mapping: cascades on the torus.
        fixed_point: formats.
        banks: weight memories of a PE.
    """

    def __init__(self, mapping: TorusMapping, fixed_point: FixedPoint, banks: int = BANKS) -> None:
        self.mapping = mapping
        self.fixed_point = fixed_point
        self._bases = bases(mapping, banks)
        depth = max(base + phase.length for (_, base), phase in zip(self._bases, mapping.phases, strict=True))
        # (bank, row, column, address)
        self._memory = np.zeros((banks, mapping.rows, mapping.columns, depth), dtype=np.int64)
        self._sigmoid = fixed_point.sigmoid_table()
        self._slope = fixed_point.slope_table()
        self.reset()

    def reset(self) -> None:
        """Random generators start anew; weights stay."""
        index = np.arange(1, self.mapping.rows * self.mapping.columns + 1)
        self._random = (index * SEED_FACTOR % 65536).reshape(self.mapping.rows, self.mapping.columns).astype(np.int64)

    def load(self, weights: list[np.ndarray]) -> None:
        """Set the stored weights: for each phase integers (rings, neurons, values)."""
        self._memory[:] = 0
        for index, (phase, (bank, base)) in enumerate(zip(self.mapping.phases, self._bases, strict=True)):
            held = self.mapping.memory(index, np.asarray(weights[index]))
            self._memory[bank, :, :, base : base + phase.length] = held

    def weights(self) -> list[np.ndarray]:
        """The stored weights of each phase, integers (rings, neurons, values)."""
        return [
            self.mapping.weights(index, self._memory[bank, :, :, base : base + phase.length]).copy()
            for index, (phase, (bank, base)) in enumerate(zip(self.mapping.phases, self._bases, strict=True))
        ]

    def run(
        self,
        program: Program,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
        targets_are_deltas: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run samples through the machine.

        Args:
            program: of this mapping.
            inputs: activation words (samples, inputs).
            targets: activation words (samples, outputs), or deltas; None for inference.
            rate_exponent: the learning rate is 2 ** -rate_exponent.
            stochastic: stochastic rounding of updates, otherwise to nearest.
            targets_are_deltas: the targets are deltas of the outputs already.

        Returns:
            Outputs (samples, outputs) and, where the program emits them, deltas of the inputs (samples, inputs),
            otherwise (0, inputs).
        """
        samples = self.mapping.place_inputs(inputs)
        wanted = self.mapping.place_outputs(targets) if program.trains else None
        rate = self.fixed_point.rate(rate_exponent) if program.trains else 0
        outputs = np.zeros((len(samples), self.mapping.rows, self.mapping.columns), dtype=np.int64)
        input_deltas = []
        operands: dict[tuple[int, int], np.ndarray] = {}  # (phase, sample) -> what circulates
        deltas: dict[int, np.ndarray] = {}
        for turn in range(len(samples) + program.drain):
            for slot in program.slots:
                if slot.forward and turn < len(samples):
                    step = slot.forward
                    x = samples[turn] if step.first else operands[step.phase, turn]
                    operands[step.phase, turn] = x
                    y = self._forward(step, x)
                    if step.final:
                        outputs[turn] = y
                        if program.trains:
                            deltas[turn] = wanted[turn] if targets_are_deltas else self._error(y, wanted[turn])
                    else:
                        operands[step.phase + 1, turn] = y
                if slot.backward and 0 <= (sample := turn - slot.backward.lag) < len(samples):
                    step = slot.backward
                    a = operands.pop((step.phase, sample))
                    deltas[sample] = self._backward(step, deltas[sample], a, rate, stochastic)
                    if step.phase == 0:
                        below = deltas.pop(sample)
                        if step.emit:
                            input_deltas.append(below)
            if not program.trains:
                operands.clear()
        emitted = np.array(input_deltas, dtype=np.int64).reshape(-1, self.mapping.rows, self.mapping.columns)
        (rings, values) = self.mapping.phases[0].rings, self.mapping.phases[0].values
        return self.mapping.collect_outputs(outputs), emitted[:, :rings, :values].reshape(len(emitted), rings * values)

    def _forward(self, step: Forward, x: np.ndarray) -> np.ndarray:
        fixed = self.fixed_point
        y = np.zeros((self.mapping.rows, self.mapping.columns), dtype=np.int64)
        memory = self._memory[step.bank, :, :, step.base : step.base + step.length]
        _sums(memory, x, step.axis == "row", fixed.guard, y)
        y = _rounded(y, fixed.operand_fraction + step.scale, fixed.word)
        if step.kind == "relu":
            y = np.maximum(y, 0)
        elif step.kind == "sigmoid":
            half = self._sigmoid[np.minimum(np.abs(y), len(self._sigmoid) - 1)]
            y = np.where(y < 0, (1 << fixed.activation_fraction) - half, half)
        y[step.rows :] = 0
        y[:, step.columns :] = 0
        return y

    def _error(self, y: np.ndarray, target: np.ndarray) -> np.ndarray:
        fixed = self.fixed_point
        limit = 1 << (fixed.word - 1)
        return np.clip((target - y) << (fixed.delta_fraction - fixed.activation_fraction), -limit, limit - 1)

    def _backward(self, step: Backward, d: np.ndarray, a: np.ndarray, rate: int, stochastic: bool) -> np.ndarray:
        fixed = self.fixed_point
        below = np.zeros((self.mapping.rows, self.mapping.columns), dtype=np.int64)
        memory = self._memory[step.bank, :, :, step.base : step.base + step.length]
        by_row = step.axis == "row"
        _passing_sums(memory, d, by_row, fixed.guard, below)
        below = _rounded(below, fixed.operand_fraction + step.scale, fixed.word)
        own = a[:, : self.mapping.columns]
        if step.kind == "relu":
            below[own <= 0] = 0
        elif step.kind == "sigmoid":
            slope = self._slope[own & ((2 << fixed.activation_fraction) - 1)]
            below = _rounded(below * slope, fixed.operand_fraction, fixed.word)
        _update(memory, d, a, by_row, rate, fixed.update_shift, fixed.weight, stochastic, self._random)
        return below


def _rounded(sums: np.ndarray, shift: int, bits: int) -> np.ndarray:
    """Divide by 2 ** shift, round half up, saturate."""
    limit = 1 << (bits - 1)
    return np.clip((sums + (1 << (shift - 1))) >> shift, -limit, limit - 1)


@njit(cache=True)
def _sums(memory, x, by_row, guard, y):
    rows, columns, length = memory.shape
    for r in range(rows):
        for c in range(columns):
            total = 0
            for i in range(length):
                total += (memory[r, c, i] >> guard) * (x[r, i] if by_row else x[i, c])
            y[r, c] = total


@njit(cache=True)
def _passing_sums(memory, d, by_row, guard, below):
    rows, columns, _ = memory.shape
    for r in range(rows):
        for c in range(columns):
            delta = d[r, c]
            if delta != 0:
                for i in range(columns if by_row else rows):
                    product = (memory[r, c, i] >> guard) * delta
                    if by_row:
                        below[r, i] += product
                    else:
                        below[i, c] += product


@njit(cache=True)
def _update(memory, d, a, by_row, rate, shift, bits, stochastic, random):
    """A PE at place p of its ring updates weight (p - t) mod length in cycle t, a random word for each."""
    rows, columns, length = memory.shape
    limit = 1 << (bits - 1)
    for r in range(rows):
        for c in range(columns):
            place = c if by_row else r
            state = random[r, c]
            for t in range(length):
                i = (place - t) % length
                dither = state & ((1 << shift) - 1) if stochastic else 1 << (shift - 1)
                step = d[r, c] * (a[r, i] if by_row else a[i, c])
                total = memory[r, c, i] + (((step << rate) + dither) >> shift)
                memory[r, c, i] = min(max(total, -limit), limit - 1)
                state = (state ^ (state << 7)) & 0xFFFF
                state ^= state >> 9
                state = (state ^ (state << 8)) & 0xFFFF
            random[r, c] = state
