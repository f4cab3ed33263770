"""What pre-defined sparsity is compared with does what it says: shared, removed, shrunk and dropped weights."""

import dataclasses
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from fabric.experiments.training._compress import CompressConfig, HashedLinear, RandomDropout, compress

WEIGHTS = 784 * 16 + 160
BIASES = 26
DENSE_BYTES = 16 * (WEIGHTS + BIASES)


def run(method: str, strength: float, epochs: int = 6) -> dict:
    return compress(CompressConfig("digits", (784, 16, 10), method, strength, epochs, 0))


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(0, 99))
def test_a_hashed_layer_is_a_dense_one_of_shared_weights(inputs, outputs, buckets, seed):
    layer = HashedLinear(inputs, outputs, buckets, torch.Generator().manual_seed(seed))
    x = torch.rand(3, inputs)
    dense = torch.empty(outputs, inputs)
    for o in range(outputs):
        for i in range(inputs):
            bucket = int(layer.bucket[o, i])
            dense[o, i] = layer.weight[bucket] if bucket >= 0 else -layer.weight[-bucket - 1]
    dense = dense.detach().requires_grad_()
    assert torch.allclose(layer(x), functional.linear(x, dense), atol=1e-6)
    layer(x).square().sum().backward()
    functional.linear(x, dense).square().sum().backward()
    shared = torch.zeros(buckets)
    for o in range(outputs):
        for i in range(inputs):
            bucket = int(layer.bucket[o, i])
            shared[bucket if bucket >= 0 else -bucket - 1] += dense.grad[o, i] if bucket >= 0 else -dense.grad[o, i]
    assert torch.allclose(layer.weight.grad, shared, atol=1e-3)


def test_hashing_holds_its_buckets_and_their_table():
    record = run("hashing", 0.25)
    buckets = 784 * 4 + 40
    assert record["weights"] == buckets
    assert record["training_bytes"] == 16 * (buckets + BIASES)
    assert record["index_bytes"] == 4 * WEIGHTS
    assert record["accuracy"] > 0.5


@pytest.mark.parametrize("strength", [0.05, 0.3, 1.0])
def test_pruning_reaches_its_density_and_holds_the_dense_network(strength):
    record = run("magnitude_pruning", strength)
    assert record["weights"] == WEIGHTS - round(WEIGHTS * (1 - strength))
    assert record["training_bytes"] == DENSE_BYTES
    assert record["index_bytes"] == WEIGHTS  # a byte per weight says whether it is kept
    assert record["accuracy"] > 0.2  # chance: 0.1


def test_l1_makes_exact_zeros_the_more_the_stronger():
    weak, strong = run("l1", 0.01), run("l1", 1.0)
    assert weak["training_bytes"] == strong["training_bytes"] == DENSE_BYTES
    assert strong["weights"] < weak["weights"] < WEIGHTS
    assert strong["index_bytes"] == 0


def test_dropout_keeps_every_weight_and_the_mean_activation():
    assert run("dropout", 0.5)["weights"] == WEIGHTS
    layer = RandomDropout(0.25, torch.Generator().manual_seed(0))
    x = torch.ones(400, 100)
    assert set(layer(x).unique().tolist()) == {0.0, float(torch.tensor(1 / 0.75))}
    assert float(layer(x).mean()) == pytest.approx(1, abs=0.02)
    assert torch.equal(layer.eval()(x), x)


def test_the_same_configuration_gives_the_same_record():
    config = CompressConfig("digits", (784, 16, 10), "dropout", 0.2, 2, 0)
    record = compress(config)
    assert record == compress(config)
    assert json.loads(json.dumps(record)) == record
    assert compress(dataclasses.replace(config, seed=1))["accuracy_by_epoch"] != record["accuracy_by_epoch"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "distillation"}, "method must be one of dropout, hashing, .*, got 'distillation'"),
        ({"strength": 0.0}, "strength must be a float above 0 and at most 1, got 0.0"),
        ({"epochs": 0}, "epochs must be a positive integer, got 0"),
    ],
)
def test_bad_configurations_are_named_with_their_value(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CompressConfig("digits", (784, 10), "l1", 0.1, 1, 0), **change)
