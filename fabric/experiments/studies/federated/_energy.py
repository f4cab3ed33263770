"""What a client holds, and what its training costs beside what it sends."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from fabric.experiments.counting import footprint, sample_energy
from fabric.experiments.networks import build

_PIXEL_BITS = 8


def client_costs(
    arms: pd.DataFrame,
    records: pd.DataFrame,
    features: int,
    batch_size: int,
    devices: Sequence[Mapping[str, object]],
    costs: Mapping[str, float],
    radio: float,
) -> pd.DataFrame:
    """Memory, energy and bits of one client; weights are taken to lie in on-chip memory.

    Args:
        arms: of `arms`.
        records: runs of these.
        features: of a sample, a pixel of eight bits each.
        batch_size: of a client.
        devices: with "bytes" of memory.
        costs: of `sample_energy`.
        radio: nanojoules of a bit that is sent.

    Returns:
        "arm", "memory_bytes" (weights, gradients, activations of a batch), "devices" that hold it, "round_millijoules"
        to train one round, "upload_bits" of a round, "break_even_nanojoules" (a bit: from there on the upload
        of a round takes more than its training), "data_bits" of a client's samples, "uploads_of_data" that take as
        many bits; "upload_over_training" and "data_over_training", energy of the radio for each over that of training a
        round. An arm that trains a dense network, masked or not, holds and pays for all of it.
    """
    rows = []
    for arm in arms.itertuples():
        run = records[records["arm"] == arm.arm].iloc[0]
        module = build(arm.network, "sparse_glorot_uniform", 0)
        x, y = torch.zeros(batch_size, features), torch.zeros(batch_size, dtype=torch.long)
        held = footprint(module, torch.optim.SGD(module.parameters()), x, y)
        single = footprint(module, torch.optim.SGD(module.parameters()), x[:1].clone(), y[:1])
        edges = sum(each.numel() for each in module.parameters() if each.dim() > 1)
        joules = run["client_samples"] * sample_energy(single, edges, costs).on_chip
        upload, data = 8 * int(run["upload_bytes"]), int(run["client_samples"]) * features * _PIXEL_BITS
        rows.append(
            {
                "arm": arm.arm,
                "memory_bytes": held.training,
                "devices": sum(int(str(device["bytes"])) >= held.training for device in devices),
                "round_millijoules": 1e3 * joules,
                "upload_bits": upload,
                "break_even_nanojoules": 1e9 * joules / upload,
                "data_bits": data,
                "uploads_of_data": data / upload,
                "upload_over_training": 1e-9 * radio * upload / joules,
                "data_over_training": 1e-9 * radio * data / joules,
            }
        )
    return pd.DataFrame(rows)
