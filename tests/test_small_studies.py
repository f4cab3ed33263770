"""Studies of one question each: what is compared, and that the answer follows from the runs."""

import numpy as np
import pandas as pd
import pytest
import torch

from fabric.experiments import data
from fabric.experiments.networks import weights
from fabric.experiments.runs import Results
from fabric.experiments.studies import accuracy_vs_density, bandwidth, batch_sizes, comparison, fewest_weights, memories
from fabric.experiments.studies import input_order as order
from fabric.topology.clashes import clashes
from fabric.topology.interleaver import clash_free


def records(rows: list[tuple], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


def test_shuffled_pixels_are_the_same_in_another_order_for_all_samples():
    natural, shuffled, again = (data.load(f"digits-8x8{end}") for end in ("", "-shuffled-3", "-shuffled-3"))
    place = {tuple(column.tolist()): at for at, column in enumerate(natural.train_x.T)}
    moved = [place[tuple(column.tolist())] for column in shuffled.train_x.T if tuple(column.tolist()) in place]
    assert len(moved) == 64 and moved != sorted(moved)
    assert torch.equal(natural.test_x.sort(dim=1).values, shuffled.test_x.sort(dim=1).values)
    assert torch.equal(shuffled.train_x, again.train_x) and shuffled.image is None
    assert torch.equal(natural.test_y, shuffled.test_y)
    for name in ("digits-shuffled-1", "digits-8x8-shuffled", "digits-8x8-shuffled-01"):
        with pytest.raises(ValueError, match="dataset must be one of"):
            data.load(name)


def test_topologies_of_the_orders_have_about_as_many_weights():
    chosen = order.networks(8)
    edges = [network[0].build(np.random.default_rng(0)).parameters for network in chosen["network"]]
    assert chosen["topology"].tolist() == ["clos", "butterfly", "torus", "mesh", "narrow dense"]
    assert max(edges[:4]) / min(edges[:4]) < 1.35
    sizes = chosen.set_index("topology")["network"].map(weights)
    assert sizes["narrow dense"] == pytest.approx(sizes["clos"], abs=(64 + 10) / 2)


def test_effects_of_orders_are_paired_by_seed():
    rows = [("narrow dense", order.NATURAL, 0, 0.4)]
    rows += [("clos", at, seed, base + extra) for seed, base in ((0, 0.5), (1, 0.7))
            for at, extra in ((order.NATURAL, 0.0), ("shuffled 0", 0.02), ("shuffled 1", 0.04))]  # fmt: skip
    runs = records(rows, ["topology", "order", "seed", "accuracy"])
    (row,) = order.of_shuffling(runs).itertuples()
    assert (row.points, row.low, row.high, row.seeds) == pytest.approx((3, 3, 3, 2))
    assert row.spread == pytest.approx(2)  # 60, 62 and 64 %


@pytest.mark.parametrize(
    ("clos", "mesh", "narrow", "verdict"),
    [
        (0, 3, 3, "within the margin"),
        (0, 1, 3, "undecided"),
        (0, 3, 1, "undecided"),
        (-2, 1, 1, "worse"),
        (2, 1, 1, "better"),
    ],
)
def test_order_is_judged_equal_only_where_it_matters_to_another_topology(clos, mesh, narrow, verdict):
    """Points that shuffling brings to Clos and takes from the mesh, and that the narrow network loses."""
    rows = [(name, at, seed, 0.9 + (shift / 100 + 0.001 * (-1) ** seed) * (at != order.NATURAL))
            for name, shift in (("clos", clos), ("butterfly", 20), ("torus", 0), ("mesh", -mesh))
            for at in (order.NATURAL, "shuffled 0") for seed in range(4)]  # fmt: skip
    rows += [("narrow dense", order.NATURAL, seed, 0.9 - narrow / 100) for seed in range(2)]
    runs = records(rows, ["topology", "order", "seed", "accuracy"])
    judged = order.does_not_matter("closnets-input-order", runs, 1000)  # the margin is 0.67 points
    assert judged.verdict == verdict and judged.ours == pytest.approx(clos)
    assert (judged.p < 0.05) == (verdict != "undecided")


def test_the_grid_has_each_width_at_each_number_of_weights():
    table = bandwidth.grid([64, 256], [20000, 40000], 1024, 16)
    assert len(table) == 4 and (abs(table["weights"] / table["target"] - 1) < 0.05).all()
    with pytest.raises(ValueError, match="targets must leave a middle router at a width of 256, got 3000"):
        bandwidth.grid([256], [3000], 1024, 16)


def test_gains_are_those_of_the_ends_of_each_axis():
    rows = [(width, target, seed, 0.5 + 0.01 * (width == 2) + 0.03 * (target == 20) + seed / 10)
            for width in (1, 2) for target in (10, 20) for seed in (0, 1)]  # fmt: skip
    table = bandwidth.gains(records(rows, ["width", "target", "seed", "accuracy"]))
    means = table[table["at"] == "mean"].set_index("axis")["points"]
    assert means["width"] == pytest.approx(1) and means["weights"] == pytest.approx(3)
    assert bandwidth.least(table).low == pytest.approx(1)
    assert "width 1.00" in bandwidth.in_words(table)


def test_the_fewest_weights_are_those_that_are_within_the_margin():
    networks = [("dense", "d", 900, 0.97), ("Clos", "a", 500, 0.97), ("Clos", "b", 100, 0.5)]
    networks.append(("torus + skips", "c", 250, 0.972))
    rows = [(*names, level + 0.001 * seed) for *names, level in networks for seed in range(4)]
    rows = [(kind, name, size, at % 4, level) for at, (kind, name, size, level) in enumerate(rows)]
    table = fewest_weights.judged(records(rows, ["kind", "label", "weights", "seed", "accuracy"]), 10000)
    assert table.set_index("label")["outcome"].to_dict() == {"a": "within the margin", "b": "worse", "c": "better"}
    found = fewest_weights.fewest(table)
    assert found.to_dict() == {"Clos": 500, "torus + skips": 250}
    assert fewest_weights.fewer_with_skips(found) == 2
    assert fewest_weights.fewer_with_skips(found.drop("torus + skips")) == 0
    assert fewest_weights.fewer_with_skips(found.drop("Clos")) == np.inf
    assert np.isnan(fewest_weights.fewer_with_skips(found.iloc[:0]))


@pytest.mark.parametrize(("lost", "torus", "verdict"), [
    (0.05, 0.97, "reproduced"), (0.005, 0.97, "undecided"), (0.005, 0.99, "reproduced"), (0.05, 0.5, "not reproduced")
])  # fmt: skip
def test_smaller_networks_count_only_where_the_task_tells_good_from_bad(lost, torus, verdict):
    networks = [("dense", "d", 4736, 0.97), ("Clos", "a", 1024, 0.97), ("torus + skips", "b", 960, torus)]
    networks += [("hypercube + skips", "c", 1088, 0.969), ("butterfly + skips", "e", 1408, 0.5)]
    rows = [(*names, seed, level + 0.001 * (seed % 3)) for *names, level in networks for seed in range(6)]
    tried = records(rows, ["kind", "label", "weights", "seed", "accuracy"])
    rival = fewest_weights.narrow_rival(fewest_weights.judged(tried, 10000), 64)
    assert rival["weights"].tolist() == [962 if torus > 0.9 else 1110]  # 13 or 15 hidden neurons
    narrow = tried[tried["kind"] == "dense"].assign(accuracy=lambda runs: runs["accuracy"] - lost)
    found = fewest_weights.even_smaller(tried, narrow, 10000, "here")
    assert found.verdict == verdict
    assert found.ours == pytest.approx(1024 / (960 if torus > 0.9 else 1088))
    assert f"Of 3 kinds with skips {int(torus > 0.9)} take fewer than Clos, 1 more" in found.reason


def test_densities_with_rates_of_their_own_stand_beside_the_fixed_recipe_and_print(tmp_path):
    layouts = accuracy_vs_density.layouts("784-112-10", [(2, 10)])
    results = Results("00_test", tmp_path)
    tuned = accuracy_vs_density.train_tuned(results, layouts, "digits", [0.0001, 0.02], 1, 300, 3, 2)
    assert set(tuned["learning_rate"]) == {0.02}
    (row,) = accuracy_vs_density.tuned_beside(tuned, tuned.assign(accuracy=0.5)).itertuples()
    assert (row.seeds, row.fixed, row.printed, row.highest) == (2, 0.5, 0.929, True)
    assert row.accuracy == pytest.approx(tuned["accuracy"].mean())


def test_small_batches_take_more_steps_at_a_rate_of_their_own_beside_the_later_recipe(tmp_path):
    layouts = accuracy_vs_density.layouts("784-112-10", [(2, 10), (112, 10)])
    results = Results("00_test", tmp_path)
    small = accuracy_vs_density.train_in_small_batches(results, layouts, "digits", [0.00001, 0.01], 300, 3, 2)
    assert small["learning_rate"].tolist() == [0.01] * 4  # the other one hardly learns
    assert small["fan_outs"].tolist() == ["2, 10"] * 2 + ["112, 10"] * 2 and small["seed"].tolist() == [0, 1, 0, 1]
    assert small["weights"].tolist() == [2688] * 2 + [88928] * 2
    later = small.assign(accuracy_by_epoch=[[0.1, 0.2, 0.3]] * 4)
    table = accuracy_vs_density.small_batches_beside(small, later, [1, 3]).set_index(["fan_outs", "epoch"])
    assert table["later"].to_dict() == pytest.approx({(outs, epoch): epoch / 10 for outs, epoch in table.index})
    assert table.loc[("2, 10", 3), "printed"] == 0.929 and np.isnan(table.loc[("2, 10", 1), "printed"])
    assert table.loc[("112, 10", 3), "accuracy"] == pytest.approx(small["accuracy"][2:].mean())
    assert table["highest"].all()


def test_rates_at_the_top_of_their_grid_and_differences_are_said_in_words():
    records = pd.DataFrame(
        {"fan_outs": ["112, 10", "112, 10", "2, 10"], "learning_rate": [0.003, 0.003, 0.01], "highest": [0, 0, 1]}
    ).astype({"highest": bool})
    words = accuracy_vs_density.rates_in_words(records, ["2, 10", "112, 10"])
    assert words == "fan-outs 2, 10: rate 0.01, the highest tried; fan-outs 112, 10: rate 0.003"
    ours, other = pd.Series([97.0, 98.0, 99.0]), pd.Series([97.5, 98.0])
    assert accuracy_vs_density.difference_in_words(ours, other) == "-0.25 (-3.43 … 2.93) with 2 seeds"


def test_batches_of_32_take_eight_steps_for_one_of_the_later_recipe(monkeypatch):
    steps: list[int] = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self, *given: steps.append(1) or step(self, *given))
    network = accuracy_vs_density.layouts("784-8-10", [(8, 10)])["network"].item()
    samples = len(data.load("digits").train_y)
    accuracy_vs_density.classify_in_small_batches(accuracy_vs_density.SmallBatchConfig("digits", network, 1, 0.01, 0))
    assert len(steps) == -(-samples // 32)


def test_weights_are_read_row_by_row_and_activations_in_any_row():
    junction = clash_free(12, 2, 4, "clash-free-2", np.random.default_rng(0))
    banks, rows = memories.reads(junction, "natural")
    assert (rows * 4 + banks).ravel().tolist() == list(range(24))  # slots, of which every lane reads its own
    assert memories.most_rows(junction, "natural") == 1 < memories.most_rows(junction, "permuted")
    assert all(clashes(memories.reads(junction, order)[0]) == [] for order in memories.READS)
    assert memories.entries(junction) == [3, 3, 3, 3]


def test_orders_are_counted_once():
    assert memories.different_orders(12, 2, 4, "clash-free-2+MD", 5) == 5
    assert memories.different_orders(4, 1, 4, "clash-free-2", 5) == 1  # one row a memory: nothing to draw


@pytest.mark.parametrize(("largest", "verdict"), [(0.7, "reproduced"), (0.9, "not reproduced")])
def test_larger_batches_hurt_if_the_dense_network_loses_at_equal_epochs(largest, verdict):
    """A longer training with the largest batches, and what Clos does, are told and decide nothing."""
    rows = [
        (method, size, epochs, seed, level + 0.001 * seed * (size > 8) + 0.05 * (method == "clos"))
        for method in ("dense", "clos")
        for size, epochs, level in ((8, 2, 0.8), (64, 2, 0.75), (512, 2, largest), (512, 6, 0.78))
        for seed in range(3)
    ]
    runs = records(rows, ["method", "batch_size", "epochs", "seed", "accuracy"])
    found = batch_sizes.hurt("closnets-larger-batches", runs)
    assert found.verdict == verdict and found.ours == pytest.approx(100 * (0.8 - largest - 0.001))
    assert "After 6 epochs batches of 512 reach 78.10" in found.reason and "and 83.10" in found.reason


def test_a_longer_training_must_be_longer():
    networks = comparison.clos_and_dense_networks([[16, 16, 4, 2, 4]], [4])
    with pytest.raises(ValueError, match="longer must be above epochs, 3, got 3"):
        batch_sizes.train_all(None, networks, [8], [0.1], "digits", {}, 3, 3, 1)
