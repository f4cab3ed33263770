"""Variance studies: exact values level by level, samples that agree, and what unequal degrees cost."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric import topology
from fabric.experiments.runs import Results
from fabric.experiments.studies import degrees, initializations, sparse_glorot
from fabric.experiments.studies.initializations import LISTED, deep_networks, none_trains, train_with_each
from fabric.nn.init import (
    end_to_end_glorot_uniform_,
    expected_variance,
    expected_variance_by_level,
    glorot_uniform_,
    sparse_glorot_uniform_,
)
from fabric.plots import training_figure, variance_figure
from fabric.topology import Topology

CASCADES = sparse_glorot.deep_cascades(16, 10)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_variance_at_a_level_is_that_of_the_cascade_cut_there(depth, seed):
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 12, depth + 1)
    t = Topology([rng.random((after, before)) < 0.6 for before, after in pairwise(widths)])
    for initialise in (sparse_glorot_uniform_, glorot_uniform_):
        levels = expected_variance_by_level(t, initialise)
        assert len(levels) == depth + 1
        assert (levels[0].forward == 1).all() and (levels[-1].backward == 1).all()
        for cut in range(1, depth):
            before, after = Topology(t.stages[:cut]), Topology(t.stages[cut:])
            assert np.allclose(levels[cut].forward, expected_variance(before, initialise).forward, rtol=1e-12)
            assert np.allclose(levels[cut].backward, expected_variance(after, initialise).backward, rtol=1e-12)
        assert (levels[-1].forward == expected_variance(t, initialise).forward).all()


@given(st.integers(2, 5), st.integers(1, 4), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_regular_square_cascade_keeps_variance_one_at_any_depth(blocks, size, depth, seed):
    rng = np.random.default_rng(seed)
    n = blocks * size
    block = np.kron(np.eye(blocks, dtype=bool), np.ones((size, size), bool))
    t = Topology([block[rng.permutation(n)][:, rng.permutation(n)] for _ in range(depth)])
    assert sparse_glorot.is_regular(t)
    for level in expected_variance_by_level(t, sparse_glorot_uniform_):
        assert np.allclose(np.concatenate(level), 1, rtol=1e-12)


def test_which_families_are_regular():
    regular = {family for family, t in CASCADES.items() if sparse_glorot.is_regular(t)}
    assert regular == {"dense", "clos", "multistage_clos", "butterfly", "hypercube", "torus"}
    assert {t.depth for family, t in CASCADES.items() if family in ("torus", "mesh", "random_sparse")} == {10}
    masks = CASCADES["random_sparse"].stages
    assert all(mask.sum() == 5 * 16 for mask in masks)
    assert len({mask.tobytes() for mask in masks}) == 10


@pytest.mark.parametrize("name", ["sparse_glorot_uniform", "glorot_uniform", "end_to_end_glorot_uniform"])
def test_samples_agree_with_the_exact_variance(name):
    frame = sparse_glorot.variances(CASCADES, name, draws=24, samples=4, seed=0)
    assert len(frame) == sum(2 * (t.depth + 1) for t in CASCADES.values())
    ends = sparse_glorot.ends(frame, draws=24)
    assert len(ends) == 2 * len(CASCADES)
    assert ends["agrees"].all()
    wrong = sparse_glorot.ends(frame.assign(expected=3 * frame["expected"]), draws=24)
    assert not wrong["agrees"].any()


def test_gradients_are_those_of_the_reversed_cascade():
    t = topology.clos(64, 16, 8, 4, 4)
    frame = sparse_glorot.variances({"clos": t}, "sparse_glorot_uniform", draws=2, samples=2, seed=0)
    back = frame[frame["direction"] == "backward"].set_index("passed")["expected"]
    reversed_cascade = Topology([stage.T for stage in reversed(t.stages)])
    assert np.allclose(
        back.sort_index(),
        [v.forward.mean() for v in expected_variance_by_level(reversed_cascade, sparse_glorot_uniform_)],
    )


def test_orthogonal_cascades_of_square_routers_keep_every_length():
    frame = sparse_glorot.variances({"butterfly": topology.butterfly(64)}, "orthogonal", draws=3, samples=4, seed=0)
    assert frame["expected"].isna().all()
    for _, rows in frame.groupby("direction"):
        assert np.ptp(rows["measured"]) < 1e-12
    assert sparse_glorot.ends(frame, 3)["agrees"].all()


def test_intervals_of_the_ends_hold_all_at_once():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        values = rng.normal(size=(20, 12))
        means, errors = values.mean(0), values.std(0, ddof=1) / 20**0.5
        frame = pd.DataFrame({"measured": means, "high": means + 2.0930 * errors, "expected": 0.0})
        frame = frame.assign(passed=1, stages=1, level=0, low=np.nan)
        missed += not sparse_glorot.ends(frame, 20)["agrees"].all()
    assert missed <= 19  # 10 expected of 200 at 5 %, three standard deviations


def test_rectangular_cascades_multiply_the_gains_of_their_stages():
    rows = degrees.rectangular([("clos", [1024, 256, 32, 16, 32]), ("low_rank", [60, 60, 4])])
    clos, low_rank = (row for _, row in rows.iterrows())
    assert clos["fan_in_and_out"] == "32→16, 32→32, 16→8"
    assert clos["forward"] == pytest.approx(16 / 9) and clos["backward"] == pytest.approx(4 / 9)
    assert clos["forward_end_to_end"] == pytest.approx(1.6) and clos["backward_end_to_end"] == pytest.approx(0.4)
    assert low_rank["forward"] == pytest.approx(4 * 60 * 4 / 64**2)
    assert np.allclose(rows["product"], rows["forward"])
    with pytest.raises(ValueError, match=r"the same degree, got \[3, 4, 5\]"):
        degrees.rectangular([("mesh", [[4, 4]])])


def test_average_counts_explode_where_hubs_repeat_and_own_counts_do_not():
    table = degrees.irregular(256, 16, 5).set_index(["masks", "counts"])["forward"]
    assert table["hubs", "average"] > 10
    assert table["random", "average"] == pytest.approx(1, abs=0.2)
    assert 0.01 < table["random", "of each neuron"] < 0.5
    assert 0.01 < table["hubs", "of each neuron"] < 0.5


def test_scaling_end_to_end_is_trained_only_where_it_changes_something(tmp_path, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # no worker processes
    networks = deep_networks([("torus", [[28, 28], 1]), ("clos", [784, 16, 28, 2, 4])])
    assert networks["scaled"].tolist() == [False, True]
    names = ["sparse_glorot_uniform", "end_to_end_glorot_uniform"]
    records, trials = train_with_each(
        Results("tests", tmp_path), networks, names, [0.004, 0.008], "digits", 1, 256, 2, 1, 300
    )
    counts = records.groupby(["family", "initialization"]).size().to_dict()
    assert counts == {("torus", names[0]): 2, ("clos", names[0]): 2, ("clos", names[1]): 2}
    assert trials.groupby(["label", "initialization"])["chosen"].sum().eq(1).all()
    assert len(trials) == 6


def test_none_trains_only_if_no_seed_of_any_listed_kind_does():
    kinds = [(family, stages) for family in LISTED for stages in (2, 10)] + [("multistage_clos", 14)]
    runs = pd.DataFrame(
        (family, stages, name, seed, 0.95 if stages == 2 or name.startswith("sparse") else 0.1)
        for family, stages in kinds
        for name in ("glorot_uniform", "sparse_glorot_uniform")
        for seed in (0, 1)
    )
    runs.columns = ["family", "stages", "initialization", "seed", "accuracy"]
    runs.loc[runs["family"] == "multistage_clos", "accuracy"] = 0.95  # which the statement does not name
    verdict = none_trains(runs, 0.9)
    assert (verdict.ours, verdict.verdict) == (0, "reproduced")
    assert all(f"{family} of 10 stages 10.00 %" in verdict.reason for family in LISTED)
    for family in LISTED:
        deep = (runs["family"] == family) & (runs["stages"] == 10)
        once = runs.mask(deep & (runs["seed"] == 1) & (runs["initialization"] == "glorot_uniform"), 0.91)
        once = runs.assign(accuracy=once["accuracy"])
        assert (none_trains(once, 0.9).ours, none_trains(once, 0.9).verdict) == (1, "not reproduced")
        with pytest.raises(ValueError, match=f"10 and more stages, {family} is missing"):
            none_trains(runs[~deep], 0.9)


def test_scaled_cascades_have_the_variance_of_the_dense_layer():
    for t in CASCADES.values():
        assert expected_variance(t, end_to_end_glorot_uniform_).forward.mean() == pytest.approx(1)


def test_figures_show_every_mean_of_the_tables():
    table = pd.concat(
        sparse_glorot.variances(CASCADES, name, draws=2, samples=2, seed=0)
        for name in ("sparse_glorot_uniform", "glorot_uniform")
    )
    figure = variance_figure(table)
    for ax, direction in zip(figure.axes[:2], ("forward", "backward"), strict=True):
        shown = sorted(bars.lines[0].get_ydata()[0] for bars in ax.containers)
        means = table[table["direction"] == direction]
        assert len(shown) == means.groupby(["family", "initialization"]).ngroups
        assert set(shown) <= set(means["measured"])
    plt.close(figure)

    names = ["sparse_glorot_uniform", "glorot_uniform"]
    accuracy = pd.DataFrame(
        {"family": "torus", "stages": [2, 12, 2, 12], "initialization": np.repeat(names, 2), "accuracy": [0.9] * 4}
    ).assign(low=0.8, high=0.95)
    curves = accuracy.merge(pd.DataFrame({"epoch": [1, 2, 3]}), how="cross")
    figure = training_figure(accuracy, curves, scanned="torus", fewest_stages=8)
    first, second = figure.axes
    assert [len(bars.lines[0].get_xdata()) for bars in first.containers] == [2, 2]  # both depths
    assert [len(bars.lines[0].get_xdata()) for bars in second.containers] == [3, 3]  # the deep one, every epoch
    assert second.get_title() == "torus, 12 stages"
    plt.close(figure)


def ordinary_ends() -> pd.DataFrame:
    names = ["clos", "low_rank", "torus", "random_sparse"]
    table = pd.DataFrame({"family": names, "stages": [3, 2, 16, 16], "expected": [1e-4, 0.2, 1e-30, 1e-29]})
    sparse = table.assign(expected=[1, 0.2, 1, 0.1], initialization="sparse_glorot_uniform", direction="forward")
    table = table.assign(initialization="glorot_uniform", direction="backward")
    return pd.concat([table, sparse], ignore_index=True).assign(agrees=True)


def test_that_gradients_vanish_follows_from_the_closed_form_and_shallow_clos_is_told():
    found = sparse_glorot.vanishes(ordinary_ends())
    assert (found.verdict, found.ours) == ("by design", pytest.approx(4))
    assert "clos of 3 4.0" in found.reason and "torus of 16 30.0" in found.reason and "low rank" not in found.reason
    with pytest.raises(ValueError, match="must hold by construction"):
        sparse_glorot.vanishes(ordinary_ends().assign(agrees=False))


def test_what_is_kept_least_and_rates_at_the_edge_are_told():
    kept = sparse_glorot.least_kept(ordinary_ends(), ["torus"])
    assert "random sparse of 16 stages keeps least, 0.100; it is not" in kept
    trials = pd.DataFrame({"label": ["a", "a", "b", "b"], "learning_rate": [0.1, 1.0] * 2,
                           "chosen": [True, False, False, True], "initialization": "glorot_uniform"})  # fmt: skip
    assert "The highest tried, 1, is the best for b:" in initializations.at_the_edge(trials)
    assert initializations.at_the_edge(trials[trials["label"] == "a"]) == "No network takes the highest, 1."
