"""Runs of Yosys, nextpnr and simulated netlists: the training machine in several variants, one record each."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, ClassVar, NamedTuple

import numpy as np

from fabric._checks import instance, positive_int
from fabric.experiments.runs import Measured, Natural, Positive, RunConfig, one_of
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.torus import Program, Torus, TorusMapping, program
from fabric.hardware.torus.placement import place, placement_key
from fabric.hardware.torus.synthesis import Netlist, NetlistMachine, Part, synthesis_key, synthesize
from fabric.hardware.torus.verification import differences, random_case, random_data

FEWEST_WORDS = 32  # of a memory in blocks: 9 max(32, 6n) bits a PE are the published bits of 4 × 4 and of 8 × 8
NINE_BITS = FixedPoint(9, 9, 5, 8, 7, 8)
SIXTEEN_BITS = FixedPoint(16, 16, 8, 12, 14, 8)
TRAINED = FixedPoint(9, 12, 5, 8, 11, 8)


class Build(NamedTuple):
    """What is synthesised: the torus, its two cascades, their program, and whether that is fixed in the design."""

    torus: Torus
    mapping: TorusMapping
    program: Program
    is_fixed: bool = True

    @property
    def fixed(self) -> Program | None:
        """The instructions that are part of the design."""
        return self.program if self.is_fixed else None


def table_2(size: int) -> Build:
    """The machine of Table II: n × n PEs, nine bits everywhere, one memory a PE, two fixed cascades, ReLU."""
    return _build(size, NINE_BITS, 1)


def writable(size: int) -> Build:
    """The same with a table of instructions that the host writes."""
    return table_2(size)._replace(is_fixed=False)


def wide_weights(size: int) -> Build:
    """Weights stored in twelve bits, of which the multipliers take nine."""
    return _build(size, FixedPoint(), 1)


def wide_words(size: int) -> Build:
    """Sixteen bits everywhere, the widest words that the machine has."""
    return _build(size, SIXTEEN_BITS, 1)


def sigmoid(size: int) -> Build:
    """Sigmoid and its derivative from tables beside ReLU."""
    return _build(size, NINE_BITS, 1, ("sigmoid", "sigmoid"))


def overlapped(size: int) -> Build:
    """Three memories a PE, so that the next samples go forward while the last ones go backward."""
    return _build(size, NINE_BITS, 3)


def pipelined(size: int) -> Build:
    """The machine of Table II with registers behind its products: a phase ends one cycle later."""
    return _build(size, NINE_BITS, 1, pipeline=1)


def interleaved(size: int) -> Build:
    """Three memories a PE and registers behind products and sums; phases of several samples take turns."""
    return _build(size, NINE_BITS, 3, pipeline=2)


def on_chip(size: int) -> Build:
    """The machine of notebook 17: wide weights, sigmoids, overlapped training, instructions that the host writes."""
    return _build(size, TRAINED, 3, ("relu", "sigmoid"))._replace(is_fixed=False)


VARIANTS: dict[str, Callable[[int], Build]] = {
    "table II": table_2,
    "writable instructions": writable,
    "12-bit weights": wide_weights,
    "16-bit words": wide_words,
    "sigmoid": sigmoid,
    "overlapped training": overlapped,
    "pipelined": pipelined,
    "interleaved training": interleaved,
    "on-chip training": on_chip,
}


def _build(
    size: int,
    fixed_point: FixedPoint,
    banks: int,
    activations: Sequence[str] = ("relu", "identity"),
    pipeline: int = 0,
) -> Build:
    positive_int("size", size)
    cascade = (size * size, size * size, size, size, size)
    mapping = TorusMapping([cascade, cascade], activations)
    chosen = program(
        mapping,
        "sequential" if banks == 1 else "interleaved" if pipeline else "overlapped",
        banks=banks,
        pipeline=pipeline,
    )
    torus = Torus.of(mapping, fixed_point, [chosen], banks)
    if size > 2:
        torus = replace(torus, depth=max(torus.depth, FEWEST_WORDS))
    return Build(torus, mapping, chosen)


@dataclass(frozen=True)
class SynthesisConfig(RunConfig):
    """One synthesis.

    Attributes:
        variant: one of `VARIANTS`.
        size: rows and columns of the torus.
        part: as in `synthesize`.
        content: `synthesis_key` of sources, maps, script and tool: another content is another run.
    """

    recipe: ClassVar[int] = 1

    variant: Annotated[str, one_of(*VARIANTS)]
    size: Positive
    part: Part
    content: str

    @classmethod
    def of(cls, variant: str, size: int, part: Part) -> "SynthesisConfig":
        """With the content of the present sources."""
        build = VARIANTS[variant](size)
        return cls(variant, size, part, synthesis_key(build.torus, build.fixed, part))

    def synthesize(self) -> Netlist:
        """Do it."""
        build = VARIANTS[self.variant](self.size)
        return synthesize(build.torus, build.fixed, self.part)


def run_synthesis(config: SynthesisConfig) -> Measured:
    """Measure "modules" (resources by Verilog module) and "instances" of each."""
    instance("config", config, SynthesisConfig)
    netlist = config.synthesize()
    modules = {name: asdict(resources) for name, resources in netlist.modules.items()}
    return {"modules": modules, "instances": netlist.instances}


@dataclass(frozen=True)
class SimulationConfig(RunConfig):
    """Random cases on a mapped netlist: any that the torus can run, or, if its instructions are fixed, any data."""

    recipe: ClassVar[int] = 1

    synthesis: SynthesisConfig
    cases: Positive
    seed: Natural


def run_simulation(config: SimulationConfig) -> Measured:
    """Count "samples" trained or inferred and list "differences" from the golden model."""
    instance("config", config, SimulationConfig)
    build = VARIANTS[config.synthesis.variant](config.synthesis.size)
    machine = NetlistMachine(config.synthesis.synthesize())
    rng = np.random.default_rng(config.seed)
    found: list[str] = []
    samples = 0
    for _ in range(config.cases):
        if build.is_fixed:
            case = random_data(build.torus, build.mapping, build.program, rng)
        else:
            case = random_case(build.torus, rng)
        samples += case.samples
        found += [f"{case!r}: {what}" for what in differences(machine, case)]
    return {"samples": samples, "differences": found}


@dataclass(frozen=True)
class PlacementConfig(RunConfig):
    """One place and route on ECP5.

    Attributes:
        variant: one of `VARIANTS`.
        size: rows and columns of the torus.
        seed: as in `place`.
        content: `placement_key`: another content is another run.
    """

    recipe: ClassVar[int] = 1

    variant: Annotated[str, one_of(*VARIANTS)]
    size: Positive
    seed: Natural
    content: str

    @classmethod
    def of(cls, variant: str, size: int, seed: int) -> "PlacementConfig":
        """With the content of the present sources."""
        build = VARIANTS[variant](size)
        return cls(variant, size, seed, placement_key(build.torus, build.fixed))


def run_placement(config: PlacementConfig) -> Measured:
    """Measure the fields of `Placement`."""
    instance("config", config, PlacementConfig)
    build = VARIANTS[config.variant](config.size)
    return asdict(place(build.torus, build.fixed, config.seed))
