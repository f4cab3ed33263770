"""A cascade that grows on the machine between epochs: the simulated Verilog, its golden model, and what stays."""

import numpy as np
import pytest

from fabric.experiments.batchless import FixedPointConfig, orders, samples, stored_weights
from fabric.experiments.data import load
from fabric.experiments.growing import ChipGrowthConfig, train_growing_chip
from fabric.experiments.growing._chip import enter, grown_weights
from fabric.hardware import FixedPoint, Machine, Torus

LARGE = ((16, 16, 4, 4, 4), (16, 12, 4, 4, 4))
SCALES = (0, 0, 0, 0, 0, 0)


def config(routers, **other):
    training = FixedPointConfig("digits-4x4", LARGE, FixedPoint(), SCALES, (4,) * len(routers), 0, **other)
    return ChipGrowthConfig(training, tuple(routers))


def test_the_machine_grows_as_its_golden_model_does():
    growing = config([2, 2, 4])
    fixed, data = growing.training.fixed_point, load("digits-4x4")
    x, targets, test_x = samples(data, LARGE, fixed)
    grown = enter(growing, 2, stored_weights(growing.of(2)))
    machine = Machine(Torus.of(grown.mapping, fixed, [grown.training, grown.inference]))
    weights, after = stored_weights(growing.of(0)), np.zeros(0)
    for epoch, order in enumerate(orders(0, 60, 3)):
        torus = enter(growing, epoch, weights)
        machine.connect(torus.mapping)
        machine.load(torus.weights())
        before = torus.classify(test_x[:20])
        assert np.array_equal(machine.run(torus.inference, test_x[:20]), before)
        assert epoch == 0 or np.array_equal(before, after)
        machine.reset()
        machine.run(torus.training, x[order], targets[order], 4)
        torus.train(x[order], targets[order], 4)
        weights = torus.weights()
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(machine.weights(), weights, strict=True))
        after = torus.classify(test_x[:20])
    assert len(weights[1]) == 4 and np.abs(weights[2][:, :, 2:]).max() > 0  # new edges have learnt


def test_growth_carries_old_weights_and_changes_no_output():
    growing = config([2, 4])
    old, fresh = stored_weights(growing.of(0)), stored_weights(growing.of(1))
    first, middle, last, *others = grown_weights(old, fresh)
    assert np.array_equal(first[:, :2], old[0]) and np.array_equal(first[:, 2:], fresh[0][:, 2:])
    assert np.array_equal(middle[:2], old[1]) and np.array_equal(middle[2:], fresh[1][2:])
    assert np.array_equal(last[:, :, :2], old[2]) and not last[:, :, 2:].any()
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(others, old[3:], strict=True))


def test_a_growing_training_counts_updates_and_repeats():
    growing = config([2, 4])
    ours = train_growing_chip(growing)
    edges = [
        torus.mapping.edges for torus in (enter(growing, epoch, stored_weights(growing.of(epoch))) for epoch in (0, 1))
    ]
    assert ours["updates"] == sum(edges) * 1437 and ours["changed"] == 0
    assert ours == train_growing_chip(growing)
    assert ours["accuracy"] > 0.2  # chance is 0.1


@pytest.mark.parametrize("routers", [[4, 2], [2, 2], [3]])
def test_routers_that_do_not_fit_the_training_are_refused(routers):
    training = FixedPointConfig("digits-4x4", LARGE, FixedPoint(), SCALES, (4, 4), 0)
    with pytest.raises(
        ValueError, match="middle_routers must be 2 numbers, one an epoch, that never fall and end with 4"
    ):
        ChipGrowthConfig(training, tuple(routers))
