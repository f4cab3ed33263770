"""All streams of the junction machine offered together: nothing is lost or misplaced, in Verilator and in Icarus."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from junction_builds import BUILDS
from junction_streams import SINKS, drawn, on_icarus, on_verilator, wanted

from fabric.hardware.junctions import JunctionMachine


@pytest.fixture(scope="module", params=BUILDS)
def machine(request):
    return JunctionMachine(BUILDS[request.param])


def values(moved):
    return {name: [value for _, value in moved[name]] for name in SINKS}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_all_streams_together_give_what_the_golden_model_gives(machine, seed):
    traffic = drawn(machine.build, np.random.default_rng(seed))
    moved = on_verilator(machine, traffic)
    assert values(moved) == wanted(machine.build, traffic, moved)


def test_patterns_weights_and_commands_are_taken_in_one_cycle(machine):
    """The cases above would prove little if beats did not meet."""
    met = set()
    for seed in range(20):
        moved = on_verilator(machine, drawn(machine.build, np.random.default_rng(seed)))
        times = {name: {time for time, _ in beats} for name, beats in moved.items()}
        met |= {pair for pair in (("pattern", "weight"), ("weight", "command"), ("pattern", "command"),
                                  ("weight", "target")) if times[pair[0]] & times[pair[1]]}  # fmt: skip
    assert len(met) == 4


@pytest.mark.parametrize("seed", range(2))
def test_icarus_moves_the_same_beats_in_the_same_cycles(machine, seed, tmp_path):
    traffic = drawn(machine.build, np.random.default_rng(seed))
    assert on_icarus(machine.build, traffic, tmp_path) == on_verilator(machine, traffic)
