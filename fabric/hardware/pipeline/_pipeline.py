"""Golden model of a pipeline of tori: which sample each torus works on in which round, with which weights."""

from collections.abc import Sequence

import numpy as np

from fabric._checks import seed as checked_seed
from fabric.hardware._checks import instance
from fabric.hardware._protocol import checked_samples, checked_weights
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.pipeline._programs import lateness
from fabric.hardware.torus import Phase, TorusMapping


class Pipeline:
    """Tori in a row. In its round n a torus sends sample n forward, then sample n - late backward, with updates.

    The last torus turns a sample round within its round. Its deltas go back a torus in a round or in two, so that all
    others update late, see `late`. The backward pass multiplies with the weights of its own round, forward operands are
    those of the sample. With one torus this is the sequential mode of `GoldenMachine`, bit for bit when updates are
    rounded to nearest; stochastic rounding draws other random bits.

    Args:
        mappings: cascades of each torus, up to four; each takes as many values as the one before gives, in their order,
            see `lateness`.
        fixed_point: formats, the same for all.
        seed: of stochastic rounding.

    Attributes:
        late: samples that go forward in each torus between a sample's own pass and its update.

    Raises:
        TypeError, ValueError: something else than mappings, or mappings that cannot stand behind each other.
    """

    def __init__(self, mappings: Sequence[TorusMapping], fixed_point: FixedPoint, seed: int = 0) -> None:
        self.late, self.mappings = lateness(mappings), list(mappings)
        self.fixed_point = instance("fixed_point", fixed_point, FixedPoint)
        self._rng = np.random.default_rng(checked_seed(seed))
        self.load([[np.zeros((p.rings, p.neurons, p.values), int) for p in m.phases] for m in self.mappings])

    @property
    def inputs(self) -> int:
        return self.mappings[0].inputs

    @property
    def outputs(self) -> int:
        return self.mappings[-1].outputs

    @property
    def trains(self) -> bool:
        return True

    def load(self, weights: Sequence[Sequence[np.ndarray]]) -> None:
        """Set the stored weights of each torus, as `GoldenMachine.load` takes them.

        Raises:
            ValueError: other than one list a torus, or what `GoldenMachine.load` refuses.
        """
        if not isinstance(weights, (list, tuple)) or len(weights) != len(self.mappings):
            got = len(weights) if isinstance(weights, (list, tuple)) else type(weights).__name__
            raise ValueError(f"weights must be a list for each of the {len(self.mappings)} tori, got {got}")
        self._weights = [
            checked_weights(
                own,
                [(phase.rings, phase.neurons, phase.values) for phase in mapping.phases],
                [f"phase {at} of torus {number}" for at in range(len(mapping.phases))],
                self.fixed_point,
            )
            for number, (own, mapping) in enumerate(zip(weights, self.mappings, strict=True))
        ]

    def weights(self) -> list[list[np.ndarray]]:
        """The stored weights of each torus, int64."""
        return [[values.copy() for values in own] for own in self._weights]

    def run(self, inputs: np.ndarray, targets: np.ndarray, rate_exponent: int, stochastic: bool = True) -> np.ndarray:
        """Train on samples in turn, as `TrainingMachine.run`; begins and ends with an empty pipeline.

        Returns:
            Outputs before each update, activation words, int64 (samples, outputs).

        Raises:
            ValueError: samples that do not fit.
        """
        given = checked_samples(self, self.fixed_point, inputs, targets, rate_exponent, stochastic)
        assert given.targets is not None  # training has them
        fixed, count, last = self.fixed_point, len(given.inputs), len(self.mappings) - 1
        values = [dict(enumerate(given.inputs.astype(np.int64))), *({} for _ in self.mappings)]
        deltas: list[dict[int, np.ndarray]] = [{} for _ in self.mappings]
        operands: list[dict[int, list[np.ndarray]]] = [{} for _ in self.mappings]
        outputs = np.zeros((count, self.outputs), np.int64)
        for turn in range(count + last + self.late[0]):
            for k in reversed(range(last + 1)):  # torus k is in round turn - k
                sample, earlier = turn - k, turn - k - self.late[k]
                if 0 <= sample < count:
                    y, operands[k][sample] = self._forward(k, values[k].pop(sample))
                    values[k + 1][sample] = y
                if k == last and 0 <= sample < count:
                    outputs[sample] = y
                    error = (given.targets[sample].astype(np.int64) - y) << (
                        fixed.delta_fraction - fixed.activation_fraction
                    )
                    deltas[last][sample] = _saturated(error, fixed.word)
                if 0 <= earlier < count:
                    own = operands[k].pop(earlier), deltas[k].pop(earlier)
                    below = self._backward(k, *own, given.rate, given.stochastic)
                    if k:
                        deltas[k - 1][earlier] = below
        return outputs

    def classify(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs for activation words (samples, inputs), int64 (samples, outputs); nothing is learned.

        Raises:
            ValueError: samples that do not fit.
        """
        words = self.fixed_point.words(inputs, "inputs").astype(np.int64)
        if words.ndim != 2 or words.shape[1] != self.inputs:
            raise ValueError(f"inputs must have shape (samples, {self.inputs}), got {words.shape}")
        outputs = np.zeros((len(words), self.outputs), np.int64)
        for at, values in enumerate(words):
            for torus in range(len(self.mappings)):
                values, _ = self._forward(torus, values)
            outputs[at] = values
        return outputs

    def _forward(self, torus: int, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Outputs of a torus, and what each of its phases took: int64 (rings, values)."""
        mapping, fixed, kept = self.mappings[torus], self.fixed_point, []
        grid = x.reshape(mapping.phases[0].rings, -1)  # rows, places
        for phase, weights in zip(mapping.phases, self._weights[torus], strict=True):
            operand = grid if phase.axis == "row" else grid.T
            kept.append(operand)
            sums = np.einsum("rnv,rv->rn", weights >> fixed.guard, operand)
            y = self._activated(_saturated(_divided(sums, fixed.operand_fraction), fixed.word), phase)
            grid = y if phase.axis == "row" else y.T
        return (grid if mapping.phases[-1].axis == "row" else grid.T).reshape(-1), kept

    def _backward(
        self, torus: int, kept: list[np.ndarray], delta: np.ndarray, rate: int, stochastic: bool
    ) -> np.ndarray:
        """Update a torus by the deltas of its outputs; deltas of its inputs."""
        mapping, fixed = self.mappings[torus], self.fixed_point
        own = delta.reshape(mapping.phases[-1].rings, -1)
        for at in reversed(range(len(mapping.phases))):
            phase, weights, operand = mapping.phases[at], self._weights[torus][at], kept[at]
            below = _divided(np.einsum("rnv,rn->rv", weights >> fixed.guard, own), fixed.operand_fraction)
            below = _saturated(below, fixed.word)
            if at and mapping.phases[at - 1].activation == "relu":
                below = np.where(operand <= 0, 0, below)
            elif at and mapping.phases[at - 1].activation == "sigmoid":
                slope = fixed.slope_table()[operand]
                below = _saturated(_divided(below * slope, fixed.operand_fraction), fixed.word)
            step = (own[:, :, None] * operand[:, None, :]) << rate
            bits = 1 << fixed.update_shift
            noise = self._rng.integers(bits, size=step.shape) if stochastic else bits >> 1
            self._weights[torus][at] = _saturated(weights + ((step + noise) >> fixed.update_shift), fixed.weight)
            own = below.T if at and mapping.phases[at - 1].axis != phase.axis else below
        return self._before(torus, own.reshape(-1), kept[0].reshape(-1))

    def _before(self, torus: int, delta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Deltas of a torus's inputs through the activation with which the torus before it ends."""
        kind = self.mappings[torus - 1].phases[-1].activation if torus else "identity"
        fixed = self.fixed_point
        if kind == "relu":
            return np.where(x <= 0, 0, delta)
        if kind == "sigmoid":
            return _saturated(_divided(delta * fixed.slope_table()[x], fixed.operand_fraction), fixed.word)
        return delta

    def _activated(self, z: np.ndarray, phase: Phase) -> np.ndarray:
        if phase.activation == "relu":
            return np.maximum(z, 0)
        if phase.activation == "sigmoid":
            half, one = self.fixed_point.sigmoid_table(), 1 << self.fixed_point.activation_fraction
            own = half[np.minimum(np.abs(z), len(half) - 1)]
            return np.where(z < 0, one - own, own)
        return z


def _divided(total: np.ndarray, shift: int) -> np.ndarray:
    """Divide by 2 ** shift, round half up."""
    return (total + (1 << (shift - 1))) >> shift


def _saturated(values: np.ndarray, bits: int) -> np.ndarray:
    limit = 1 << (bits - 1)
    return np.clip(values, -limit, limit - 1)
