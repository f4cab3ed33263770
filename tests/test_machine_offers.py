"""Of what a host offers early or late, each waits for the other: beats, commands, instructions, targets."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machine_streams import recording

from fabric.hardware import Machine, SimulationError
from fabric.hardware.simulation.verilator import FINISHED
from fabric.hardware.torus.verification import TORI, differences, random_case


@pytest.fixture(scope="module", params=["smallest", "interleaving"])
def machine(request):
    return Machine(TORI[request.param])


def many(test):
    """Cases from drawn seeds. A smaller seed is not a simpler case: what fails is not shrunk."""
    phases, allowed = [Phase.explicit, Phase.reuse, Phase.generate], [HealthCheck.function_scoped_fixture]
    drawn = given(seed=st.integers(0, 2**32 - 1))
    return settings(max_examples=30, phases=phases, suppress_health_check=allowed)(drawn(test))


def lived(machine, case):
    """The first run of a case, from a reset to its weights: the beats that move."""
    machine.reset()
    machine.connect(case.mapping)
    with recording(machine.simulation) as moved:
        machine.load(case.weights)
        case.runs[0].on(machine)
        machine.weights()
    return moved


def offered(machine, beats, stalls):
    """The same beats come out when all are offered at once."""
    simulation = machine.simulation
    wanted, beats["output"] = beats["output"], np.zeros_like(beats["output"])
    streams = {name: simulation.stream(name, words, stalls.get(name)) for name, words in beats.items()}
    assert simulation.pump(streams, cycles=100_000) == FINISHED
    assert np.array_equal(beats["output"], wanted)


@many
def test_beats_that_come_before_a_command_wait_for_it_after_a_reset(machine, seed):
    """The run is cut off and all begun anew. This time weights and samples come before their commands: nothing that the
    reset has left takes them."""
    rng = np.random.default_rng(seed)
    case = random_case(machine.torus, rng)
    moved = lived(machine, case)
    machine.reset()
    machine.load(case.weights)
    with suppress(SimulationError):
        case.runs[0].on(machine, int(rng.integers(1, 60)))
    machine.reset()
    late = np.ones(int(rng.integers(20, 40)), dtype=np.uint8)
    late[-1] = 0
    offered(machine, moved, {"command": np.roll(late, machine.simulation.cycle)})


@many
def test_a_command_waits_for_the_instructions_that_are_offered_with_it(machine, seed):
    """The places of the instructions hold others before."""
    case = random_case(machine.torus, np.random.default_rng(seed))
    moved = lived(machine, case)
    machine.reset()
    machine.load(case.weights)
    others = np.zeros_like(moved["program"])
    others[:, 0] = np.arange(len(others))
    machine.simulation.pump({"program": machine.simulation.stream("program", others)})
    with recording(machine.simulation) as again:
        machine.load(case.weights)
    weights = {name: len(beats) for name, beats in again.items()}
    offered(machine, {name: beats[weights.get(name, 0) :] for name, beats in moved.items()}, {})


@many
def test_results_wait_for_targets_that_come_late_whether_they_are_sent_or_not(machine, seed):
    rng = np.random.default_rng(seed)
    case = random_case(machine.torus, rng)
    while not case.runs[0].program.trains or case.runs[0].targets_are_deltas:
        case = random_case(machine.torus, rng)
    late = np.arange(int(rng.integers(2, 40))) > 0
    run = replace(case.runs[0], emit_outputs=bool(rng.integers(2)), stalls={"target": late})
    assert list(differences(machine, replace(case, runs=(run,), reset_after=None))) == []
