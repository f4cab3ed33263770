"""Cycles per sample of Clos cascades and dense layers on chip, measured and as formulas (14_cycles_per_sample)."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from fabric.experiments.machines.torus import Campaign, LayerOnChip, run_campaign, run_layer
from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, above, agrees, exactly, published
from fabric.experiments.studies._parameters import not_empty
from fabric.hardware import TorusMapping, cycles, program
from fabric.hardware.torus import MODES_OF
from fabric.hardware.verilog.rtl import sources_hash

# Of the busiest element's products, what the least busy one must have. With less, an element takes more than 1.5 times
# as long as another, which schedulers of parallel jobs call a straggler.
STRAGGLES = 1 / 1.5
_PIPELINE = 2  # registers behind products and sums
_PRINTED = {
    ("dense", "forward"): "closnets-table1-dense-forward",
    ("dense", "backward and update"): "closnets-table1-dense-backward",
    ("Clos", "forward"): "closnets-table1-clos-forward",
    ("Clos", "backward and update"): "closnets-table1-clos-backward",
}


def square_layers(sizes: Sequence[int], dense_sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """For every n the Clos cascade (n², n², n, n, n) on n × n elements and the dense layer n² → n² on a ring of n²."""
    return [(n * n, n * n, n, n, n) for n in sizes] + [(n * n, n * n) for n in dense_sizes]


def measure(
    results: Results,
    layers: Sequence[Sequence[int]],
    samples: int,
    dense_samples: int,
    pipelined: Sequence[Sequence[int]] = (),
) -> pd.DataFrame:
    """Run layers on the simulated machine: `dense_samples` on dense layers, which take longer, `samples` on the others.

    Args:
        pipelined: layers that run on a pipelined torus, too.

    Returns:
        One row for each layer and mode: "layer" as text, "network" ("dense" or "Clos"), "inputs", "elements",
        "pipeline" of the torus, "mode", what `fabric.experiments.machines.torus.run_layer` measures, "interval",
        "lone_model" and "total_model", the cycle model's, and "busy", the share of the cycles in which the machine
        multiplies, forward or, where the mode trains, backward, whichever is less: in one element or in all of them.
    """
    sources = sources_hash("fabric_machine")
    builds = [(tuple(layer), 0) for layer in layers] + [(tuple(layer), _PIPELINE) for layer in pipelined]
    configs = [
        LayerOnChip(layer, samples if len(layer) == 5 else dense_samples, sources, pipeline=pipeline)
        for layer, pipeline in builds
    ]
    records = results.sweep(run_layer, configs, "layers")
    rows = []
    for record in records.to_dict("records"):
        layer = tuple(record["layer"])
        for run in record["runs"]:
            model = cycles(program(TorusMapping([layer]), run["mode"], pipeline=record["pipeline"]))
            units = ["forward"] if run["mode"] == "inference" else ["forward", "backward"]
            rows.append(
                {
                    "layer": str(layer),
                    "network": "Clos" if len(layer) == 5 else "dense",
                    "inputs": layer[0],
                    "elements": record["rows"] * record["columns"],
                    "pipeline": record["pipeline"],
                    **run,
                    "samples": record["samples"],
                    "interval": model.interval,
                    "lone_model": model.lone,
                    "total_model": model.total(record["samples"]),
                    "busy": min(run[unit] for unit in units) / run["cycles"],
                }
            )
    return pd.DataFrame(rows)


def table_one(measured: pd.DataFrame) -> pd.DataFrame:
    """Table I for the square cascade and the dense layer with the most inputs: cycles of each pass.

    The ideal is one multiply-accumulate in every element and cycle. The backward pass includes the update; alone, it is
    what sequential training takes longer than inference; in steady state it is the cycles in which the backward unit
    works while the others do too. Published values stand where the layer is the published one.

    Args:
        measured: as from `measure`; rows of pipelined tori are left out.

    Returns:
        "network", "pass", "inputs", "ideal", "published", "steady" (cycles per sample in steady state), "lone" (of one
        sample alone) and "speedup", of "steady" over a dense ring of as many elements by the cycle model.
    """
    rows = []
    square = measured[(measured["inputs"] == measured["elements"]) & (measured["pipeline"] == 0)]
    for network, runs in square.groupby("network"):
        inputs = int(runs["inputs"].max())
        inference, sequential, overlapped = runs[runs["inputs"] == inputs].set_index("mode").loc[list(MODES_OF[0])].iloc
        ring = {mode: cycles(program(TorusMapping([(inputs, inputs)]), mode)) for mode in MODES_OF[0]}
        ideal = inference["forward"] // inference["samples"]
        backward = overlapped["backward"] / overlapped["samples"]
        passes = {
            "forward": (ideal, inference["stopwatch"], inference["lone"], ring["inference"].interval),
            "backward and update": (
                ideal, backward, sequential["lone"] - inference["lone"], ring["overlapped"].backward
            ),
            "training, sequential": (
                2 * ideal, sequential["stopwatch"], sequential["lone"], ring["sequential"].interval
            ),
            "training, overlapped": (
                ideal, overlapped["stopwatch"], overlapped["lone"], ring["overlapped"].interval
            ),
        }  # fmt: skip
        for name, (floor, steady, lone, dense) in passes.items():
            entry = published(_PRINTED[network, name]) if (network, name) in _PRINTED else {}
            rows.append(
                {
                    "network": network,
                    "pass": name,
                    "inputs": inputs,
                    "ideal": floor,
                    "published": entry["cycles"] if entry.get("inputs") == inputs else float("nan"),
                    "steady": steady,
                    "lone": lone,
                    "speedup": dense / steady,
                }
            )
    return pd.DataFrame(rows)


def beside_formula(cascades: Sequence[Sequence[int]]) -> pd.DataFrame:
    """The published C = I / R_i + R_i + R_m beside the machine's cycles per sample of inference.

    Returns:
        "layer" as text, "outputs", "formula", "cycles" of the cycle model, which the stopwatch confirms in `measure`.
    """
    not_empty(cascades=cascades)
    rows = []
    for layer in map(tuple, cascades):
        inputs, outputs, first, middle, _ = layer
        model = cycles(program(TorusMapping([layer]), "inference")).interval
        rows.append(
            {"layer": str(layer), "outputs": outputs, "formula": inputs // first + first + middle, "cycles": model}
        )
    return pd.DataFrame(rows)


def work(cascades: Sequence[Sequence[int]]) -> pd.DataFrame:
    """Products of each element for a sample, forward; backward and in the update it has as many, one for each weight.

    Returns:
        "layer" as text, "elements" of the smallest torus, "least" and "most" products of one of them, "mean",
        "evenness" (least over most) and "bound" on the evenness of any mapping onto as many elements that computes each
        neuron in one: the mean over the largest fan-in, at most one.
    """
    not_empty(cascades=cascades)
    rows = []
    for layer in map(tuple, cascades):
        mapping = TorusMapping([layer])
        products = products_of_each(mapping)
        bound = min(1.0, float(products.mean()) / max(phase.values for phase in mapping.phases))
        rows.append(
            {"layer": str(layer), "elements": products.size, "least": products.min(), "most": products.max()}
            | {"mean": products.mean(), "evenness": products.min() / products.max(), "bound": bound}
        )
    return pd.DataFrame(rows)


def products_of_each(mapping: TorusMapping) -> np.ndarray:
    """Products of each element in one pass of a mapping, int64 (rows, columns)."""
    products = np.zeros((mapping.rows, mapping.columns), np.int64)
    for phase in mapping.phases:
        along_rows = products if phase.axis == "row" else products.T
        along_rows[: phase.rings, : phase.neurons] += phase.values
    return products


def no_straggler(table: pd.DataFrame, machine_busy: float) -> Verdict:
    """Verdict on "no processing units straggle": in no cascade has an element less than `STRAGGLES` of the products of
    the busiest.

    Args:
        table: of `work`.
        machine_busy: share of the cycles in which the machine as a whole multiplies, which the reason names.
    """
    told = ", ".join(f"{row.layer} {100 * row.evenness:.0f}" for row in table.itertuples())
    hopeless = table[table["bound"] < STRAGGLES]
    beyond = "".join(
        f" No mapping of {row.layer} on {row.elements} elements, each neuron in one of them, has more than "
        f"{100 * row.bound:.0f} %."
        for row in hopeless.itertuples()
    )
    return above(
        "neurofabric-no-straggler",
        exactly(100 * float(table["evenness"].min())),
        f"Counted from our mapping of the authors' cascades: {told} %. An element straggles if another has more than "
        f"1.5 times its products, so {100 * STRAGGLES:.0f} % is asked of each cascade; "
        f"{(table['evenness'] > STRAGGLES).sum()} of {len(table)} have it.{beyond} Cycles do not show this: the "
        f"machine as a whole multiplies in {100 * machine_busy:.1f} % of them, since all elements go through a phase "
        "together.",
        than=100 * STRAGGLES,
    )


def printed_speedups() -> pd.DataFrame:
    """The speed-ups of Clos in Table I beside the quotients of its own cycles.

    Returns:
        "printed", "computed", "agrees" (within the rounding of the print) and "cut_off": agrees only without rounding.
    """
    rows = []
    for printed, dense, clos in published("closnets-table1-speedups")["cells"]:
        computed, unit = dense / clos, 10 ** len(printed.partition(".")[2])
        rounds = agrees(printed, computed)
        cut = not rounds and math.floor(computed * unit) == round(float(printed) * unit)
        rows.append({"printed": printed, "computed": computed, "agrees": rounds, "cut_off": cut})
    return pd.DataFrame(rows)


def beside_phases(cascades: Sequence[Sequence[int]]) -> pd.DataFrame:
    """The published cycles of each phase, I / R_i, R_i and R_m, beside the machine's.

    Returns:
        "layer" as text, "phase" (from 1), "printed", "cycles" of the cycle model and "agrees".
    """
    not_empty(cascades=cascades)
    rows = []
    for layer in map(tuple, cascades):
        inputs, _, first, middle, _ = layer
        shapes = zip((inputs // first, first, middle), TorusMapping([layer]).phases, strict=True)
        for number, (printed, phase) in enumerate(shapes, start=1):
            rows.append({"layer": str(layer), "phase": number, "printed": printed, "cycles": phase.length})
    return pd.DataFrame(rows).eval("agrees = printed == cycles")


def in_words(phases: pd.DataFrame) -> str:
    """The cycles of `beside_phases`, the machine's and the printed ones, cascade by cascade."""
    return "; ".join(
        f"{layer}: {' + '.join(map(str, rows['cycles']))} and {' + '.join(map(str, rows['printed']))}"
        for layer, rows in phases.groupby("layer", sort=False)
    )


def higher_throughput(speedups: pd.Series) -> Verdict:
    """Verdict on "small enough to fit into on-chip memory, allowing higher throughput", from the speed-ups of Clos in
    `table_one`, of which the least counts.
    """
    return above(
        "neurofabric-higher-throughput",
        exactly(float(speedups.min())),
        "Both with all weights on the chip, by the cycle model. Power has entries of its own (notebook 19).",
        than=1,
    )


def campaign(results: Results, tori: Sequence[str], cases: int, parts: int) -> pd.DataFrame:
    """Random cases against the golden model: `cases` on each torus, in `parts` with seeds of their own.

    Returns:
        "torus", "cases", "samples", the runs in each mode, and "differing", cases in which anything differed.
    """
    sources = sources_hash("fabric_machine")
    configs = [Campaign(torus, cases // parts, seed, sources) for torus in tori for seed in range(parts)]
    records = results.sweep(run_campaign, configs, "random cases")
    table = pd.concat([records[["torus", "cases", "samples"]], pd.json_normalize(records["modes"].tolist())], axis=1)
    return table.assign(differing=records["differing"].map(len)).groupby("torus", as_index=False).sum()
