"""Junction networks, their golden model and their schedule: oracles and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric.hardware import FixedPoint
from fabric.hardware.junctions import (
    SHARING,
    GoldenJunctions,
    Junction,
    JunctionNetwork,
    JunctionProgram,
    balanced_parallelisms,
    drawn_weights,
    simulate,
)
from fabric.topology.interleaver import clash_free
from fabric.topology.junctions import CLASH_FREE

SIZES = ([16, 8, 8, 4], [4, 4, 2], [8, 4, 4])


def network(activations=None, pattern="clash-free-2", depth=3) -> JunctionNetwork:
    widths, fan_outs, parallelisms = SIZES
    return JunctionNetwork.drawn(
        widths[: depth + 1], fan_outs[:depth], parallelisms[:depth], pattern, np.random.default_rng(0), activations
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), pattern=st.sampled_from(CLASH_FREE))
def test_entries_of_the_address_generator_give_back_the_pattern(seed, pattern):
    """Read as rtl/JUNCTION.md says, they name the left neuron of every slot."""
    junction = Junction(clash_free(16, 4, 8, pattern, np.random.default_rng(seed)), 8)
    rows, memories = junction.entries()
    sweep, lane = np.divmod(np.arange(junction.edges), 16)[0], np.arange(junction.edges) % 8
    cycle = np.arange(junction.edges) // 8
    entry = {1: 0 * cycle, 4: sweep}.get(len(rows), cycle)
    offset = 0 if len(rows) == junction.cycles else cycle % junction.depth
    memory = memories[entry, lane]
    assert ((rows[entry, memory] + offset) % junction.depth * 8 + memory == junction.neurons).all()


def test_golden_model_tends_to_autograd():
    """With fine formats a sequential step of the golden model is one of gradient descent in floating point."""
    torch = pytest.importorskip("torch")
    fixed = FixedPoint(16, 24, 9, 12, 22, 10)
    net = network(["relu", "sigmoid", "identity"])
    rng = np.random.default_rng(0)
    golden = GoldenJunctions(net, fixed)
    golden.load(drawn_weights(net, fixed, rng))
    weights = [torch.tensor(w / 2**22, requires_grad=True) for w in golden.weights()]
    x, target = rng.uniform(-1, 1, 16), rng.uniform(-1, 1, 4)
    one = (fixed.activations(x)[None], fixed.activations(target)[None])
    out = golden.run(JunctionProgram(net, "sequential"), *one, rate_exponent=4, stochastic=False)
    y = torch.tensor(x)
    for junction, w, function in zip(
        net.junctions, weights, (torch.relu, torch.sigmoid, torch.nn.Identity()), strict=True
    ):
        y = function((w * y[torch.tensor(junction.neurons)]).reshape(junction.outputs, -1).sum(1))
    (0.5 * ((y - torch.tensor(target)) ** 2).sum()).backward()
    assert np.allclose(out[0] / 2**9, y.detach(), atol=2**-7)
    for have, before in zip(golden.weights(), weights, strict=True):
        want = (before - 2**-4 * before.grad).detach().numpy()
        assert np.allclose(have / 2**22, want, atol=2**-4 * 2**-6)


@pytest.mark.parametrize("mode", ["pipelined", "sequential"])
def test_updates_reach_an_output_as_late_as_the_mode_says(mode):
    """In the pipeline the last junction's update is one sample late; sequentially the next output sees it."""
    fixed, rng = FixedPoint(), np.random.default_rng(1)
    net = network()
    x, y = rng.integers(0, 32, (8, 16)), rng.integers(0, 32, (8, 4))
    weights = drawn_weights(net, fixed, rng)

    def outputs(targets):
        golden = GoldenJunctions(net, fixed)
        golden.load(weights)
        return golden.run(JunctionProgram(net, mode), x, targets, 3)

    other = y.copy()
    other[3] = 32 - y[3]
    differ = (outputs(y) != outputs(other)).any(axis=1)
    first = 5 if mode == "pipelined" else 4
    assert not differ[:first].any()
    assert differ[first]


@settings(max_examples=15, deadline=None)
@given(depth=st.integers(1, 6), latency=st.integers(0, 4))
def test_pipeline_gains_a_process_less_than_three_per_junction(depth, latency):
    net = JunctionNetwork.drawn([16] * (depth + 1), [4] * depth, [8] * depth, "clash-free-2", np.random.default_rng(0))
    alone, pipelined = (simulate(net, 8 * depth, sharing, latency) for sharing in ("one process", "both"))
    assert alone.interval / pipelined.interval == 3 * depth - 1
    assert pipelined.interval == net.useful_cycles + latency
    for layer in range(depth):
        assert pipelined.banks(layer) == net.queue(layer) == 2 * (depth - layer) + 1
        assert pipelined.staleness(layer + 1) == 2 * (depth - 1 - layer) + 1
        assert alone.staleness(layer + 1) == 0


@pytest.mark.parametrize("sharing", SHARING)
def test_every_process_of_every_sample_runs_once_and_after_what_it_needs(sharing):
    schedule = simulate(network(), 12, sharing)
    for sample in range(12):
        ends = {(task.junction, task.process): task for task in schedule.of(sample)}
        assert len(ends) == len(schedule.of(sample)) == 8
        for below in (1, 2):
            assert ends[below, "FF"].end <= ends[below + 1, "FF"].start
            assert ends[below + 1, "BP"].end <= ends[below, "UP"].start
        assert ends[3, "FF"].end <= ends[3, "BP"].start


def test_balanced_parallelisms_are_the_published_ones():
    assert balanced_parallelisms([1024, 64, 32], [4, 16], 32) == (128, 32)
    with pytest.raises(ValueError, match="cycles must be more than 1"):
        balanced_parallelisms([1024, 64, 32], [4, 16], 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: JunctionNetwork.drawn([16, 8], [2], [16], "clash-free-2", np.random.default_rng(0), ["tanh"]),
            "activation",
        ),
        (
            lambda: JunctionNetwork.drawn([12, 8], [2], [4], "clash-free-2", np.random.default_rng(0)),
            "divide the fan-in of 3",
        ),
        (lambda: JunctionNetwork([network().junctions[2], network().junctions[0]]), "junction 2 must have 4 inputs"),
        (lambda: JunctionNetwork([]), "junctions must be from 1 to 8"),
        (lambda: simulate(network(), 3), "samples must be an integer from 12"),
        (lambda: simulate(network(), 12, "all"), "sharing must be one of"),
        (lambda: network(pattern="clash-free-1").junctions[0].entries(1), "entries must be at least"),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
