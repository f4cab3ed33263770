"""Frozen weights as logic: products of any constants, elements against the machine's own unit, and what is counted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric.experiments.networks import Layer
from fabric.experiments.statements import devices
from fabric.experiments.studies import inverse_plasticity as study
from fabric.experiments.studies.inverse_plasticity import _frozen_element, _logic
from fabric.experiments.studies.inverse_plasticity._reconfigure import table_elements
from fabric.experiments.training import TrainConfig
from fabric.hardware.synthesis.cyclone4 import maps

NETWORK = (Layer("clos", (784, 32, 28, 2, 4)), Layer("dense", (32, 10)))
TRAINING = TrainConfig("digits", NETWORK, 1, 64, 0.01, 0)


@settings(max_examples=40)
@given(st.sets(st.integers(0, 511), min_size=1, max_size=12))
def test_a_plan_makes_every_constant_with_no_more_adders_than_digits_less_one(constants):
    values = {1: 1}
    for adder in study.plan(constants):
        assert adder.left in values and adder.right in values
        one, other = adder.signs
        values[adder.value] = one * (values[adder.left] << adder.shift) + other * values[adder.right]
        assert values[adder.value] == adder.value
    odds = {study.odd(constant)[0] for constant in constants if constant}
    assert odds <= set(values)
    assert len(values) - 1 <= sum(study.digits(value) - 1 for value in odds)


def test_signed_digits_are_the_fewest():
    assert [study.digits(value) for value in (1, 3, 7, 11, 255, 0b101010101)] == [1, 2, 2, 3, 2, 5]


@pytest.mark.parametrize("bits", [4, 9])
def test_products_and_general_multiplier_are_right_for_all_inputs(bits, tmp_path):
    draw = np.random.default_rng(bits)
    groups = [[0], [1], [2 ** (bits - 1) - 1], *draw.integers(0, 2 ** (bits - 1), (3, 4)).tolist()]
    (tmp_path / "netlist.v").write_text(study.design(groups, bits))
    (tmp_path / "cells.v").write_text("")
    right, products = _logic._check(tmp_path, groups, bits)
    assert right == products == 512 * (15 + min(32, 2**bits))


def machine(weights, x):
    """round(Σ w x, 7), saturated to nine bits, rectified: rtl/README.md."""
    sums = x @ weights.T
    return np.clip((sums + 64) >> 7, -256, 255).clip(0)


def files(form, weights):
    return {"element.v": study.element(form, weights), "cells.v": maps()["cells.v"]}


@pytest.mark.parametrize("inputs", [3, 16, 28])
def test_elements_of_all_forms_are_the_machine(inputs, tmp_path):
    draw = np.random.default_rng(inputs)
    weights = draw.integers(-255, 256, (3, inputs))
    weights[1] = -np.abs(weights[1])
    weights[2, 1:] = 0
    x = draw.integers(-256, 256, (12, inputs))
    x[0], x[1] = 255, -256
    expected = machine(weights, x)
    assert (expected == 255).any() and 0 < (expected == 0).sum() < expected.size
    assert np.array_equal(_frozen_element.machine_results(weights, x), expected)
    for own, results in zip(weights, expected.T, strict=True):
        for form, loaded in (("memory", own), ("words", None)):
            assert np.array_equal(_frozen_element.results_of([], files(form, own[None]), x, loaded), results)
    paths = []
    for name, text in files("products", weights).items():
        (tmp_path / name).write_text(text)
        paths.append(tmp_path / name)
    assert np.array_equal(_frozen_element.row_results(paths, x, 3), expected)


def test_weights_are_whole_words_of_the_trained_layer():
    stored = study.trained_weights(TRAINING, 6, 2)
    assert stored.shape == (28, 2, 28) and np.abs(stored).max() == 31
    with pytest.raises(ValueError, match="network must begin with a Clos cascade of at least 3 middle routers"):
        study.trained_weights(TRAINING, 6, 3)
    groups = study.constants(TRAINING, 6, 2, 8, 0)
    pairs = {tuple(sorted(pair)) for pair in np.abs(stored).transpose(0, 2, 1).reshape(-1, 2).tolist()}
    assert len(groups) == 4 and all(tuple(sorted(group)) in pairs for group in groups)


def test_break_even_and_uses_that_pay_by_hand():
    fpga, costs = {"logic_elements": 9216, "memory_blocks": 10}, devices()["energy"]
    counted = {"kind": ["uniform"], "bits": [10], "shared": [1], "elements": [21.0], "general_elements": [100]}
    even = study.break_even(pd.DataFrame(counted), fpga, costs).iloc[0]
    assert even["memory_elements"] == 1 and even["break_even"] == 5
    assert even["frozen_picojoules"] == pytest.approx(21 * 0.1 / 32)
    assert even["memory_picojoules"] == pytest.approx(10 / 32 * 5 + 90 / 1024 * 3.1)
    forms = pd.DataFrame(
        {
            "form": ["memory", "words", "products"],
            "neurons": [1, 1, 2],
            "inputs": [10, 10, 10],
            "logic_elements": [60, 80, 400],
            "elements": [6, 8, 20],
        }
    )
    assert table_elements(forms) == 2
    way = {"name": "all", "tables": 10, "bits": 320, "bits_per_second": 0, "routes": True}
    table = study.reconfiguration(forms, [way, way | {"name": "tables", "routes": False}], costs)
    assert table[["way", "form"]].to_numpy().tolist() == [["all", "words"], ["all", "products"], ["tables", "words"]]
    words = table.iloc[0]
    assert words["bits"] == 64 and words["uses"] == pytest.approx(1280 / (9 / 32 * 5 - 2 * 0.1 / 32))
    assert table["least_seconds"].isna().all()


def test_a_way_to_write_a_device_is_cited():
    cited = devices()
    assert cited["fpga"]["memory_blocks"] * 9 * 1024 // 8 == 829440
    column = cited["reconfiguration"][1]
    assert column["bits"] == 36 * 101 * 32 and column["tables"] == 50 * 8
