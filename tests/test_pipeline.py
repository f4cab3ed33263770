"""Pipelines of tori: golden model against those of single tori, Verilog against the golden model, cycles counted."""

from itertools import chain

import numpy as np
import pytest

from fabric.hardware import FixedPoint, GoldenMachine, TorusMapping, program
from fabric.hardware.pipeline import Costs, Pipeline, PipelineMachine, lateness, programs, stations, time_shared
from fabric.hardware.torus.verification import TORI

FIXED = FixedPoint()
WHOLE = TorusMapping([(8, 16, 4, 2, 4), (16, 8, 4, 4, 2)], ["relu", "sigmoid"])
PARTS = [TorusMapping([(8, 16, 4, 2, 4)], ["relu"]), TorusMapping([(16, 8, 4, 4, 2)], ["sigmoid"])]


def drawn(mappings, samples, seed=0):
    rng = np.random.default_rng(seed)
    weights = [[rng.integers(-900, 900, (p.rings, p.neurons, p.values)) for p in m.phases] for m in mappings]
    x = rng.integers(-64, 64, (samples, mappings[0].inputs))
    return weights, x, rng.integers(0, 33, (samples, mappings[-1].outputs))


@pytest.mark.parametrize("activations", [["relu", "sigmoid"], ["sigmoid", "identity"], ["identity", "relu"]])
@pytest.mark.parametrize("second", [(16, 8, 4, 4, 2), (16, 6, 4, 6)])
def test_a_pipeline_of_one_torus_is_the_golden_model(activations, second):
    mapping = TorusMapping([(8, 16, 4, 2, 4), second], activations)
    weights, x, y = drawn([mapping], 30)
    pipeline, golden = Pipeline([mapping], FIXED), GoldenMachine(mapping, FIXED)
    pipeline.load(weights)
    golden.load(weights[0])
    outputs = pipeline.run(x, y, 5, stochastic=False)
    assert np.array_equal(outputs, golden.run(program(mapping, "sequential"), x, y, 5, stochastic=False))
    assert all(map(np.array_equal, pipeline.weights()[0], golden.weights()))


@pytest.mark.parametrize("activations", [["relu", "sigmoid"], ["sigmoid", "sigmoid"]])
def test_one_sample_at_a_time_two_tori_are_one(activations):
    """A run ends with an empty pipeline, so that nothing is late in runs of one sample."""
    parts = [TorusMapping([m.cascades[0]], [kind]) for m, kind in zip(PARTS, activations, strict=True)]
    whole = TorusMapping(WHOLE.cascades, activations)
    weights, x, y = drawn(parts, 12)
    pipeline, golden = Pipeline(parts, FIXED), GoldenMachine(whole, FIXED)
    pipeline.load(weights)
    golden.load(weights[0] + weights[1])
    for sample, target in zip(x, y, strict=True):
        ours = pipeline.run(sample[None], target[None], 4, stochastic=False)
        assert np.array_equal(
            ours, golden.run(program(whole, "sequential"), sample[None], target[None], 4, stochastic=False)
        )
    assert all(map(np.array_equal, chain(*pipeline.weights()), golden.weights()))


def test_updates_are_as_late_as_said(monkeypatch):
    """So many samples go forward in a torus between a sample's own pass there and its update."""
    parts = [*PARTS, TorusMapping([(8, 4, 2, 2, 2)], ["sigmoid"], columns=4)]
    pipeline, (_, x, y) = Pipeline(parts, FIXED), drawn(parts, 12)
    events = []
    forward, backward = pipeline._forward, pipeline._backward
    monkeypatch.setattr(pipeline, "_forward", lambda k, *rest: events.append((k, "F")) or forward(k, *rest))
    monkeypatch.setattr(pipeline, "_backward", lambda k, *rest: events.append((k, "B")) or backward(k, *rest))
    pipeline.run(x, y, 3)
    assert pipeline.late == lateness(parts) == [3, 2, 0]
    for torus, late in enumerate(pipeline.late):
        own = "".join(kind for k, kind in events if k == torus)
        assert own == "F" * (late + 1) + "BF" * (11 - late) + "B" * (late + 1)


def test_each_torus_of_a_pipeline_is_the_golden_model_of_its_program(monkeypatch):
    """A second golden model: a single torus, given what the others have handed on, a run of its own."""
    parts = [TorusMapping(m.cascades, ["sigmoid"]) for m in PARTS]
    weights, x, y = drawn(parts, 30)
    pipeline, handed = Pipeline(parts, FIXED), []
    pipeline.load(weights)
    backward = pipeline._backward

    def seen(torus, kept, delta, *rest):
        if torus == 0:
            handed.append(delta)
        return backward(torus, kept, delta, *rest)

    monkeypatch.setattr(pipeline, "_backward", seen)
    outputs = pipeline.run(x, y, 4, stochastic=False)
    first, second = (GoldenMachine(part, FIXED) for part in parts)
    first.load(weights[0])
    second.load(weights[1])
    training = programs(parts)
    between = first.run(training[0], x, np.array(handed), 4, stochastic=False, targets_are_deltas=True)
    assert np.array_equal(second.run(training[1], between, y, 4, stochastic=False), outputs)
    assert np.array_equal(second.deltas, handed)
    assert all(map(np.array_equal, chain(*pipeline.weights()), [*first.weights(), *second.weights()]))


ROWS = {
    "two": ("square", [(8, 16, 4, 2, 4), (16, 8, 4, 4, 2)], ["relu", "sigmoid"]),
    "levels": ("square", [(16, 16, 4, 4), (16, 4, 4, 4), (4, 3)], ["sigmoid", "relu", "identity"]),
    "four": ("square", [(8, 8, 2, 2, 2)] * 4, ["relu", "sigmoid", "identity", "sigmoid"]),
    "fed": ("smallest", [(8, 4, 2, 2, 2), (4, 4, 2, 2, 2), (4, 4, 2, 2, 2)], ["relu", "identity", "sigmoid"]),
}


@pytest.mark.parametrize("name", ROWS)
def test_tori_in_verilog_behind_each_other_are_the_golden_model(name):
    torus, cascades, kinds = TORI[ROWS[name][0]], *ROWS[name][1:]
    place = torus.rows, torus.columns
    parts = [TorusMapping([cascade], [kind], *place) for cascade, kind in zip(cascades, kinds, strict=True)]
    weights, x, y = drawn(parts, 24)
    machine, golden = PipelineMachine(parts, [torus] * len(parts)), Pipeline(parts, torus.fixed_point)
    for rate in (3, 5):  # the second run begins with the weights of the first
        for model in (machine, golden) if rate == 3 else ():
            model.load(weights)
        ours = machine.run(x, y, rate, stochastic=False)
        assert np.array_equal(ours, golden.run(x, y, rate, stochastic=False))
        assert all(map(np.array_equal, chain(*machine.weights()), chain(*golden.weights())))
    between = np.diff(machine.output_times)
    slowest = max(station.training for station in stations(parts, torus.fixed_point))
    assert between[12:].mean() >= slowest
    if name == "two":
        assert (between[4:] == slowest).all()
        counters = machine.counters
        assert max(c.cycles for c in counters) < 24 * slowest + 6 * slowest
        assert all(c.forward == 24 * 12 for c in counters)


def test_the_slowest_torus_sets_the_pace_of_three():
    """Where the others have time for handing on, a sample leaves as often as the slowest torus can take one."""
    torus = TORI["square"]
    parts = [TorusMapping([c], [kind], 4, 4) for c, kind in
             zip([(16, 16, 4, 4, 4, 4), (16, 4, 4), (4, 3)], ["relu", "relu", "sigmoid"], strict=True)]  # fmt: skip
    weights, x, y = drawn(parts, 30)
    machine = PipelineMachine(parts, [torus] * 3)
    machine.load(weights)
    machine.run(x, y, 4)
    row = stations(parts, torus.fixed_point)
    assert set(np.diff(machine.output_times)[6:]) == {max(station.training for station in row)}
    assert machine.waiting[0] <= 4 * parts[0].outputs


def test_the_pipeline_pays_in_places_for_what_it_gains_in_time():
    row = stations(PARTS, FIXED)
    pipeline, shared = Costs.of(row), time_shared(WHOLE, FIXED)
    assert pipeline.interval == max(station.training for station in row) < shared.interval
    assert pipeline.multipliers == sum(3 * s.torus.rows * s.torus.columns for s in row) > shared.multipliers
    assert pipeline.store_bits == sum(s.torus.rows * s.torus.columns * s.torus.store * 9 for s in row)
    assert [station.late for station in row] == [2, 0]
    assert pipeline.queue_bits == 9 * (16 + 16)
    assert shared.queue_bits == 0
    assert time_shared(WHOLE, FIXED, "overlapped").interval < shared.interval


@pytest.mark.parametrize(
    ("mappings", "said"),
    [
        ([TorusMapping([(4, 4, 2, 2, 2)])] * 5, "from 1 to 4 behind each other, got 5"),
        (
            [TorusMapping([(8, 4, 2, 2, 2)]), *[TorusMapping([(4, 4, 2, 2, 2)])] * 3],
            "from 1 to 3 behind each other, got 4",
        ),
        ([PARTS[0], TorusMapping([(8, 4, 2, 2, 2)])], "hand on 16 values"),
        ([PARTS[0], TorusMapping([(16, 4, 2, 2, 2)])], "columns for the 8 inputs of a row"),
        ([TorusMapping([(4, 4, 2, 2, 2)] * 2), TorusMapping([(4, 4, 2, 2, 2)])], "stores 16 activations"),
    ],
)
def test_what_cannot_stand_behind_each_other_is_refused(mappings, said):
    with pytest.raises(ValueError, match=said):
        stations(mappings, FIXED)
