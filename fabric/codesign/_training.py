"""A network trained sample by sample in fixed point: accuracy, and how often its multipliers have something to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fabric._checks import instance, sequence, shown
from fabric._checks import seed as checked_seed
from fabric.codesign._checks import share
from fabric.codesign._descent import IDENTITY, RELU, SIGMOID, run_samples
from fabric.codesign._network import TWO_LEVEL, Network
from fabric.hardware._checks import array, whole
from fabric.hardware._protocol import checked_samples
from fabric.hardware.fixed_point import FixedPoint

_GUARD = 3  # bits of a stored weight below its operand, as in the machine of 9 and 12 bits


def number_format(word: int) -> FixedPoint:
    """The format of a word length: activations to ± 8, errors to ± 1, weights to ± 2 with three guard bits.

    Those that `fabric.hardware.deploy` chooses for sigmoid outputs, unless a coarser one answers better.
    """
    word = whole("word", word, 5, 12)
    weight = word + _GUARD
    return FixedPoint(word, weight, word - 4, word - 1, weight - 2)


@dataclass(frozen=True)
class Trained:
    """What one training measured.

    Attributes:
        accuracy: on test samples after the last epoch, a fraction.
        forward, backward, update: share of the products of a pass, in the last epoch, whose operands both are not zero.
    """

    accuracy: float
    forward: float
    backward: float
    update: float

    def __post_init__(self) -> None:
        for name in ("accuracy", "forward", "backward", "update"):
            share(name, getattr(self, name))


class FixedNetwork:
    """A network in fixed point that learns sample by sample, in exactly the golden model's arithmetic.

    Rounded to nearest it equals `GoldenMachine` in sequential mode bit for bit, where that runs the network at all;
    stochastic rounding draws other random bits.

    Args:
        network: what to train.
        fixed_point: formats.
        seed: of the weights, Sparse Glorot.

    Attributes:
        weights: stored weights, int64, stage by stage, each stage in the order of `edges`.
    """

    def __init__(self, network: Network, fixed_point: FixedPoint, seed: int = 0) -> None:
        self.network = instance("network", network, Network)
        self.fixed_point = instance("fixed_point", fixed_point, FixedPoint)
        rng = np.random.default_rng(checked_seed(seed))
        self.edges = edges(network)
        fixed_edges = [_pairs(skip) if skip is not None else _NONE for skip in network.skips] + [_NONE, _NONE]
        levels = [network.inputs, *(len(stage) for stage in network.topology.stages)]
        levels += [network.rows_of_hidden * network.outputs, network.outputs]
        self._widths = np.array(levels)
        self._kinds = np.array([IDENTITY] * (network.topology.depth - 1) + [RELU, IDENTITY, SIGMOID])
        starts = [_glorot(targets, sources, rng) for targets, sources in self.edges[:-2]]
        bound = np.sqrt(6 / (network.hidden + network.outputs))
        starts += [rng.uniform(-bound, bound, len(self.edges[-2][0])), np.ones(len(self.edges[-1][0]))]
        self.weights = np.concatenate([fixed_point.weights(start) for start in starts])
        self._tables = *_flat(self.edges), *_flat(fixed_edges)
        self.active = np.zeros(3, np.int64)

    def run(
        self,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
    ) -> np.ndarray:
        """Outputs of activation words (samples, inputs), as words; with targets each sample is learned from in turn.

        `active` is then how many products had two operands that are not zero: forward, backward, update.
        """
        fixed, network = self.fixed_point, self.network
        work = _Work(network.inputs, network.outputs, targets is not None)
        given = checked_samples(work, fixed, inputs, targets, rate_exponent, stochastic)
        outputs = np.zeros((len(given.inputs), network.outputs), np.int64)
        wanted = outputs[:0] if given.targets is None else given.targets.astype(np.int64)
        dither = -1 if given.stochastic else 1 << (fixed.update_shift - 1)
        ends, targets_of, sources, skip_ends, skip_targets, skip_sources = self._tables
        numbers = np.array([fixed.word, fixed.weight, fixed.guard, fixed.activation_fraction,
                            fixed.delta_fraction - fixed.activation_fraction, fixed.operand_fraction,
                            fixed.update_shift])  # fmt: skip
        first = np.concatenate([[0], np.cumsum(self._widths)])
        self.active = np.zeros(3, np.int64)
        run_samples(
            first, self._widths, self._kinds, ends, sources, targets_of, skip_ends, skip_sources, skip_targets,
            self.weights, numbers, fixed.sigmoid_table(), fixed.slope_table(), given.rate, dither,
            given.inputs.astype(np.int64), wanted, outputs, self.active,
        )  # fmt: skip
        return outputs


def edges(network: Network) -> list[tuple[np.ndarray, np.ndarray]]:
    """Targets and sources of the edges of each stage, those of the dense layer's two stages last."""
    stages = [_pairs(stage) for stage in network.topology.stages]
    rows, neurons = network.rows_of_hidden, np.arange(network.hidden)
    row = neurons % rows if network.family == TWO_LEVEL else neurons // (network.hidden // rows)
    outputs = np.arange(network.outputs)
    to_rows = (row[:, None] * network.outputs + outputs).ravel()
    return [
        *stages,
        (to_rows, np.repeat(neurons, network.outputs)),
        (np.tile(outputs, rows), np.arange(rows * network.outputs)),
    ]


def train(
    network: Network,
    word: int,
    samples: tuple[np.ndarray, np.ndarray],
    tests: tuple[np.ndarray, np.ndarray],
    rates: Sequence[int],
    seed: int,
) -> Trained:
    """Train with stochastic rounding, one epoch for each rate, and test.

    Args:
        network: what to train; its inputs are as many as the samples have, or more: the rest are zero.
        word: bits of operands, see `number_format`.
        samples, tests: floats (samples, inputs) and labels (samples,), integers from 0.
        rates: the learning rate of an epoch is 2 ** -rate.
        seed: of weights and order.
    """
    fixed = number_format(word)
    instance("network", network, Network)
    (x, y), (test_x, test_y) = (
        _labelled(name, part, network) for name, part in (("samples", samples), ("tests", tests))
    )
    x, test_x = (fixed.activations(each) for each in (x, test_x))
    if not len(sequence("rates", rates, "exponents of learning rates")):
        raise ValueError(f"rates must hold one for each epoch, got {shown(rates)}")
    for rate in rates:
        fixed.rate(rate)
    one_hot = fixed.activations(np.eye(network.outputs))
    model = FixedNetwork(network, fixed, seed)
    rng = np.random.default_rng([seed, 1])
    for rate in rates:
        order = rng.permutation(len(x))
        model.run(x[order], one_hot[y[order]], rate)
    shares = model.active / (network.weights * len(x))
    accuracy = float((model.run(test_x).argmax(axis=1) == test_y).mean())
    return Trained(accuracy, *map(float, shares))


class _Work(NamedTuple):
    inputs: int
    outputs: int
    trains: bool


def _labelled(name: str, part: object, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Samples with zeros for the inputs that they lack, and their labels, or an error."""
    x, y = sequence(name, part, "a pair of arrays, samples and labels", length=2)
    x, y = array(name, x, "biuf", "real numbers"), array(f"labels of {name}", y, "iu", "integers")
    if x.ndim != 2 or not len(x) or x.shape[1] > network.inputs or y.shape != (len(x),):
        raise ValueError(
            f"{name} must be floats (samples, features), at most {network.inputs} features, and a label for each, "
            f"got shapes {x.shape} and {y.shape}"
        )
    if y.min() < 0 or y.max() >= network.outputs:
        raise ValueError(f"labels of {name} must be from 0 to {network.outputs - 1}, got {y.min()} to {y.max()}")
    return network.padded(x), y.astype(np.int64)


_NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def _glorot(targets: np.ndarray, sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    bound = np.sqrt(6 / (np.bincount(targets)[targets] + np.bincount(sources)[sources]))
    return rng.uniform(-bound, bound)


def _pairs(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets and sources of the edges of a boolean matrix."""
    targets, sources = np.nonzero(matrix)
    return targets, sources


def _flat(stages: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the stages, and all targets and all sources in a row."""
    ends = np.cumsum([0, *(len(targets) for targets, _ in stages)])
    targets, sources = (np.concatenate([stage[k] for stage in stages]).astype(np.int64) for k in (0, 1))
    return ends, targets, sources
