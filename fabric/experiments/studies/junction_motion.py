"""What the junction machine works on in every block, as its waveforms tell."""

import numpy as np

from fabric.hardware import FixedPoint
from fabric.hardware.junctions import (
    JunctionBuild,
    JunctionMachine,
    JunctionNetwork,
    JunctionProgram,
    Schedule,
    Task,
    drawn_weights,
)
from fabric.hardware.simulation.trace import Trace

_RATE, _LARGEST = 4, 60


def traced_schedule(network: JunctionNetwork, samples: int, seed: int) -> Schedule:
    """Train drawn samples in the simulated machine and read from its waveforms which process worked on which sample.

    Args:
        network: what the machine is built for.
        samples: how many are trained, at least 1.
        seed: of weights, inputs and targets.

    Returns:
        What ran, with the cycles of the machine, as `fabric.hardware.junctions.simulate` tells what should.
    """
    rng, fixed = np.random.default_rng(seed), FixedPoint()
    machine = JunctionMachine(JunctionBuild(network, fixed), trace=True)
    machine.connect(network)
    machine.load(drawn_weights(network, fixed, rng))
    inputs, targets = (rng.integers(0, _LARGEST, (samples, network.widths[level])) for level in (0, -1))
    trace = Trace.of(machine, lambda: machine.run(JunctionProgram(network), inputs, targets, rate_exponent=_RATE))
    return Schedule(network, samples, tuple(sorted(_tasks(trace, len(network)))))


def _tasks(trace: Trace, junctions: int) -> list[Task]:
    working = trace.unsigned("schedule.in_block_q").astype(bool)
    stages, cycles = trace.unsigned("schedule.stages_q"), trace.unsigned("schedule.cycle_q")
    begins = np.flatnonzero(working & (cycles == 0))
    ends = np.flatnonzero(working & ~np.append(working[1:] & (cycles[1:] > 0), False))
    tasks, inside, entered = [], [-1] * (2 * junctions), 0
    for block, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        inside = [-1, *inside[:-1]]
        if stages[begin] & 1:
            inside[0], entered = entered, entered + 1
        for stage in range(2 * junctions):
            if stages[begin] >> stage & 1:
                forward = stage < junctions
                junction = stage + 1 if forward else 2 * junctions - stage
                for process in ("FF",) if forward else ("BP", "UP") if junction > 1 else ("UP",):
                    times = int(begin - begins[0]), int(end - begins[0]) + 1
                    tasks.append(Task(block, junction, process, inside[stage], *times))
    return tasks
