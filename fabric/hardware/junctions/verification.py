"""Random cases for the junction machine: patterns, data, pauses, resets; and whether RTL and golden model agree."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from fabric.hardware.fixed_point import RATES, FixedPoint
from fabric.hardware.junctions._build import JunctionBuild
from fabric.hardware.junctions._golden import GoldenJunctions
from fabric.hardware.junctions._junction import Junction
from fabric.hardware.junctions._machine import JunctionMachine
from fabric.hardware.junctions._network import JunctionNetwork
from fabric.hardware.junctions._program import JUNCTION_MODES, JunctionProgram
from fabric.hardware.simulation.host import Stalls
from fabric.hardware.simulation.verilator import SimulationError
from fabric.hardware.torus.verification import random_stalls
from fabric.topology.interleaver import VARIANTS, clash_free, start_vector
from fabric.topology.junctions import CLASH_FREE

_MOST_RUNS, _MOST_SAMPLES, _LATEST_RESET = 3, 7, 120


@dataclass(frozen=True)
class JunctionRun:
    """One run of the machine: what it does, what it is given."""

    program: JunctionProgram
    inputs: np.ndarray
    targets: np.ndarray | None
    rate_exponent: int | None
    stochastic: bool
    stalls: Stalls


@dataclass(frozen=True)
class JunctionCase:
    """What happens to a machine that has been reset.

    Attributes:
        network: its patterns.
        weights: loaded before the runs.
        runs: one after the other, nothing reset between them: weights and random words go on.
        reset_after: the first run is begun, reset after so many cycles and begun anew; None: it is not.
    """

    network: JunctionNetwork
    weights: list[np.ndarray]
    runs: tuple[JunctionRun, ...]
    reset_after: int | None


def random_case(build: JunctionBuild, rng: np.random.Generator) -> JunctionCase:
    """A case that the build can run, drawn from all that it can run."""
    network = JunctionNetwork([_pattern(build, at, rng) for at in range(len(build.network))])
    return JunctionCase(
        network,
        [_words(build.fixed_point.weight, rng, junction.edges) for junction in network.junctions],
        tuple(_run(network, build.fixed_point, rng) for _ in range(int(rng.integers(1, _MOST_RUNS + 1)))),
        int(rng.integers(1, _LATEST_RESET)) if rng.integers(3) == 0 else None,
    )


def differences(machine: JunctionMachine, case: JunctionCase) -> Iterator[str]:
    """Run a case on the RTL and on the golden model and name everything in which they differ: nothing, if all is well.

    Compared after each run are outputs, all weights and the counters of busy cycles, and, where the host never pauses,
    the cycles of the whole run.
    """
    golden = GoldenJunctions(case.network, machine.build.fixed_point)
    machine.reset()
    machine.connect(case.network)
    if case.reset_after is not None:
        machine.load(case.weights)
        with suppress(SimulationError):  # it is given up in mid-run
            _start(machine, case.runs[0], case.reset_after)
        machine.reset()
    machine.load(case.weights)
    golden.load(case.weights)
    for number, run in enumerate(case.runs):
        outputs = _start(machine, run)
        counters = machine.counters
        given = (run.program, run.inputs, run.targets, run.rate_exponent, run.stochastic)
        if not np.array_equal(outputs, golden.run(*given)):
            yield f"outputs of run {number}"
        for at, (have, want) in enumerate(zip(machine.weights(), golden.weights(), strict=True)):
            if not np.array_equal(have, want):
                yield f"weights of junction {at} after run {number}"
        blocks = (len(run.inputs) - 1) * run.program.interval + run.program.passes
        if counters.cycles - counters.waiting != blocks * case.network.block_cycles:
            yield f"busy cycles: {counters.cycles - counters.waiting}, not {blocks * case.network.block_cycles}"
        if counters.waiting and not run.stalls.keys() - {"command"}:
            yield f"waits {counters.waiting} cycles without a reason"


def _start(machine: JunctionMachine, run: JunctionRun, limit: int = 2**62) -> np.ndarray:
    given = (run.program, run.inputs, run.targets, run.rate_exponent, run.stochastic)
    return machine.run(*given, stalls=run.stalls, limit=limit)


def _run(network: JunctionNetwork, fixed: FixedPoint, rng: np.random.Generator) -> JunctionRun:
    samples = int(rng.integers(1, _MOST_SAMPLES + 1))
    trains, sequential = bool(rng.integers(5)), bool(rng.integers(4) == 0)
    programs = [JunctionProgram(network, mode) for mode in JUNCTION_MODES]
    (chosen,) = [way for way in programs if (way.trains, way.sequential) == (trains, sequential)]
    return JunctionRun(
        chosen,
        _words(fixed.word, rng, samples, network.widths[0]),
        _words(fixed.word, rng, samples, network.widths[-1]) if trains else None,
        fixed.slowest - int(rng.integers(RATES)) if trains else None,
        bool(rng.integers(2)),
        random_stalls(rng, "command", "input", "target", "output"),
    )


def _words(bits: int, rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Small or full range, since saturation everywhere would hide what happens below it; at times with many ends."""
    limit = 1 << int(rng.integers(2, bits))
    drawn = rng.integers(-limit, limit, shape)
    if rng.integers(2):
        return drawn
    near = rng.integers(2, size=shape)  # the most positive or negative word, or its neighbour
    ends = np.where(rng.integers(2, size=shape), (1 << (bits - 1)) - 1 - near, near - (1 << (bits - 1)))
    return np.where(rng.random(shape) < rng.random(), ends, drawn)


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
