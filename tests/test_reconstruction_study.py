"""The studies of reconstruction and skips: layers of equal size, counts beside hits, figures that show them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fabric import plots
from fabric.experiments.runs import Results
from fabric.experiments.studies import reconstruction, skip_connections


@pytest.mark.parametrize("width", [16, 32, 64, 128, 256])
def test_layers_are_square_and_as_large_as_the_clos_cascade(width):
    built = {family: layer.build(np.random.default_rng(0)) for family, layer in reconstruction.layers(width).items()}
    assert all((t.inputs, t.outputs) == (width, width) for t in built.values())
    assert all(t.is_fully_connected for family, t in built.items() if family != "random_sparse")
    size = built["clos"].parameters
    assert built["multistage_clos"].parameters == built["random_sparse"].parameters == size
    assert size - 2 * width < built["low_rank"].parameters <= size


@pytest.mark.parametrize("width", [8, 24, 16.0])
def test_other_widths_are_refused(width):
    with pytest.raises(ValueError, match="width must be a power of two, at least 16, got"):
        reconstruction.layers(width)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    results = Results("07_reconstruction", tmp_path_factory.mktemp("build"))
    table = reconstruction.compared_layers([16])
    table = table[table["family"].isin(["clos", "butterfly", "random_sparse"])]
    table, trials = reconstruction.choose_learning_rates(results, table, [1e-4, 0.1], 1000, 2)
    assert set(trials[trials["chosen"]]["topology"]) == set(table["topology"])
    assert (table["learning_rate"] == 0.1).all()  # in 1000 steps the other goes nowhere
    return reconstruction.reconstruct_all(results, table, ["gaussian", "product"], ["l1", "l2"], 1000, 4)


def test_every_run_is_a_row_and_chance_is_taken_off(records):
    assert len(records) == 3 * 2 * 2 * 4
    assert records["seed"].value_counts().to_dict() == dict.fromkeys(range(4), 12)
    np.testing.assert_allclose(records["exact"] + records["lucky"], records["hits"])
    random = records[(records["family"] == "random_sparse") & (records["target"] == "gaussian")]
    np.testing.assert_allclose(random["share"], 1, atol=0.02)
    np.testing.assert_allclose(records["per_parameter"] * records["parameters"], records["exact"])


def test_summaries_are_means_of_their_groups(records):
    summary = reconstruction.summarise_hits(records, ["family", "target", "loss"])
    assert len(summary) == 12
    for row in summary.itertuples():
        group = records.query(f"family == '{row.family}' and target == '{row.target}' and loss == '{row.loss}'")
        assert row.seeds == 4
        assert row.low <= row.exact <= row.high
        np.testing.assert_allclose([row.exact, row.hits], group[["exact", "hits"]].mean())
    controls = reconstruction.summarise_controls(records[records["target"] == "product"]).set_index(["family", "loss"])
    assert controls.loc[("random_sparse", "l1"), "recovered"] == 4
    assert controls["recovered"].between(0, 4).all()


def test_the_figure_has_a_bar_per_family_and_marks_at_the_hits(records):
    summary = reconstruction.summarise_hits(records[records["target"] == "gaussian"], ["family", "target", "loss"])
    _, ax = plt.subplots()
    plots.draw_hits(ax, summary, ["clos", "butterfly"])
    assert [bar.get_width() for bar in ax.patches] == [160 / 192, 80 / 128]
    drawn = sorted(container.lines[0].get_xdata().item() for container in ax.containers if hasattr(container, "lines"))
    wanted = sorted((summary["exact"] / summary["parameters"])[summary["family"] != "random_sparse"])
    np.testing.assert_allclose(drawn, wanted)
    plt.close()


def test_skips_are_counted_on_and_off_the_support():
    table = skip_connections.skip_table(16).set_index(["family", "skips"])
    assert len(table) == 24
    ranks = table["jacobian_rank"].unstack()
    for family in ("clos", "butterfly", "parallel_butterfly"):
        assert ranks.loc[family, "none"] == table.loc[(family, "none"), "less_hidden"]
        assert ranks.loc[family, "off_support"] == table.loc[(family, "off_support"), "ideal"]
    assert ranks.loc["clos"].to_dict() == {"none": 160, "identity": 184, "off_support": 192, "from_input": 176}
    assert (table["outside"] <= table["skip_edges"]).all()
    outside = table["outside"].unstack()
    assert (outside["identity"][["butterfly", "hypercube", "torus"]] == 0).all()
    assert (table.xs("off_support", level="skips").eval("outside == skip_edges")).all()


def test_networks_with_skips_have_equal_weights_and_gains_are_paired():
    cascades = [["clos", [64, 16, 4, 4, 4]], ["multistage_clos", [64, 16, [4, 4, 4, 4]]]]
    networks = skip_connections.networks_with_skips(cascades, skip_connections.KINDS)
    assert len(networks) == networks["label"].nunique() == 8
    assert (networks.groupby("method")["weights"].nunique() == 1).all()
    runs = pd.DataFrame(
        {
            "method": "clos",
            "skips": ["none", "identity"] * 2,
            "seed": [0, 0, 1, 1],
            "accuracy": [0.8, 0.9, 0.5, 0.7],
        }
    )
    (narrow,) = skip_connections.narrow_rival(networks).itertuples()
    assert narrow.method == skip_connections.NARROW and abs(narrow.weights - networks["weights"][0]) <= (784 + 10) / 2
    runs = pd.concat([runs, pd.DataFrame([{"method": narrow.method, "skips": "none", "seed": 0, "accuracy": 0.1}])])
    (gain,) = skip_connections.gains(runs).itertuples()
    assert (gain.skips, gain.seeds) == ("identity", 2)
    np.testing.assert_allclose(gain.gain, 0.15)


def test_rates_at_the_edge_of_what_was_tried_are_counted():
    trials = pd.DataFrame({"learning_rate": [0.1, 0.2, 0.1, 0.2], "chosen": [True, False, False, True]})
    assert skip_connections.at_the_edge(trials) == "1 of 2 networks chose the highest learning rate tried, 0.2."


def test_shallow_with_many_paths_are_clos_and_the_low_rank_product():
    assert sorted(reconstruction.like_clos(reconstruction.compared_layers([16]))) == ["clos", "low_rank"]


def test_the_rival_of_a_seed_is_chosen_on_the_others():
    table = pd.DataFrame({"a": [9.0, 1.0, 1.0], "b": [2.0, 3.0, 4.0]})
    assert reconstruction.best_on_other_seeds(table).tolist() == [2.0, 1.0, 1.0]  # a leads by seed 0 alone
    with pytest.raises(ValueError, match="at least two seeds, got 1"):
        reconstruction.best_on_other_seeds(table[:1])


@pytest.mark.parametrize(
    ("low_rank", "torus", "verdict"),
    [(0.95, 0.7, "reproduced"), (0.6, 0.7, "not reproduced"), (0.95, 0.93, "not reproduced")],
)
def test_the_whole_class_must_lead_and_the_class_itself_is_no_rival(low_rank, torus, verdict):
    means = {"clos": 0.9, "low_rank": low_rank, "torus": torus, "butterfly": 0.5}
    noise = np.random.default_rng(0).normal(0, 0.01, (4, 8))
    runs = pd.DataFrame(
        {"family": family, "width": width, "seed": seed, "per_parameter": mean + noise[at, seed]}
        for at, (family, mean) in enumerate(means.items()) for seed in range(8) for width in (16, 32)
    )  # fmt: skip
    found = reconstruction.shallow_hits_most(runs, ["clos", "low_rank"])
    assert found.verdict == verdict
    assert "the best outside it torus" in found.reason and "at width 32" in found.reason
