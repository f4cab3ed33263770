"""A host that does not wait: runs queued one behind the other, streams offered too early, resets in mid-command."""

from contextlib import suppress
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machine_streams import recording

from fabric.hardware import Machine, SimulationError
from fabric.hardware.simulation.verilator import FINISHED
from fabric.hardware.torus._encoding import RUN, command
from fabric.hardware.torus.verification import TORI, differences, random_case, random_stalls

LONG = 100_000  # cycles in which all these commands are done


@pytest.fixture(scope="module", params=["smallest", "pipelined", "interleaving"])
def machine(request):
    return Machine(TORI[request.param])


def many(test):
    """Cases from drawn seeds. A smaller seed is not a simpler case: what fails is not shrunk."""
    phases, allowed = [Phase.explicit, Phase.reuse, Phase.generate], [HealthCheck.function_scoped_fixture]
    drawn = given(seed=st.integers(0, 2**32 - 1))
    return settings(max_examples=40, phases=phases, suppress_health_check=allowed)(drawn(test))


def _begin(machine, case):
    machine.reset()
    machine.connect(case.mapping)
    machine.load(case.weights)


@many
def test_runs_may_be_queued_with_all_their_data(machine, seed):
    """All is offered from the first cycle on, the instructions of all runs side by side: weights to load, runs of some
    and of no samples, weights to read. The same beats come out as when the host waits for each command."""
    rng, simulation = np.random.default_rng(seed), machine.simulation
    case = random_case(machine.torus, rng)
    while sum(len(run.program.slots) for run in case.runs) > machine.torus.slots:
        case = random_case(machine.torus, rng)
    with recording(simulation) as moved:
        _begin(machine, case)
    parts, first = [moved, {"command": command(RUN, count=0)}], 0
    for run in case.runs:
        with recording(simulation) as moved:
            run.on(machine)
            machine.weights()
        moved["program"][:, 0] += first  # where an instruction goes
        moved["command"][0, 1] += first  # where a run begins
        first += len(run.program.slots)
        parts.append(moved)

    machine.reset()
    stalls = random_stalls(rng, "command", "input", "target", "output")
    names = set().union(*parts)
    beats = {name: np.concatenate([part[name] for part in parts if name in part]) for name in names}
    wanted, beats["output"] = beats["output"], np.zeros_like(beats["output"])
    streams = {name: simulation.stream(name, words, stalls.get(name)) for name, words in beats.items()}
    assert simulation.pump(streams, cycles=LONG) == FINISHED
    assert np.array_equal(beats["output"], wanted)


@many
def test_instructions_offered_in_mid_run_wait_for_its_end(machine, seed):
    simulation = machine.simulation
    case = random_case(machine.torus, np.random.default_rng(seed))
    _begin(machine, case)
    with recording(simulation) as moved:
        case.runs[0].on(machine)
    wanted, moved["output"] = moved["output"], np.zeros_like(moved["output"])

    _begin(machine, case)
    program = moved.pop("program")
    assert simulation.pump({"program": simulation.stream("program", program)}) == FINISHED
    # Empty instructions for all places. They are held back in the first cycle, in which the command is taken.
    held_back = np.roll(np.array([1, 0, 0, 0], dtype=np.uint8), simulation.cycle)
    others = np.zeros_like(program)
    others[:, 0] = np.arange(len(program))
    streams = {name: simulation.stream(name, words) for name, words in moved.items()}
    assert (
        simulation.pump({**streams, "program": simulation.stream("program", others, held_back)}, cycles=LONG)
        == FINISHED
    )
    assert np.array_equal(moved["output"], wanted)


@many
def test_a_reset_may_come_while_weights_are_loaded_or_read(machine, seed):
    rng, simulation = np.random.default_rng(seed), machine.simulation
    case, limit, pump = random_case(machine.torus, rng), int(rng.integers(1, 30)), simulation.pump
    _begin(machine, case)
    cut_off = patch.object(simulation, "pump", lambda streams, *_: pump(streams, True, limit))
    with cut_off, suppress(SimulationError):
        if rng.integers(2):
            machine.load(case.weights)
        else:
            machine.weights()
    assert list(differences(machine, case)) == []
