"""Structured perceptrons of notebook 30: their sizes and rates, training, the choice of rates, the verdict."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fabric.experiments.runs import Results
from fabric.experiments.studies import perceptrons
from fabric.experiments.studies.perceptrons import PerceptronConfig
from fabric.nn._structured import StructuredLinear

CONFIG = PerceptronConfig("digits", "clos", 64, 64, 0.004, 1, 128, 0)
CLAIM = "compute-better-spent-btt-perceptrons"


@pytest.mark.parametrize("structure", perceptrons.STRUCTURES)
@pytest.mark.parametrize("width", [64, 144])
def test_hidden_layers_keep_the_budget_and_the_size_of_signals(structure, width):
    network = perceptrons._network(784, width, 10, dataclasses.replace(CONFIG, structure=structure))
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear | StructuredLinear)][:-1]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [
        (784, width),
        (width, width),
        (width, width),
    ]
    for layer in layers:
        matrix = layer.weight if structure == "dense" else layer.dense_weight()
        assert matrix.square().mean().item() == pytest.approx(2 / layer.in_features, rel=0.1)  # He and others'
        if structure != "dense":
            most = layer.in_features * width / (math.sqrt(width) / 2)
            assert 0.6 * most <= layer.topology.parameters <= most + 1e-9


def test_operations_are_weights_but_for_biases():
    found = perceptrons.train_perceptron(CONFIG)
    assert found["weights"] - found["operations"] == 10


@pytest.mark.parametrize("structure", ["dense", "btt"])
def test_training_is_repeatable_and_learns(structure):
    config = dataclasses.replace(CONFIG, structure=structure, epochs=3)
    found = perceptrons.train_perceptron(config)
    assert found == perceptrons.train_perceptron(config)
    assert found["train_loss"] < 0.6 * math.log(10) and found["accuracy"] > 0.7


def test_the_rate_is_that_of_the_base_width(monkeypatch):
    rates = {}

    def seen(groups, **options):
        rates.update({name: group["lr"] for group in groups for name in group["parameter_names"]})
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)

    monkeypatch.setattr(torch.optim, "Adam", seen)
    perceptrons.train_perceptron(dataclasses.replace(CONFIG, structure="dense", width=64, base_width=16))
    assert list(rates.values()) == pytest.approx([0.004, 0.001, 0.001, 0.001, 0.004])  # pixels stay as many; a bias


def test_a_loss_that_is_not_finite_is_none():
    found = perceptrons.train_perceptron(dataclasses.replace(CONFIG, structure="dense", learning_rate=1e30))
    assert found["train_loss"] is None


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr("fabric.experiments.runs._results.committed_runs", list)  # they take long to read
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    return Results("30_transformer", tmp_path)


def test_every_structure_has_the_rate_that_is_best_at_its_first_width(results):
    widths = {"dense": [8, 16], "btt": [16]}
    runs = perceptrons.reached(results, "digits", widths, [1e-9, 0.01, 1e30], 1, 2)
    assert (runs["learning_rate"] == 0.01).all()
    assert runs[["structure", "width", "seed"]].values.tolist() == [
        ["dense", 8, 0],
        ["dense", 8, 1],
        ["dense", 16, 0],
        ["dense", 16, 1],
        ["btt", 16, 0],
        ["btt", 16, 1],
    ]
    table = perceptrons.summary(runs).set_index(["structure", "width"])
    assert (table["seeds"] == 2).all() and len(table) == 3
    means = runs.groupby(["structure", "width"])[["train_loss", "accuracy"]].mean()
    np.testing.assert_allclose(table[["train_loss", "accuracy"]], means)


def losses(gain, operations, seeds=3):
    """The dense loss falls by one for each doubling; the other's is less by the gain, a little more in each seed."""
    rows = [("dense", 0, seed, count, 20 - math.log2(count)) for count in (100, 400, 900) for seed in range(seeds)]
    rows += [
        ("btt", count, seed, count, 20 - math.log2(count) - gain - seed / 100)
        for count in operations
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows, columns=["structure", "width", "seed", "operations", "train_loss"])


@pytest.mark.parametrize(("gain", "verdict"), [(0.3, "reproduced"), (-0.3, "not reproduced"), (-0.01, "undecided")])
def test_losses_are_compared_at_equal_operations(gain, verdict):
    found = perceptrons.less_lost(CLAIM, losses(gain, [150, 600]), "btt")
    assert found.ours == pytest.approx(gain + 0.01) and found.verdict == verdict
    assert found.reason.startswith("Means over widths of 150, 600;")


def test_widths_beyond_the_dense_ones_do_not_count():
    runs = pd.concat([losses(0.3, [150]), losses(9, [99, 901]).query("structure == 'btt'")])
    found = perceptrons.less_lost(CLAIM, runs, "btt")
    assert found.ours == pytest.approx(0.31) and found.reason.startswith("Means over widths of 150;")
