"""The study of speed: what is compared computes what it says, ratios by closed form. No time is asserted."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fabric.experiments.runs import record_of
from fabric.experiments.studies import speed
from fabric.experiments.studies.speed import _machine, _rivals, _single, _turns, _wires
from fabric.nn import ClosLinear, backend, reference

CASCADES = [(16, 16, 4, 4, 4), (32, 8, 4, 2, 4), (12, 48, 4, 3, 6)]
CPU = torch.device("cpu")


def fresh(run, configs, title) -> pd.DataFrame:
    return pd.DataFrame([record_of(run, config) for config in configs])


def matrix(layer: nn.Module, inputs: int) -> torch.Tensor:
    """The layer without its bias as a matrix (outputs, inputs)."""
    with torch.no_grad():
        zero = layer(torch.zeros(1, inputs))
        return (layer(torch.eye(inputs)) - zero).t()


@pytest.mark.parametrize("cascade", CASCADES)
def test_every_way_is_linear_with_the_weights_that_are_counted(cascade):
    inputs, outputs, *_ = cascade
    for way in _rivals.ways(cascade, "float32"):
        layer = _rivals.built(way, cascade)
        found = matrix(layer, inputs)
        assert found.shape == (outputs, inputs), way
        x = torch.randn(5, inputs)
        with torch.no_grad():
            ready = _rivals.inference(layer, 5)(x)
            torch.testing.assert_close(ready, x @ found.t() + layer(torch.zeros(1, inputs)), atol=1e-5, rtol=1e-4)
        if way in ("CSR", "edge list", "masked dense", "block-diagonal"):
            assert int((found != 0).sum()) == _rivals.weights(layer), way
        if way not in ("dense", "dense, oneDNN"):
            assert 0.5 <= _rivals.weights(layer) / _rivals.edges(cascade) <= 2, way
        assert _rivals.multiplied(layer) == (inputs * outputs if "dense" in way else _rivals.weights(layer))


def test_ways_that_do_not_exist_are_left_out_and_refused():
    assert "butterflies" in _rivals.ways((16, 16, 4, 4, 4), "float32")
    assert "butterflies" not in _rivals.ways((32, 8, 4, 2, 4), "float32")
    assert not {"CSR", "edge list"} & set(_rivals.ways((16, 16, 4, 4, 4), "bfloat16"))
    assert "dense, oneDNN" not in _rivals.ways((16, 16, 4, 4, 4), "float32", "cuda")
    config = speed.LayerTimesConfig((32, 8, 4, 2, 4), "float32", (1,), ("butterflies",), 1, 1e-6, "cpu")
    with pytest.raises(ValueError, match=r"ways must be among dense, .* for \(32, 8, 4, 2, 4\), got butterflies"):
        speed.time_layer(config)


def test_onednn_has_the_gradients_of_the_dense_layer():
    layer = _rivals.built("dense, oneDNN", (24, 40, 4, 2, 4))
    x, above = torch.randn(7, 24, requires_grad=True), torch.randn(7, 40)
    wanted = [x, layer.weight, layer.bias]
    ours = torch.autograd.grad(layer(x), wanted, above)
    for found, right in zip(ours, torch.autograd.grad(nn.Linear.forward(layer, x), wanted, above), strict=True):
        torch.testing.assert_close(found, right, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("form", ["views", "copies"])
@pytest.mark.parametrize("cascade", CASCADES)
def test_unfused_forms_compute_the_cascade_and_straight_wires_do_not(form, cascade):
    torch.manual_seed(1)
    crossing, straight = _wires.pair(form, cascade)
    right = ClosLinear(*cascade)
    for layer in (crossing, straight):
        layer.load_state_dict(right.state_dict())
    x = torch.randn(6, cascade[0])
    with reference():
        torch.testing.assert_close(crossing(x), right(x), atol=1e-5, rtol=1e-4)
        assert not torch.allclose(straight(x), right(x), atol=1e-3)


@pytest.mark.parametrize("cascade", CASCADES)
def test_straight_wires_leave_all_routers_as_they_are(cascade):
    """As many weights, and the same products as PyTorch's form without wires."""
    torch.manual_seed(1)
    fused, unfused = _wires.pair("kernel", cascade)[1], _wires.pair("views", cascade)[1]
    assert fused.topology.parameters == ClosLinear(*cascade).topology.parameters
    first, middle, last = (stage.weight for stage in fused.stages)
    with torch.no_grad():
        for into, weight in zip(
            (unfused.input_weight, unfused.middle_weight, unfused.output_weight), (first, middle, last), strict=True
        ):
            into.copy_(weight)
    x = torch.randn(3, cascade[0])
    torch.testing.assert_close(fused(x), unfused(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("first", [lambda: nn.Linear(32, 8), lambda: ClosLinear(32, 8, 4, 2, 4)])
def test_all_kinds_of_step_give_the_same_weights(first):
    x, y = torch.rand(1, 32), torch.tensor([2])
    trained = []
    for kind in ("autograd", "written out", "fused"):
        torch.manual_seed(3)
        network = nn.Sequential(first(), nn.ReLU(), nn.Linear(8, 5))
        before = [parameter.detach().clone() for parameter in network.parameters()]
        step = _single.step(network, x, y, kind, rate=0.1)
        step()
        step()
        assert not any(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))
        trained.append([parameter.detach() for parameter in network.parameters()])
    for one, *others in zip(*trained, strict=True):
        for other in others:
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


@settings(max_examples=20)
@given(rounds=st.integers(1, 5), names=st.lists(st.text(max_size=3), min_size=1, max_size=4, unique=True))
def test_all_tasks_take_turns_in_every_round(rounds, names):
    called: list[str] = []
    tasks = {name: _turns.Task(lambda name=name: called.append(name)) for name in names}
    times = _turns.take_turns(tasks, rounds, 1e-9, CPU)
    assert called == [name for name in names for _ in range(3)] + names * rounds
    assert {name: len(taken) for name, taken in times.items()} == dict.fromkeys(names, rounds)
    assert min(min(taken) for taken in times.values()) > 0


def test_a_task_without_the_kernel_runs_on_the_reference():
    layer, seen = ClosLinear(8, 8, 2, 2, 2), {}
    tasks = {kernel: _turns.Task(lambda k=kernel: seen.update({k: backend(layer)}), kernel) for kernel in (True, False)}
    _turns.take_turns(tasks, 1, 1e-9, CPU)
    assert "forced" in seen[False] and "forced" not in seen[True]


def test_threads_are_as_before():
    before = torch.get_num_threads()
    with _turns.one_core(CPU):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_chains_of_multiply_adds_compute():
    """Half of it plus a half, from zero, comes to one: nothing is left out by the compiler."""
    assert _machine._chains(96)() == pytest.approx(96)


def layer_times() -> pd.DataFrame:
    """Three ways at batch 2 in two rounds, in numbers that are easily divided."""
    known = {"device": "cpu", "dtype": "float32", "layer": "a", "passes": "both", "batch": 2, "inputs": 8, "outputs": 4}
    counted = {"dense": (32, (4.0, 6.0)), "dense, oneDNN": (32, (2.0, 3.0)), "Clos": (8, (1.0, 1.0))}
    return pd.DataFrame(
        [
            known | {"way": way, "weights": weights, "multiplied": weights, "round": at, "seconds": taken}
            for way, (weights, times) in counted.items()
            for at, taken in enumerate(times)
        ]
    )


def test_speeds_by_closed_form():
    table = speed.speeds(layer_times()).set_index("way")
    assert table["faster"].to_dict() == {"dense": 1, "dense, oneDNN": 2, "Clos": 5}
    assert table["than_strongest"].to_dict() == {"dense": 0.5, "dense, oneDNN": 1, "Clos": 2.5}
    assert table.loc["Clos", ["fewer", "seconds", "rate"]].tolist() == [4, 1, 3 * 2 * 2 * 8]
    assert (table["low"] < table["faster"])["Clos"] and table["intensity"].isna().all()
    assert speed.of_dense_rate(layer_times(), "a", 2).tolist() == [0.5, 0.75]


def test_intensity_counts_weights_inputs_and_outputs():
    table = speed.speeds(layer_times().assign(passes="forward")).set_index("way")
    assert table.loc["Clos", "intensity"] == 2 * 2 * 8 / (4 * (8 + 2 * (8 + 4)))


def test_each_network_is_judged_by_its_fastest_step():
    rows = [("dense", "a", 4.0), ("dense", "b", 6.0), ("net", "a", 5.0), ("net", "b", 2.0)]
    times = pd.DataFrame([{"network": n, "kind": k, "round": at, "seconds": s} for n, k, s in rows for at in (0, 1)])
    ratios, *kinds = speed.best_steps(times, "net")
    assert ratios.tolist() == [2, 2] and kinds == ["a", "b"]


def test_shares_of_wires_and_typical_ratios():
    times = pd.DataFrame(
        {"device": "cpu", "layer": "a", "batch": 1, "form": "copies", "seconds": [4.0, 2.0], "straight": [3.0, 1.0]}
    )
    (row,) = speed.wire_shares(times).to_dict("records")
    assert (row["share"], row["seconds"], row["ratio"]) == (0.375, 3, 1.5)
    assert speed.typical(pd.Series([2.0, 8.0])).mean == pytest.approx(4)


def test_a_measurement_of_each_kind():
    cascade, rounds, seconds = (16, 16, 4, 4, 4), 2, 1e-6
    times, limits = speed.layers(fresh, [(cascade, "float32", [1, 3], [])], rounds, seconds)
    table = speed.speeds(times)
    assert set(table["way"]) == set(_rivals.WAYS)
    assert len(table) == 2 * (len(_rivals.WAYS) * 2 - 1)  # CSR has no gradients
    assert (speed.limits(limits)[["peak", "cache", "memory"]] > 0).all(axis=None)
    caches = speed.caches(fresh, cascade, ["dense", "Clos"], rounds, 1)
    assert set(caches["caches"]) == {"warm", "cold"} and len(caches) == 2 * 2 * rounds
    single = speed.single_samples(fresh, [(1024, 8, 4, 2, 4)], ["autograd", "written out"], rounds, seconds)
    assert single.groupby("network")["weights"].first().to_dict() == {
        "dense": 784 * 8, "1024 → 8 (4, 2, 4)": 2 * (1024 + 8 + 16)
    }  # fmt: skip
    block = speed.block(fresh, [1, 4, 64], 4.0, rounds, seconds)
    compared = speed.beside_dense(block, "way", [], ["weights"]).set_index("way")
    assert compared.loc["Clos", "weights"] < compared.loc["dense", "weights"] / 3
    assert len(speed.wires(fresh, [cascade], [2], rounds, seconds)) == len(_wires.FORMS) * rounds
    judged = speed.heuristic(fresh, ["Clos"], 8, epochs=2, samples=10, batch_size=4, rounds=2, seconds=seconds)
    assert judged["entries"].item() == 2288 and judged["faster"].item() > 0


def test_peak_memory_is_counted_and_never_below_what_a_step_must_hold():
    width, depth, batch = 64, 3, 32
    table = speed.memory(fresh, (width, width, 8, 8, 8), depth, batch).set_index("way")
    rows = 4 * batch * width
    for way, weights in (
        ("dense", width**2),
        ("Clos", 8 * (2 * width + 64)),
        ("Clos, no kernel", 8 * (2 * width + 64)),
    ):
        assert table.loc[way, "held"] == rows + 4 * depth * (weights + width)
        assert table.loc[way, "peak"] >= table.loc[way, "held"] + (depth + 1) * rows  # every output, and one gradient
    assert table.loc["dense", "share"] == 1 > table.loc["Clos", "share"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: speed.LayerTimesConfig((10, 16, 4, 4, 4), "float32", (1,), ("dense",), 1, 1.0), "cascade must be"),
        (lambda: speed.LayerTimesConfig((16, 16, 4, 4, 4), "float16", (1,), ("dense",), 1, 1.0), "dtype must be"),
        (lambda: speed.LayerTimesConfig((16, 16, 4, 4, 4), "float32", (), ("dense",), 1, 1.0), "batches must be"),
        (lambda: speed.LayerTimesConfig((16, 16, 4, 4, 4), "float32", (1,), ("fast",), 1, 1.0), "ways must be"),
        (lambda: speed.time_block(speed.BlockTimesConfig(1, 1, 65, 2.0, 1, 1.0)), "width must be a multiple of 64"),
        (lambda: speed.peak_memory(speed.PeakMemoryConfig((8, 16, 2, 2, 2), 1, 1)), "as many outputs as inputs"),
    ],
)
def test_what_cannot_be_measured_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ratios_of_one_round_do_not_depend_on_the_clock():
    """Twice as slow in one round, for all: no ratio changes."""
    times = layer_times()
    slowed = times.assign(seconds=times["seconds"] * np.where(times["round"] == 1, 2, 1))
    for column in ("faster", "low", "high"):
        np.testing.assert_allclose(speed.speeds(slowed)[column], speed.speeds(times)[column])
