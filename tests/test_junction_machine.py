"""The Verilog of the junction machine against its golden model, bit for bit, with everything drawn at random."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from junction_builds import BUILDS

from fabric.hardware import SimulationError
from fabric.hardware.junctions import GoldenJunctions, JunctionMachine, JunctionNetwork, JunctionProgram
from fabric.hardware.junctions.verification import differences, random_case


@pytest.fixture(scope="module", params=BUILDS)
def machine(request):
    return JunctionMachine(BUILDS[request.param])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_rtl_equals_the_golden_model(machine, seed):
    case = random_case(machine.build, np.random.default_rng(seed))
    assert list(differences(machine, case)) == []


def test_planted_difference_is_found(machine, monkeypatch):
    """The comparison can fail: a golden model that holds one other weight is caught."""
    case = random_case(machine.build, np.random.default_rng(0))
    load = GoldenJunctions.load

    def load_another(golden, weights):
        load(golden, [~weights[0], *weights[1:]])

    monkeypatch.setattr(GoldenJunctions, "load", load_another)
    assert "weights of junction 0 after run 0" in list(differences(machine, case))


def test_hang_is_named(machine):
    """Without a target the machine waits for ever, and says where."""
    machine.reset()
    machine.connect(machine.build.network)
    x, y = (np.zeros((3, machine.network.widths[side]), dtype=np.int64) for side in (0, -1))
    never = np.ones(1, dtype=np.uint8)
    with pytest.raises(SimulationError, match=r"hangs while running.*target 0 of"):
        training = JunctionProgram(machine.network, "pipelined")
        machine.run(training, x, y, machine.build.fixed_point.slowest, stalls={"target": never})
    machine.reset()


def test_what_does_not_fit_is_refused_by_both_models(machine):
    network = machine.build.network
    golden, rate = GoldenJunctions(network, machine.build.fixed_point), machine.build.fixed_point.slowest
    machine.connect(network)
    x, y = (np.zeros((3, network.widths[side]), dtype=np.int64) for side in (0, -1))
    for model in (machine, golden):
        with pytest.raises(ValueError, match=r"one for each of the 3 inputs, got \(2,"):
            model.run(JunctionProgram(network), x, y[:2], rate)
        with pytest.raises(ValueError, match="inputs must be integers"):
            model.run(JunctionProgram(network, "inference"), x / 3)
        with pytest.raises(ValueError, match=r"one a junction|weights of junction 1 must have shape"):
            model.load([np.zeros(1, dtype=np.int64)])


def test_patterns_that_the_build_cannot_hold_are_named():
    build = BUILDS["no crossbars"]
    sizes = ([24, 6, 6], [1, 3], [8, 6])
    activations = ["relu", "relu"]
    dithered = JunctionNetwork.drawn(*sizes, "clash-free-3+MD", np.random.default_rng(0), activations)
    with pytest.raises(ValueError, match="without crossbars"):
        build.patterns(dithered)
    with pytest.raises(ValueError, match="junction must have the build's"):
        build.patterns(JunctionNetwork.drawn(*sizes, "clash-free-3", np.random.default_rng(0), ["relu", "sigmoid"]))
