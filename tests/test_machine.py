"""The Verilog against the golden model, bit for bit, on small tori with everything drawn at random."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machine_streams import recording

from fabric.hardware import FixedPoint, GoldenMachine, Machine, SimulationError, Torus, TorusMapping, cycles, program
from fabric.hardware.simulation.icarus import replay
from fabric.hardware.torus.verification import TORI, differences, random_case


@pytest.fixture(scope="module", params=TORI)
def machine(request):
    return Machine(TORI[request.param])


# A smaller seed is not a simpler case: what fails is not shrunk.
@settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_rtl_equals_the_golden_model(machine, seed):
    case = random_case(machine.torus, np.random.default_rng(seed))
    assert list(differences(machine, case)) == [], case


def _drawn(torus, seed, trains):
    """A case whose first run trains, or does not, and that run."""
    rng = np.random.default_rng(seed)
    cases = (random_case(torus, rng) for _ in range(1000))
    case = next(case for case in cases if case.runs[0].program.trains == trains)
    return case, case.runs[0]


def test_icarus_gives_the_same_beats(machine):
    """Everything that a case streams out, results and weights, streamed once more in a second simulator."""
    case, run = _drawn(machine.torus, 2, trains=True)
    case = replace(case, runs=(replace(run, stalls={}),), reset_after=None)
    with recording(machine.simulation) as moved:
        assert list(differences(machine, case)) == []
    wanted = moved.pop("output")
    torus = machine.torus
    given = ("fabric_machine", torus.parameters, torus.tables(), moved, {"output": len(wanted)}, "program")
    assert np.array_equal(replay(machine.simulation, *given)["output"], wanted)


def test_planted_difference_is_found(machine, monkeypatch):
    """The comparison can fail: a golden model that holds one other weight is caught."""
    case, _ = _drawn(machine.torus, 0, trains=False)
    case = replace(case, runs=case.runs[:1])
    load = GoldenMachine.load

    def load_another(golden, weights):
        load(golden, [weights[0] ^ 1, *weights[1:]])

    monkeypatch.setattr(GoldenMachine, "load", load_another)
    assert "weights of phase 0" in list(differences(machine, case))


def test_hang_is_named(machine):
    """Without a target the machine waits for ever, and says where."""
    case, run = _drawn(machine.torus, 1, trains=True)
    machine.reset()
    machine.connect(case.mapping)
    machine.load(case.weights)
    never = np.ones(1, dtype=np.uint8)
    with pytest.raises(SimulationError, match=r"hangs while running.*target 0 of"):
        machine.run(run.program, run.inputs, run.targets, run.rate_exponent, stalls={"target": never})
    machine.reset()


def test_pauses_of_unknown_streams_are_refused(machine):
    case, run = _drawn(machine.torus, 0, trains=False)
    machine.connect(case.mapping)
    with pytest.raises(ValueError, match=r"stalls must be of streams among .*input.*, got inputs"):
        machine.run(run.program, run.inputs, stalls={"inputs": np.ones(1, dtype=np.uint8)})


def test_what_does_not_fit_is_refused_by_both_models(machine):
    case, run = _drawn(machine.torus, 4, trains=True)
    golden = GoldenMachine(case.mapping, machine.torus.fixed_point)
    x, y, rate = run.inputs, run.targets, run.rate_exponent
    machine.connect(case.mapping)
    for model in (golden, machine):
        for arguments, told in (
            ((x, y[:-1], rate), rf"one for each of the {len(x)} inputs, got \({len(x) - 1},"),
            ((x, None, rate), "targets must be given"),
            ((x, y, None), "rate_exponent must be an integer"),
            ((x / 3, y, rate), "inputs must be integers"),
            ((x, y * np.nan, rate), "targets must be integers"),
        ):
            with pytest.raises(ValueError, match=told):
                model.run(run.program, *arguments)
        with pytest.raises(ValueError, match="one a phase"):
            model.load(case.weights[:-1])
        with pytest.raises(ValueError, match="weights of phase 0 must be integers"):
            model.load([case.weights[0] / 3, *case.weights[1:]])
    for pauses in (np.zeros(0, dtype=np.uint8), 1):
        with pytest.raises(ValueError, match="stalls of input must have shape"):
            machine.run(run.program, x, y, rate, stalls={"input": pauses})


def test_pauses_of_any_integers_are_pauses(machine):
    case, run = _drawn(machine.torus, 5, trains=True)
    pauses = {"input": [0, 256, 0], "output": [7, 0]}
    assert list(differences(machine, replace(case, runs=(replace(run, stalls=pauses),)))) == []


def test_a_result_is_gone_before_the_next_one_leaves():
    """Results that are made faster than the host takes them wait; none takes another's place."""
    mapping = TorusMapping([(6, 6, 2)], rows=2, columns=3)
    fixed = TORI["interleaving"].fixed_point
    machine, golden = Machine(TORI["interleaving"], mapping), GoldenMachine(mapping, fixed)
    words = np.random.default_rng(0).integers(-100, 100, (2, 30, 6))
    way = program(mapping, "sequential", emit_deltas=True, pipeline=2)
    lesson = way, *words, 5, False
    slow = {"output": np.arange(30) < 20}
    assert np.array_equal(machine.run(*lesson, stalls=slow, limit=100_000), golden.run(*lesson))
    assert np.array_equal(machine.deltas, golden.deltas)


def test_golden_model_tends_to_autograd():
    """With fine formats a sequential step of the golden model is one of gradient descent in floating point."""
    torch = pytest.importorskip("torch")
    fixed = FixedPoint(16, 24, 9, 15, 22, 10)
    mapping = TorusMapping([(12, 8, 4, 3, 2)])
    rng = np.random.default_rng(0)
    floats = [rng.uniform(-0.5, 0.5, (p.rings, p.neurons, p.values)) for p in mapping.phases]
    golden = GoldenMachine(mapping, fixed)
    golden.load([fixed.weights(w) for w in floats])
    x, y = rng.uniform(-1, 1, (1, 12)), rng.uniform(-1, 1, (1, 8))
    out = golden.run(program(mapping, "sequential"), fixed.activations(x), fixed.activations(y), 4, stochastic=False)
    w = [torch.tensor(v, requires_grad=True) for v in floats]
    h = torch.einsum("rmi,ri->mr", w[0], torch.tensor(x).reshape(4, 3))
    h = torch.einsum("mor,mr->om", w[1], h)
    z = torch.einsum("ojm,om->oj", w[2], h).reshape(-1)
    (0.5 * ((z - torch.tensor(y[0])) ** 2).sum()).backward()
    assert np.allclose(out[0] / 2**9, z.detach(), atol=2**-7)
    for have, before in zip(golden.weights(), w, strict=True):
        want = (before - 2**-4 * before.grad).detach().numpy()
        assert np.allclose(have / 2**22, want, atol=2**-4 * 2**-6)


@pytest.mark.parametrize(
    ("cascade", "interval"),
    [
        ((1024, 1024, 32, 32, 32), 96),
        ((1024, 256, 32, 16, 32), 80),
        ((1024, 256, 32, 8, 32), 72),
        ((1024, 256, 16, 8, 16), 96),
        ((1024, 256, 16, 5, 16), 96),
    ],
)
def test_overlapped_interval_is_the_sum_of_the_ring_lengths(cascade, interval):
    mapping = TorusMapping([cascade])
    assert cycles(program(mapping, "inference")).interval == interval
    assert cycles(program(mapping, "overlapped")).interval == interval
    assert cycles(program(mapping, "sequential")).interval == 2 * interval + 2


@pytest.mark.parametrize(
    ("rotation", "late"), [(0, {0: 2, 1: 1, 2: 0}), (1, {0: 2, 1: 1, 2: 1}), (2, {0: 1, 1: 1, 2: 0})]
)
def test_updates_are_late_as_the_rotation_says(rotation, late):
    assert program(TorusMapping([(16, 16, 4, 4, 4)]), "overlapped", rotation=rotation).late() == late


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([(10, 8, 4, 2, 4)],), "R_1 must divide I"),
        (([(8, 8, 4, 2, 4)], None, 2, 2), "at least 4 rows"),
        (([(8, 8, 4, 2, 4), (8, 4, 2, 2, 2)],), "must take its inputs as 4 rows of 2"),
        (([(8, 8, 4, 2, 4)], ["tanh"]), "activations must be one of"),
        (([(4, 4)], None, 1, 3), "at least 4 columns"),
        (([(4, 4, 1, 4)],), "at least two places"),
        (([(4, 8, 2, 4), (8, 4, 4, 2, 2)],), "as 2 rows of 4, .*got 4 rows of 2"),
    ],
)
def test_mappings_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TorusMapping(*arguments)


INTERLEAVED = TorusMapping([(16, 16, 4, 4, 4)])


@pytest.mark.parametrize(
    ("rotation", "late"), [(0, {0: 3, 1: 1, 2: 0}), (1, {0: 3, 1: 2, 2: 0}), (2, {0: 3, 1: 2, 2: 1})]
)
def test_interleaved_updates_are_late_as_the_rotation_says(rotation, late):
    assert program(INTERLEAVED, "interleaved", rotation=rotation).late() == late


@pytest.mark.parametrize(
    ("cascades", "pipeline", "mode", "interval"),
    [
        ([(16, 16, 4, 4, 4)], 2, "interleaved", 12),
        ([(16, 16, 4, 4, 4)] * 2, 2, "interleaved", 24),
        ([(1024, 256, 32, 16, 32)], 2, "interleaved", 80),
        ([(16, 16, 4, 4, 4)] * 2, 1, "sequential", 48 + 10 + 3),
        ([(16, 16, 4, 4, 4)] * 2, 1, "inference", 24 + 5),
        ([(4, 4, 2, 2, 2)], 2, "interleaved", 9),
    ],
)
def test_a_pipeline_costs_what_its_phases_wait(cascades, pipeline, mode, interval):
    mapping = TorusMapping(cascades)
    assert cycles(program(mapping, mode, pipeline=pipeline)).interval == interval


def test_programs_are_refused_where_no_torus_runs_them():
    for arguments, told in (
        ({"mode": "overlapped", "pipeline": 1}, "pipeline must be 0 for overlapped training, got 1"),
        ({"mode": "interleaved", "pipeline": 0}, "pipeline must be 2 for interleaved training, got 0"),
        ({"mode": "interleaved", "banks": 1}, "interleaved training needs 3 banks"),
        ({"mode": "sequential", "frozen": [3]}, "frozen.0. must be an integer from 0 to 2, got 3"),
        ({"mode": "inference", "frozen": [0]}, "frozen must be empty"),
    ):
        with pytest.raises(ValueError, match=told):
            program(INTERLEAVED, **arguments)
    with pytest.raises(ValueError, match="12 phases cannot be interleaved"):
        program(TorusMapping([(16, 16, 4, 4, 4)] * 4), "interleaved")
    with pytest.raises(ValueError, match=r"made for the torus, program\(…, pipeline=0\), got one for pipeline 1"):
        Torus(4, 4).check(INTERLEAVED, program(INTERLEAVED, "sequential", pipeline=1))


def test_frozen_weights_stay_and_random_words_step():
    """A frozen phase keeps its weights; the other phases draw the random words that they draw without it."""
    rng = np.random.default_rng(0)
    weights = [rng.integers(-99, 99, (p.rings, p.neurons, p.values)) for p in INTERLEAVED.phases]
    x, y = rng.integers(-99, 99, (5, 16)), rng.integers(-99, 99, (5, 16))
    after = {}
    for frozen in ((), (0,), (0, 1, 2)):
        golden = GoldenMachine(INTERLEAVED, FixedPoint())
        golden.load(weights)
        golden.run(program(INTERLEAVED, "sequential", frozen=frozen), x[:1], y[:1], 3)
        after[frozen] = golden.weights()
    assert all(np.array_equal(have, want) for have, want in zip(after[0, 1, 2], weights, strict=True))
    same = [np.array_equal(have, want) for have, want in zip(after[(0,)], after[()], strict=True)]
    assert same == [False, True, True] and np.array_equal(after[(0,)][0], weights[0])


def test_random_words_have_the_full_period():
    state, seen = 1, 0
    while seen == 0 or state != 1:
        state = (state ^ (state << 7)) & 0xFFFF
        state ^= state >> 9
        state = (state ^ (state << 8)) & 0xFFFF
        seen += 1
    assert seen == 65535
