"""Networks as values: every topology by name, fixed skips, every initialisation, and keys that stay valid."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from fabric import topology
from fabric.experiments import Layer, LayerWithSkips, TrainConfig, one_hidden_layer, train
from fabric.experiments.networks import INITIALIZATIONS, build, label, weights
from fabric.experiments.runs import record_of, run_key
from fabric.experiments.statements import committed_runs
from fabric.topology import skips

RNG = np.random.default_rng(0)
LAYERS = {
    Layer("dense", (6, 4)): topology.dense(6, 4),
    Layer("low_rank", (6, 4, 2)): topology.low_rank(6, 4, 2),
    Layer("clos", (8, 6, 4, 2, 3)): topology.clos(8, 6, 4, 2, 3),
    Layer("multistage_clos", (8, 6, (4, 2, 2, 3))): topology.multistage_clos(8, 6, [4, 2, 2, 3]),
    Layer("butterfly", (16,)): topology.butterfly(16),
    Layer("butterfly", (12, (3, 4))): topology.butterfly(12, [3, 4]),
    Layer("parallel_butterfly", (16, 3, 4)): topology.parallel_butterfly(16, 3, 4),
    Layer("hypercube", (8, 2)): topology.hypercube(8, 2),
    Layer("torus", ((4, 5), 3)): topology.torus((4, 5), 3),
    Layer("mesh", ((2, 3, 4),)): topology.mesh((2, 3, 4)),
}


def test_every_topology_is_reached_by_name():
    assert set(topology.FAMILIES) == {layer.topology for layer in LAYERS} | {"predefined", "random_sparse"}


def test_a_function_that_is_registered_is_reached_by_its_name():
    try:

        @topology.family
        def ring(n):
            return topology.torus((n,), 1)

        assert Layer("ring", (5,)).build(RNG) == topology.torus((5,), 1)
        with pytest.raises(ValueError, match=r"make must have a name of its own, got 'ring'"):
            topology.family(ring)
    finally:
        topology.FAMILIES.pop("ring", None)
    with pytest.raises(ValueError, match=r"topology must be one of butterfly, clos, .*, got 'ring'"):
        Layer("ring", (5,)).build(RNG)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.label)
def test_a_layer_builds_its_topology_as_value_and_as_module(layer):
    assert layer.build(RNG) == LAYERS[layer]
    assert layer.module(RNG).topology == LAYERS[layer]
    assert weights((layer,)) == LAYERS[layer].parameters


def test_random_topologies_get_the_generator_wherever_it_stands_in_their_signature():
    layer = Layer("predefined", (16, 8, 2, "clash-free-1", 4))
    wanted = topology.predefined(16, 8, 2, "clash-free-1", np.random.default_rng(7), 4)
    assert layer.build(np.random.default_rng(7)) == wanted
    assert layer.build(np.random.default_rng(7)) != topology.predefined(
        16, 8, 2, "clash-free-1", np.random.default_rng(7), 2
    )
    drawn = Layer("random_sparse", (16, 8, 20)).build(np.random.default_rng(7))
    assert drawn == topology.random_sparse(16, 8, 20, np.random.default_rng(7))


def test_labels_stay_readable():
    network = (
        LayerWithSkips(Layer("torus", ((32, 32), 8)), "off_support"),
        Layer("multistage_clos", (1024, 256, (16, 4, 4, 16))),
    )
    assert label(network) == "torus((32, 32), 8) + off-support skips → multistage_clos(1024, 256, (16, 4, 4, 16))"


@pytest.mark.parametrize("kind", ["identity", "off_support"])
def test_skips_lie_around_every_stage_and_are_not_trained(kind):
    plain = Layer("clos", (16, 8, 4, 2, 4))
    network = (LayerWithSkips(plain, kind), Layer("dense", (8, 3)))
    assert weights(network) == weights((plain, Layer("dense", (8, 3))))
    module = build(network, "sparse_glorot_uniform", 0)
    wiring = plain.build(RNG)
    fixed = [skip.dense().numpy() > 0 for skip in module[0].skips]
    assert all(map(np.array_equal, fixed, getattr(skips, kind)(wiring)))
    assert sum(parameter.numel() for parameter in module.parameters()) == weights(network) + 8 + 3


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_a_width_unlike_the_data_and_square_hidden_layers_train_with_every_initialisation(initialization):
    network = (
        LayerWithSkips(Layer("multistage_clos", (800, 64, (20, 4, 4, 8))), "off_support"),
        Layer("butterfly", (64, 8)),
        Layer("torus", ((8, 8), 1)),
        Layer("dense", (64, 12)),
    )
    record = train(TrainConfig("digits", network, 1, 256, 0.004, 0, initialization))
    assert record["label"] == label(network)
    assert len(record["accuracy_by_epoch"]) == 1
    first, second = (build(network, initialization, seed)[0].dense_weight() for seed in (1, 2))
    assert not torch.equal(first, second)


def as_layer(content: dict) -> Layer | LayerWithSkips:
    """The layer that a record describes."""
    if "layer" in content:
        return LayerWithSkips(as_layer(content["layer"]), content["skips"])
    return Layer(content["topology"], as_tuple(content["arguments"]))


def as_tuple(content):
    return tuple(map(as_tuple, content)) if isinstance(content, list) else content


def config_of(record: dict) -> TrainConfig:
    values = {field.name: record[field.name] for field in dataclasses.fields(TrainConfig)}
    return TrainConfig(**values | {"network": tuple(map(as_layer, values["network"]))})


def test_every_committed_training_record_is_found_under_its_key():
    records = [json.loads(line) for path in committed_runs() for line in path.read_text().splitlines()]
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    trained = [record for record in records if fields <= record.keys() and isinstance(record["network"], list)]
    assert len(trained) > 500
    assert all(run_key(config_of(record)) == record["key"] for record in trained)


def test_skips_and_nested_arguments_are_part_of_the_key():
    config = TrainConfig("digits", one_hidden_layer(Layer("torus", ((28, 28), 2))), 1, 256, 0.004, 0)
    skipped = one_hidden_layer(LayerWithSkips(Layer("torus", ((28, 28), 2)), "identity"))
    other = one_hidden_layer(Layer("torus", ((14, 56), 2)))
    variants = [config, *(dataclasses.replace(config, network=network) for network in (skipped, other))]
    assert len({run_key(variant) for variant in variants}) == 3
    assert config_of(json.loads(json.dumps(record_of(train, variants[1])))) == variants[1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Layer("torus", ([4, 4], 2)), r"arguments must be a tuple of integers, .* got \(\[4, 4\], 2\)"),
        (lambda: Layer("dense", [4, 4]), r"arguments must be a tuple of integers, .* got \[4, 4\]"),
        (lambda: Layer("dense", (4, 4.0)), r"arguments must be a tuple of integers, .* got \(4, 4.0\)"),
        (lambda: Layer("predefined", (4, 4, 2)).build(RNG), "missing a required argument: 'pattern'"),
        (lambda: Layer("dense", (4, 4, 4)).build(RNG), "arguments of dense do not fit, .*: too many positional"),
        (
            lambda: LayerWithSkips(Layer("dense", (4, 4)), "none"),
            "skips must be one of identity, off_support, from_input, got",
        ),
        (lambda: LayerWithSkips("dense", "identity"), "layer must be a Layer, got 'dense'"),
        (
            lambda: LayerWithSkips(Layer("dense", (4, 4)), "off_support").module(RNG),
            r"stages\[0\] leaves no room for skips",
        ),
        (
            lambda: build((Layer("dense", (4, 5)), Layer("butterfly", (4,))), "glorot_uniform", 0),
            r"network\[1\] must take the 5 outputs of the layer before it, it has 4 inputs",
        ),
    ],
)
def test_bad_networks_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
