"""Equal parameters, counts before training, and the correlation with accuracy: recomputed another way."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric import constraints
from fabric.experiments import LayerWithSkips
from fabric.experiments.networks import one_hidden_layer, weights
from fabric.experiments.runs import Results
from fabric.experiments.studies import correlation, equal_layers, heuristics, leads, reasons, transfer


@pytest.mark.parametrize("side", [8, 16])
def test_networks_have_nearly_equal_weights(side):
    frame = equal_layers.networks(list(equal_layers.layers(side)), side, [1])
    target = 5 * side**3 + 10 * side**2
    assert frame["label"].is_unique
    assert set(frame["method"]) == set(equal_layers.layers(side))  # none is left out
    assert (abs(frame["weights"] / target - 1) < equal_layers.NEAR).all()
    assert (abs(frame["weights"] / target - 1) < 0.05).mean() > 0.6
    assert {"clos", "multistage_clos", "butterfly", "parallel_butterfly", "hypercube", "torus"} < set(frame["family"])


@settings(deadline=None, max_examples=15)
@given(st.sampled_from([8, 16]), st.floats(0.15, 1.5))
def test_at_every_budget_what_comes_near_it_is_kept_and_all_of_the_kept_are_cascades_of_n_to_n(side, budget):
    known = equal_layers.layers(side, budget)
    frame = equal_layers.networks(list(known), side, [budget]).set_index("method")
    target = round(5 * side**3 * budget) + 10 * side**2
    for name, layer in known.items():
        off = weights(one_hidden_layer(layer)) / target - 1
        assert (name in frame.index) == (abs(off) < equal_layers.NEAR)
        assert layer.build(np.random.default_rng(0)).inputs == side**2
    assert {"Clos", "Clos, 5 stages", "low-rank", "random sparse", "pre-defined", "dense"} <= set(frame.index)


def test_a_butterfly_has_the_radices_nearest_to_the_budget():
    layer = equal_layers.layers(16, 0.4)["butterfly"]
    assert layer.arguments == (256, (16, 16))  # 32 weights an output, as many as the budget
    assert equal_layers.layers(16, 0.2)["butterfly"].arguments == (256, (4, 4, 4, 4))


def test_layers_are_fully_connected_except_single_stages():
    for name, layer in equal_layers.layers(8).items():
        topology = layer.build(np.random.default_rng(0))
        assert topology.is_fully_connected == (name not in ("random sparse", "pre-defined")), name
        assert topology.inputs == 64


@pytest.mark.parametrize(
    ("side", "chosen", "budget", "message"),
    [
        (12, ["Clos"], 1, "power of two.*12"),
        (8, ["Benes"], 1, "Benes"),
        (8, ["Clos"], 2.0, "0.025 to 1.6 at side 8, got 2.0"),
        (8, ["Clos"], float("nan"), "nan"),
    ],
)
def test_unknown_names_sides_and_budgets(side, chosen, budget, message):
    with pytest.raises(ValueError, match=message):
        equal_layers.networks(chosen, side, [budget])


def test_a_count_equals_what_the_library_says_and_paths_run_over_skips():
    layer = equal_layers.layers(8)["butterfly"]
    plain = heuristics.count(heuristics.CountConfig(layer, 0, False))
    t = layer.build(np.random.default_rng(0))
    assert plain["closed_form"] == plain["bound"] == constraints.closed_form(t)
    assert (plain["fewest_paths"], plain["most_paths"], plain["jacobian_rank"]) == ("1", "1", None)
    skipped = heuristics.count(heuristics.CountConfig(LayerWithSkips(layer, "off_support"), 0, False))
    assert skipped["bound"] == t.parameters > plain["bound"]
    assert int(skipped["most_paths"]) > 1


def test_ranks_are_proved_computed_or_scaled(tmp_path):
    results = Results("10_heuristic_vs_accuracy", tmp_path)
    chosen = equal_layers.networks(["butterfly", "parallel butterflies, 2 stages"], 16, [1])
    counts = heuristics.count_all(results, chosen, rank_side=8, seed=0).set_index("method")
    assert counts.loc["butterfly", ["jacobian_rank", "rank_by"]].tolist() == [256 * 68 - 256, "proof"]
    assert counts.loc["parallel butterflies, 2 stages", "rank_by"] == "share"
    assert counts.loc["parallel butterflies, 2 stages", "jacobian_rank"] == 20480 - 512
    alone = equal_layers.networks(["parallel butterflies, 2 stages"], 8, [1])
    same = heuristics.count_all(results, alone, 8, 0).iloc[0]
    assert (same["rank_by"], same["jacobian_rank"]) == ("computation", 2560 - 128)


def a_study(noise: float, methods: int = 9, weights: float = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two data sets and two budgets; colouring makes accuracy, and between budgets `weights` do."""
    rng = np.random.default_rng(4)
    counts = pd.DataFrame({"budget": np.repeat([0.5, 1.0], methods), "method": [f"m{k}" for k in range(methods)] * 2})
    for name in correlation.PREDICTORS:
        counts[name] = np.concatenate([rng.permutation(methods) for _ in range(2)])
    counts["parameters"] += 100 * (counts["budget"] == 1)
    counts["family"] = counts["method"]
    counts["fewest_paths"] = counts["fewest_paths"].map(lambda k: str(10**k))
    seeds = pd.DataFrame({"seed": range(5)})
    runs = counts.merge(pd.DataFrame({"dataset": ["a", "b"]}), how="cross").merge(seeds, how="cross")
    runs = runs[(runs["budget"] == 1) | (runs["seed"] < 3)]  # fewer seeds at one budget
    runs["accuracy"] = runs["coloring"] + weights * (runs["budget"] == 1) + noise * rng.normal(size=len(runs))
    columns = ["dataset", "budget", "method", "seed", "accuracy"]
    return runs[columns].sample(frac=1, random_state=0), counts


def test_correlations_equal_those_of_the_mean_accuracies_within_budgets_and_across():
    runs, counts = a_study(noise=6.0)
    tables = [correlation.correlations(runs, counts, 100, seed=0, across=across) for across in (False, True)]
    table = pd.concat(tables).set_index(["dataset", "budget", "predictor"])
    means = runs.groupby(["dataset", "budget", "method"])["accuracy"].mean()
    first = runs[runs["seed"] < 3].groupby(["dataset", "budget", "method"])["accuracy"].mean()
    for name in correlation.PREDICTORS:
        values = counts.set_index(["budget", "method"])[name].astype(float)
        for kind in ("spearman", "kendall"):
            wanted = {
                (dataset, str(budget)): values[budget].corr(means[dataset, budget], method=kind)
                for dataset in ("a", "b")
                for budget in (0.5, 1.0)
            }
            wanted |= {(d, "mean"): np.mean([wanted[d, "0.5"], wanted[d, "1.0"]]) for d in ("a", "b")}
            wanted |= {(d, "across"): values.corr(first[d], method=kind) for d in ("a", "b")}  # seeds that all have
            wanted |= {("all", at): np.mean([wanted["a", at], wanted["b", at]]) for at in ("mean", "across")}
            assert len(wanted) == len(table) / len(correlation.PREDICTORS)
            for key, value in wanted.items():
                row = table.loc[(*key, name)]
                assert row[kind] == pytest.approx(value)
                assert -1 <= row[f"{kind}_low"] < row[f"{kind}_high"] <= 1
                assert row["topologies"] == (9 if key[1] in ("0.5", "1.0") else 18)
    pd.testing.assert_frame_equal(correlation.correlations(runs, counts, 100, seed=0), tables[0])


def test_a_data_set_counts_at_the_budgets_that_it_has():
    runs, counts = a_study(noise=6.0)
    whole = correlation.correlations(runs, counts, 20, seed=0).set_index(["dataset", "budget", "predictor"])
    partly = runs[(runs["dataset"] == "a") | (runs["budget"] == 1)]
    table = correlation.correlations(partly, counts, 20, seed=0).set_index(["dataset", "budget", "predictor"])
    of_three = [("a", "0.5"), ("a", "1.0"), ("b", "1.0")]
    for name in correlation.PREDICTORS:
        for key in of_three:
            assert table.loc[(*key, name), "spearman"] == whole.loc[(*key, name), "spearman"]
        mean = np.mean([whole.loc[(*key, name), "spearman"] for key in of_three])
        assert table.loc[("all", "mean", name), "spearman"] == pytest.approx(mean)
    assert ("b", "0.5", "depth") not in table.index
    across = correlation.correlations(partly, counts, 20, seed=0, across=True).set_index(["dataset", "predictor"])
    assert across.loc[("a", "depth"), "topologies"] == across.loc[("all", "depth"), "topologies"] == 18
    assert ("b", "depth") not in across.index
    alone = runs[runs["budget"] == 1]
    agreement = transfer.between_datasets(partly, counts, 20, seed=0)
    of_one = transfer.between_datasets(alone, counts[counts["budget"] == 1].reset_index(drop=True), 20, seed=0)
    assert agreement.mean == pytest.approx(of_one.mean)


def test_seeds_are_wanted_for_each_budget(tmp_path):
    chosen = equal_layers.networks(["Clos"], 8, [0.5, 1])
    with pytest.raises(ValueError, match=r"2 budgets, those of .*digits-8x8.* do not"):
        heuristics.train_all(Results("10", tmp_path), chosen, {"digits-8x8": [1]}, [0.1], {}, 1, 1)


def test_what_weights_alone_add_counts_across_budgets_and_not_within_them():
    (runs, counts), (more, _) = (a_study(noise=0.1, weights=weights) for weights in (0, 1000))
    within = correlation.correlations(runs, counts, 50, seed=0)
    pd.testing.assert_frame_equal(within, correlation.correlations(more, counts, 50, seed=0))
    without, across = (
        correlation.correlations(each, counts, 50, seed=0, across=True).set_index(["dataset", "predictor"])["spearman"]
        for each in (runs, more)
    )
    assert across["all", "parameters"] > without["all", "parameters"] + 0.5


def test_a_predictor_that_orders_all_runs_has_correlation_one_in_every_draw():
    table = correlation.correlations(*a_study(noise=1e-6), draws=100, seed=1).set_index("predictor")
    perfect = table.loc["coloring", ["spearman", "spearman_low", "kendall_low", "kendall_high"]].to_numpy(float)
    assert np.allclose(perfect, 1)
    assert (table.drop("coloring")["spearman_high"] - table.drop("coloring")["spearman_low"] > 0.2).all()


def test_chance_is_rare_for_a_perfect_predictor_and_common_for_others():
    table = correlation.correlations(*a_study(noise=1e-6, methods=20), draws=100, seed=1).set_index("predictor")
    assert np.allclose(table.loc["coloring", ["spearman_p", "kendall_p"]].to_numpy(float), 2 / 101)
    assert correlation.bootstrap_p(np.array([-1.0, 1.0] * 50)) == 1


def test_topologies_that_rank_alike_agree_and_one_data_set_agrees_with_none():
    runs, counts = a_study(noise=1e-6, weights=1000)
    found = transfer.between_datasets(runs, counts, draws=100, seed=0)
    assert (found.mean, found.low, found.high) == pytest.approx((1, 1, 1))
    turned = runs.assign(accuracy=runs["accuracy"].where(runs["dataset"] == "a", -runs["accuracy"]))
    assert transfer.between_datasets(turned, counts, draws=100, seed=0).high == pytest.approx(-1)
    assert np.isnan(transfer.between_datasets(runs[runs["dataset"] == "a"], counts, draws=9, seed=0).mean)


def test_halves_of_the_seeds_tell_the_data_set_from_chance():
    runs, counts = a_study(noise=1e-6, weights=1000)
    alike = transfer.between_halves(runs, counts, draws=50, seed=0)
    assert [found.mean for found in alike] == pytest.approx([1, 1, 0])
    turned = runs.assign(accuracy=runs["accuracy"].where(runs["dataset"] == "a", -runs["accuracy"]))
    own, other, change = transfer.between_halves(turned, counts, draws=50, seed=0)
    assert (own.mean, other.mean, change.high) == pytest.approx((1, -1, -2))
    chance = runs.assign(accuracy=np.random.default_rng(0).normal(size=len(runs)))
    own, other, change = transfer.between_halves(chance, counts, draws=50, seed=0)
    assert change.low < 0 < change.high and own.mean < 0.7
    alone = transfer.between_halves(runs[runs["dataset"] == "a"], counts, draws=9, seed=0)
    assert alone[0].mean == pytest.approx(1) and np.isnan([alone[1].mean, alone[2].low]).all()
    once = transfer.between_halves(runs[runs["seed"] == 0], counts, draws=9, seed=0)
    assert np.isnan([found.mean for found in once]).all()


def test_the_regression_finds_the_effects_that_were_planted():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 3))
    table = pd.DataFrame(values, columns=["efficiency", "shallowness", "diversity"])
    table.insert(0, "budget", 1.0)
    table.insert(1, "method", [f"m{k}" for k in range(40)])
    table.insert(2, "family", table["method"])
    accuracy = values @ [2.0, -1.0, 0.0]
    rows = [
        (dataset, f"m{k}", seed, accuracy[k] + 0.01 * rng.normal())
        for dataset in ("a", "b")
        for k in range(40)
        for seed in range(3)
    ]
    runs = pd.DataFrame(rows, columns=["dataset", "method", "seed", "accuracy"]).assign(budget=1.0)
    found = reasons.regression(runs, table, draws=200, seed=0).set_index("reason")
    scale = values.std(axis=0) / accuracy.std()
    assert found["effect"].to_numpy() == pytest.approx([2, -1, 0] * scale, abs=0.01)
    assert found["explained"].to_numpy() == pytest.approx(1, abs=1e-3)
    assert found.loc["efficiency", "effect_low"] > 0 > found.loc["shallowness", "effect_high"]
    assert found["alone"].to_numpy() == pytest.approx([np.corrcoef(accuracy, v)[0, 1] for v in values.T], abs=0.01)
    assert reasons.all_of_them(found.reset_index()).high < 0  # one reason speaks against


def test_reasons_follow_from_the_counts():
    counts = pd.DataFrame(
        {
            "budget": [1.0],
            "method": ["a"],
            "family": ["f"],
            "jacobian_rank": [30],
            "parameters": [40],
            "depth": [3],
            "fewest_paths": ["0"],
        }
    )
    assert reasons.regressors(counts).iloc[0].to_list() == [1.0, "a", "f", 0.75, -3.0, 0.0]


def test_a_run_that_diverges_is_seen_and_the_next_lower_rate_is_taken():
    runs = pd.DataFrame(
        {"label": ["a"] * 3 + ["b"] * 3 + ["c"] * 3, "train_loss": [1.0, 1.1, 1.7, 1.0, 1.1, 1.2, 1.0, 1.0, None]}
    )
    assert heuristics.unsteady(runs) == ["a", "c"]
    rates = pd.DataFrame({"learning_rate": [0.1, 0.2, 0.4]})
    assert heuristics.next_lower(rates, [0.4, 0.2, 0.1]).to_list() == [0.1, 0.1, 0.2]


def test_spreads_hold_what_is_estimated_as_often_as_they_say():
    rng = np.random.default_rng(0)
    keys = pd.DataFrame({"dataset": "a", "budget": 0.5, "method": np.repeat(range(2000), 2), "seed": [0, 1] * 2000})
    records = keys.assign(accuracy=0.9 + 0.01 * rng.normal(size=len(keys)))
    (row,) = heuristics.spreads(records).itertuples()
    assert row.half_width == pytest.approx(1.96 * 0.01 / np.sqrt(2), rel=0.05)
    off = (records.groupby("method")["accuracy"].mean() - 0.9).abs()
    assert (off < row.half_width).mean() == pytest.approx(0.95, abs=0.02)


def test_leads_compare_what_the_other_seeds_call_the_best_of_both_sides():
    accuracies = {"A": [0.5, 0.9, 0.5], "B": [0.7, 0.7, 0.7], "C": [0.6, 0.6, 0.6]}
    runs = pd.DataFrame(
        [("x", method, seed, level) for method, levels in accuracies.items() for seed, level in enumerate(levels)],
        columns=["dataset", "method", "seed", "accuracy"],
    ).sample(frac=1, random_state=1)
    table = leads.best_against_best(runs, runs["method"].isin(["A", "C"])).set_index("seed")
    # Seed 1, in which A is lucky, does not count when seed 1 is compared.
    assert table["ours"].to_dict() == {0: "A", 1: "C", 2: "A"} and set(table["other"]) == {"B"}
    assert table["points"].to_numpy() == pytest.approx([-20, -10, -20])


def test_of_equally_good_networks_the_best_is_not_ahead_of_the_worst():
    rng = np.random.default_rng(0)
    runs = pd.DataFrame(
        [("x", f"{method}", seed, rng.normal(0.9, 0.01)) for method in range(20) for seed in range(200)],
        columns=["dataset", "method", "seed", "accuracy"],
    )
    same = leads.per_seed(leads.best_over_worst(runs))
    assert same.mean() < 2 * same.sem()
    runs.loc[runs["method"] == "7", "accuracy"] -= 0.05
    apart = leads.best_over_worst(runs)
    assert set(apart["other"]) == {"7"} and apart["points"].mean() == pytest.approx(5, abs=0.5)


def test_smaller_budgets_name_their_best():
    runs = pd.DataFrame(
        [
            ("x", budget, method, 0, level)
            for budget, method, level in ((0.2, "A", 0.5), (0.2, "B", 0.6), (1, "A", 0.7))
        ],
        columns=["dataset", "budget", "method", "seed", "accuracy"],
    )
    assert (
        leads.best_of_smaller(runs) == "Smaller budgets are not judged; the best means there, of fewer seeds, are of B."
    )
    assert leads.best_of_smaller(runs[runs["budget"] == 1]) == ""


@pytest.mark.parametrize("families", [["a"] * 5 + ["b"] * 3 + ["c"], ["a", "b"], list("abcdefgh")])
def test_families_are_drawn_whole_and_seeds_within_their_topologies(families):
    rng = np.random.default_rng(0)
    accuracies = 10.0 * np.arange(len(families))[:, None] + np.arange(4)
    half = np.arange(len(families))[len(families) // 2 :]  # a budget that not all are near
    ranked = {("x", 1.0): (accuracies, np.arange(len(families))), ("x", 0.5): (accuracies[half], half)}
    for _ in range(50):
        drawn = correlation.resample(ranked, np.array(families), rng)
        means, taken = drawn["x", 1.0]
        times = {at: list(taken).count(at) for at in range(len(families))}
        assert all(times[a] == times[b] for a in times for b in times if families[a] == families[b])
        assert sum(times[families.index(family)] for family in set(families)) == len(set(families))
        assert all(10 * at <= mean <= 10 * at + 3 for at, mean in zip(taken, means, strict=True))
        means, taken = drawn["x", 0.5]
        assert all(list(taken).count(at) == times[at] for at in half) and set(taken) <= set(half)
        assert all(10 * at <= mean <= 10 * at + 3 for at, mean in zip(taken, means, strict=True))
        assert all(len(set(at)) >= min(3, len(ranked[key][1])) for key, (_, at) in drawn.items())
