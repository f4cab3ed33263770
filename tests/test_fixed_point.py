"""Training by the golden model: with fine formats it is gradient descent, on one torus and on two."""

from dataclasses import replace

import numpy as np
import pytest
from numba.typed import List

from fabric.experiments.batchless import (
    FixedPointConfig,
    OneTorus,
    TwoTori,
    cascade_starts,
    descend,
    initial_weights,
    stored_weights,
    train_fixed_point,
)
from fabric.hardware import FixedPoint

FINE = FixedPoint(16, 24, 9, 12, 22, 11)
CONFIG = FixedPointConfig(
    "digits-8x8", ((64, 16, 4, 4, 4), (16, 12, 4, 4, 4)), FixedPoint(9, 12, 5, 8, 11, 8), (0,) * 6, (4, 5), seed=0
)


@pytest.mark.parametrize(
    ("network", "cascades", "scales"),
    [
        (OneTorus, ((12, 8, 3, 2, 4), (8, 6, 4, 3, 2)), (0,) * 6),
        (OneTorus, ((12, 8, 3, 2, 4), (8, 6, 4, 3, 2)), (1, 0, 2, 0, 1, 0)),
        (OneTorus, ((12, 8), (8, 4)), (0, 0)),
        (TwoTori, ((12, 8, 4, 3, 2), (8, 4)), (0,) * 4),
    ],
)
def test_fine_formats_take_the_steps_of_float32(network, cascades, scales):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1, (6, cascades[0][0])), rng.integers(0, 2, (6, cascades[-1][1])).astype(float)
    config = FixedPointConfig("digits", cascades, FINE, scales, (4,), seed=0, stochastic=False)
    trained = network(config)
    before = stored_weights(config)
    trained.train(FINE.activations(x), FINE.activations(y), 4)
    weights = [stage.astype(np.float32) for stage in initial_weights(cascades, 0)]
    x, y = x.astype(np.float32), y.astype(np.float32)
    descend(List(weights), cascade_starts(cascades), x, y, np.float32(2**-4))
    for have, start, want, scale in zip(trained.weights(), before, weights, scales, strict=True):
        if scale == 0:  # a scaled stage takes another step: its stored weights are larger, its gradients are not
            assert np.abs(have - start).max() > 2**14
        if not any(scales):
            assert have / 2**22 == pytest.approx(want, abs=2**-7)


def test_classifying_gives_the_sums_that_training_squashes():
    network = OneTorus(CONFIG)
    x = np.random.default_rng(0).integers(0, 32, (5, 64))
    sums = network.classify(x)
    squashed = network.golden.run(network.training, x, np.zeros((5, 12), int), 8)
    assert (
        CONFIG.fixed_point.sigmoid_table()[np.abs(sums[0])] == np.where(sums[0] < 0, 32 - squashed[0], squashed[0])
    ).all()


def test_records_say_what_was_learned_and_repeat():
    record = train_fixed_point(CONFIG)
    assert record["accuracy"] == record["accuracy_by_epoch"][-1] > 0.5
    assert (record["word"], record["weight"]) == (9, 12)
    assert 0 <= record["saturated"] < 0.1
    assert train_fixed_point(CONFIG) == record
    for other in (replace(CONFIG, seed=1), replace(CONFIG, stochastic=False), replace(CONFIG, mode="overlapped")):
        assert train_fixed_point(other)["accuracy_by_epoch"] != record["accuracy_by_epoch"]


def test_two_tori_learn():
    record = train_fixed_point(replace(CONFIG, cascades=((64, 16, 4, 4, 4), (16, 10)), scales=(0,) * 4))
    assert record["accuracy"] > 0.5


def test_networks_that_do_not_fit_the_data_are_named():
    with pytest.raises(ValueError, match="at least the 64 features of the data, its first layer has 16"):
        train_fixed_point(replace(CONFIG, cascades=((16, 16, 4, 4, 4),), scales=(0,) * 3))
