"""Training on the simulated machine: what its record says, and that a difference from the golden model is seen."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.batchless import (
    FixedPointConfig,
    Float32Config,
    OneTorus,
    PytorchConfig,
    stretches,
    train_fixed_point,
    train_float32,
    train_pytorch,
)
from fabric.experiments.machines.on_chip import OnChipConfig, digest, train_on_chip
from fabric.experiments.studies import on_chip
from fabric.experiments.studies.word_length import formats
from fabric.hardware.verilog.rtl import sources_hash

CASCADES = ((64, 16, 4, 4, 4), (16, 12, 4, 4, 4))
EPOCH = 1437


def config(mode: str, checks: tuple[int, ...], rates: tuple[int, ...] = (4, 4, 5)) -> OnChipConfig:
    training = FixedPointConfig("digits-8x8", CASCADES, formats(9, 12), (0,) * 6, rates, seed=0, mode=mode)
    return OnChipConfig(training, checks, sources_hash("fabric_machine"))


@given(st.lists(st.integers(1, 60), min_size=1, unique=True).map(sorted), st.integers(1, 20))
def test_stretches_cover_every_sample_once_and_end_at_checks(checks, samples):
    epochs = -(-checks[-1] // samples)
    seen, measured = [], []
    for epoch, part, checked in stretches(checks, samples, epochs):
        assert 0 <= part.start < part.stop <= samples
        seen += [epoch * samples + at for at in range(part.start, part.stop)]
        measured += [len(seen)] * checked
    assert seen == list(range(checks[-1]))
    assert measured == checks


@pytest.mark.parametrize("checks", [(), (0, 3), (4, 4), (5, 2), (21,)])
def test_impossible_checks_are_named(checks):
    with pytest.raises(ValueError, match="checks must increase within 1 and 20 samples"):
        list(stretches(checks, 10, 2))


@pytest.mark.parametrize("mode", ["sequential", "overlapped"])
def test_machine_learns_as_its_golden_model(mode):
    record = train_on_chip(config(mode, (200, EPOCH, 2 * EPOCH, 3 * EPOCH)))
    assert record["identical_by_check"] == [True] * 4
    assert record["outputs_identical"]
    assert record["accuracy"] == record["accuracy_by_check"][-1] > 0.6
    assert record["cycles"] == record["predicted_cycles"]
    assert (record["input_words"], record["target_words"]) == (3 * EPOCH * 64, 3 * EPOCH * 16)
    assert record["output_words"] == 0


def test_a_run_by_whole_epochs_is_the_golden_models():
    record = train_on_chip(config("overlapped", (EPOCH, 2 * EPOCH), rates=(4, 5)))
    alone = train_fixed_point(config("overlapped", (EPOCH,), rates=(4, 5)).training)
    assert record["accuracy_by_check"] == alone["accuracy_by_epoch"]


def test_planted_difference_is_seen(monkeypatch):
    """A golden model that starts at another weight is told apart from the machine."""
    train = OneTorus.train

    def train_another(network, x, targets, rate):
        weights = network.weights()
        network.golden.load([weights[0] ^ 1, *weights[1:]])
        train(network, x, targets, rate)

    monkeypatch.setattr(OneTorus, "train", train_another)
    record = train_on_chip(config("sequential", (50,)))
    assert record["identical_by_check"] == [False]


def test_digest_tells_weights_apart():
    weights = [np.arange(6).reshape(1, 2, 3), np.zeros((1, 1, 2), int)]
    assert digest(weights) == digest([w.astype(np.int16) for w in weights])
    assert len({digest(weights), digest(weights[::-1]), digest([weights[0] + 1, weights[1]])}) == 3


@pytest.mark.parametrize("cascades", [CASCADES, ((64, 16), (16, 12))])
def test_pytorch_takes_the_steps_of_the_numba_loops(cascades):
    training = Float32Config("digits-8x8", cascades, (6, 7), seed=1)  # small steps: rounding errors stay small
    record = train_pytorch(PytorchConfig(training, (EPOCH, 2 * EPOCH)))
    assert record["accuracy_by_check"] == pytest.approx(train_float32(training)["accuracy_by_epoch"], abs=0.02)
    assert all(0 < a < b for a, b in itertools.pairwise(record["seconds_by_check"]))


def test_throughput_is_clock_over_cycles_and_steps_over_seconds():
    chip = pd.DataFrame({"name": ["chip, overlapped"], "cycles_per_sample": [160.0]})
    pytorch = pd.DataFrame({"name": ["float32, Clos"] * 2, "samples_per_second": [900.0, 1100.0]})
    clock = pd.Series({"megahertz": 80.0, "low": 72.0, "high": 88.0, "seeds": 5})
    rows = on_chip.throughput(chip, pytorch, clock).set_index("name")
    assert rows["samples_per_second"].to_dict() == {"chip, overlapped": 500_000, "float32, Clos": 1000}
    assert tuple(rows.loc["chip, overlapped", ["low", "high", "seeds"]]) == (450_000, 550_000, 5)
