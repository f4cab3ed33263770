"""MobileNetV1's counts against the modules, and the searches against brute force."""

import itertools
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fabric.experiments.networks import Layer, MobileNet
from fabric.experiments.studies import convolution_counts as study


def test_counts_of_the_dense_network_are_those_of_its_module_and_of_its_products():
    network = MobileNet()
    totals = study.by_kind(study.by_layer()).set_index("kind")["parameters"]
    assert totals.to_dict() == {
        "convolution": 864,
        "depthwise": 44_640,
        "pointwise": 3_139_584,
        "normalisation": 21_888,
        "classifier": 10_250,
    }
    assert sum(values.numel() for values in network.build(0).parameters()) == totals.sum() == 3_217_226
    narrow = MobileNet(0.125)
    with FlopCounterMode(display=False) as counter:
        assert narrow.build(0)(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert counter.get_total_flops() == 2 * sum(count.operations for count in narrow.counts())


@pytest.mark.parametrize("rule", [study.cheapest_clos, study.cheapest_two_level, study.rank_of])
@pytest.mark.parametrize(("inputs", "outputs", "hidden"), [(6, 9, 1.0), (8, 5, 0.7), (7, 7, 0.0), (12, 10, 0.5)])
def test_searches_find_what_brute_force_finds(rule, inputs, outputs, hidden):
    least = max(1, int(np.ceil(hidden * min(inputs, outputs))))
    clos = {
        middle * (inputs + outputs + first * last)
        for first, middle, last in itertools.product(range(1, inputs + 1), range(1, 13), range(1, outputs + 1))
        if min(first * middle, middle * last) >= least
    }
    two_level = {
        inputs * second + first * outputs
        for first, second in itertools.product(range(1, inputs + 1), range(1, outputs + 1))
        if first * second >= least
    }
    wanted = {
        study.cheapest_clos: min(clos),
        study.cheapest_two_level: min(two_level),
        study.rank_of: least * (inputs + outputs),
    }
    layer = rule(inputs, outputs, hidden)
    assert layer.build(np.random.default_rng(0)).parameters == study.weights(layer) == wanted[rule]
    assert min(layer.build(np.random.default_rng(0)).widths) >= least


@pytest.mark.parametrize("rule", [study.padded_butterfly, study.cheapest_regular_clos])
def test_closed_forms_count_what_topologies_count(rule):
    layer = rule(16, 32)
    assert study.weights(layer) == layer.build(np.random.default_rng(0)).parameters


def test_which_cascades_make_it_ten_times_smaller():
    table = study.reach(10.0)
    assert table["parameters"].tolist() == [
        413_167,
        444_618,
        322_698,
        186_442,
        88_554,
        321_654,
        319_882,
        320_074,
        79_362,
    ]
    assert table["reaches"].tolist() == [False, False, False, True, True, True, True, True, True]
    widest = study.widest(study.cheapest_clos, 10.0)
    assert 0.726 < widest < 0.727
    limit = study.dense_parameters() / 10
    assert (
        study.parameters(study.cheapest_clos, widest)
        <= limit
        < study.parameters(study.cheapest_clos, widest + 1 / 1024)
    )
    rivals = study.rivals(int(limit)).set_index("rival")
    assert rivals.loc["narrow dense"].tolist()[:2] == [0.308, 319_510]
    assert rivals.loc["low rank", "parameters"] <= limit < study.parameters(study.rank_of, 0.042)


def test_doubling_channels_quadruples_dense_layers_only():
    factors = study.growth(512).set_index("topology")["factor"]
    assert factors["dense"] == 4
    assert (factors.drop("dense") < 3).all()


def test_a_cascade_of_one_hidden_neuron_keeps_one_more_number_a_pixel():
    needed = study.requirements(study.rank_of, 0.0).set_index("convolutions")
    dense, cascades = needed.loc["dense"], needed.loc["cascades"]
    counted = study.by_layer().query("kind == 'pointwise'")
    pixels = counted["operations"] / counted["parameters"]
    assert dense[["weights", "operations"]].tolist() == [3_139_584, counted["operations"].sum()]
    assert cascades["activations"] - dense["activations"] == pixels.sum()
    assert dense["activations"] == (pixels * np.array(MobileNet().channels[1:])).sum()
    assert cascades["operations"] == (pixels * np.array([*map(sum, pairwise(MobileNet().channels))])).sum()
    times = study.training_memory(needed, (1, 10**9))
    assert times[1] == (2 * dense["weights"] + dense["activations"]) / (
        2 * cascades["weights"] + cascades["activations"]
    )
    assert times[10**9] == pytest.approx(dense["activations"] / cascades["activations"], rel=1e-4)


def test_a_network_of_cascades_holds_the_weights_that_are_counted():
    layers = study.pointwise(study.cheapest_clos, 0.5, 0.125)
    network = MobileNet(0.125, layers, residual=True, image=(8, 1))
    module = network.build(0, "end_to_end_glorot_uniform")
    held = sum(getattr(part, "connections", 0) for part in module.modules())
    assert held == sum(count.parameters for count in network.counts() if count.kind == "pointwise")
    assert module(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    ring = tuple(
        Layer("dense" if a != b else "hypercube", (a, b) if a != b else (a,)) for a, b in pairwise(network.channels)
    )
    assert MobileNet(0.125, ring).build(0)(torch.zeros(2, 3, 8, 8)).isfinite().all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MobileNet(0.01), r"width must leave at least one of 32 channels, got 0.01"),
        (
            lambda: MobileNet(pointwise=(Layer("dense", (32, 64)),)),
            r"pointwise must hold one layer per block, 13, got 1",
        ),
        (
            lambda: MobileNet(pointwise=(Layer("dense", (32, 32)),) * 13),
            r"pointwise\[0\] must lead from 32 or more to 64 channels, got dense\(32, 32\)",
        ),
        (lambda: MobileNet(0.1).build(0, "zeros"), r"initialization must be one of .*, got 'zeros'"),
        (lambda: study.weights(Layer("torus", ((4, 4),))), r"layer must be of a kind .* got torus"),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
