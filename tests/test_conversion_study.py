"""Notebook 29: spectra that are what they are called, optima against the singular values, the healing that counts."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fabric import topology
from fabric.experiments.data import load
from fabric.experiments.runs import Results
from fabric.experiments.studies import conversion
from fabric.experiments.studies.conversion import (
    NearestConfig,
    PerceptronOfStepsConfig,
    RidgeConfig,
    RoutersConfig,
    TrainedConfig,
)
from fabric.experiments.studies.conversion import _trained as trained


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.floats(0, 2), st.integers(0, 99))
def test_the_singular_values_are_those_of_the_configuration(outputs, inputs, power, seed):
    matrix = NearestConfig(outputs, inputs, power, 2.0, seed).matrix()
    assert matrix.shape == (outputs, inputs)
    wanted = np.arange(1, min(outputs, inputs) + 1.0) ** -power
    np.testing.assert_allclose(torch.linalg.svdvals(matrix), wanted, atol=1e-12)


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_low_rank_and_monarch_meet_their_optima_and_the_choice_is_the_best(power):
    found = conversion.nearest(NearestConfig(12, 16, power, 2.0, 1))
    squares = np.arange(1, 13.0) ** (-2 * power)
    assert found["low_rank_optimum"] == pytest.approx((squares[96 // 28 :].sum() / squares.sum()) ** 0.5)
    for name in ("low_rank", "monarch"):
        assert found[name] == pytest.approx(found[f"{name}_optimum"], rel=1e-9)
    assert found["chosen"] == min(found[name] for name in ("clos", "low_rank", "monarch"))


def test_cascades_of_all_routers_hold_as_much_as_the_budget_allows():
    cascades = conversion.by_routers(RoutersConfig(16, 4.0, 0, 5))["cascades"]
    assert {(row["input_routers"], row["output_routers"]) for row in cascades} <= {
        (first, last) for first in (2, 4, 8) for last in (2, 4, 8)
    }
    for row in cascades:
        first, middle, last = (row[f"{level}_routers"] for level in ("input", "middle", "output"))
        clos = topology.clos(16, 16, first, middle, last)
        assert row["weights"] == clos.parameters <= 64 < topology.clos(16, 16, first, middle + 1, last).parameters
        assert row["independent"] == clos.parameters - sum(len(stage) for stage in clos.stages[:-1])
        assert 0 < row["error"] < 1


def test_without_a_ridge_images_that_were_not_among_the_data_come_out_wrong():
    free, held = conversion.by_ridge(RidgeConfig("digits", 8, 2.0, 1000, (0.0, 0.01), 5, 0))["conversions"]
    assert (free["ridge"], held["ridge"]) == (0.0, 0.01)
    assert free["unseen"] > 2 * held["unseen"] and free["matrix"] > 2 * held["matrix"]
    assert held["seen"] < free["seen"] + 0.02 and held["seen"] < held["unseen"]


def test_a_ridge_is_not_judged_without_other_samples():
    with pytest.raises(ValueError, match="samples must be fewer than the 1437 of training, got 1437"):
        conversion.by_ridge(RidgeConfig("digits", 8, 2.0, 1437, (0.01,), 1, 0))


def test_the_correlation_is_that_of_ranks_within_a_seed():
    table = pd.DataFrame({"seed": [0, 0, 0, 1, 1, 1], "weights": [1, 2, 9] * 2, "error": [9, 8, 7, 1, 2, 30]})
    assert conversion.rank_correlation(table, "weights").to_dict() == {0: -1.0, 1: 1.0}


def test_what_is_left_of_a_correlation_is_that_of_the_residuals_of_ranks():
    rng = np.random.default_rng(0)
    drawn = pd.DataFrame(rng.normal(size=(30, 3)), columns=["independent", "weights", "error"])
    drawn["independent"] += drawn["weights"]
    drawn["error"] -= drawn["weights"]
    ranks = drawn.rank()
    slope, cut = np.polyfit(ranks["weights"], ranks[["independent", "error"]], 1)
    residuals = ranks[["independent", "error"]] - np.outer(ranks["weights"], slope) - cut
    found = conversion.partial_rank_correlation(drawn.assign(seed=0), "independent", "weights")
    assert found[0] == pytest.approx(residuals.corr().iloc[0, 1])


CONFIG = TrainedConfig("digits", (16,), 1, 64, 0.01, 0, (4.0, 64.0), 3, (0.001,), 2)


def test_a_trained_network_is_converted_by_every_structure_that_is_small_enough():
    found = conversion.convert_trained(CONFIG)
    rows = {(row["fewer"], row["structure"]): row for row in found["converted"]}
    names = {"clos", "low_rank", "monarch", "chosen"}
    assert {name for fewer, name in rows if fewer == 4} == names
    assert (64.0, "low_rank") not in rows  # 784 + 16 weights are more than 784 · 16 / 64
    for (fewer, _), row in rows.items():
        assert row["weights"] <= 784 * 16 / fewer + 16  # with the bias
        assert row["healing_rate"] in (None, 0.001)
        assert len(row["errors"]) == len(row["kinds"]) == 1
    assert rows[4.0, "chosen"]["errors"][0] == min(rows[4.0, name]["errors"][0] for name in names)
    assert found["accuracy"] > 0.5
    assert rows[4.0, "clos"]["before"] != rows[4.0, "clos"]["blind"]


def test_the_narrow_network_has_as_many_weights_and_steps(tmp_path):
    results = Results("test", tmp_path)
    reached = pd.DataFrame({"fewer": 4.0, "structure": "monarch", "weights": 3000, "seed": [0, 1]})
    accuracy = conversion.narrow(results, CONFIG, reached, 4.0, "monarch")
    records = [json.loads(line) for line in (tmp_path / "runs" / "test.jsonl").read_text().splitlines()]
    assert accuracy.to_dict() == {record["seed"]: 100 * record["accuracy"] for record in records}
    weights = 3000 + 17 * 10  # the last layer is too small to be converted
    for record in records:
        assert record["weights"] <= weights < record["weights"] + 784 + 1 + 10
        assert record["steps"] == -(-1437 // 64) + CONFIG.healing_steps
    with pytest.raises(ValueError, match="converted must hold low_rank with 64 times fewer weights, it does not"):
        conversion.narrow(results, CONFIG, reached, 64.0, "low_rank")


def test_a_network_of_so_many_steps_is_one_of_as_many_passes():
    data = load("digits")
    passes = -(-len(data.train_y) // 64)
    short = conversion.train_for_steps(PerceptronOfStepsConfig("digits", (16,), passes, 64, 0.01, 0))
    assert short["accuracy"] == conversion.convert_trained(CONFIG)["accuracy"]
    assert short["weights"] == 785 * 16 + 17 * 10


def test_a_rate_that_is_too_high_heals_nothing():
    torch.manual_seed(0)
    network, small = nn.Linear(4, 3), nn.Linear(4, 3)
    steps, others = [torch.randn(8, 4) for _ in range(4)], torch.randn(20, 4)
    before = small.weight.clone()
    assert trained._healed(small, network, steps, [1e4], others) == (None, small)
    assert torch.equal(small.weight, before)
    rate, healed = trained._healed(small, network, steps, [1e4, 1e-2], others)
    assert rate == 1e-2
    assert trained._divergence(healed(others), network(others)) < trained._divergence(small(others), network(others))


def test_the_divergence_is_that_of_the_distributions():
    ours, theirs = torch.randn(5, 3), torch.randn(5, 3)
    p, q = theirs.softmax(1), ours.softmax(1)
    wanted = (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(trained._divergence(ours, theirs), wanted)
    assert trained._divergence(theirs, theirs).abs() < 1e-6


def test_the_worst_layer_is_that_which_exceeds_the_better_of_the_others_by_most():
    errors = {"clos": [0.2, 0.9], "low_rank": [0.3, 0.5], "chosen": [0.2, 0.6]}
    rows = [
        {"seed": 0, "fewer": 2.0, "layer": layer, "structure": name, "error": error}
        for name, both in errors.items()
        for layer, error in enumerate(both)
    ]
    assert conversion.worst_excess(pd.DataFrame(rows), ["clos", "low_rank"]) == pytest.approx(0.1)


def test_accuracies_are_by_seed_in_percent():
    rows = [(seed, 2.0, "clos", stage, 0.5 + seed / 10) for seed in (0, 1) for stage in ("dense", "healed")]
    table = pd.DataFrame(rows, columns=["seed", "fewer", "structure", "stage", "accuracy"])
    assert conversion.percent(table, "healed")[2.0, "clos"].to_dict() == {0: 50.0, 1: 60.0}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NearestConfig(4, 4, -1.0, 2.0, 0), "power must be .*, got -1.0"),
        (lambda: NearestConfig(4, 4, 1.0, 1.0, 0), "fewer must be a finite float above 1, got 1.0"),
        (lambda: TrainedConfig("digits", (16,), 1, 64, 0.01, 0, (), 3, (0.1,), 2), "factors must be .*, got"),
        (lambda: TrainedConfig("digits", (16,), 1, 64, 0.01, 0, (2.0,), 3, (), 2), "healing_rates must be .*, got"),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
