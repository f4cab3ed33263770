"""Training sample by sample in fixed point, by the golden model of the machine."""

import itertools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fabric._checks import instance
from fabric.experiments.batchless._common import Cascades, Rates, initial_weights, orders, samples
from fabric.experiments.data import DatasetName, accuracy, load
from fabric.experiments.runs import Measured, Natural, RunConfig
from fabric.hardware import FixedPoint, GoldenMachine, TorusMapping, program


@dataclass(frozen=True)
class FixedPointConfig(RunConfig):
    """A training run of the golden model, batch size 1.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        cascades: (I, O, R_i, R_m, R_o), or (I, O) for a dense layer; features are padded with zeros to the first I.
        fixed_point: formats.
        scales: of each phase, see `fabric.hardware.program`.
        rates: of each epoch: the learning rate is 2 ** -rate.
        seed: of weights and order of samples.
        stochastic: stochastic rounding of updates, otherwise to nearest.
        mode: "sequential" or "overlapped".
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    cascades: Cascades
    fixed_point: FixedPoint
    scales: tuple[int, ...]
    rates: Rates
    seed: Natural
    stochastic: bool = True
    mode: Literal["sequential", "overlapped"] = "sequential"
    held_out: Natural = 0


def train_fixed_point(config: FixedPointConfig) -> Measured:
    """Train with the golden model.

    Returns:
        "word" and "weight" (bits), "accuracy" after the last epoch, "accuracy_by_epoch" (fractions) and "saturated",
        the share of the weights that end at a bound of their format.

    Raises:
        ValueError: the configuration names something unknown or does not fit the data or the machine.
        DataError: data files are missing or damaged.
    """
    instance("config", config, FixedPointConfig)
    fixed = config.fixed_point
    data = load(config.dataset).hold_out(config.held_out)
    x, targets, test_x = samples(data, config.cascades, fixed)
    network = (OneTorus if len({len(cascade) for cascade in config.cascades}) == 1 else TwoTori)(config)
    accuracies = []
    for rate, order in zip(config.rates, orders(config.seed, len(x), len(config.rates)), strict=True):
        network.train(x[order], targets[order], rate)
        accuracies.append(accuracy(network.classify(test_x), data.test_y.numpy()))
    limit = 1 << (fixed.weight - 1)
    ends = np.concatenate([weights.ravel() for weights in network.weights()])
    return {
        "word": fixed.word,
        "weight": fixed.weight,
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        "saturated": float(((ends == -limit) | (ends == limit - 1)).mean()),
    }


def stored_weights(config: FixedPointConfig) -> list[np.ndarray]:
    """The weights at the start as the machine stores them."""
    instance("config", config, FixedPointConfig)
    floats = initial_weights(config.cascades, config.seed)
    return [config.fixed_point.weights(w * 2.0**scale) for w, scale in zip(floats, config.scales, strict=True)]


class OneTorus:
    """All cascades on one torus, Clos cascades only or dense layers only.

    Attributes:
        mapping, training: as a `Machine` takes them to train.
        classifying, inference: the same to classify: the sums before the sigmoid come out, which are finer.
        golden: the machine.
    """

    def __init__(self, config: FixedPointConfig) -> None:
        hidden = ["relu"] * (len(config.cascades) - 1)
        self.config = config
        self.mapping = TorusMapping(config.cascades, [*hidden, "sigmoid"])
        self.training = program(self.mapping, config.mode, config.scales)
        self.classifying = TorusMapping(config.cascades, [*hidden, "identity"])
        self.inference = program(self.classifying, "inference", config.scales)
        self.golden = GoldenMachine(self.mapping, config.fixed_point)
        self.golden.load(stored_weights(config))

    def train(self, x: np.ndarray, targets: np.ndarray, rate: int) -> None:
        """Train on words: x (samples, inputs), targets (samples, outputs)."""
        self.golden.run(self.training, x, targets, rate, self.config.stochastic)

    def classify(self, x: np.ndarray) -> np.ndarray:
        """Sums of the outputs, words (samples, outputs)."""
        classifier = GoldenMachine(self.classifying, self.config.fixed_point)
        classifier.load(self.weights())
        return classifier.run(self.inference, x)

    def weights(self) -> list[np.ndarray]:
        """The stored weights."""
        return self.golden.weights()


class TwoTori:
    """Clos cascades on one torus, then dense layers on a ring, which sends the deltas of its inputs back.

    Sample by sample and sequential: the first torus runs its sample once for the ring and once more to train on what
    comes back.
    """

    def __init__(self, config: FixedPointConfig) -> None:
        clos, dense = (tuple(group) for _, group in itertools.groupby(config.cascades, key=len))
        self.config = config
        self.first = TorusMapping(clos, ["relu"] * len(clos))
        sigmoid, identity = (["relu"] * (len(dense) - 1) + [kind] for kind in ("sigmoid", "identity"))
        columns = max(max(layer) for layer in dense)  # as many as inputs, so that their deltas can be sent
        self.last, self.classifying = (TorusMapping(dense, kinds, 1, columns) for kinds in (sigmoid, identity))
        phases = len(self.first.phases)
        self.scales = config.scales[:phases], config.scales[phases:]
        self.machines = tuple(GoldenMachine(mapping, config.fixed_point) for mapping in (self.first, self.last))
        weights = stored_weights(config)
        self.machines[0].load(weights[:phases])
        self.machines[1].load(weights[phases:])

    def train(self, x: np.ndarray, targets: np.ndarray, rate: int) -> None:
        """As `OneTorus.train`."""
        first, last = self.machines
        forward = program(self.first, "inference", self.scales[0])
        training = program(self.first, "sequential", self.scales[0])
        ring = program(self.last, "sequential", self.scales[1], emit_deltas=True)
        how = (rate, self.config.stochastic)
        for at in range(len(x)):
            sample, target = x[at : at + 1], targets[at : at + 1]
            hidden = first.run(forward, sample)
            last.run(ring, hidden, target, *how)
            first.run(training, sample, np.where(hidden > 0, last.deltas, 0), *how, targets_are_deltas=True)

    def classify(self, x: np.ndarray) -> np.ndarray:
        """As `OneTorus.classify`."""
        hidden = self.machines[0].run(program(self.first, "inference", self.scales[0]), x)
        classifier = GoldenMachine(self.classifying, self.config.fixed_point)
        classifier.load(self.machines[1].weights())
        return classifier.run(program(self.classifying, "inference", self.scales[1]), hidden)

    def weights(self) -> list[np.ndarray]:
        """The stored weights."""
        return [weights for machine in self.machines for weights in machine.weights()]
