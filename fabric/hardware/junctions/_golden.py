"""Golden model of the pipelined junction machine: block by block, in integers. The RTL equals it bit for bit."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from fabric._compiled import njit
from fabric.hardware._checks import instance
from fabric.hardware._protocol import Saturations, checked_samples
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.junctions._network import JunctionNetwork
from fabric.hardware.junctions._program import JunctionProgram
from fabric.hardware.torus import ACTIVATIONS

_SEED_FACTOR = 40503
_ACTIVATIONS, _ERRORS, _DELTAS, _WEIGHTS = range(4)  # fields of `Saturations`
_Queue = dict[tuple[int, int], np.ndarray]  # values of a layer, by its number and that of the sample


class GoldenJunctions:
    """State of the machine, a `TrainingMachine`: the weights and the random number generators of its lanes.

    Args:
        network: what the machine is built for.
        fixed_point: formats.

    Attributes:
        saturations: how often the last run has clipped what its formats do not hold.
    """

    def __init__(self, network: JunctionNetwork, fixed_point: FixedPoint) -> None:
        self.network = instance("network", network, JunctionNetwork)
        self.fixed_point = instance("fixed_point", fixed_point, FixedPoint)
        self.saturations = Saturations()
        self._weights = [np.zeros(junction.edges, dtype=np.int64) for junction in network.junctions]
        self._sigmoid = fixed_point.sigmoid_table()
        self._slope = fixed_point.slope_table()
        self._clipped = np.zeros(len(fields(Saturations)), dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Random generators start anew; weights stay."""
        first, self._random = 1, []
        for junction in self.network.junctions:
            lanes = np.arange(first, first + junction.parallelism)
            self._random.append((lanes * _SEED_FACTOR % 65536).astype(np.int64))
            first += junction.parallelism

    def load(self, weights: Sequence[np.ndarray]) -> None:
        """Set the stored weights: for each junction integers (edges,) in the order of its slots."""
        for held, given in zip(self._weights, self.network.stored(weights, self.fixed_point), strict=True):
            held[:] = given

    def weights(self) -> list[np.ndarray]:
        """The stored weights of each junction, int64 (edges,) in the order of its slots."""
        return [held.copy() for held in self._weights]

    def run(
        self,
        program: JunctionProgram,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
    ) -> np.ndarray:
        """Run samples through the machine as `TrainingMachine.run` says."""
        instance("program", program, JunctionProgram).check_network(self.network)
        fixed, network = self.fixed_point, self.network
        given = checked_samples(program, fixed, inputs, targets, rate_exponent, stochastic)
        count, depth, interval = len(given.inputs), len(network), program.interval
        self._clipped[:] = 0
        outputs = np.zeros((count, network.widths[-1]), dtype=np.int64)
        activations: _Queue = {}  # for the next junction
        held: _Queue = {}  # activations for the update
        deltas: _Queue = {}
        for block in range((count - 1) * interval + 2 * depth):
            writes: list[tuple[_Queue, tuple[int, int], np.ndarray]] = []
            for at, junction in enumerate(network.junctions):
                sample, rest = divmod(block - at, interval)
                if rest == 0 and 0 <= sample < count:
                    x = activations.pop((at, sample)) if at else given.inputs[sample].astype(np.int64)
                    y = self._forward(at, x)
                    if given.targets is not None:
                        writes.append((held, (at, sample), x))
                    if at < depth - 1:
                        writes.append((activations, (at + 1, sample), y))
                    else:
                        outputs[sample] = y
                        if given.targets is not None:
                            writes.append((deltas, (depth, sample), self._error(y, given.targets[sample])))
                sample, rest = divmod(block - (2 * depth - 1 - at), interval)
                if given.targets is not None and rest == 0 and 0 <= sample < count:
                    x, d = held.pop((at, sample)), deltas.pop((at + 1, sample))
                    if at:
                        writes.append((deltas, (at, sample), self._backward(at, x, d)))
                    _update(self._weights[at], junction.neurons, junction.fan_in, x, d, given.rate, fixed.update_shift,
                            fixed.weight, given.stochastic, self._random[at], self._clipped)  # fmt: skip
            for queue, key, values in writes:
                queue[key] = values
        self.saturations = Saturations(*map(int, self._clipped))
        return outputs

    def _forward(self, at: int, x: np.ndarray) -> np.ndarray:
        junction, fixed = self.network.junctions[at], self.fixed_point
        return _forward(
            self._weights[at], junction.neurons, junction.fan_in, x, fixed.guard, fixed.operand_fraction, fixed.word,
            fixed.activation_fraction, ACTIVATIONS.index(junction.activation), self._sigmoid, self._clipped,
        )  # fmt: skip

    def _error(self, y: np.ndarray, target: np.ndarray) -> np.ndarray:
        fixed = self.fixed_point
        limit = 1 << (fixed.word - 1)
        exact = (target - y) << (fixed.delta_fraction - fixed.activation_fraction)
        error = np.clip(exact, -limit, limit - 1)
        self._clipped[_ERRORS] += np.count_nonzero(error != exact)
        return error

    def _backward(self, at: int, x: np.ndarray, d: np.ndarray) -> np.ndarray:
        junction, fixed = self.network.junctions[at], self.fixed_point
        return _backward(
            self._weights[at], junction.neurons, junction.fan_in, x, d, fixed.guard, fixed.operand_fraction, fixed.word,
            ACTIVATIONS.index(self.network.junctions[at - 1].activation), self._slope, self._clipped,
        )  # fmt: skip


@njit(cache=True)
def _rounded(total, shift, bits, clipped, what):
    """Divide by 2 ** shift, round half up, saturate and count that."""
    limit = 1 << (bits - 1)
    exact = (total + (1 << (shift - 1))) >> shift
    value = min(max(exact, -limit), limit - 1)
    clipped[what] += value != exact
    return value


@njit(cache=True)
def _forward(weights, neurons, fan_in, x, guard, shift, bits, fraction, kind, sigmoid, clipped):
    outputs = len(weights) // fan_in
    y = np.zeros(outputs, np.int64)
    for neuron in range(outputs):
        total = 0
        for slot in range(neuron * fan_in, (neuron + 1) * fan_in):
            total += (weights[slot] >> guard) * x[neurons[slot]]
        z = _rounded(total, shift, bits, clipped, _ACTIVATIONS)
        if kind == 1:
            z = max(z, 0)
        elif kind == 2:
            half = sigmoid[min(abs(z), len(sigmoid) - 1)]
            z = (1 << fraction) - half if z < 0 else half
        y[neuron] = z
    return y


@njit(cache=True)
def _backward(weights, neurons, fan_in, x, d, guard, shift, bits, kind, slope, clipped):
    below = np.zeros(len(x), np.int64)
    for slot in range(len(weights)):
        below[neurons[slot]] += (weights[slot] >> guard) * d[slot // fan_in]
    for neuron in range(len(x)):
        total = _rounded(below[neuron], shift, bits, clipped, _DELTAS)
        if kind == 1 and x[neuron] <= 0:
            total = 0
        elif kind == 2:
            total = _rounded(total * slope[x[neuron]], shift, bits, clipped, _DELTAS)
        below[neuron] = total
    return below


@njit(cache=True)
def _update(weights, neurons, fan_in, x, d, rate, shift, bits, stochastic, random, clipped):
    """Lane l updates the weights of slots l, l + z, l + 2 z ... in turn, a random word for each."""
    limit = 1 << (bits - 1)
    lanes = len(random)
    for slot in range(len(weights)):
        state = random[slot % lanes]
        dither = state & ((1 << shift) - 1) if stochastic else 1 << (shift - 1)
        step = (d[slot // fan_in] * x[neurons[slot]]) << rate
        exact = weights[slot] + ((step + dither) >> shift)
        weights[slot] = min(max(exact, -limit), limit - 1)
        clipped[_WEIGHTS] += weights[slot] != exact
        state = (state ^ (state << 7)) & 0xFFFF
        state ^= state >> 9
        random[slot % lanes] = (state ^ (state << 8)) & 0xFFFF
