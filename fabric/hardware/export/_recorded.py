"""A lesson on a simulated machine, with everything that its streams move: the vectors of a test bench."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fabric.hardware.junctions import GoldenJunctions, JunctionMachine, JunctionProgram
from fabric.hardware.simulation.host import Host
from fabric.hardware.simulation.verilator import SimulationError, Stream
from fabric.hardware.torus import GoldenMachine, Machine, Program


@dataclass(frozen=True)
class Lesson:
    """What a test bench drives and what it must see.

    Attributes:
        sources: packed beats of each stream into the machine, uint32 (beats, words).
        sinks: packed beats of each stream out of it: results, then weights.
        first: sources that come before the others, each empty before the next begins.
        cycles: how long all this took without pauses.
    """

    sources: dict[str, np.ndarray]
    sinks: dict[str, np.ndarray]
    first: tuple[str, ...]
    cycles: int


def record(machine: Machine | JunctionMachine, program: Program | JunctionProgram, samples: int, seed: int) -> Lesson:
    """Load the weights of a machine, run random samples and read the weights back, as the golden model does it too.

    The machine is reset; afterwards it holds the weights that it had.

    Raises:
        SimulationError: the machine and its golden model differ.
    """
    fixed = machine.torus.fixed_point if isinstance(machine, Machine) else machine.build.fixed_point
    rng = np.random.default_rng(seed)
    limit = 1 << (fixed.word - 3)
    x = rng.integers(-limit, limit, (samples, program.inputs))
    y, rate = rng.integers(-limit, limit, (samples, program.outputs)), fixed.slowest - 2
    given = (x, y, rate) if program.trains else (x,)
    held = machine.weights()
    golden: Any
    first: tuple[str, ...]
    if isinstance(machine, Machine):
        golden, first = GoldenMachine(machine.mapping, fixed), ("program",)
    else:
        golden, first = GoldenJunctions(machine.network, fixed), ("pattern", "weight")
    golden.load(held)
    driven: Any = machine
    machine.reset()
    begun = machine.simulation.cycle
    with _recording(machine) as beats:
        if isinstance(machine, JunctionMachine):
            machine.connect(machine.network)  # patterns
            beats.pop("weight")  # zeros
        machine.load(held)
        outputs = driven.run(program, *given)
        learned = machine.weights()
    taken = machine.simulation.cycle - begun
    machine.reset()
    machine.load(held)
    wanted = golden.run(program, *given)
    if not (np.array_equal(outputs, wanted) and all(map(np.array_equal, learned, golden.weights()))):
        raise SimulationError("the machine and its golden model differ, so there are no vectors to export")
    moved = {name: np.concatenate(parts) for name, parts in beats.items()}
    sinks = {name: moved.pop(name) for name in machine.simulation.sink_names}
    return Lesson(moved, sinks, first, taken)


@contextmanager
def _recording(machine: Host) -> Iterator[dict[str, list[np.ndarray]]]:
    """The beats of each stream that move inside, in their order."""
    beats: dict[str, list[np.ndarray]] = defaultdict(list)
    simulation = machine.simulation
    pump = simulation.pump

    def recorded(streams: Mapping[str, Stream], *arguments: Any) -> int:
        begun = {name: stream.done for name, stream in streams.items()}
        outcome = pump(streams, *arguments)
        for name, stream in streams.items():
            array = stream.arrays[0]
            assert array is not None
            beats[name].append(array[begun[name] : stream.done].copy())
        return outcome

    setattr(simulation, "pump", recorded)  # noqa: B010 (mypy refuses to assign to a method)
    try:
        yield beats
    finally:
        del simulation.pump
