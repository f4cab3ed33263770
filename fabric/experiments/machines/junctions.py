"""Runs of the junction machine as configurations: training in its golden model, in its Verilog, and its synthesis."""

from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from fabric._checks import instance
from fabric.experiments.batchless import Cascades
from fabric.experiments.machines._lessons import Lessons, Widths
from fabric.experiments.runs import Measured, Positive, RunConfig
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
from fabric.hardware.junctions.synthesis import machine_key, synthesize_junction, synthesize_machine
from fabric.topology.interleaver import clash_free


@dataclass(frozen=True)
class JunctionTraining(RunConfig):
    """Training on the golden model of the junction machine.

    Attributes:
        lessons: data, rates, formats, seed.
        widths, fan_outs, parallelisms, pattern: arguments of `JunctionNetwork.drawn`.
        mode: "pipelined" or "sequential", which is exact stochastic gradient descent.
        stochastic: rounding of updates.
    """

    recipe: ClassVar[int] = 1

    lessons: Lessons
    widths: tuple[Positive, ...]
    fan_outs: tuple[Positive, ...]
    parallelisms: tuple[Positive, ...]
    pattern: str
    mode: Literal["pipelined", "sequential"] = "pipelined"
    stochastic: bool = True

    def network(self) -> JunctionNetwork:
        """The network, its patterns drawn from the seed."""
        rng = np.random.default_rng((self.lessons.seed, 0))
        return JunctionNetwork.drawn(self.widths, self.fan_outs, self.parallelisms, self.pattern, rng)

    def weights(self, network: JunctionNetwork) -> list[np.ndarray]:
        """The first weights, drawn from the seed."""
        rng = np.random.default_rng((self.lessons.seed, 2))
        return drawn_weights(network, self.lessons.format, rng)


def train_junctions(config: JunctionTraining) -> Measured:
    """Train and test: "weights", and "accuracy" on the test part."""
    instance("config", config, JunctionTraining)
    network = config.network()
    machine = GoldenJunctions(network, config.lessons.format)
    machine.load(config.weights(network))
    for x, y, exponent in config.lessons.parts(network.widths[0], network.widths[-1]):
        machine.run(JunctionProgram(network, config.mode), x, y, exponent, config.stochastic)
    outputs = machine.run(JunctionProgram(network, "inference"), config.lessons.test(network.widths[0]))
    return {"weights": network.edges, "accuracy": config.lessons.score(outputs)}


@dataclass(frozen=True)
class JunctionSimulation(RunConfig):
    """The same training in the simulated Verilog; `sources` is the `sources_hash` of fabric_junctions."""

    recipe: ClassVar[int] = 1

    training: JunctionTraining
    sources: str


def simulate_training(config: JunctionSimulation) -> Measured:
    """Train and test on the RTL beside the golden model.

    Returns:
        "samples" trained, "cycles" for them with the starts and ends of the stretches, "forward", the cycles in which
        the forward units worked, "interval", cycles from sample to sample in the full pipeline, "differences", outputs
        and weights in which RTL and golden model differ, and "accuracy".
    """
    instance("config", config, JunctionSimulation)
    training = config.training
    network, fixed = training.network(), training.lessons.format
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
    x = training.lessons.test(network.widths[0])
    inference = JunctionProgram(network, "inference")
    accuracy = training.lessons.score(machine.run(inference, x))
    machine.run(inference, x[:8])
    first = machine.counters.cycles
    machine.run(inference, x[:9])
    return {
        "samples": samples,
        "cycles": cycles,
        "forward": forward,
        "interval": machine.counters.cycles - first,
        "differences": differences,
        "accuracy": accuracy,
    }


@dataclass(frozen=True)
class TorusTraining(RunConfig):
    """Training on the golden model of the torus, overlapped, with Clos cascades that end in sigmoids."""

    recipe: ClassVar[int] = 1

    lessons: Lessons
    cascades: Cascades

    def mapping(self) -> TorusMapping:
        """The cascades on the smallest torus."""
        return TorusMapping(self.cascades, ["sigmoid"] * len(self.cascades))


def train_torus(config: TorusTraining) -> Measured:
    """Train and test; measures what `train_junctions` does."""
    instance("config", config, TorusTraining)
    mapping, fixed = config.mapping(), config.lessons.format
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
    outputs = machine.run(program(mapping, "inference"), config.lessons.test(mapping.inputs))
    return {"weights": mapping.edges, "accuracy": config.lessons.score(outputs)}


@dataclass(frozen=True)
class JunctionSynthesis(RunConfig):
    """Synthesis of one junction between sigmoid layers; `sources` is the `sources_hash` of fabric_junctions."""

    recipe: ClassVar[int] = 1

    inputs: Positive
    outputs: Positive
    fan_out: Positive
    parallelism: Positive
    pattern: str
    fixed_point: Widths
    sources: str


def synthesize(config: JunctionSynthesis) -> Measured:
    """Measure "cycles" of a pass and the counts of `Cells`."""
    instance("config", config, JunctionSynthesis)
    drawn = clash_free(config.inputs, config.fan_out, config.parallelism, config.pattern, np.random.default_rng(0))
    junction = Junction(drawn, config.outputs)
    cells = synthesize_junction(junction, FixedPoint(*config.fixed_point))
    return {"cycles": junction.cycles, **asdict(cells)}


@dataclass(frozen=True)
class JunctionMachineSynthesis(RunConfig):
    """Synthesis of the whole machine for a network of sigmoids.

    Attributes:
        widths, fan_outs, parallelisms: arguments of `JunctionNetwork.drawn`, with patterns of type 2.
        fixed_point: formats.
        content: `machine_key` of sources, maps, script and tool: another content is another run.
    """

    recipe: ClassVar[int] = 1

    widths: tuple[Positive, ...]
    fan_outs: tuple[Positive, ...]
    parallelisms: tuple[Positive, ...]
    fixed_point: Widths
    content: str = ""

    @classmethod
    def of(
        cls, widths: tuple[int, ...], fan_outs: tuple[int, ...], parallelisms: tuple[int, ...], fixed_point: Widths
    ) -> "JunctionMachineSynthesis":
        """With the content of the present sources."""
        config = cls(widths, fan_outs, parallelisms, fixed_point)
        return replace(config, content=machine_key(config.build()))

    def build(self) -> JunctionBuild:
        """What is synthesised."""
        rng = np.random.default_rng(0)
        network = JunctionNetwork.drawn(self.widths, self.fan_outs, self.parallelisms, "clash-free-2", rng)
        return JunctionBuild(network, FixedPoint(*self.fixed_point))


def synthesize_whole(config: JunctionMachineSynthesis) -> Measured:
    """Measure "cycles" from sample to sample in the full pipeline and the fields of `Resources`."""
    build = instance("config", config, JunctionMachineSynthesis).build()
    return {"cycles": build.network.block_cycles, **asdict(synthesize_machine(build))}
