"""A training run: reproducible, described completely by its configuration, and learning something."""

import dataclasses
import json

import pytest

from fabric.experiments import Layer, TrainConfig, at_parameters, one_hidden_layer, train
from fabric.experiments.networks import build, label, weights
from fabric.experiments.runs import run_key

CLOS = one_hidden_layer(Layer("clos", (800, 64, 8, 4, 8)))
CONFIG = TrainConfig("digits", CLOS, epochs=3, batch_size=64, learning_rate=0.01, seed=0)

OTHERS = {
    "dataset": "mnist",
    "network": one_hidden_layer(Layer("clos", (800, 64, 8, 5, 8))),
    "epochs": 4,
    "batch_size": 65,
    "learning_rate": 0.02,
    "seed": 1,
    "initialization": "glorot_uniform",
    "held_out": 10,
}


def test_the_same_configuration_gives_the_same_record():
    first, second = train(CONFIG), train(CONFIG)
    assert first == second
    assert json.loads(json.dumps(first))["accuracy"] == first["accuracy"]
    assert first["label"] == "clos(800, 64, 8, 4, 8) → dense(64, 10)"
    assert first["weights"] == 4 * (800 + 64 + 64) + 640
    assert first["accuracy"] == first["accuracy_by_epoch"][-1]
    assert len(first["accuracy_by_epoch"]) == 3
    assert train(dataclasses.replace(CONFIG, seed=1))["train_loss"] != first["train_loss"]


@pytest.mark.parametrize("method", ["clos", "dense", "low_rank", "random_sparse"])
def test_every_method_learns_digits(method):
    network = CLOS if method == "clos" else at_parameters(method, 20000, hidden=64)
    record = train(dataclasses.replace(CONFIG, network=network, epochs=8))
    assert record["accuracy"] > 0.9
    assert record["weights"] == weights(network)


@pytest.mark.parametrize("pattern", ["random", "structured", "clash-free-1+MD"])
def test_predefined_junctions_learn_digits_at_a_tenth_of_the_weights(pattern):
    network = (Layer("predefined", (784, 112, 8, pattern)), Layer("dense", (112, 10)))
    record = train(dataclasses.replace(CONFIG, network=network, epochs=8))
    assert record["accuracy"] > 0.85
    assert record["weights"] == 784 * 8 + 1120
    assert record["label"] == f"predefined(784, 112, 8, {pattern}) → dense(112, 10)"


def test_every_field_is_part_of_the_key(monkeypatch):
    assert set(OTHERS) == {field.name for field in dataclasses.fields(TrainConfig)}
    keys = {run_key(dataclasses.replace(CONFIG, **{name: value})) for name, value in OTHERS.items()}
    assert len(keys) == len(OTHERS)
    assert run_key(CONFIG) not in keys
    before = run_key(CONFIG)
    monkeypatch.setattr(TrainConfig, "recipe", TrainConfig.recipe + 1)
    assert run_key(CONFIG) != before


def test_random_masks_differ_between_seeds_and_repeat_within_one():
    network = (Layer("random_sparse", (20, 10, 50)),)
    first, again, other = (build(network, "sparse_glorot_uniform", seed)[0].topology for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_at_parameters_comes_as_close_as_whole_neurons_allow():
    for method, unit in (("dense", 794), ("low_rank", 1040), ("random_sparse", 1)):
        network = at_parameters(method, 39424)
        assert abs(weights(network) - 39424) <= unit / 2
        assert label(network).startswith(f"{method}(784, ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a positive integer, got 0"),
        ({"batch_size": 2.5}, "batch_size must be a positive integer, got 2.5"),
        ({"learning_rate": -0.1}, "learning_rate must be a positive float, got -0.1"),
        ({"learning_rate": 1}, "learning_rate must be a positive float, got 1"),
        ({"network": ()}, "network must be a tuple of at least one Layer"),
        ({"dataset": "imagenet"}, "dataset must be one of .*, got 'imagenet'"),
        ({"initialization": "zeros"}, "initialization must be one of .*, got 'zeros'"),
        ({"network": (Layer("star", (784, 10)),)}, "registered by topology.family, got 'star'"),
        ({"network": (Layer("Topology", (784, 10)),)}, "registered by topology.family, got 'Topology'"),
        ({"network": (Layer("dense", (700, 10)),)}, "at least the 784 features of the data, its first layer has 700"),
        ({"network": (Layer("router_sizes", (8, 4)),)}, "registered by topology.family, got 'router_sizes'"),
        ({"network": (Layer("clos", (784, 10)),)}, r"arguments of clos do not fit, got \(784, 10\): missing"),
        ({"network": [Layer("dense", (784, 10))]}, "network must be a tuple of at least one Layer"),
        ({"network": (Layer("dense", (784, 5)),)}, "at least 10 outputs, its last layer has 5"),
        ({"seed": "a"}, "seed must be an integer from 0, got 'a'"),
        ({"held_out": 2.5}, "held_out must be an integer from 0, got 2.5"),
        ({"held_out": 5000}, "samples must be from 0 to 1436, got 5000"),
    ],
)
def test_bad_configurations_are_named_with_their_value(change, message):
    with pytest.raises(ValueError, match=message):
        train(dataclasses.replace(CONFIG, **change))
