"""Pruning while training: the schedule, what is removed, and what is spent on it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric.experiments.networks import Layer, one_hidden_layer
from fabric.experiments.runs import Results
from fabric.experiments.studies import pruning
from fabric.experiments.training import TrainConfig, train

ALL = 784 * 8 + 80


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(0, 99))
def test_the_largest_of_all_layers_together_are_kept(count, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.permutation(13).reshape(-1) - 6.5, rng.permutation(5) - 20.25
    weights = [torch.tensor(first), torch.tensor(second).reshape(1, 5)]
    masks = [torch.ones_like(values, dtype=torch.bool) for values in weights]
    wanted = set(sorted([*first, *second], key=abs)[-count:])
    pruning.keep_largest(weights, masks, count)
    left = {float(v) for values in weights for v in values.flatten() if v != 0}
    # Half numbers come in pairs of equal size, which go together.
    assert wanted <= left <= wanted | {-value for value in wanted}
    assert all(torch.equal(values != 0, mask) for values, mask in zip(weights, masks, strict=True))


def test_a_network_that_keeps_all_its_weights_is_the_dense_network():
    dense = TrainConfig("digits", one_hidden_layer(Layer("dense", (784, 8))), 3, 64, 0.01, 1)
    pruned = pruning.prune(pruning.PruningConfig("digits", 8, ALL, 3, 64, 0.01, 1))
    assert pruned["accuracy_by_epoch"] == train(dense)["accuracy_by_epoch"]


def test_few_weights_are_worse_than_many_and_better_than_chance(tmp_path):
    results = Results("00_test", tmp_path)
    records, trials = pruning.prune_all(results, [60, 400], "digits", 8, [1e-5, 0.02], (3, 1, 300), 6, 64, 2)
    chosen = trials[trials["chosen"]].set_index("label")["learning_rate"]
    assert len(chosen) == 2 and chosen["784-8-10 pruned to 400"] == 0.02
    assert (records["learning_rate"] == records["label"].map(chosen)).all()
    assert set(records["held_out"]) == {0} and len(records) == 4
    means = records.groupby("weights")["accuracy"].mean()
    assert 0.1 < means[60] < means[400] - 0.1
    assert set(records["method"]) == {"magnitude_pruning"}


def test_more_weights_than_there_are_are_refused():
    with pytest.raises(ValueError, match=f"weights must be from 1 to the network's {ALL:,}, got {ALL + 1}"):
        pruning.prune(pruning.PruningConfig("digits", 8, ALL + 1, 1, 64, 0.01, 0))


@pytest.mark.parametrize(("weights", "epochs"), [(100, 1), (100, 2), (100, 50), (1000, 9)])
def test_the_schedule_trains_all_then_removes_then_tunes(weights, epochs):
    left = pruning.kept(weights, 1000, epochs)
    assert len(left) == epochs and left[-1] == weights
    assert left == sorted(left, reverse=True)
    assert all(count == 1000 for count in left[: max(0, epochs // 3 - 1)])
    with pytest.raises(ValueError, match="weights must be from 1 to the network's 1,000, got 1001"):
        pruning.kept(1001, 1000, epochs)


def test_what_is_spent_on_pruned_weights_is_what_the_schedule_says():
    left = pruning.kept(100, 1000, 6)
    assert pruning.spent_on_pruned(100, 1000, 6) == pytest.approx(1 - 600 / sum([1000, *left[:-1]]))
    assert pruning.spent_on_pruned(1000, 1000, 6) == 0
