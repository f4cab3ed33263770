"""The time model by closed form, and a real measurement's counts."""

from dataclasses import asdict

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.counting import Footprint, roofline, traffic
from fabric.experiments.networks import Layer, one_hidden_layer
from fabric.experiments.statements import devices
from fabric.experiments.studies import memory_wall as study
from fabric.experiments.timing import StepTimesConfig, Subject, measure

sizes = st.integers(0, 10**9)
positive = st.floats(1e-3, 1e12)


@given(sizes, sizes, sizes, sizes, sizes)
def test_traffic_counts_every_read_and_write(weights, gradients, optimizer, activations, indices):
    held = Footprint(weights, gradients, optimizer, activations, indices)
    forward = weights + indices + 2 * activations
    backward = weights + indices + gradients + 3 * activations
    update = gradients + 2 * weights + 2 * optimizer
    assert traffic(held) == forward + backward + update


@given(positive, positive, positive, positive, st.floats(0, 1e3))
def test_a_step_takes_its_longer_part_and_the_overhead(moved, operations, bandwidth, rate, overhead):
    parts = roofline(moved, operations, bandwidth, rate, overhead)
    assert parts.total == max(moved / bandwidth, operations / rate) + overhead
    named = {"memory": parts.memory, "compute": parts.compute, "overhead": parts.overhead}
    assert named[parts.bound] == max(named.values())


def test_rates_must_be_positive():
    with pytest.raises(ValueError, match="bandwidth must be a positive finite number, got 0"):
        roofline(1, 1, 0, 1)


def points() -> pd.DataFrame:
    """Two batch sizes in three rounds, in numbers that are easily divided."""
    held = Footprint(weights=1000, gradients=1000, optimizer=0, activations=200, indices=0)
    rows = []
    for size, operations, seconds in ((1, 8000.0, (5.0, 4.0, 9.0)), (10, 80000.0, (20.0, 10.0, 30.0))):
        for at, (taken, bandwidth, rate, overhead) in enumerate(
            zip(seconds, (7000.0, 3500.0, 1750.0), (4000.0, 8000.0, 2000.0), (1.0, 0.5, 2.0), strict=True)
        ):
            measured = {"seconds": taken, "bandwidth": bandwidth, "rate": rate, "overhead": overhead, "steps": 2}
            names = {"name": "net", "batch_size": size, "round": at, "samples": 25, "operations": operations}
            rows.append(names | asdict(held) | {"moved": traffic(held)} | measured)
    return pd.DataFrame(rows)


def test_times_take_the_median_and_the_machines_best():
    small, large = study.times(points()).to_dict("records")
    assert (small["seconds"], small["fastest"], small["slowest"], small["steps"]) == (5, 4, 9, 6)
    assert (small["epoch_seconds"], large["epoch_seconds"]) == (25 * 5, 3 * 20)
    assert (small["memory"], small["compute"], small["overhead"]) == (1, 1, 0.5)
    assert (small["modelled"], small["explained"]) == (1.5, 0.3)
    assert (large["compute"], large["bound"], large["explained"]) == (10, "compute", 10.5 / 20)


def test_counts_ratios_and_epochs_by_closed_form():
    counts = study.counts(points())
    assert list(counts["steps_per_epoch"]) == [25, 3]
    assert list(counts["moved"]) == [7000, 7000]
    assert list(counts["operations_per_byte"]) == [8 / 7, 80 / 7]
    assert study.epoch_seconds(points(), "net").to_numpy().tolist() == [[125, 60], [100, 30], [225, 90]]
    ratios = study.memory_over_compute(points(), "net")
    assert ratios[1].tolist() == [1 / 2, 2 / 1, 4 / 4]
    gpu = {"bytes_per_second": 7000, "operations_per_second": 16000}
    assert list(study.on_published_gpu(counts, gpu)["bound"]) == ["memory", "compute"]
    assert list(study.on_published_gpu(counts, gpu)["compute"]) == [0.5, 5]


@pytest.mark.parametrize("method", ["dense", "clos"])
def test_a_measurement_counts_all_operations(method):
    first = Layer("dense", (784, 32)) if method == "dense" else Layer("clos", (784, 32, 8, 2, 8))
    network = one_hidden_layer(first)
    record = measure(
        StepTimesConfig((Subject("net", "digits", network, (1, 8)),), repeats=2, seconds=1e-3, device="cpu")
    )
    assert len(record["rates"]) == 2
    edges = [784 * 32, 320] if method == "dense" else [784 * 2, 8 * 2 * 8, 32 * 2, 320]
    for point, size in zip(record["points"], (1, 8), strict=True):
        assert point["operations"] == size * (6 * sum(edges) - 2 * edges[0])  # no gradient of the inputs
        assert point["weights"] == 4 * (sum(edges) + 32 + 10)
        assert point["samples"] == 1437
        for name in ("steps", "seconds", "bandwidths", "overheads"):
            assert len(point[name]) == 2 and min(point[name]) > 0


def test_batches_larger_than_the_data_are_refused():
    subject = Subject("net", "digits", one_hidden_layer(Layer("dense", (784, 4))), (1438,))
    with pytest.raises(ValueError, match="at most the 1437 samples of digits, got 1438"):
        measure(StepTimesConfig((subject,), repeats=1, seconds=1e-3, device="cpu"))


@pytest.mark.parametrize(("repeats", "seconds", "what"), [(0, 1.0, "repeats"), (1, 0.0, "seconds")])
def test_bad_settings_are_named(repeats, seconds, what):
    with pytest.raises(ValueError, match=what):
        StepTimesConfig((Subject("net", "digits", (), (1,)),), repeats, seconds, "cpu")


def test_tiny_networks_have_the_same_modules():
    for network in (one_hidden_layer(Layer("clos", (784, 32, 8, 2, 8))), ()):
        subject = Subject("net", "digits", network, (1,))
        kinds = [[type(module) for module in subject.build(tiny).modules()] for tiny in (False, True)]
        assert kinds[0] == kinds[1]
        few, many = (sum(p.numel() for p in subject.build(tiny).parameters()) for tiny in (True, False))
        assert few < many / 50


def test_the_published_card_is_named():
    assert devices()["published_gpu"]["name"] == "Titan Xp"
