"""Golden model of the pipelined junction machine: block by block, in integers. The RTL equals it bit for bit."""

from typing import Literal

import numpy as np

from fabric._compiled import njit
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.junctions._network import JunctionNetwork
from fabric.hardware.torus import ACTIVATIONS

Mode = Literal["pipelined", "sequential"]
_SEED_FACTOR = 40503


class GoldenJunctions:
    """State of the machine: the weights and the random number generators of its lanes.

    Args:
        network: what the machine is built for.
        fixed_point: formats.
    """

    def __init__(self, network: JunctionNetwork, fixed_point: FixedPoint) -> None:
        self.network = network
        self.fixed_point = fixed_point
        self._weights = [np.zeros(junction.edges, dtype=np.int64) for junction in network.junctions]
        self._sigmoid = fixed_point.sigmoid_table()
        self._slope = fixed_point.slope_table()
        self.reset()

    def reset(self) -> None:
        """Random generators start anew; weights stay."""
        first, self._random = 1, []
        for junction in self.network.junctions:
            lanes = np.arange(first, first + junction.parallelism)
            self._random.append((lanes * _SEED_FACTOR % 65536).astype(np.int64))
            first += junction.parallelism

    def load(self, weights: list[np.ndarray]) -> None:
        """Set the stored weights: for each junction integers (edges,) in the order of its slots."""
        for held, given in zip(self._weights, self.network.stored(weights, self.fixed_point), strict=True):
            held[:] = given

    def weights(self) -> list[np.ndarray]:
        """The stored weights of each junction, int64 (edges,) in the order of its slots."""
        return [held.copy() for held in self._weights]

    def run(
        self,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
        mode: Mode = "pipelined",
    ) -> np.ndarray:
        """Run samples through the machine, from an empty pipeline to an empty pipeline.

        Args:
            inputs: activation words (samples, inputs).
            targets: activation words (samples, outputs); None for inference.
            rate_exponent: the learning rate is 2 ** -rate_exponent.
            stochastic: stochastic rounding of updates, otherwise to nearest.
            mode: "pipelined", a sample each block, or "sequential", a sample when the one before is done.

        Returns:
            Outputs, int64 (samples, outputs).

        Raises:
            ValueError: another number of targets than inputs, or values that do not fit.
        """
        inputs, depth, rate = self.fixed_point.words(inputs, "inputs"), len(self.network), 0
        if targets is not None:
            targets, rate = self.fixed_point.lesson(len(inputs), targets, rate_exponent)
        outputs = np.zeros((len(inputs), self.network.widths[-1]), dtype=np.int64)
        activations: dict[tuple[int, int], np.ndarray] = {}
        deltas: dict[tuple[int, int], np.ndarray] = {}
        interval = 1 if mode == "pipelined" else 2 * depth
        for block in range((len(inputs) - 1) * interval + 2 * depth if len(inputs) else 0):
            writes = []
            for at, junction in enumerate(self.network.junctions):
                sample, rest = divmod(block - at, interval)
                if rest == 0 and 0 <= sample < len(inputs):
                    x = activations.pop((at, sample)) if at else inputs[sample].astype(np.int64)
                    y = self._forward(at, x)
                    if targets is not None:
                        writes.append((activations, (at, sample, "held"), x))
                    if at < depth - 1:
                        writes.append((activations, (at + 1, sample), y))
                    else:
                        outputs[sample] = y
                        if targets is not None:
                            writes.append((deltas, (depth, sample), self._error(y, targets[sample])))
                sample, rest = divmod(block - (2 * depth - 1 - at), interval)
                if targets is not None and rest == 0 and 0 <= sample < len(inputs):
                    x, d = activations.pop((at, sample, "held")), deltas.pop((at + 1, sample))
                    if at:
                        writes.append((deltas, (at, sample), self._backward(at, x, d)))
                    fixed = self.fixed_point
                    _update(self._weights[at], junction.neurons, junction.fan_in, x, d, rate, fixed.update_shift,
                            fixed.weight, stochastic, self._random[at])  # fmt: skip
            for queue, key, values in writes:
                queue[key] = values
        return outputs

    def _forward(self, at: int, x: np.ndarray) -> np.ndarray:
        junction, fixed = self.network.junctions[at], self.fixed_point
        return _forward(
            self._weights[at], junction.neurons, junction.fan_in, x, fixed.guard, fixed.operand_fraction, fixed.word,
            fixed.activation_fraction, ACTIVATIONS.index(junction.activation), self._sigmoid,
        )  # fmt: skip

    def _error(self, y: np.ndarray, target: np.ndarray) -> np.ndarray:
        fixed = self.fixed_point
        limit = 1 << (fixed.word - 1)
        return np.clip((target - y) << (fixed.delta_fraction - fixed.activation_fraction), -limit, limit - 1)

    def _backward(self, at: int, x: np.ndarray, d: np.ndarray) -> np.ndarray:
        junction, fixed = self.network.junctions[at], self.fixed_point
        return _backward(
            self._weights[at], junction.neurons, junction.fan_in, x, d, fixed.guard, fixed.operand_fraction, fixed.word,
            ACTIVATIONS.index(self.network.junctions[at - 1].activation), self._slope,
        )  # fmt: skip


@njit(cache=True)
def _rounded(total, shift, bits):
    """Divide by 2 ** shift, round half up, saturate."""
    limit = 1 << (bits - 1)
    return min(max((total + (1 << (shift - 1))) >> shift, -limit), limit - 1)


@njit(cache=True)
def _forward(weights, neurons, fan_in, x, guard, shift, bits, fraction, kind, sigmoid):
    outputs = len(weights) // fan_in
    y = np.zeros(outputs, np.int64)
    for neuron in range(outputs):
        total = 0
        for slot in range(neuron * fan_in, (neuron + 1) * fan_in):
            total += (weights[slot] >> guard) * x[neurons[slot]]
        z = _rounded(total, shift, bits)
        if kind == 1:
            z = max(z, 0)
        elif kind == 2:
            half = sigmoid[min(abs(z), len(sigmoid) - 1)]
            z = (1 << fraction) - half if z < 0 else half
        y[neuron] = z
    return y


@njit(cache=True)
def _backward(weights, neurons, fan_in, x, d, guard, shift, bits, kind, slope):
    below = np.zeros(len(x), np.int64)
    for slot in range(len(weights)):
        below[neurons[slot]] += (weights[slot] >> guard) * d[slot // fan_in]
    for neuron in range(len(x)):
        total = _rounded(below[neuron], shift, bits)
        if kind == 1 and x[neuron] <= 0:
            total = 0
        elif kind == 2:
            total = _rounded(total * slope[x[neuron]], shift, bits)
        below[neuron] = total
    return below


@njit(cache=True)
def _update(weights, neurons, fan_in, x, d, rate, shift, bits, stochastic, random):
    """Lane l updates the weights of slots l, l + z, l + 2 z ... in turn, a random word for each."""
    limit = 1 << (bits - 1)
    lanes = len(random)
    for slot in range(len(weights)):
        state = random[slot % lanes]
        dither = state & ((1 << shift) - 1) if stochastic else 1 << (shift - 1)
        step = (d[slot // fan_in] * x[neurons[slot]]) << rate
        weights[slot] = min(max(weights[slot] + ((step + dither) >> shift), -limit), limit - 1)
        state = (state ^ (state << 7)) & 0xFFFF
        state ^= state >> 9
        random[slot % lanes] = (state ^ (state << 8)) & 0xFFFF
