"""Targets of the junction machine that come late: samples of all modes wait for them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from junction_builds import BUILDS

from fabric.hardware.junctions import GoldenJunctions, JunctionMachine, JunctionProgram
from fabric.hardware.junctions.verification import random_case


@pytest.fixture(scope="module")
def machine():
    return JunctionMachine(BUILDS["two junctions"])


# A smaller seed is not a simpler case: what fails is not shrunk.
@pytest.mark.parametrize("mode", ["pipelined", "sequential"])
@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_samples_wait_for_targets_that_come_late(machine, mode, seed):
    rng, fixed = np.random.default_rng(seed), machine.build.fixed_point
    case = random_case(machine.build, rng)
    golden = GoldenJunctions(case.network, fixed)
    machine.reset()
    machine.connect(case.network)
    machine.load(case.weights)
    golden.load(case.weights)
    limit = 1 << (fixed.word - 1)
    words = (rng.integers(-limit, limit, (4, case.network.widths[side])) for side in (0, -1))
    lesson = JunctionProgram(case.network, mode), *words, fixed.slowest - 3, True
    # Beats in a row, then none. Seven are one less than two samples have.
    beats, period = ((1, 2), (1, 60), (7, 40))[int(rng.integers(3))]
    late = np.arange(period) >= beats
    assert np.array_equal(machine.run(*lesson, stalls={"target": late}), golden.run(*lesson))
    assert period < 60 or machine.counters.waiting > 0
    assert all(map(np.array_equal, machine.weights(), golden.weights()))
