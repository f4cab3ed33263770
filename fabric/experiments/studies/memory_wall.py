"""Time per epoch against batch size, split by what bounds it (notebook 18_memory_wall)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.counting import Footprint, roofline, traffic
from fabric.experiments.networks import layer
from fabric.experiments.runs import Results
from fabric.experiments.timing import StepTimesConfig, Subject, measure

_PARTS = [part.name for part in fields(Footprint)]


def measured(
    results: Results, subjects: Mapping[str, Sequence[Any]], repeats: int, seconds: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Time training steps, or find them in the store.

    Args:
        results: where the run is kept: a single one, so that everything is measured together.
        subjects: by name: data set, layers as [topology, arguments] (none for ResNet18), batch sizes.
        repeats, seconds: as in `StepTimesConfig`.

    Returns:
        A row for each subject, batch size and round: "name", "batch_size", "round", "samples", "operations", the bytes
        of a `Footprint`, "moved" (bytes a step), "steps", "seconds" (a step), "bandwidth", "rate", "overhead"; and the
        machine's rates: "round", "product", "convolution".
    """
    named = [
        Subject(name, dataset, tuple(layer(*described) for described in layers), tuple(sizes))
        for name, (dataset, layers, sizes) in subjects.items()
    ]
    record = results.sweep(measure, [StepTimesConfig(tuple(named), repeats, seconds)], "timing").iloc[0]
    rates = pd.DataFrame(record["rates"]).rename_axis("round").reset_index()
    by_round = {"steps": "steps", "seconds": "seconds", "bandwidths": "bandwidth", "overheads": "overhead"}
    points = pd.DataFrame(record["points"]).rename(columns=by_round)
    points["moved"] = [traffic(Footprint(**{part: row[part] for part in _PARTS})) for row in record["points"]]
    points["round"] = [list(range(repeats))] * len(points)
    points["rate"] = [rates[kind].tolist() for kind in points["kind"]]
    rows = points.explode(["round", "rate", *by_round.values()], ignore_index=True)
    return rows.astype(
        {"round": int, "steps": int, **dict.fromkeys(("seconds", "bandwidth", "overhead", "rate"), float)}
    ), rates


def counts(points: pd.DataFrame) -> pd.DataFrame:
    """What one step moves and computes, counted: "name", "batch_size", "steps_per_epoch", "operations", the bytes of a
    `Footprint`, "moved" and "operations_per_byte".
    """
    table = points[points["round"] == 0].reset_index(drop=True)
    table["steps_per_epoch"] = -(-table["samples"] // table["batch_size"])
    table["operations_per_byte"] = table["operations"] / table["moved"]
    return table[["name", "batch_size", "steps_per_epoch", "operations", *_PARTS, "moved", "operations_per_byte"]]


def times(points: pd.DataFrame) -> pd.DataFrame:
    """Measured times beside the model's, which takes the best bandwidth and rate and the least overhead of all rounds.

    Returns:
        "name", "batch_size", "steps" (measured, all rounds together), "seconds" a step, the median over rounds, with
        the "fastest" and "slowest" round; "epoch_seconds", that median times the steps of an epoch; the model's
        "memory", "compute" and "overhead" (seconds a step), their "bound", "modelled" seconds a step, and "explained",
        the share of the measured time.
    """
    rows = []
    for (name, batch_size), group in points.groupby(["name", "batch_size"], sort=False):
        first = group.iloc[0]
        parts = roofline(
            first["moved"], first["operations"], group["bandwidth"].max(), group["rate"].max(), group["overhead"].min()
        )
        seconds = float(np.median(group["seconds"]))
        rows.append(
            {
                "name": name,
                "batch_size": batch_size,
                "steps": group["steps"].sum(),
                "seconds": seconds,
                "fastest": group["seconds"].min(),
                "slowest": group["seconds"].max(),
                "epoch_seconds": seconds * math.ceil(first["samples"] / batch_size),
                "memory": parts.memory,
                "compute": parts.compute,
                "overhead": parts.overhead,
                "bound": parts.bound,
                "modelled": parts.total,
                "explained": parts.total / seconds,
            }
        )
    return pd.DataFrame(rows)


def epoch_seconds(points: pd.DataFrame, name: str) -> pd.DataFrame:
    """Seconds an epoch takes at the measured pace: a row for each round, a column for each batch size, ascending."""
    rows = points[points["name"] == name]
    epochs = rows.assign(epoch=rows["seconds"] * -(-rows["samples"] // rows["batch_size"]))
    return epochs.pivot(index="round", columns="batch_size", values="epoch")


def memory_over_compute(points: pd.DataFrame, name: str) -> pd.DataFrame:
    """Seconds to move a step's bytes over seconds to compute it: rounds by batch sizes, ascending."""
    rows = points[points["name"] == name]
    ratios = rows.assign(ratio=rows["moved"] / rows["bandwidth"] / (rows["operations"] / rows["rate"]))
    return ratios.pivot(index="round", columns="batch_size", values="ratio")


def on_published_gpu(table: pd.DataFrame, gpu: Mapping[str, Any]) -> pd.DataFrame:
    """What the counted bytes and operations take at the printed bandwidth and rate of a graphics card.

    Args:
        table: of `counts`.
        gpu: "bytes_per_second" and "operations_per_second".

    Returns:
        "name", "batch_size", "memory" and "compute" (seconds a step), "bound".
    """
    rows = []
    for row in table.itertuples():
        parts = roofline(row.moved, row.operations, gpu["bytes_per_second"], gpu["operations_per_second"])
        names = {"name": row.name, "batch_size": row.batch_size}
        rows.append(names | {"memory": parts.memory, "compute": parts.compute, "bound": parts.bound})
    return pd.DataFrame(rows)
