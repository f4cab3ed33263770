"""Which model fits which device, at which accuracy and for how much energy (notebook 19_edge_budget)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace

import numpy as np
import pandas as pd
import torch

from fabric.experiments.counting import Footprint, footprint, sample_energy
from fabric.experiments.networks import build, topologies
from fabric.experiments.studies._parameters import not_empty
from fabric.experiments.studies.pruning import kept
from fabric.hardware import TorusMapping

_PARTS = [part.name for part in fields(Footprint)]
_WORD = 4  # bytes of a weight
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
    not_empty(targets=targets)
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


def leaps(cascade: Sequence[int]) -> int:
    """Reads of weights that do not lie beside the read before, in a pass through a Clos cascade on the machine.

    Counted over the memories of all processing elements and over all phases. The last address of a phase and its first
    lie side by side, since a ring is read round and round.

    Args:
        cascade: (I, O, R_i, R_m, R_o).
    """
    found = 0
    for phase in TorusMapping([tuple(cascade)]).phases:
        step = np.diff(phase.addresses(phase.neurons), axis=1) % phase.length
        found += phase.rings * int(np.count_nonzero(step != phase.length - 1))
    return found


def of_pruning(
    networks: pd.DataFrame,
    sizes: pd.DataFrame,
    dense: str,
    targets: Sequence[int],
    epochs: int,
    samples: int,
    costs: Mapping[str, float],
) -> pd.DataFrame:
    """Joules of a whole batchless training: pruned along the schedule of `pruning.kept`, and sparse before training.

    A pruned weight costs nothing more from the epoch after it is removed, and the places of those that are left are not
    counted. That is less than any machine takes, so the comparison favours pruning.

    Args:
        networks: of `studies.comparison`, with "target", "method" and "label".
        sizes: of `footprints`.
        dense: label of the network that is pruned.
        targets: weights that are left, without biases; those of networks in `networks`.
        epochs: of every training.
        samples: of an epoch.
        costs: as of `sample_energy`.

    Returns:
        "target", "method" ("magnitude_pruning" or that of the network), "with_dram" and "on_chip" (joules), and
        "pruned_with_dram" and "pruned_on_chip", the shares of them that go to weights which are removed later.

    Raises:
        ValueError: a target that no network has.
    """
    held = sizes[sizes["training"] == "batchless"].set_index("label")

    def spent(label: str, edges: int | None = None) -> pd.Series:
        """Joules of an epoch of this network, or of it with so many of its edges."""
        full = Footprint(**{part: int(held.loc[label, part]) for part in _PARTS})
        every = int(held.loc[label, "edges"])
        left = every if edges is None else edges
        sample = sample_energy(replace(full, weights=full.weights - _WORD * (every - left)), left, costs)
        return samples * pd.Series({"with_dram": sample.with_dram, "on_chip": sample.on_chip})

    everything = int(held.loc[dense, "edges"])
    rows = []
    for target in targets:
        equal = networks[networks["target"] == target]
        if equal.empty:
            raise ValueError(f"targets must be those of networks, got {target!r}")
        trained = [everything, *kept(target, everything, epochs)[:-1]]
        whole = sum((spent(dense, edges) for edges in trained[1:]), spent(dense, trained[0]))
        wasted = 1 - epochs * spent(dense, target) / whole
        rows.append({"target": target, "method": "magnitude_pruning", **whole, **wasted.add_prefix("pruned_")})
        for row in equal.itertuples():
            joules = epochs * spent(row.label)
            rows.append({"target": target, "method": row.method, **joules, **(0 * joules).add_prefix("pruned_")})
    return pd.DataFrame(rows)
