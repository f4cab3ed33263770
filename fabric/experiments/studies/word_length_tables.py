"""What fixed point costs in accuracy, from the runs of `fabric.experiments.studies.word_length`, paired by seed."""

from typing import NamedTuple

import pandas as pd

from fabric.experiments.batchless import Cascade
from fabric.experiments.statements import summarise
from fabric.experiments.studies.word_length import edges, label, printable

_KEYS = ["network", "number", "word", "weight", "rounding", "mode"]
_RUN = ["cascades", "number", "stochastic", "mode", "rates", "seed"]


def distinct(*runs: pd.DataFrame) -> pd.DataFrame:
    """Several tables of runs as one, each run once."""
    return pd.concat(runs).drop_duplicates(_RUN, ignore_index=True)


def losses(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with "loss", the percentage points they lose against float32 on the same network with the same seed.

    Raises:
        ValueError: a run has no partner in float32.
    """
    float32 = runs[runs["number"] == "float32"][["cascades", "seed", "accuracy"]]
    pairs = runs.merge(float32, on=["cascades", "seed"], how="left", suffixes=("", "_float32"))
    alone = pairs[pairs["accuracy_float32"].isna()]
    if len(alone):
        raise ValueError(f"every run needs one in float32 with its network and seed, {alone['number'].iloc[0]} of seed "
                         f"{alone['seed'].iloc[0]} has none")  # fmt: skip
    return pairs.assign(loss=100 * (pairs["accuracy_float32"] - pairs["accuracy"]))


def accuracies(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each way to train: accuracy and loss against float32, with 95 % intervals over seeds.

    Returns:
        "network", "number", "word", "weight", "rounding" ("none" for float32), "mode", "rates", "accuracy" (%), "low",
        "high", "seeds", "loss" (percentage points), "loss_low", "loss_high", "saturated" (mean share of the weights
        that end at a bound of their format).
    """
    table = printable(losses(runs))
    table["rounding"] = table["rounding"].where(table["number"] != "float32", "none")
    table = table.assign(accuracy=100 * table["accuracy"])
    lost = summarise(table, _KEYS, "loss").rename(columns={"low": "loss_low", "high": "loss_high"})
    found = summarise(table, _KEYS, "accuracy").merge(lost.drop(columns="seeds"), on=_KEYS)
    rest = table.groupby(_KEYS, as_index=False).agg(rates=("rates", "first"), saturated=("saturated", "mean"))
    return found.merge(rest, on=_KEYS)


class WorstNetwork(NamedTuple):
    """The network that a format costs most, its accuracies (%) by seed in the same order, all networks in words."""

    cascades: tuple[Cascade, ...]
    fixed_point: pd.Series
    float32: pd.Series
    description: str


def worst_network(runs: pd.DataFrame, number: str) -> WorstNetwork:
    """The network that loses most against float32 in a format, rounded stochastically and not overlapped."""
    table = losses(runs)
    chosen = table[(table["number"] == number) & table["stochastic"] & (table["mode"] == "sequential")]
    lost = chosen.groupby("cascades", sort=False)["loss"].mean()
    worst = lost.idxmax()
    pairs = chosen[chosen["cascades"] == worst].set_index("seed")
    described = ", ".join(f"{label(cascades[:1])} {loss:.2f}" for cascades, loss in lost.items())
    return WorstNetwork(worst, 100 * pairs["accuracy"], 100 * pairs["accuracy_float32"], f"points lost: {described}.")


def narrow(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracies (%) of the narrow dense networks of `fabric.experiments.studies.word_length.train_narrow`.

    Returns:
        "beside" (the network of as many weights), "network", "weights", "rates", "accuracy", "low", "high", "seeds".
    """
    table = printable(runs).assign(accuracy=100 * runs["accuracy"], weights=runs["cascades"].map(edges))
    table["beside"] = runs["beside"].map(label)
    return summarise(table, ["beside", "network", "weights", "rates"], "accuracy")


def lateness(runs: pd.DataFrame) -> pd.DataFrame:
    """What overlapped training, whose updates are late, gains over sequential training of the same network and seed,
    both rounded stochastically.

    Returns:
        "network", "number", "gain" (percentage points), "low", "high", "seeds".
    """
    table = printable(runs[runs["stochastic"]])
    sides = {mode: table[table["mode"] == mode].set_index(["network", "number", "seed"])["accuracy"] for mode in
             ("overlapped", "sequential")}  # fmt: skip
    gain = (100 * (sides["overlapped"] - sides["sequential"])).dropna().rename("gain").reset_index()
    return summarise(gain, ["network", "number"], "gain")
