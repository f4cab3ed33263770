"""A junction whose left neurons have more edges than two, and patterns that are offered while it runs."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machine_streams import recording

from fabric.hardware import FixedPoint
from fabric.hardware.junctions import JunctionBuild, JunctionMachine, JunctionNetwork
from fabric.hardware.junctions.verification import differences, random_case
from fabric.hardware.simulation.verilator import FINISHED

SIZES = ([4, 4, 4], [1, 4], [2, 2], "clash-free-3")


@pytest.fixture(scope="module")
def machine():
    network = JunctionNetwork.drawn(*SIZES, np.random.default_rng(0), ["sigmoid", "identity"])
    entries = tuple(junction.cycles for junction in network.junctions)
    return JunctionMachine(JunctionBuild(network, FixedPoint(), entries, (True, True)))


def many(test):
    """Cases from drawn seeds. A smaller seed is not a simpler case: what fails is not shrunk."""
    phases, allowed = [Phase.explicit, Phase.reuse, Phase.generate], [HealthCheck.function_scoped_fixture]
    drawn = given(seed=st.integers(0, 2**32 - 1))
    return settings(max_examples=20, phases=phases, suppress_health_check=allowed)(drawn(test))


@many
def test_sums_of_more_than_two_sweeps_are_those_of_the_golden_model(machine, seed):
    case = random_case(machine.build, np.random.default_rng(seed))
    assert list(differences(machine, case)) == []


@many
def test_patterns_offered_in_mid_run_wait_for_its_end(machine, seed):
    rng, simulation = np.random.default_rng(seed), machine.simulation
    case, other = (random_case(machine.build, rng) for _ in range(2))
    with recording(simulation) as patterns:
        machine.reset()
        machine.connect(other.network)
    run = case.runs[0]
    lesson = run.program, run.inputs, run.targets, run.rate_exponent, run.stochastic

    def begin():
        machine.reset()
        machine.connect(case.network)
        machine.load(case.weights)

    begin()
    with recording(simulation) as moved:
        machine.run(*lesson)
    wanted, moved["output"] = moved["output"], np.zeros_like(moved["output"])
    begin()
    # They are held back in the first cycle, in which the command is taken.
    held_back = np.roll(np.array([1, 0, 0, 0], dtype=np.uint8), simulation.cycle)
    streams = {name: simulation.stream(name, beats) for name, beats in moved.items()}
    streams["pattern"] = simulation.stream("pattern", patterns["pattern"], held_back)
    assert simulation.pump(streams, cycles=100_000) == FINISHED
    assert np.array_equal(moved["output"], wanted)
