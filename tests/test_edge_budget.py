"""Energy by closed form, who fits where, and which models are compared."""

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.counting import Footprint, sample_energy
from fabric.experiments.runs import Results
from fabric.experiments.statements import devices
from fabric.experiments.studies import comparison, edge_budget, edge_rivals, pruning

ROOT = Path(__file__).resolve().parents[1]
COSTS = {"dram_access": 640, "sram_access": 5, "float_multiply": 3.7, "float_add": 0.9}


def test_energy_of_a_small_step_by_hand():
    held = Footprint(weights=400, gradients=400, optimizer=0, activations=80, indices=40)
    spent = sample_energy(held, edges=90, costs=COSTS)
    accesses = 4 * 100 + 2 * 10
    assert spent.outside == pytest.approx(accesses * 640e-12)
    assert spent.inside == pytest.approx(accesses * 5e-12)
    assert spent.activations == pytest.approx(5 * 20 * 5e-12)
    assert spent.arithmetic == pytest.approx(3 * 90 * 4.6e-12)
    assert spent.with_dram - spent.on_chip == pytest.approx(accesses * 635e-12)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_dram_costs_as_much_more_as_its_accesses(weights, activations):
    spent = sample_energy(Footprint(weights, weights, 0, activations, 0), weights // 4, COSTS)
    assert spent.outside / spent.inside == pytest.approx(128)


def test_every_device_and_cost_is_cited():
    cited = devices()
    entries = set(re.findall(r"^@\w+\{([\w-]+),", (ROOT / "paper" / "references.bib").read_text(), re.MULTILINE))
    named = [
        each["reference"] for each in [*cited["devices"], *cited["reconfiguration"], cited["fpga"], cited["radio"]]
    ]
    assert {*named, cited["energy"]["reference"], cited["published_gpu"]["reference"]} <= entries
    assert all(device["bytes"] > 0 for device in cited["devices"])
    by_name = {device["name"]: device["bytes"] for device in cited["devices"]}
    assert by_name["RP2040"] == 4 * 16 * 1024 * 4 + 2 * 1024 * 4
    assert by_name["EP4CGX150"] == 720 * 9 * 1024 // 8


def networks() -> pd.DataFrame:
    return pd.concat(
        [
            comparison.equal_parameter_networks([[1024, 256, 16, 5, 16]]),
            comparison.clos_and_dense_networks([], [256]),
        ],
        ignore_index=True,
    )


def test_the_smallest_network_that_reaches_an_accuracy_is_chosen():
    sizes = edge_budget.footprints(networks(), batch_size=4)
    assert len(sizes) == 2 * networks()["label"].nunique()
    adam = sizes[sizes["training"] == "Adam"]
    assert (adam["optimizer"] == 2 * adam["weights"]).all()
    assert (adam["total"] == adam[["weights", "gradients", "optimizer", "activations", "indices"]].sum(axis=1)).all()
    accuracy = networks()[["label"]].assign(accuracy=0.9, low=0.89, high=0.91)
    accuracy.loc[accuracy["label"].str.startswith("dense(784, 13)"), "accuracy"] = 0.7
    equal = edge_budget.at_equal_accuracy(accuracy, sizes, [0.6, 0.8, 0.95])
    chosen = equal.set_index(["target", "method"])["label"]
    assert chosen[0.6, "dense"].startswith("dense(784, 13)")
    assert chosen[0.8, "dense"].startswith("dense(784, 256)")
    assert 0.95 not in chosen.index.get_level_values("target")
    fitting = edge_budget.fits(equal, devices()["devices"])
    row = fitting.set_index(["target", "method", "device"]).loc[(0.8, "dense", "ESP32")]
    assert not row["trains_batchless"]
    assert not row["trains_by_adam"]
    assert fitting.groupby(["target", "method"]).size().eq(len(devices()["devices"])).all()
    gained = edge_budget.devices_gained(fitting)
    clos, dense = (
        sum(
            equal.set_index(["target", "method"])["in_place"][0.8, method] <= device["bytes"]
            for device in devices()["devices"]
        )
        for method in ("clos", "dense")
    )
    assert gained[0.8] == clos - dense > 0
    assert gained[0.6] == 0
    spent = edge_budget.energies(equal, COSTS).set_index(["target", "method"])
    assert (spent["with_dram"] > spent["on_chip"]).all()


def test_training_and_pruning_takes_the_energy_of_the_weights_that_are_still_there():
    sizes = edge_budget.footprints(networks(), batch_size=4)
    dense = networks()["label"].iloc[-1]
    table = edge_budget.of_pruning(networks(), sizes, dense, [10240], 6, 50, COSTS).set_index("method")
    pruned, clos = table.loc["magnitude_pruning"], table.loc["clos"]
    removed = sum([203264, *pruning.kept(10240, 203264, 6)[:-1]]) - 6 * 10240  # weights that an epoch trains in vain
    for where, access in (("with_dram", 640e-12), ("on_chip", 5e-12)):
        an_edge = 4 * access + 3 * 4.6e-12  # read twice, read and written by the update
        assert pruned[where] * pruned[f"pruned_{where}"] == pytest.approx(50 * removed * an_edge)
        assert clos[f"pruned_{where}"] == 0
    (of_clos,) = edge_budget.at_equal_accuracy(
        networks()[["label"]].assign(accuracy=0.9, low=0.9, high=0.9), sizes[sizes["method"] == "clos"], [0.9]
    ).pipe(edge_budget.energies, COSTS)["with_dram"]
    assert clos["with_dram"] == pytest.approx(6 * 50 * of_clos / 1e6)
    with pytest.raises(ValueError, match="targets must be those of networks, got 5"):
        edge_budget.of_pruning(networks(), sizes, dense, [5], 6, 50, COSTS)


def test_rivals_stay_within_their_bytes_and_meet_the_networks(tmp_path):
    budgets = [400, 42024]
    runs = edge_rivals.rivals(Results("test", tmp_path), budgets, "digits-8x8", 2, 300, [2, 4], [0.01])
    assert (runs["bytes"] <= runs["budget"]).all()
    assert set(runs.loc[runs["budget"] == 400, "model"]) == {"decision tree", "random forest"}
    assert set(runs.loc[runs["budget"] == 42024, "model"]) == {"decision tree", "random forest", "linear SVM"}
    sizes = edge_budget.footprints(networks(), batch_size=4)
    records = networks().merge(pd.DataFrame({"seed": [0, 1], "accuracy": [0.9, 0.8]}), how="cross")
    together = edge_rivals.beside_networks(runs[runs["budget"] == 42024], records, sizes, [10240])
    table = edge_rivals.rival_table(together).set_index("model")
    assert table.loc["clos", "bytes"] == 42024
    assert table.loc["clos", "accuracy"] == pytest.approx(0.85)
    assert set(table["seeds"]) == {2}


def test_the_smallest_lead_is_over_the_best_rival():
    rows = []
    for budget, accuracies in {100: [0.9, 0.5, 0.8, 0.7], 200: [0.95, 0.6, 0.9, 0.93]}.items():
        for model, accuracy in zip(["clos", "dense", "decision tree", "random forest"], accuracies, strict=True):
            rows += [{"budget": budget, "model": model, "seed": seed, "accuracy": accuracy} for seed in range(2)]
    budget, rival, lead = edge_rivals.smallest_lead(pd.DataFrame(rows))
    assert (budget, rival) == (200, "random forest")
    assert lead.tolist() == pytest.approx([2, 2])


def test_a_tree_that_stops_before_its_budget_is_the_same_at_larger_ones(tmp_path):
    runs = edge_rivals.rivals(Results("test", tmp_path), [300, 20_000, 40_000], "digits-8x8", 1, 300, [2], [0.01])
    trees = runs[runs["model"] == "decision tree"].set_index("budget")
    assert trees.loc[300, "bytes"] == 300
    assert trees.loc[20_000, "bytes"] == trees.loc[40_000, "bytes"] < 20_000
    alone = edge_rivals.rivals(Results("test", tmp_path), [40_000], "digits-8x8", 1, 300, [2], [0.01])
    assert alone.set_index("model").loc["decision tree", "accuracy"] == trees.loc[40_000, "accuracy"]
