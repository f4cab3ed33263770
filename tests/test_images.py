"""Convolutional networks in which cascades take the place of dense kernels: built, trained, fitted, timed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fabric.experiments.networks import Layer, MobileNet, SmallConvNet, normalise_between
from fabric.experiments.studies import convolution, mobilenet, mobilenet_times, weight_decay
from fabric.experiments.studies.mobilenet_verdict import smaller_without_loss
from fabric.experiments.timing import NetworkTimesConfig, time_networks
from fabric.experiments.training import FitConfig, ImageConfig, fit_dense, train_images
from fabric.experiments.training._images import trainable
from fabric.nn import ClosConv2d

IMAGE = (8, 1)
TINY = MobileNet(0.0625, image=IMAGE)
CONFIG = ImageConfig("digits-8x8", TINY, 64, 1, 32, "sgd", 0.1, 5e-4, 0)


@pytest.fixture(scope="module")
def structures() -> pd.DataFrame:
    return convolution.structures(0.125, IMAGE)


def test_counts_of_all_structures_are_those_of_the_modules(structures):
    clos = structures.set_index("structure").loc["Clos", "pointwise"]
    for row in structures.itertuples():
        assert trainable(row.network.build(0)) == row.parameters, row.structure
        if row.structure not in ("dense", "narrow dense") and "butterfly" not in row.structure:
            assert row.pointwise <= clos, row.structure
    by_name = structures.set_index("structure")["parameters"]
    assert 0.95 * by_name["Clos"] < by_name["narrow dense"] <= by_name["Clos"]


def test_channels_of_zeros_and_shuffles_leave_the_images_as_they_are(structures):
    x = torch.randn(2, 1, 8, 8)
    for row in structures.itertuples():
        assert row.network.build(0)(x).shape == (2, 10), row.structure
    grouped = structures.set_index("structure").loc["grouped and shuffled", "network"]
    with pytest.raises(ValueError, match="groups must be 1 beside pointwise layers, got 2"):
        dataclasses.replace(TINY, groups=2, pointwise=(Layer("dense", (2, 4)),) * 13)
    assert any(isinstance(part, nn.ChannelShuffle) for part in grouped.build(0).modules())


def test_three_ways_have_equal_weights_and_the_narrow_network_no_more():
    table = convolution.kernels((16, 32, 64), 10.0, IMAGE)
    weights = table.set_index("way")["weights"]
    ways = weights[["first", "im2col", "depthwise"]]
    assert ways.max() <= weights["dense"] / 10
    assert weights["narrow dense"] <= ways.max()
    for row in table.itertuples():
        network = row.network.build(0)
        used = [
            part.connections if isinstance(part, ClosConv2d) else part.weight.numel()
            for part in network
            if isinstance(part, ClosConv2d | nn.Conv2d)
        ]
        assert sum(used[1:]) == row.weights
        assert network(torch.zeros(1, 1, 8, 8)).shape == (1, 10)


def test_small_networks_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"channels must hold at least two convolutions, got \(4,\)"):
        SmallConvNet((4,))
    with pytest.raises(ValueError, match="routers must hold three counts for each of 2 convolutions, got 1"):
        SmallConvNet((4, 8, 8), ((2, 2, 2),))


def test_stages_are_normalised_between_and_only_there():
    layers = tuple(Layer("clos", (i, o, 2, 2, 2)) for i, o in zip(TINY.channels, TINY.channels[1:], strict=False))
    network = dataclasses.replace(TINY, pointwise=layers).build(0)
    between = normalise_between(network)
    assert len(list(between)) == len(list(network)) + 13 * 4  # two stages and two normalisations more a block
    assert trainable(between) == trainable(network) + 13 * 2 * (4 + 4)
    with pytest.raises(ValueError, match="network must hold pointwise cascades, got ClosConv2d"):
        normalise_between(nn.Sequential(ClosConv2d(4, 4, 3, 2, 2, 2)))
    with pytest.raises(ValueError, match="network must be a Sequential"):
        normalise_between(nn.ReLU())


@pytest.mark.parametrize("change", [{}, {"optimizer": "adamw", "learning_rate": 0.003}, {"factor_rate": 2.0}])
def test_training_is_repeated_bit_by_bit(change):
    layers = tuple(Layer("clos", (i, o, 2, 2, 2)) for i, o in zip(TINY.channels, TINY.channels[1:], strict=False))
    config = dataclasses.replace(CONFIG, network=dataclasses.replace(TINY, pointwise=layers), **change)
    first, second = train_images(config), train_images(config)
    assert first == second
    assert first["path"].startswith(("native", "reference"))
    assert first["accuracy"] != train_images(dataclasses.replace(config, seed=1))["accuracy"] or change


def test_networks_and_batches_that_do_not_fit_the_data_are_named():
    with pytest.raises(ValueError, match=r"network must take the data's images \(1, 8, 8\), it takes \(3, 32, 32\)"):
        train_images(dataclasses.replace(CONFIG, network=MobileNet(0.0625)))
    with pytest.raises(ValueError, match="batch_size must be at most the 64 samples, got 65"):
        train_images(dataclasses.replace(CONFIG, batch_size=65))
    with pytest.raises(ValueError, match="optimizer must be one of sgd, adamw, got 'lion'"):
        dataclasses.replace(CONFIG, optimizer="lion")


def test_a_network_of_cascades_is_fitted_without_error():
    """Where the cascades can hold any matrix, the fitted network is the dense one."""
    full = tuple(Layer("clos", (i, o, 1, i, o)) for i, o in zip(TINY.channels, TINY.channels[1:], strict=False))
    record = fit_dense(FitConfig(CONFIG, full, 20, CONFIG))
    assert len(record["layers"]) == 13 and record["path"]
    for layer in record["layers"]:
        assert layer["clos"] < 1e-4
        assert np.all(np.diff(layer["energy"]) >= 0)
        assert layer["energy"][-1] == pytest.approx(1)
    with pytest.raises(ValueError, match="dense must be the training of a dense MobileNet"):
        fit_dense(FitConfig(dataclasses.replace(CONFIG, network=SmallConvNet(image=IMAGE)), full, 1, CONFIG))


def test_halving_keeps_the_best_of_each_rung():
    pairs = [(0.1, 0.0), (0.1, 5e-4), (0.01, 0.0), (0.01, 5e-4)]
    planted = {32: [0.3, 0.5, 0.4, 0.2], 64: [0.9, 0.6, 0.7, 0.9]}  # by samples; the last two rungs disagree

    class Planted:
        def sweep(self, run, configs, title):
            found = [(c.learning_rate, c.weight_decay, c.samples) for c in configs]
            rows = [(rate, decay, planted[samples][pairs.index((rate, decay))]) for rate, decay, samples in found]
            return pd.DataFrame(rows, columns=["learning_rate", "weight_decay", "accuracy"])

    table = pd.DataFrame({"structure": ["dense"], "network": [TINY]})
    base = {"dataset": "digits-8x8", "epochs": 1, "batch_size": 32, "optimizer": "sgd"}
    rates, decays = [0.1, 0.01], [0.0, 5e-4]
    rungs = [(32, 2), (64, 1)]
    chosen, trials = convolution.halving(Planted(), table, "structure", base, rates, decays, rungs, 100)
    kept = trials[trials["kept"]].groupby("rung")["held_out_accuracy"].apply(sorted).to_dict()
    assert kept == {1: [0.4, 0.5], 2: [0.7]}
    assert list(trials.groupby("rung").size()) == [4, 2]
    assert chosen[["learning_rate", "weight_decay"]].to_numpy().tolist() == [[0.01, 0.0]]


def test_decay_is_told_apart_at_one_rate_and_seed():
    class Planted:
        def sweep(self, run, configs, title):
            found = pd.DataFrame([vars(c) for c in configs])[["seed", "weight_decay", "learning_rate"]]
            return found.assign(accuracy=found["seed"] / 10 + (found["weight_decay"] == 0) / 50)

    table = pd.DataFrame({"structure": ["dense", "Clos"], "network": TINY, "learning_rate": [0.1, 0.2]})
    base = {"dataset": "digits-8x8", "epochs": 1, "batch_size": 32, "optimizer": "sgd"}
    runs = weight_decay.at_both_decays(Planted(), table, ["Clos"], base, [5e-4, 5e-5, 0.0], 64, 1, 3)
    assert sorted(set(runs["weight_decay"])) == [0.0, 5e-4] and set(runs["learning_rate"]) == {0.2}
    assert weight_decay.without_decay(runs).tolist() == pytest.approx([2, 2, 2])


def test_two_structures_are_compared_at_equal_decay():
    rows = [
        ("Clos", 0.0, 0, 41.0), ("Clos", 0.0, 1, 40.0), ("Clos", 5e-4, 0, 45.0), ("Clos", 5e-4, 1, 44.5),
        ("dense", 5e-4, 1, 40.0), ("dense", 5e-4, 0, 42.0), ("dense", 0.0, 1, 41.0), ("dense", 0.0, 0, 40.5),
    ]  # fmt: skip
    runs = pd.DataFrame(rows, columns=["structure", "weight_decay", "seed", "accuracy"])
    table = weight_decay.at_equal_decay(runs, "Clos", "dense")
    assert table[0.0].to_dict() == {0: 0.5, 1: -1.0} and table[5e-4].to_dict() == {0: 3.0, 1: 4.5}
    assert weight_decay.in_words(table) == "-0.25 (-9.78 … 9.28) at 0, 3.75 (-5.78 … 13.28) at 0.0005"


def test_the_shared_decay_is_the_best_of_both_at_their_best_rates_on_all_first_trials():
    rows = [
        ("Clos", 1, 0.1, 0.0, 0.30), ("Clos", 1, 0.2, 0.0, 0.20), ("Clos", 1, 0.1, 5e-4, 0.10),
        ("Clos", 1, 0.2, 5e-4, 0.28),
        ("dense", 1, 0.1, 0.0, 0.20), ("dense", 1, 0.1, 5e-4, 0.25), ("dense", 1, 0.1, 5e-5, 0.90),
        ("dense", 2, 0.1, 0.0, 0.99), ("other", 1, 0.1, 0.0, 0.99),
    ]  # fmt: skip
    names = ["structure", "rung", "learning_rate", "weight_decay", "held_out_accuracy"]
    trials = pd.DataFrame(rows, columns=names)
    assert weight_decay.shared_decay(trials, ["Clos", "dense"], [5e-4, 0.0]) == 5e-4  # 0.28 + 0.25 over 0.30 + 0.20
    assert weight_decay.shared_decay(trials, ["Clos"], [5e-4, 0.0]) == 0.0


def runs(dense: list, ours: list, narrow: list, half: list) -> pd.DataFrame:
    """Runs with the given accuracies after two epochs, and of ours after one; the others have then the same."""
    rows = []
    for epochs, mine in ((1, half), (2, ours)):
        for arm, values in (("dense", dense), ("Clos 10×", mine), ("narrow 10×", narrow)):
            rows += [{"arm": arm, "epochs": epochs, "seed": i, "accuracy": value} for i, value in enumerate(values)]
    return pd.DataFrame(rows)


DENSE = [90.0, 90.1, 89.9, 90.0]
NEAR = [90.01, 90.08, 89.91, 90.0]


@pytest.mark.parametrize(
    ("ours", "narrow", "half", "verdict"),
    [
        (NEAR, [80.0, 80.1, 79.9, 80.0], NEAR, "within the margin"),
        (NEAR, [90.6, 90.7, 90.5, 90.6], NEAR, "undecided"),  # the task does not tell good from bad
        (NEAR, [80.0, 80.1, 79.9, 80.0], [85.0, 85.1, 84.9, 85.0], "undecided"),  # still moves
        ([80.0, 80.1, 79.9, 80.0], [85.0, 85.1, 84.9, 85.0], [80.0, 80.1, 79.9, 80.0], "worse"),
        ([92.0, 92.1, 91.9, 92.0], [92.5, 92.6, 92.4, 92.6], [92.0, 92.1, 91.9, 92.0], "not reproduced"),
    ],
)
def test_the_verdict_asks_for_both_and_for_a_gap_that_rests(ours, narrow, half, verdict):
    found = smaller_without_loss(
        "neurofabric-mobilenet", runs(DENSE, ours, narrow, half), ("dense", "Clos 10×", "narrow 10×"), 10000
    )
    assert found.verdict == verdict


def test_arms_have_what_they_are_called_after():
    table = mobilenet.networks([5.0, 10.0], IMAGE).set_index("arm")
    assert (table.loc[["Clos 5×", "Clos 10×", "two-level 10×"], "compression"] >= [5, 10, 10]).all()
    assert table.loc["narrow 10×", "parameters"] <= table.loc["Clos 10×", "parameters"]
    assert mobilenet.verdict_arms(table.reset_index()) == ("dense", "Clos 10×", "narrow 10×")


def test_times_are_paired_by_round_and_the_better_format_counts():
    record = time_networks(NetworkTimesConfig((TINY, TINY), (2,), 2, 1e-3))
    assert len(record["times"]) == 2 * 2 * 2
    for row in record["times"]:  # dense takes 4 or 2 seconds, the other 1 or 3
        row["seconds"] = [4.0, 4.0] if row["format"] == "contiguous" else [2.0, 2.0]
        if row["network"] == 1:
            row["seconds"] = [1.0, 3.0] if row["format"] == "contiguous" else [3.0, 1.0]
    times, speed_ups = mobilenet_times.times(pd.DataFrame([record]), [(1.0, "dense"), (1.0, "clos")])
    assert len(times) == 8
    assert (speed_ups[["speed_up", "least", "most"]] == 2).all(axis=None)
    built, names = mobilenet_times.timed_networks([0.5])
    assert [family for _, family in names] == ["dense", "clos", "low_rank"]
    assert [network.width for network in built] == [0.5] * 3
