"""Structures with and without weight decay, and with the same one (26_convolution)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fabric.experiments.runs import Results
from fabric.experiments.statements import interval
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.convolution import train


def at_both_decays(
    results: Results,
    table: pd.DataFrame,
    names: Sequence[str],
    base: Mapping[str, Any],
    decays: Sequence[float],
    samples: int,
    epochs: int,
    seeds: int,
) -> pd.DataFrame:
    """The structures of `names`, each at its rate with the largest weight decay and none: as `convolution.train`."""
    not_empty(decays=decays)
    positive(seeds=seeds)
    asked = table[table["structure"].isin(names)]
    both = pd.concat([asked.assign(weight_decay=decay) for decay in (max(decays), 0.0)], ignore_index=True)
    return train(results, both, "structure", base, samples, epochs, seeds)


def without_decay(runs: pd.DataFrame) -> pd.Series:
    """Points that no weight decay gains over the largest, for each structure and seed of `at_both_decays`."""
    by_decay = runs.pivot(index=["structure", "seed"], columns="weight_decay", values="accuracy")
    return by_decay[0.0] - by_decay[by_decay.columns.max()]


def shared_decay(trials: pd.DataFrame, names: Sequence[str], decays: Sequence[float]) -> float:
    """The one of `decays` with which the structures of `names` do best together on held-out samples.

    Of the trials of `convolution.halving` those of the first rung count, in which every structure had every rate and
    decay: each at its best rate there.
    """
    first = trials[(trials["rung"] == 1) & trials["structure"].isin(names) & trials["weight_decay"].isin(decays)]
    best = first.groupby(["structure", "weight_decay"])["held_out_accuracy"].max()
    return float(best.groupby("weight_decay").mean().idxmax())


def at_equal_decay(runs: pd.DataFrame, name: str, other: str) -> pd.DataFrame:
    """Points of `name` above `other` in the runs of `at_both_decays`, a row for each seed, a column for each decay."""
    points = runs.pivot(index=["seed", "weight_decay"], columns="structure", values="accuracy")
    return (points[name] - points[other]).unstack("weight_decay")


def in_words(by_decay: pd.DataFrame) -> str:
    """The means of `at_equal_decay` with their 95 % intervals."""
    bounds = {decay: interval(by_decay[decay]) for decay in by_decay}
    return ", ".join(f"{each.mean:.2f} ({each.low:.2f} … {each.high:.2f}) at {at:g}" for at, each in bounds.items())
