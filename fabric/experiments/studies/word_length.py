"""Accuracy against word length (notebook 16_fixed_point_training): last layer, formats and schedules, then all seeds.

In a table each row is a way to train a network, held in the columns `WAY`; every choice is made on training samples
that are set aside.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.batchless import Cascade, FixedPointConfig, Float32Config, train_fixed_point, train_float32
from fabric.experiments.networks import Layer, at_parameters, weights
from fabric.experiments.runs import Record, Results
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.hardware import FixedPoint

WAY = ("cascades", "fixed_point", "scales", "rates", "stochastic", "mode")
_MOST_FRACTION = 8  # of activations: what the smallest learning rate and sixteen random bits an update leave room for
_RANDOM_BITS = 16
_SLOWEST = 8


def formats(word: int, weight: int, activation_whole: int = 3, weight_whole: int = 0) -> FixedPoint:
    """The format with given bits: deltas below one, activations and weights with given bits before the binary point.

    Learning rates down to 2 ** -8 are possible: activations have eight bits after the binary point at most, and deltas
    no more than that rate and the machine's random bits allow.

    Args:
        word: bits of the operands.
        weight: bits of a stored weight.
        activation_whole, weight_whole: bits between sign and binary point.
    """
    activation = min(word - 1 - activation_whole, _MOST_FRACTION)
    stored = weight - 1 - weight_whole
    delta = min(word - 1, _RANDOM_BITS - _SLOWEST - activation + stored)
    return FixedPoint(word, weight, activation, delta, stored, max(_SLOWEST, 2 + stored - activation - delta))


def way(
    cascades: Sequence[Sequence[int]],
    fixed_point: FixedPoint | None,
    rates: Sequence[int],
    scale: int = 0,
    stochastic: bool = True,
    mode: str = "sequential",
) -> dict[str, Any]:
    """A row of a table: `WAY`, "number" ("9/12" bits or "float32"), "word" and "weight" (bits).

    Args:
        cascades: the network.
        fixed_point: formats; None for float32.
        rates: exponents of the learning rates, one an epoch.
        scale: of all phases but the last.
        stochastic, mode: as in `FixedPointConfig`.
    """
    not_empty(cascades=cascades)
    cascades = tuple(map(tuple, cascades))
    phases = sum(3 if len(cascade) == 5 else 1 for cascade in cascades)
    word, weight = (fixed_point.word, fixed_point.weight) if fixed_point else (32, 32)
    return {
        "cascades": cascades,
        "fixed_point": fixed_point,
        "scales": (scale,) * (phases - 1) + (0,),
        "rates": tuple(rates),
        "stochastic": stochastic,
        "mode": mode,
        "number": f"{word}/{weight}" if fixed_point else "float32",
        "word": word,
        "weight": weight,
    }


def last_layers(first: Sequence[int], last: Sequence[Sequence[int]], word: int, weight: int, rates: Sequence[int]):
    """Rows for every last layer after the first cascade, with "place", where it runs."""
    return pd.DataFrame(
        way((first, layer), formats(word, weight), rates)
        | {"place": "same torus" if len(layer) == 5 else "a ring of its own"}
        for layer in last
    )


def choose_formats(
    results: Results,
    cascades: Sequence[Cascade],
    bits: Sequence[Sequence[int]],
    ranges: Sequence[Sequence[int]],
    rates: Sequence[int],
    dataset: str,
    seeds: int,
    held_out: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Where the binary points are best, for each pair of operand and weight bits; see `choose`.

    Args:
        results, dataset, seeds, held_out: as in `choose`.
        cascades: the network.
        bits: pairs of operand and weight bits.
        ranges: triples: bits before the binary point of activations and of weights; scale of all phases but the last.
            All but the first are tried only where weights are stored in as few bits as operands have.
        rates: exponents of the learning rates.
    """
    not_empty(bits=bits, ranges=ranges)
    positive(seeds=seeds)
    rows = [
        way(cascades, formats(word, weight, activation_whole, weight_whole), rates, scale)
        for word, weight in bits
        for activation_whole, weight_whole, scale in (ranges if weight == word else ranges[:1])
    ]
    table = pd.DataFrame(rows).drop_duplicates(["fixed_point", "scales"])
    return choose(results, table, ["word", "weight"], dataset, seeds, held_out, "formats")


def choose_rates(
    results: Results,
    table: pd.DataFrame,
    schedules: Sequence[Sequence[int]],
    dataset: str,
    seeds: int,
    held_out: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The best schedule of learning rates for every row of a table; see `choose`."""
    not_empty(schedules=schedules)
    positive(seeds=seeds)
    rows = table.reset_index(drop=True).drop(columns="rates").reset_index(names="row")
    rows = rows.merge(pd.DataFrame({"rates": [tuple(rates) for rates in schedules]}), how="cross")
    chosen, trials = choose(results, rows, ["row"], dataset, seeds, held_out, "learning rates")
    return chosen.drop(columns="row"), trials.drop(columns="row")


def networks(table: pd.DataFrame, firsts: Sequence[Sequence[int]], last: Sequence[int], dense: Sequence[Sequence[int]]):
    """The rows of a table for other networks: each first cascade with the last layer after it, and a dense network
    unless it has no layers."""
    rows = []
    for way_, first in itertools.product(table.to_dict("records"), firsts):
        after = (last[0], last[1], first[4], *last[3:])
        rows.append(way_ | {"cascades": (tuple(first), after)})
    for way_ in table.to_dict("records") if dense else ():
        rows.append(way_ | {"cascades": tuple(map(tuple, dense)), "scales": (way_["scales"][0], 0)})
    return pd.DataFrame(rows)


def edges(cascades: Sequence[Cascade]) -> int:
    """Weights of a network, those of padded inputs and outputs counted."""
    not_empty(cascades=cascades)
    return weights(tuple(Layer("clos" if len(cascade) == 5 else "dense", tuple(cascade)) for cascade in cascades))


def narrow_dense(cascades: Sequence[Cascade], dense: Sequence[Cascade]) -> tuple[Cascade, ...]:
    """The dense network with as many weights as cascades, as nearly as whole neurons allow.

    Args:
        cascades: the network whose weights are counted.
        dense: (inputs, hidden), (hidden, classes); both networks have its inputs and classes.
    """
    not_empty(cascades=cascades)
    inputs, classes = dense[0][0], dense[-1][1]
    first, _ = at_parameters("dense", edges(cascades), inputs, classes=classes)
    hidden = first.build(np.random.default_rng(0)).outputs
    return (inputs, hidden), (hidden, classes)


def train_narrow(
    results: Results,
    networks: Sequence[Sequence[Cascade]],
    dense: Sequence[Cascade],
    schedules: Sequence[Sequence[int]],
    dataset: str,
    seeds: int,
    held_out: int,
) -> pd.DataFrame:
    """`narrow_dense` of each network, trained in float32 with the schedule that is best on held-out samples, one seed.

    Returns:
        As of `run`, with "beside", the network of as many weights.
    """
    not_empty(schedules=schedules)
    positive(seeds=seeds)
    beside = list(dict.fromkeys(tuple(map(tuple, cascades)) for cascades in networks))
    rows = [way(narrow_dense(cascades, dense), None, ()) | {"beside": cascades} for cascades in beside]
    chosen, _ = choose_rates(results, pd.DataFrame(rows), schedules, dataset, 1, held_out)
    return run(results, chosen, dataset, seeds, title="narrow dense networks")


def train_way(config: FixedPointConfig | Float32Config) -> Record:
    """The record of a run, in fixed point or in float32."""
    return train_float32(config) if isinstance(config, Float32Config) else train_fixed_point(config)


def run(results: Results, table: pd.DataFrame, dataset: str, seeds: int, held_out: int = 0, title: str = "runs"):
    """Train every row of a table with seeds 0, 1, ...

    Returns:
        The table repeated for each seed, with "seed", "accuracy", "accuracy_by_epoch" and "saturated".
    """
    positive(seeds=seeds)
    runs = table.merge(pd.DataFrame({"seed": range(seeds)}), how="cross").sort_values("seed", kind="stable")
    records = results.sweep(train_way, [_config(row, dataset, held_out) for row in runs.to_dict("records")], title)
    runs = runs.reset_index(drop=True)
    for column in ("accuracy", "accuracy_by_epoch", "saturated"):
        runs[column] = records[column] if column in records else float("nan")
    return runs


def choose(
    results: Results, table: pd.DataFrame, by: Sequence[str], dataset: str, seeds: int, held_out: int, title: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For every group of `by` the row with the best mean accuracy on held-out samples, the first of equal ones.

    Returns:
        The chosen rows, and all rows with "held_out_accuracy" and "chosen".
    """
    positive(seeds=seeds)
    rows = table.reset_index(drop=True)
    runs = run(results, rows.assign(row=rows.index), dataset, seeds, held_out, title)
    rows["held_out_accuracy"] = runs.groupby("row")["accuracy"].mean()
    rows["chosen"] = rows.index.isin(rows.groupby(list(by), sort=False)["held_out_accuracy"].idxmax())
    return rows[rows["chosen"]].drop(columns=["held_out_accuracy", "chosen"]), rows


def label(cascades: Sequence[Cascade]) -> str:
    """For tables: "1024-256 (32, 16, 32), 256-10", routers in brackets."""
    names = (f"{i}-{o}" + (f" ({', '.join(map(str, routers))})" if routers else "") for i, o, *routers in cascades)
    return ", ".join(names)


def printable(table: pd.DataFrame) -> pd.DataFrame:
    """The table for a CSV file, the columns `WAY` as words: "format" is the bits after the binary point of activations,
    deltas and operands, as "5-8-8"; "rates" the exponents of the learning rates, as "4-5-6-7-8"."""
    return table.assign(
        network=[label(cascades) for cascades in table["cascades"]],
        format=[
            f"{f.activation_fraction}-{f.delta_fraction}-{f.operand_fraction}" if f else "float32"
            for f in table["fixed_point"]
        ],
        scale=[scales[0] for scales in table["scales"]],
        rates=["-".join(map(str, rates)) for rates in table["rates"]],
        rounding=table["stochastic"].map({True: "stochastic", False: "nearest"}),
    ).drop(columns=["cascades", "fixed_point", "scales", "stochastic"])


def _config(row: dict[str, Any], dataset: str, held_out: int) -> FixedPointConfig | Float32Config:
    if row["fixed_point"] is None:
        return Float32Config(dataset, row["cascades"], row["rates"], row["seed"], held_out)
    return FixedPointConfig(dataset, **{name: row[name] for name in WAY}, seed=row["seed"], held_out=held_out)
