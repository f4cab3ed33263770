"""Random cases for the junction machine: patterns, data, pauses, and whether RTL and golden model agree on them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabric.hardware.fixed_point import RATES
from fabric.hardware.junctions._build import JunctionBuild
from fabric.hardware.junctions._golden import GoldenJunctions
from fabric.hardware.junctions._junction import Junction
from fabric.hardware.junctions._machine import JunctionMachine
from fabric.hardware.junctions._network import JunctionNetwork
from fabric.hardware.junctions._program import JUNCTION_MODES, JunctionProgram
from fabric.hardware.simulation.host import Stalls
from fabric.hardware.torus.verification import random_stalls
from fabric.topology.interleaver import VARIANTS, clash_free, start_vector
from fabric.topology.junctions import CLASH_FREE

_MOST_SAMPLES = 9


@dataclass(frozen=True)
class JunctionCase:
    """One run of the machine: what it does on which patterns, what it is given."""

    program: JunctionProgram
    weights: list[np.ndarray]
    inputs: np.ndarray
    targets: np.ndarray | None
    rate_exponent: int | None
    stochastic: bool
    stalls: Stalls


def random_case(build: JunctionBuild, rng: np.random.Generator) -> JunctionCase:
    """A case that the build can run, drawn from all that it can run."""
    fixed = build.fixed_point
    network = JunctionNetwork([_pattern(build, at, rng) for at in range(len(build.network))])
    samples = int(rng.integers(1, _MOST_SAMPLES + 1))
    trains = bool(rng.integers(5))

    def words(bits: int, *shape: int) -> np.ndarray:
        # Small and full range alike: saturation everywhere would hide what happens below it.
        limit = 1 << int(rng.integers(2, bits))
        return rng.integers(-limit, limit, shape)

    programs = [JunctionProgram(network, mode) for mode in JUNCTION_MODES]
    sequential = bool(rng.integers(4) == 0)
    (chosen,) = [way for way in programs if (way.trains, way.sequential) == (trains, sequential)]
    return JunctionCase(
        chosen,
        [words(fixed.weight, junction.edges) for junction in network.junctions],
        words(fixed.word, samples, network.widths[0]),
        words(fixed.word, samples, network.widths[-1]) if trains else None,
        fixed.slowest - int(rng.integers(RATES)) if trains else None,
        bool(rng.integers(2)),
        random_stalls(rng, "input", "target", "output"),
    )


def differences(machine: JunctionMachine, case: JunctionCase) -> Iterator[str]:
    """Run a case on the RTL and on the golden model and name everything in which they differ: nothing, if all is well.

    Compared are outputs, all weights afterwards and the counters of busy cycles, and, where the host never pauses, the
    cycles of the whole run.
    """
    network = case.program.network
    given = (case.program, case.inputs, case.targets, case.rate_exponent, case.stochastic)
    golden = GoldenJunctions(network, machine.build.fixed_point)
    machine.reset()
    machine.connect(network)
    machine.load(case.weights)
    golden.load(case.weights)
    outputs = machine.run(*given, stalls=case.stalls)
    counters = machine.counters
    if not np.array_equal(outputs, golden.run(*given)):
        yield "outputs"
    for number, (have, want) in enumerate(zip(machine.weights(), golden.weights(), strict=True), start=1):
        if not np.array_equal(have, want):
            yield f"weights of junction {number}"
    blocks = (len(case.inputs) - 1) * case.program.interval + case.program.passes
    if counters.cycles - counters.waiting != blocks * network.block_cycles:
        yield f"busy cycles: {counters.cycles - counters.waiting}, not {blocks * network.block_cycles}"
    if counters.waiting and not case.stalls:
        yield f"waits {counters.waiting} cycles without a reason"


def _pattern(build: JunctionBuild, at: int, rng: np.random.Generator) -> Junction:
    """A random pattern of the build's sizes that its address generator can hold."""
    given = build.network.junctions[at]
    while True:
        sizes = (given.inputs, given.fan_out, given.parallelism)
        if rng.integers(2):
            drawn = clash_free(*sizes, CLASH_FREE[int(rng.integers(len(CLASH_FREE)))], rng)
        else:
            drawn = start_vector(*sizes, VARIANTS[int(rng.integers(len(VARIANTS)))], rng)
        try:
            junction = Junction(drawn, given.outputs, given.activation)
            junction.entries(build.entries[at])
        except ValueError:  # an edge drawn twice, or more entries than the generator has: draw another
            continue
        if build.dither[at] or not junction.dithered:
            return junction
