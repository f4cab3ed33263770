"""Which model fits which device, at which accuracy and for how much energy (notebook 19_edge_budget)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

import pandas as pd
import torch

from fabric.experiments.counting import Footprint, footprint, sample_energy
from fabric.experiments.networks import build, topologies

_PARTS = [part.name for part in fields(Footprint)]
_TRAININGS = {"batchless": torch.optim.SGD, "Adam": torch.optim.Adam}


def footprints(networks: pd.DataFrame, batch_size: int) -> pd.DataFrame:
    """What every network holds, trained batchless (plain gradient descent, one sample) and by Adam in batches.

    Args:
        networks: of `studies.comparison`, with "method", "label", "weights" (edges) and "network".
        batch_size: of Adam.

    Returns:
        "method", "label", "edges", "training" ("batchless", "Adam"), the bytes of a `Footprint`, and its totals
        "stored", "in_place" and "total".
    """
    rows = []
    for network in networks.drop_duplicates("label").itertuples():
        for training, optimizer in _TRAININGS.items():
            module = build(network.network, "sparse_glorot_uniform", seed=0)
            inputs = topologies(module)[0].inputs
            samples = 1 if training == "batchless" else batch_size
            x, y = torch.zeros(samples, inputs), torch.zeros(samples, dtype=torch.long)
            held = footprint(module, optimizer(module.parameters()), x, y)
            totals = {"stored": held.stored, "in_place": held.in_place, "total": held.training}
            names = {"method": network.method, "label": network.label, "edges": network.weights}
            rows.append(names | {"training": training} | asdict(held) | totals)
    return pd.DataFrame(rows)


def at_equal_accuracy(accuracy: pd.DataFrame, sizes: pd.DataFrame, targets: Sequence[float]) -> pd.DataFrame:
    """For each target and method the trained network that trains batchless in the fewest bytes and reaches it.

    Args:
        accuracy: "label" and mean "accuracy" with "low" and "high" (fractions).
        sizes: of `footprints`.
        targets: accuracies (fractions); a method that never reaches one has no row for it.

    Returns:
        "target" and the columns of both tables; "adam_total", bytes when trained by Adam in batches.
    """
    adam = sizes[sizes["training"] == "Adam"].set_index("label")["total"]
    batchless = sizes[sizes["training"] == "batchless"].merge(
        accuracy[["label", "accuracy", "low", "high"]], on="label"
    )
    rows = []
    for target in targets:
        reached = batchless[batchless["accuracy"] >= target]
        least = reached.loc[reached.groupby("method")["in_place"].idxmin()]
        rows.append(least.assign(target=target, adam_total=least["label"].map(adam)))
    return pd.concat(rows, ignore_index=True)


def fits(equal: pd.DataFrame, devices: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Whether a model's bytes fit a device: to classify, to train batchless, to train by Adam in batches.

    Args:
        equal: of `at_equal_accuracy`.
        devices: of `paper/devices.toml`, with "name" and "bytes".

    Returns:
        "target", "method", "device", "device_bytes", "classifies", "trains_batchless", "trains_by_adam".
    """
    rows = []
    for row in equal.itertuples():
        for device in devices:
            room = device["bytes"]
            rows.append(
                {
                    "target": row.target,
                    "method": row.method,
                    "device": device["name"],
                    "device_bytes": room,
                    "classifies": row.stored <= room,
                    "trains_batchless": row.in_place <= room,
                    "trains_by_adam": row.adam_total <= room,
                }
            )
    return pd.DataFrame(rows)


def devices_gained(fitting: pd.DataFrame) -> pd.Series:
    """Devices on which Clos trains batchless less those on which dense does, for each target; none if never reached."""
    counts = fitting.pivot_table(index="target", columns="method", values="trains_batchless", aggfunc="sum").fillna(0)
    return counts["clos"] - counts["dense"]


def energies(equal: pd.DataFrame, costs: Mapping[str, float]) -> pd.DataFrame:
    """Microjoules of one batchless training step, weights in DRAM or on the chip.

    Returns:
        "target", "method", "label", "weights_in_dram", "weights_in_sram", "activations", "arithmetic", the totals
        "with_dram" and "on_chip", and "dram_share" of the former.
    """
    rows = []
    for row in equal.to_dict("records"):
        spent = sample_energy(Footprint(**{part: row[part] for part in _PARTS}), row["edges"], costs)
        micro = {
            "weights_in_dram": spent.outside,
            "weights_in_sram": spent.inside,
            "activations": spent.activations,
            "arithmetic": spent.arithmetic,
            "with_dram": spent.with_dram,
            "on_chip": spent.on_chip,
        }
        names = {name: row[name] for name in ("target", "method", "label")}
        rows.append(
            names
            | {name: 1e6 * joules for name, joules in micro.items()}
            | {"dram_share": spent.outside / spent.with_dram}
        )
    return pd.DataFrame(rows)
