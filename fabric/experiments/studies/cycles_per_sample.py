"""Cycles per sample of Clos cascades and dense layers on chip, measured and as formulas (14_cycles_per_sample)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.machine_runs import Campaign, LayerOnChip, run_campaign, run_layer
from fabric.experiments.published import published
from fabric.experiments.results import Results
from fabric.hardware import TorusMapping, cycles, program

_BACKWARD_PASSES = {"dense": "closnets-table1-dense-backward", "Clos": "closnets-table1-clos-backward"}
_FORWARD_PASSES = {"dense": "closnets-table1-dense-forward", "Clos": "closnets-table1-clos-forward"}


def square_layers(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """For every n the Clos cascade (n², n², n, n, n) on n × n elements and the dense layer n² → n² on a ring of n²."""
    return [layer for n in sizes for layer in ((n * n, n * n, n, n, n), (n * n, n * n))]


def measure(results: Results, layers: Sequence[Sequence[int]], samples: int, dense_samples: int) -> pd.DataFrame:
    """Run layers on the simulated machine: so many samples on Clos cascades, and on dense layers, which take longer.

    Returns:
        One row for each layer and mode: "layer" as text, "network" ("dense" or "Clos"), "inputs", "elements", "mode",
        what `fabric.experiments.machine_runs.run_layer` measures, "interval", "lone_model" and "total_model", the cycle
        model's, and "busy", the share of the cycles in which the least busy unit that the mode uses works.
    """
    configs = [LayerOnChip(tuple(layer), samples if len(layer) == 5 else dense_samples) for layer in layers]
    records = results.sweep(run_layer, configs, "layers")
    rows = []
    for record in records.to_dict("records"):
        layer = tuple(record["layer"])
        for run in record["runs"]:
            model = cycles(program(TorusMapping([layer]), run["mode"]))
            units = ["forward"] if run["mode"] == "inference" else ["forward", "backward"]
            rows.append(
                {
                    "layer": str(layer),
                    "network": "Clos" if len(layer) == 5 else "dense",
                    "inputs": layer[0],
                    "elements": record["rows"] * record["columns"],
                    **run,
                    "samples": record["samples"],
                    "interval": model.interval,
                    "lone_model": model.lone,
                    "total_model": model.total(record["samples"]),
                    "busy": min(run[unit] for unit in units) / run["cycles"],
                }
            )
    return pd.DataFrame(rows)


def table_one(measured: pd.DataFrame, inputs: int) -> pd.DataFrame:
    """Table I for the layers with so many inputs: cycles of each pass, ideal, published and ours.

    The ideal is one multiply-accumulate in every element and cycle. The backward pass includes the update; alone, it is
    what sequential training takes longer than inference; "in steady state" are the cycles in which the backward unit
    works while others do too. Published values stand where the layer is the published one.

    Returns:
        "network", "pass", "ideal", "published", "steady" (cycles per sample in steady state), "lone" (of one sample
        alone) and "speedup" over the dense ring in steady state.
    """
    rows = []
    of_size = measured[measured["inputs"] == inputs].set_index(["network", "mode"])
    as_published = inputs == published("closnets-table1-clos-forward")["inputs"]
    for network in ("dense", "Clos"):
        inference, sequential, overlapped = (
            of_size.loc[(network, m)] for m in ("inference", "sequential", "overlapped")
        )
        ideal = inference["forward"] // inference["samples"]
        dense = of_size.loc["dense"]
        passes = {
            "forward": (ideal, inference["stopwatch"], inference["lone"], dense.loc["inference", "stopwatch"]),
            "backward and update": (
                ideal,
                overlapped["backward"] / overlapped["samples"],
                sequential["lone"] - inference["lone"],
                dense.loc["overlapped", "backward"] / dense.loc["overlapped", "samples"],
            ),
            "training, sequential": (
                2 * ideal, sequential["stopwatch"], sequential["lone"], dense.loc["sequential", "stopwatch"]
            ),
            "training, overlapped": (
                ideal, overlapped["stopwatch"], overlapped["lone"], dense.loc["overlapped", "stopwatch"]
            ),
        }  # fmt: skip
        printed = {"forward": _FORWARD_PASSES[network], "backward and update": _BACKWARD_PASSES[network]}
        for name, (floor, steady, lone, dense_steady) in passes.items():
            known = published(printed[name])["cycles"] if as_published and name in printed else float("nan")
            rows.append(
                {
                    "network": network,
                    "pass": name,
                    "ideal": floor,
                    "published": known,
                    "steady": steady,
                    "lone": lone,
                    "speedup": dense_steady / steady,
                }
            )
    return pd.DataFrame(rows)


def campaign(results: Results, tori: Sequence[str], cases: int, parts: int) -> pd.DataFrame:
    """Random cases against the golden model: `cases` on each torus, in so many parts with seeds of their own.

    Returns:
        "torus", "cases", "samples", the cases in each mode, and "differing", cases in which anything differed.
    """
    configs = [Campaign(torus, cases // parts, seed) for torus in tori for seed in range(parts)]
    records = results.sweep(run_campaign, configs, "random cases")
    table = pd.concat([records[["torus", "cases", "samples"]], pd.json_normalize(records["modes"].tolist())], axis=1)
    return table.assign(differing=records["differing"].map(len)).groupby("torus", as_index=False).sum()
