"""Networks with sparse classification layers: trunk, recipe, record, and bytes held."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from fabric.experiments.data import Dataset
from fabric.experiments.networks import MNIST_TRUNK, Convolution, Layer, Pool, Trunk, build
from fabric.experiments.runs import run_key
from fabric.experiments.training import (
    BIAS,
    ClassifierConfig,
    adam,
    classification_layers,
    classify,
    fit,
    held_bytes,
    set_biases,
)
from fabric.nn import PredefinedLinear
from fabric.nn.init import he_normal_

SIX_SAMPLES = Dataset(torch.ones(6, 4), torch.arange(6) % 3, torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64))
CONFIG = ClassifierConfig("digits", classification_layers((784, 112, 10), (9, 10)), epochs=6, seed=0, l2=1e-5)
SMALL_TRUNK = Trunk((28, 1), (Convolution(3, 4, normalised=True), Pool(4)))
convolutions = st.builds(Convolution, st.sampled_from([1, 3, 5]), st.integers(1, 4), st.booleans())
trunks = st.builds(
    Trunk,
    st.tuples(st.just(8), st.integers(1, 3)),
    st.lists(convolutions | st.builds(Pool, st.just(2)), max_size=3).map(tuple),
)


@settings(max_examples=25)
@given(trunks)
def test_a_trunk_has_the_counted_parameters_and_features(trunk):
    module = trunk.build(torch.Generator().manual_seed(0))
    parameters, _, features = trunk.counts()
    normalised = sum(
        2 * layer.channels for layer in trunk.layers if isinstance(layer, Convolution) and layer.normalised
    )
    assert sum(values.numel() for values in module.parameters()) == parameters + normalised
    side, channels = trunk.image
    out = module(torch.rand(2, channels * side * side))
    assert out.shape == (2, features)
    assert out.dtype == torch.float32


def test_a_trunk_computes_what_its_layers_say():
    trunk = Trunk((4, 2), (Convolution(3, 3), Pool(2)))
    module = trunk.build(torch.Generator().manual_seed(1))
    x = torch.rand(5, 32)
    convolution = module.layers[0]
    exact = functional.conv2d(x.reshape(5, 2, 4, 4), convolution.weight, convolution.bias, padding=1)
    expected = functional.max_pool2d(exact.relu(), 2).flatten(1)
    assert torch.allclose(module(x), expected, atol=0.02)  # convolutions in bfloat16


def test_the_same_configuration_gives_the_same_record():
    record = classify(CONFIG)
    assert record == classify(CONFIG)
    assert json.loads(json.dumps(record)) == record
    assert record["weights"] == 784 * 9 + 1120
    assert record["density"] == (784 * 9 + 1120) / (784 * 112 + 1120)
    assert len(record["accuracy_by_epoch"]) == 6
    assert record["accuracy"] == record["accuracy_by_epoch"][-1] > 0.6
    longer = classify(dataclasses.replace(CONFIG, epochs=7))
    assert longer["accuracy_by_epoch"][:6] == record["accuracy_by_epoch"]


def test_layers_after_a_trunk_learn_and_outputs_may_be_padded():
    network = classification_layers((196, 32, 16), (8, 16))
    record = classify(ClassifierConfig("digits", network, epochs=12, seed=0, trunk=SMALL_TRUNK))
    assert record["accuracy"] > 0.4  # chance: 0.1
    assert record["weights"] == 196 * 8 + 32 * 16


def test_every_field_is_part_of_the_key():
    others = {
        "dataset": "mnist",
        "network": classification_layers((784, 112, 10), (10, 10)),
        "epochs": 7,
        "seed": 1,
        "trunk": MNIST_TRUNK,
        "l2": 2e-5,
    }
    assert set(others) == {field.name for field in dataclasses.fields(ClassifierConfig)}
    keys = {run_key(dataclasses.replace(CONFIG, **{name: value})) for name, value in others.items()}
    assert len(keys | {run_key(CONFIG)}) == len(others) + 1


def test_dense_junctions_need_no_pattern():
    assert classification_layers((8, 4, 2), (2, 2), "clash-free-1", 4) == (
        Layer("predefined", (8, 4, 2, "clash-free-1", 4)),
        Layer("predefined", (4, 2, 2, "structured")),
    )


def test_the_penalty_is_l2_times_the_squared_weights_and_spares_biases():
    torch.manual_seed(0)
    x, y = torch.rand(64, 8), torch.randint(3, (64,))
    results = []
    for in_optimizer in (True, False):
        layers = build(classification_layers((8, 6, 3), (3, 3)), "he_normal", 0)
        set_biases(layers)
        assert all((values == BIAS).all() for name, values in layers.named_parameters() if name.endswith("bias"))
        optimizer = adam(layers, layers, 0.01 if in_optimizer else 0.0)
        weights = [values for name, values in layers.named_parameters() if not name.endswith("bias")]
        for _ in range(5):
            loss = functional.cross_entropy(layers(x), y)
            if not in_optimizer:
                loss = loss + 0.01 * sum(weight.square().sum() for weight in weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        results.append(torch.cat([values.flatten() for values in layers.parameters()]))
    assert torch.allclose(*results, atol=1e-6)


@pytest.mark.parametrize("fan_out", [2, 6])
def test_bytes_held_are_those_of_edges_not_of_the_dense_matrix(fan_out):
    layer = PredefinedLinear(12, 6, fan_out, "structured", np.random.default_rng(0))
    optimizer = adam(layer, layer)
    layer(torch.rand(4, 12)).sum().backward()
    optimizer.step()
    held = held_bytes(layer, optimizer)
    edges = 12 * fan_out
    assert held["training_bytes"] == 4 * 4 * (edges + 6)  # float32: value, gradient, two moments
    assert held["index_bytes"] == (0 if fan_out == 6 else 4 * (3 * edges + 6 + 1 + 12 + 1))


def test_he_normal_counts_the_edges_into_each_neuron():
    layer = PredefinedLinear(4096, 512, 64, "structured", np.random.default_rng(0))
    he_normal_(layer, generator=torch.Generator().manual_seed(0))
    (stage,) = layer.stage_weights()
    assert float(stage.weight.detach().var()) == pytest.approx(2 / 512, rel=0.02)
    assert (layer.bias == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a positive integer, got 0"),
        ({"seed": -1}, "seed must be an integer from 0, got -1"),
        ({"seed": True}, "seed must be an integer from 0, got True"),
        ({"l2": -0.5}, "l2 must be a finite float of at least 0, got -0.5"),
        ({"network": ()}, "network must be a tuple of at least one Layer"),
        ({"network": classification_layers((784, 9), (9,))}, "at least 10 outputs, its last layer has 9"),
        (
            {"network": classification_layers((700, 10), (10,))},
            "at least the 784 features of the data, .* 700",
        ),
        ({"trunk": MNIST_TRUNK}, "network must take the 3136 features of the trunk, its first layer has 784"),
        ({"trunk": Trunk((32, 3), ())}, "trunk must take the data's images \\(1, 28, 28\\), it takes \\(3, 32, 32\\)"),
    ],
)
def test_bad_configurations_are_named_with_their_value(change, message):
    with pytest.raises(ValueError, match=message):
        classify(dataclasses.replace(CONFIG, **change))


def test_fan_outs_are_one_per_junction():
    with pytest.raises(ValueError, match="fan_outs must hold one for each junction between the 3 widths, got 1"):
        classification_layers((784, 112, 10), (14,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": nn.Linear}, "network must be a Module, got <class"),
        ({"optimizer": "adam"}, "optimizer must be a Optimizer, got 'adam'"),
        ({"data": (torch.ones(6, 4), torch.ones(6))}, "data must be a Dataset, got"),
        ({"epochs": 0}, "epochs must be a positive integer, got 0"),
        ({"seed": -1}, "seed must be an integer from 0, .* got -1"),
        ({"after_step": 3}, "after_step must be a function, got 3"),
        ({"batch_size": 2.0}, r"batch_size must be a positive integer, got 2\.0"),
    ],
)
def test_what_cannot_be_trained_is_named(change, message):
    network = nn.Linear(4, 3)
    right = {"network": network, "optimizer": torch.optim.SGD(network.parameters(), 0.1), "data": SIX_SAMPLES}
    assert len(fit(**right, epochs=2, seed=0)) == 2
    with pytest.raises(ValueError, match=message):
        fit(**right | {"epochs": 1, "seed": 0} | change)
