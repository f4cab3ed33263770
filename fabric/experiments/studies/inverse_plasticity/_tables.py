"""Logic elements a weight, and from when on frozen logic is smaller than memory and a multiplier."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.networks import Layer
from fabric.experiments.runs import Results
from fabric.experiments.statements import interval
from fabric.experiments.studies.inverse_plasticity._frozen_element import (
    FrozenElementConfig,
    element_key,
    freeze_element,
)
from fabric.experiments.studies.inverse_plasticity._logic import FrozenLogicConfig, flow_key, freeze_into_logic
from fabric.experiments.training import TrainConfig

BLOCK_BITS = 9216  # of an M9K


def training(dataset: str, cascade: Sequence[int], epochs: int, batch_size: int, learning_rate: float) -> TrainConfig:
    """The training whose first layer is frozen: a Clos cascade (I, O, R_i, R_m, R_o) before a dense layer to ten."""
    network = (Layer("clos", tuple(cascade)), Layer("dense", (cascade[1], 10)))
    return TrainConfig(dataset, network, epochs, batch_size, learning_rate, 0)


def run_logic(
    results: Results, trainings: Sequence[TrainConfig], bits: Sequence[int], shared: Sequence[int], weights: int
) -> pd.DataFrame:
    """A row for each kind of weights and number of bits: "kind" ("uniform" or a data set) and what is measured.

    Args:
        trainings: as `training` makes them.
        bits, shared, weights: as in `FrozenLogicConfig`.
    """
    ways: list[tuple[str, TrainConfig | None]] = [("uniform", None), *((each.dataset, each) for each in trainings)]
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
        "kind", "bits", "shared", "elements" a weight with its 95 % interval over inputs, "adders" a weight, "zeros"
        (share of the weights), "general_elements", "products" and "exact" (of the run).
    """
    rows: list[dict[str, Any]] = []
    for run in records.to_dict("records"):
        for place, count in enumerate(run["shared"]):
            own = interval(np.asarray(run["elements"][place]) / count)
            of_weights = {name: run[name][place] / run["weights"] for name in ("adders", "zeros")}
            same = {name: run[name] for name in ("kind", "bits")}
            measured = {"elements": own.mean, "low": own.low, "high": own.high}
            whole = {name: run[name] for name in ("general_elements", "products", "exact")}
            rows.append(same | {"shared": count} | measured | of_weights | whole)
    return pd.DataFrame(rows)


def break_even(table: pd.DataFrame, fpga: Mapping[str, Any], costs: Mapping[str, float]) -> pd.DataFrame:
    """Where frozen logic takes as much as memory and a general multiplier in logic that weights share.

    The device has so many bits of memory for each logic element, which is the rate of exchange. A multiplier
    serves its weights one after the other; with few of them its own elements count most.

    Args:
        table: of `elements`.
        fpga: "logic_elements" and "memory_blocks".
        costs: picojoules of "sram_access", "int_multiply" and "int_add" on 32 bits. Accesses and sums are taken to cost
            in proportion to their bits, products to those of both operands.

    Returns:
        "kind", "bits", "shared", "elements", and "memory_elements" (of a weight's bits); "break_even", the number of
        weights for each multiplier up to which frozen logic is smaller, infinite where it always is;
        "frozen_picojoules" and "memory_picojoules" of one product, its weight read from memory in the latter.
    """
    memory = table["bits"] * fpga["logic_elements"] / (fpga["memory_blocks"] * BLOCK_BITS)
    over = table["elements"] - memory
    at = (table["general_elements"] / over).where(over > 0, float("inf"))
    kept = table[["kind", "bits", "shared", "elements"]].assign(memory_elements=memory, break_even=at)
    return kept.assign(
        frozen_picojoules=table["elements"] * costs["int_add"] / 32,
        memory_picojoules=[unfrozen_picojoules(bits, costs) for bits in table["bits"]],
    )


def unfrozen_picojoules(bits: int, costs: Mapping[str, float]) -> float:
    """Of reading a weight and multiplying it by an operand of nine bits."""
    return float(bits / 32 * costs["sram_access"] + 9 * bits / 32**2 * costs["int_multiply"])


def run_elements(
    results: Results, network: TrainConfig, rows: Sequence[int], samples: int, fpga: Mapping[str, Any]
) -> pd.DataFrame:
    """Processing elements with their weights in memory, as words in logic and as products in logic.

    Args:
        network: whose weights they have.
        rows: neurons of the rows whose products are in logic.
        samples: with which each is simulated.
        fpga: "logic_elements", "memory_blocks" and "multipliers".

    Returns:
        "form", "neurons", "inputs", what is measured, "elements" a weight, "fit", how many the device holds, what they
        are "limited_by", and "results_per_cycle" of all of them.
    """
    kinds = [("memory", 1), ("words", 1), *(("products", neurons) for neurons in rows)]
    configs = [FrozenElementConfig(form, count, network, samples, 0, element_key()) for form, count in kinds]
    columns = ["form", "neurons", "inputs", "logic_elements", "registers", "memory_blocks", "multipliers", "cycles"]
    table = results.sweep(freeze_element, configs, "elements")[[*columns, "results", "differences"]]
    fits = []
    for row in table.to_dict("records"):
        held = {
            name: fpga[name] // row[name] for name in ("logic_elements", "memory_blocks", "multipliers") if row[name]
        }
        least = min(held, key=held.__getitem__)
        fits.append({"fit": held[least], "limited_by": least.replace("_", " ")})
    table = table.join(pd.DataFrame(fits))
    return table.assign(
        elements=table["logic_elements"] / (table["neurons"] * table["inputs"]),
        results_per_cycle=table["fit"] * table["neurons"] / table["cycles"],
    )
