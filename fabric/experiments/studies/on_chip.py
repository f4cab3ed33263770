"""MNIST learned by the simulated machine, beside PyTorch (notebook 17_on_chip_training).

Rows of a table are ways to train, as in `fabric.experiments.studies.word_length`; "name" says what is compared.
"""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.batchless import Cascade, FixedPointConfig, Float32Config, PytorchConfig, train_pytorch
from fabric.experiments.machines.on_chip import OnChipConfig, train_on_chip
from fabric.experiments.runs import Results
from fabric.experiments.statements import summarise
from fabric.experiments.studies._parameters import positive
from fabric.experiments.studies.word_length import WAY, formats, way
from fabric.hardware.verilog.rtl import sources_hash


def ways(
    cascades: Sequence[Cascade], dense: Sequence[Cascade], bits: Sequence[int], modes: Sequence[str]
) -> pd.DataFrame:
    """Rows "chip, <mode>" in fixed point, then "float32, Clos" and "float32, dense"; no rates yet."""
    rows = [way(cascades, formats(*bits), (), mode=mode) | {"name": f"chip, {mode}"} for mode in modes]
    floats = {"Clos": cascades, "dense": dense}
    rows += [way(network, None, ()) | {"name": f"float32, {kind}"} for kind, network in floats.items()]
    return pd.DataFrame(rows)


def run_chip(results: Results, table: pd.DataFrame, dataset: str, checks: Sequence[int], seed: int) -> pd.DataFrame:
    """Train the rows in fixed point on the simulated machine.

    Returns:
        A row for each: "name" and the record's columns, with "cycles_per_sample" of the training.
    """
    rows = table[table["number"] != "float32"]
    sources = sources_hash("fabric_machine")
    configs = [
        OnChipConfig(FixedPointConfig(dataset, **{key: row[key] for key in WAY}, seed=seed), tuple(checks), sources)
        for row in rows.to_dict("records")
    ]
    records = results.sweep(train_on_chip, configs, "simulated machine")
    return records.assign(name=list(rows["name"]), cycles_per_sample=records["cycles"] / records["samples"])


def run_pytorch(results: Results, table: pd.DataFrame, dataset: str, checks: Sequence[int], seeds: int) -> pd.DataFrame:
    """Train the rows in float32 in PyTorch with seeds 0, 1, ...

    Returns:
        A row for each row and seed: "name", "seed" and the record's columns, with "samples_per_second" of processor
        time.
    """
    positive(seeds=seeds)
    rows = table[table["number"] == "float32"].merge(pd.DataFrame({"seed": range(seeds)}), how="cross")
    configs = [
        PytorchConfig(Float32Config(dataset, row["cascades"], row["rates"], row["seed"]), tuple(checks))
        for row in rows.to_dict("records")
    ]
    records = results.sweep(train_pytorch, configs, "PyTorch")
    seconds = records["seconds_by_check"].str[-1]
    return records.assign(name=rows["name"], seed=rows["seed"], samples_per_second=checks[-1] / seconds)


def curves(chip: pd.DataFrame, pytorch: pd.DataFrame) -> pd.DataFrame:
    """Accuracy over the samples seen: "name", "samples", "accuracy", "low", "high", "seeds"."""
    runs = pd.concat([chip, pytorch], ignore_index=True)[["name", "checks", "accuracy_by_check"]]
    runs = runs.explode(["checks", "accuracy_by_check"])
    runs = runs.rename(columns={"checks": "samples", "accuracy_by_check": "accuracy"}).infer_objects()
    return summarise(runs, ["name", "samples"], "accuracy")


def machine_table(chip: pd.DataFrame) -> pd.DataFrame:
    """What the machine counted in training, a row for each mode."""
    columns = ["name", "samples", "edges", "cycles", "predicted_cycles", "cycles_per_sample", "forward_cycles",
               "backward_cycles", "waiting_cycles", "accuracy", "weights"]  # fmt: skip
    return chip[columns].assign(
        weights_identical=[all(identical) for identical in chip["identical_by_check"]],
        outputs_identical=chip["outputs_identical"],
    )


def traffic(chip: pd.DataFrame) -> pd.DataFrame:
    """Bits a sample that cross the machine's streams in training, and those that weights kept outside would add.

    Weights outside: every stored weight read once and written once a sample, calculated.

    Returns:
        "name", "what", "bits_per_sample", "counted".
    """
    rows = []
    for run in chip.to_dict("records"):
        fixed = run["training"]["fixed_point"]
        for what in ("input", "target", "output"):
            bits = run[f"{what}_words"] * fixed["word"] / run["samples"]
            rows.append({"name": run["name"], "what": what, "bits_per_sample": bits, "counted": True})
        outside = {"what": "weights, were they outside", "bits_per_sample": 2 * run["edges"] * fixed["weight"]}
        rows.append({"name": run["name"], **outside, "counted": False})
    return pd.DataFrame(rows)


def throughput(chip: pd.DataFrame, pytorch: pd.DataFrame, clock: pd.Series) -> pd.DataFrame:
    """Samples a second: of the machine as if it ran at a clock, of PyTorch as measured.

    Args:
        chip: of `run_chip`.
        pytorch: of `run_pytorch`.
        clock: a row of `fpga_synthesis.placed`.

    Returns:
        "name", "samples_per_second", "low", "high", "seeds" (of the placer, of the training), and for the machine
        "cycles_per_sample" and "clock_mhz".
    """
    cycles = chip["cycles_per_sample"]
    machine = pd.DataFrame(
        {
            "name": chip["name"],
            "samples_per_second": 1e6 * clock["megahertz"] / cycles,
            "low": 1e6 * clock["low"] / cycles,
            "high": 1e6 * clock["high"] / cycles,
            "seeds": clock["seeds"],
            "cycles_per_sample": cycles,
            "clock_mhz": clock["megahertz"],
        }
    )
    return pd.concat([machine, summarise(pytorch, ["name"], "samples_per_second")], ignore_index=True)
