"""Logic elements a weight, and from when on frozen logic is smaller than memory and a multiplier."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fabric.experiments.networks import Layer
from fabric.experiments.runs import Results
from fabric.experiments.studies.inverse_plasticity._logic import FrozenLogicConfig, flow_key, freeze_into_logic
from fabric.experiments.training import TrainConfig


def run_logic(
    results: Results,
    bits: Sequence[int],
    shared: Sequence[int],
    weights: int,
    dataset: str,
    cascade: Sequence[int],
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> pd.DataFrame:
    """A run for uniform and one for trained weights of each number of bits: "kind" and what is measured.

    Args:
        bits, shared, weights: as in `FrozenLogicConfig`.
        dataset, epochs, batch_size, learning_rate: of the training.
        cascade: the first layer (I, O, R_i, R_m, R_o), before a dense one to ten classes.
    """
    network = (Layer("clos", tuple(cascade)), Layer("dense", (cascade[1], 10)))
    training = TrainConfig(dataset, network, epochs, batch_size, learning_rate, 0)
    ways: list[tuple[str, TrainConfig | None]] = [("uniform", None), ("trained", training)]
    rows = [
        (kind, FrozenLogicConfig(each, tuple(shared), weights, way, 0, flow_key()))
        for kind, way in ways
        for each in bits
    ]
    records = results.sweep(freeze_into_logic, [config for _, config in rows], "frozen weights")
    return records.assign(kind=[kind for kind, _ in rows])


def elements(records: pd.DataFrame) -> pd.DataFrame:
    """A row for each run and number of weights that share an input.

    Returns:
        "kind", "bits", "shared", "elements" and "adders" a weight, "zeros" (share of the weights), "general_elements",
        "products" and "exact" (of the run).
    """
    rows: list[dict[str, Any]] = []
    for run in records.to_dict("records"):
        for place, count in enumerate(run["shared"]):
            of_weights = {name: run[name][place] / run["weights"] for name in ("elements", "adders", "zeros")}
            same = {name: run[name] for name in ("kind", "bits", "general_elements", "products", "exact")}
            rows.append(same | {"shared": count} | of_weights)
    columns = ["kind", "bits", "shared", "elements", "adders", "zeros", "general_elements", "products", "exact"]
    return pd.DataFrame(rows)[columns]


def break_even(table: pd.DataFrame, memory_bits: int, logic_elements: int) -> pd.DataFrame:
    """Where frozen logic takes as much of a device as memory and a general multiplier in logic that weights share.

    A device has so many bits of memory for each logic element, which is the rate of exchange: a weight of k bits in
    memory takes k over that. A multiplier serves its weights one after the other; with few of them its own elements
    count most.

    Args:
        table: of `elements`.
        memory_bits, logic_elements: of the device.

    Returns:
        The table with "memory_elements" (of a weight's bits) and "break_even": the number of weights for each
        multiplier up to which frozen logic is smaller; infinite where it always is.
    """
    memory = table["bits"] * logic_elements / memory_bits
    over = table["elements"] - memory
    at = (table["general_elements"] / over).where(over > 0, float("inf"))
    return table.assign(memory_elements=memory, break_even=at)
