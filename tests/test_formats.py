"""Formats chosen from data: the machine then learns the digits as floating point does, and says what it clips."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fabric.hardware import FixedPoint, GoldenMachine, Saturations, TorusMapping, fit_format, program
from fabric.hardware.junctions import GoldenJunctions, JunctionNetwork, JunctionProgram

RATE, EPOCHS, TRAINED = 4, 3, 1437
MAPPING = TorusMapping([(64, 16), (16, 10)], ["relu", "sigmoid"])
SUMS = TorusMapping([(64, 16), (16, 10)], ["relu", "identity"])
NETWORK = JunctionNetwork.drawn([64, 16, 8], [8, 4], [16, 8], "clash-free-2", np.random.default_rng(0))


@pytest.fixture(scope="module")
def digits():
    """Features from 0 to 1 and labels, shuffled."""
    features, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return features[order] / 16, labels[order]


@pytest.fixture(scope="module")
def starts():
    rng = np.random.default_rng(1)
    return [
        rng.uniform(-1, 1, (p.rings, p.neurons, p.values)) * np.sqrt(6 / (p.values + p.neurons)) for p in MAPPING.phases
    ]


def learned(fixed: FixedPoint, digits, starts) -> tuple[float, Saturations]:
    """Accuracy on the samples that are held out, and what the last epoch clipped."""
    x, labels = digits
    golden = GoldenMachine(MAPPING, fixed)
    golden.load([fixed.weights(w) for w in starts])
    words, targets = fixed.activations(x), fixed.activations(np.eye(10)[labels])
    for _ in range(EPOCHS):
        golden.run(program(MAPPING, "sequential"), words[:TRAINED], targets[:TRAINED], RATE)
    clipped = golden.saturations
    outputs = golden.run(program(SUMS, "inference"), words[TRAINED:])
    return (outputs.argmax(axis=1) == labels[TRAINED:]).mean(), clipped


def learned_in_float32(digits, starts) -> float:
    x, labels = digits[0].astype(np.float32), digits[1]
    hidden, last = (w[0].astype(np.float32) for w in starts)
    for sample, label in [*zip(x[:TRAINED], labels[:TRAINED], strict=True)] * EPOCHS:
        h = np.maximum(hidden @ sample, 0)
        delta = np.eye(10, dtype=np.float32)[label] - 1 / (1 + np.exp(-(last @ h)))
        below = (last.T @ delta) * (h > 0)
        last += np.float32(2**-RATE) * np.outer(delta, h)
        hidden += np.float32(2**-RATE) * np.outer(below, sample)
    return (np.maximum(x[TRAINED:] @ hidden.T, 0) @ last.T).argmax(axis=1).__eq__(labels[TRAINED:]).mean()


def test_a_fitted_format_learns_as_float32_does(digits, starts):
    x, labels = digits
    training = program(MAPPING, "sequential")
    fitted = fit_format(training, starts, x[:TRAINED], np.eye(10)[labels[:TRAINED]], RATE)
    assert (fitted.word, fitted.weight) == (9, 12)
    accuracy, clipped = learned(fitted, digits, starts)
    _, by_default = learned(FixedPoint(), digits, starts)
    assert accuracy > learned_in_float32(digits, starts) - 0.03
    assert by_default.activations > 0
    assert clipped.activations < by_default.activations


def test_wide_formats_clip_nothing_and_narrow_ones_all_kinds(digits, starts):
    _, wide = learned(FixedPoint(16, 24, 8, 10, 18, 10), digits, starts)
    assert (wide.activations, wide.deltas) == (0, 0)
    _, narrow = learned(FixedPoint(6, 8, 5, 8, 8, 10), digits, starts)
    assert min(narrow.activations, narrow.errors, narrow.deltas, narrow.weights) > 0


def test_saturations_are_those_of_the_last_run(digits, starts):
    golden = GoldenMachine(MAPPING, FixedPoint())
    assert golden.saturations == Saturations()
    golden.load([np.full(w.shape, 2047) for w in starts])
    ones = np.full((1, 64), 255)
    golden.run(program(SUMS, "inference"), ones)
    assert golden.saturations == Saturations(activations=26)
    golden.run(program(SUMS, "inference"), 0 * ones)
    assert golden.saturations == Saturations()


def test_junctions_count_what_they_clip_and_are_fitted(digits):
    x, labels = digits
    rng, fixed = np.random.default_rng(2), FixedPoint()
    golden = GoldenJunctions(NETWORK, fixed)
    golden.load([np.full(j.edges, 2047) for j in NETWORK.junctions])
    golden.run(JunctionProgram(NETWORK, "inference"), np.full((1, 64), 255))
    assert golden.saturations == Saturations(activations=16 + 8)
    floats = [rng.normal(0, 0.3, j.edges) for j in NETWORK.junctions]
    targets = np.eye(8)[labels % 8]
    training = JunctionProgram(NETWORK, "pipelined")
    fitted = fit_format(training, floats, x[:200], targets[:200], RATE)

    def error(fixed):
        golden = GoldenJunctions(NETWORK, fixed)
        golden.load([fixed.weights(w) for w in floats])
        outputs = golden.run(training, fixed.activations(x[:200]), fixed.activations(targets[:200]), RATE)
        return ((outputs / 2**fixed.activation_fraction - targets[:200])[100:] ** 2).mean()

    assert error(fitted) <= error(replace(fitted, activation_fraction=1, delta_fraction=3))


def test_what_cannot_be_fitted_is_named(digits, starts):
    x, y = digits[0][:4], np.eye(10)[digits[1][:4]]
    training = program(MAPPING, "sequential")
    for arguments, told in (
        ((program(MAPPING, "inference"), starts, x, y, RATE), "program must be one that trains"),
        ((training, starts, x[:1], y[:1], RATE), "two samples or more"),
        ((training, starts[:1], x, y, RATE), "weights must be a list of 2 arrays"),
        ((training, starts, x * np.nan, y, RATE), "got NaN"),
        ((training, starts, x, y, 40), "rate_exponent must be"),
        ((training, starts, x, y, RATE, 9, 8), "weight must be an integer from 9 to 24"),
    ):
        with pytest.raises(ValueError, match=told):
            fit_format(*arguments)
    with pytest.raises(TypeError, match="program must be a Program"):
        fit_format(MAPPING, starts, x, y, RATE)
