"""Measurements on the simulated machine, and table I made of them."""

import pandas as pd
import pytest

from fabric.experiments.machines.torus import Campaign, LayerOnChip, run_campaign, run_layer
from fabric.experiments.studies import cycles_per_sample
from fabric.hardware import GoldenMachine
from fabric.hardware.torus import MODES_OF


def test_a_layer_is_counted_and_clocked_alike():
    record = run_layer(LayerOnChip((4, 4, 2, 2, 2), 5, sources=""))
    assert (record["rows"], record["columns"]) == (2, 2)
    runs = pd.DataFrame(record["runs"]).set_index("mode")
    assert runs[["outputs", "weights"]].all(axis=None)
    assert runs["stopwatch"].to_dict() == {"inference": 6, "sequential": 14, "overlapped": 6}
    assert (runs["forward"] == 5 * 6).all()
    assert runs["lone"].to_dict() == {"inference": 7, "sequential": 15, "overlapped": 19}


def test_a_campaign_reports_what_differs(monkeypatch):
    config = Campaign("smallest", 12, seed=3, sources="")
    record = run_campaign(config)
    assert record["differing"] == []
    assert sum(record["modes"].values()) > config.cases
    assert record["samples"] > sum(record["modes"].values())
    load = GoldenMachine.load
    monkeypatch.setattr(GoldenMachine, "load", lambda golden, weights: load(golden, [weights[0] ^ 1, *weights[1:]]))
    assert run_campaign(config)["differing"]


@pytest.mark.parametrize(("n", "clos", "dense"), [(2, 6, 4), (32, 96, 1024)])
def test_table_one_compares_like_with_like(n, clos, dense):
    ways = {"Clos": (clos, 2 * clos + 2, clos), "dense": (dense, 2 * dense + 2, dense + 2)}
    measured = pd.DataFrame(
        {
            "network": network, "mode": mode, "inputs": n * n, "elements": n * n, "samples": 10,
            "forward": 10 * ways[network][0],
            "backward": 0 if mode == "inference" else 10 * ways[network][0], "stopwatch": float(cycles),
            "lone": cycles + 1, "pipeline": 0,
        }
        for network in ways
        for mode, cycles in zip(MODES_OF[0], ways[network], strict=True)
    )  # fmt: skip
    table = cycles_per_sample.table_one(measured).set_index(["network", "pass"])
    assert (table.loc["dense", "speedup"] == 1).all()
    assert table.loc[("Clos", "forward"), "speedup"] == dense / clos
    assert table.loc[("Clos", "training, overlapped"), "speedup"] == (dense + 2) / clos
    assert table.loc[("Clos", "training, sequential"), "ideal"] == 2 * clos
    assert table.loc[("Clos", "backward and update"), "lone"] == clos + 2
    published = {name: cycles for (network, name), cycles in table["published"].dropna().items() if network == "Clos"}
    assert published == ({"forward": 128, "backward and update": 224} if n == 32 else {})
