"""Runs of the junction machine as configurations: training in its golden model, in its Verilog, and its synthesis."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from fabric.experiments.data import load
from fabric.experiments.runs import Record, run_key
from fabric.hardware import FixedPoint, GoldenMachine, TorusMapping, program
from fabric.hardware.junctions import (
    GoldenJunctions,
    Junction,
    JunctionBuild,
    JunctionMachine,
    JunctionNetwork,
    JunctionProgram,
    drawn_weights,
)
from fabric.hardware.junctions.synthesis import synthesize_junction
from fabric.topology.interleaver import clash_free


@dataclass(frozen=True)
class Lessons:
    """What a machine is taught, sample by sample.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes; features are padded with zeros, labels one-hot.
        samples: of the training part, the first ones, in each epoch in another order.
        epochs: how often.
        rates: pairs (samples seen, exponent): from then on the learning rate is 2 ** -exponent.
        fixed_point: arguments of `FixedPoint`, in its order.
        seed: of patterns, weights and orders.
    """

    dataset: str
    samples: int
    epochs: int
    rates: tuple[tuple[int, int], ...]
    fixed_point: tuple[int, int, int, int, int, int]
    seed: int

    def parts(self, inputs: int, outputs: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Inputs, targets and rate exponent of each stretch of samples with one learning rate, as activation words."""
        fixed, data = FixedPoint(*self.fixed_point), load(self.dataset)
        count = min(self.samples, len(data.train_y))
        x = _padded(data.train_x[:count].numpy(), inputs, fixed)
        y = fixed.activations(np.eye(outputs)[data.train_y[:count].numpy()])
        rng = np.random.default_rng((self.seed, 1))
        for epoch in range(self.epochs):
            order, seen = rng.permutation(count), epoch * count
            cuts = [at - seen for at, _ in self.rates if seen < at < seen + count]
            for begin, end in zip([0, *cuts], [*cuts, count], strict=True):
                exponent = [exponent for at, exponent in self.rates if at <= seen + begin][-1]
                yield x[order[begin:end]], y[order[begin:end]], exponent

    def test(self, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs of the test part as activation words, and labels."""
        data = load(self.dataset)
        return _padded(data.test_x.numpy(), inputs, FixedPoint(*self.fixed_point)), data.test_y.numpy()


@dataclass(frozen=True)
class JunctionTraining:
    """Training on the golden model of the junction machine.

    Attributes:
        lessons: data, rates, formats, seed.
        widths, fan_outs, parallelisms, pattern: arguments of `JunctionNetwork.drawn`.
        mode: "pipelined" or "sequential", which is exact stochastic gradient descent.
        stochastic: rounding of updates.
    """

    recipe: ClassVar[int] = 1

    lessons: Lessons
    widths: tuple[int, ...]
    fan_outs: tuple[int, ...]
    parallelisms: tuple[int, ...]
    pattern: str
    mode: str = "pipelined"
    stochastic: bool = True

    def network(self) -> JunctionNetwork:
        """The network, its patterns drawn from the seed."""
        rng = np.random.default_rng((self.lessons.seed, 0))
        return JunctionNetwork.drawn(self.widths, self.fan_outs, self.parallelisms, self.pattern, rng)

    def weights(self, network: JunctionNetwork) -> list[np.ndarray]:
        """The first weights, drawn from the seed."""
        rng = np.random.default_rng((self.lessons.seed, 2))
        return drawn_weights(network, FixedPoint(*self.lessons.fixed_point), rng)


def train_junctions(config: JunctionTraining) -> Record:
    """Train and test; the record holds the configuration, "key", "weights" and "accuracy" on the test part."""
    network = config.network()
    machine = GoldenJunctions(network, FixedPoint(*config.lessons.fixed_point))
    machine.load(config.weights(network))
    for x, y, exponent in config.lessons.parts(network.widths[0], network.widths[-1]):
        machine.run(JunctionProgram(network, config.mode), x, y, exponent, config.stochastic)
    x, labels = config.lessons.test(network.widths[0])
    return {
        **asdict(config),
        "key": run_key(config),
        "weights": network.edges,
        "accuracy": _accuracy(machine.run(JunctionProgram(network, "inference"), x), labels),
    }


@dataclass(frozen=True)
class JunctionSimulation:
    """The same training in the simulated Verilog; `sources` is the `sources_hash` of fabric_junctions."""

    recipe: ClassVar[int] = 1

    training: JunctionTraining
    sources: str


def simulate_training(config: JunctionSimulation) -> Record:
    """Train and test on the RTL beside the golden model.

    The record holds the configuration, "key", "samples" trained, "cycles" for them with the starts and ends of the
    stretches, "forward", the cycles in which the forward units worked, "interval", cycles from sample to sample in the
    full pipeline, "differences", outputs and weights in which RTL and golden model differ, and "accuracy".
    """
    training = config.training
    network, fixed = training.network(), FixedPoint(*training.lessons.fixed_point)
    machine, golden = JunctionMachine(JunctionBuild(network, fixed)), GoldenJunctions(network, fixed)
    for each in (machine, golden):
        each.load(training.weights(network))
    differences = samples = cycles = forward = 0
    for x, y, exponent in training.lessons.parts(network.widths[0], network.widths[-1]):
        run = (JunctionProgram(network, training.mode), x, y, exponent, training.stochastic)
        differences += int((machine.run(*run) != golden.run(*run)).sum())
        samples, cycles = samples + len(x), cycles + machine.counters.cycles
        forward += machine.counters.forward
    differences += sum(int((a != b).sum()) for a, b in zip(machine.weights(), golden.weights(), strict=True))
    x, labels = training.lessons.test(network.widths[0])
    inference = JunctionProgram(network, "inference")
    accuracy = _accuracy(machine.run(inference, x), labels)
    machine.run(inference, x[:8])
    first = machine.counters.cycles
    machine.run(inference, x[:9])
    return {
        **asdict(config),
        "key": run_key(config),
        "samples": samples,
        "cycles": cycles,
        "forward": forward,
        "interval": machine.counters.cycles - first,
        "differences": differences,
        "accuracy": accuracy,
    }


@dataclass(frozen=True)
class TorusTraining:
    """Training on the golden model of the torus, overlapped, with Clos cascades that end in sigmoids."""

    recipe: ClassVar[int] = 1

    lessons: Lessons
    cascades: tuple[tuple[int, ...], ...]

    def mapping(self) -> TorusMapping:
        """The cascades on the smallest torus."""
        return TorusMapping(self.cascades, ["sigmoid"] * len(self.cascades))


def train_torus(config: TorusTraining) -> Record:
    """Train and test; the record as that of `train_junctions`."""
    mapping, fixed = config.mapping(), FixedPoint(*config.lessons.fixed_point)
    rng = np.random.default_rng((config.lessons.seed, 2))
    machine = GoldenMachine(mapping, fixed)
    machine.load(
        [
            fixed.weights(rng.normal(0, np.sqrt(2 / (p.values + p.neurons)), (p.rings, p.neurons, p.values)))
            for p in mapping.phases
        ]
    )
    training = program(mapping, "overlapped")
    for x, y, exponent in config.lessons.parts(mapping.inputs, mapping.outputs):
        machine.run(training, x, y, exponent)
    x, labels = config.lessons.test(mapping.inputs)
    outputs = machine.run(program(mapping, "inference"), x)
    return {
        **asdict(config),
        "key": run_key(config),
        "weights": mapping.edges,
        "accuracy": _accuracy(outputs, labels),
    }


@dataclass(frozen=True)
class JunctionSynthesis:
    """Synthesis of one junction between sigmoid layers; `sources` is the `sources_hash` of fabric_junctions."""

    recipe: ClassVar[int] = 1

    inputs: int
    outputs: int
    fan_out: int
    parallelism: int
    pattern: str
    fixed_point: tuple[int, int, int, int, int, int]
    sources: str


def synthesize(config: JunctionSynthesis) -> Record:
    """The record holds the configuration, "key", "cycles" of a pass and the counts of `Cells`."""
    drawn = clash_free(config.inputs, config.fan_out, config.parallelism, config.pattern, np.random.default_rng(0))
    junction = Junction(drawn, config.outputs)
    cells = synthesize_junction(junction, FixedPoint(*config.fixed_point))
    return {**asdict(config), "key": run_key(config), "cycles": junction.cycles, **asdict(cells)}


def _padded(features: np.ndarray, inputs: int, fixed: FixedPoint) -> np.ndarray:
    if inputs < features.shape[1]:
        raise ValueError(f"widths must begin with at least {features.shape[1]} inputs, got {inputs}")
    return fixed.activations(np.pad(features, ((0, 0), (0, inputs - features.shape[1]))))


def _accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    classes = int(labels.max()) + 1
    return float((outputs[:, :classes].argmax(axis=1) == labels).mean())
