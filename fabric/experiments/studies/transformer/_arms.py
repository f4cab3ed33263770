"""The models that are compared: their rates found on few iterations, then trained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, at_most, beside, higher, interval, summarise
from fabric.experiments.studies._parameters import not_empty
from fabric.experiments.studies.transformer._structures import STRUCTURES
from fabric.experiments.studies.transformer._train import CharacterConfig, train_characters

NARROW = "narrow dense"


def arms(settings: Mapping[str, Any], fewer: float, narrow_width: int) -> dict[str, CharacterConfig]:
    """By name: the dense model, one of every other structure with 1 / `fewer` of the weights, and a narrow dense one.

    Args:
        settings: fields of `CharacterConfig` from "text" to "iterations", without the structure.
        fewer: times fewer weights in the linear layers.
        narrow_width: of the narrow model.
    """
    dense = CharacterConfig(structure="dense", fewer=1.0, learning_rate=1e-3, seed=0, **settings)
    named = {name: replace(dense, structure=name, fewer=fewer) for name in STRUCTURES if name != "dense"}
    return {"dense": dense, **named, NARROW: replace(dense, width=narrow_width)}


def tuned(
    results: Results, compared: Mapping[str, CharacterConfig], rates: Sequence[float], iterations: int, held_out: int
) -> tuple[dict[str, CharacterConfig], pd.DataFrame]:
    """Every model with the rate of least loss on held-out training text after few iterations.

    Args:
        results: where runs are kept.
        compared: of `arms`.
        rates: to try, each on seed 0.
        iterations: of a trial.
        held_out: characters of the training part that a trial is tested on.

    Returns:
        The models, and the trials: "model", "learning_rate", "held_out_loss", "chosen".
    """
    not_empty(rates=rates)
    trials = [
        (name, replace(config, learning_rate=rate, iterations=iterations, held_out=held_out))
        for name, config in compared.items()
        for rate in rates
    ]
    found = results.sweep(train_characters, [config for _, config in trials], "rates")
    table = found[["learning_rate"]].assign(model=[name for name, _ in trials], held_out_loss=found["loss"])
    best = table.loc[table.groupby("model")["held_out_loss"].idxmin()].set_index("model")["learning_rate"]
    table["chosen"] = table["learning_rate"] == table["model"].map(best)
    chosen = {name: replace(config, learning_rate=float(best[name])) for name, config in compared.items()}
    return chosen, table[["model", "learning_rate", "held_out_loss", "chosen"]]


def trained(results: Results, chosen: Mapping[str, CharacterConfig], seeds: Mapping[str, int]) -> pd.DataFrame:
    """The records of all models, with "model"; `seeds` says how many of each."""
    runs = [(name, replace(config, seed=seed)) for name, config in chosen.items() for seed in range(seeds.get(name, 1))]
    found = results.sweep(train_characters, [config for _, config in runs], "models")
    return found.assign(model=[name for name, _ in runs])


def losses(runs: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    """A row for each model: "model", counts, "learning_rate", "loss" with interval, "seeds", times and "path".

    Args:
        runs: of `trained`.
        times: of `step_times`.
    """
    by = ["model", "weights", "layer_weights", "operations", "learning_rate"]
    return summarise(runs, by, "loss").merge(times, on="model")


def curves(runs: pd.DataFrame) -> pd.DataFrame:
    """Losses on the way, means over seeds: "model", "iteration", "loss"."""
    points = runs.assign(iteration=runs["at"], loss=runs["curve"])[["model", "iteration", "loss"]]
    points = points.explode(["iteration", "loss"]).astype({"iteration": int, "loss": float})
    return points.groupby(["model", "iteration"], as_index=False)["loss"].mean()


def _differences(runs: pd.DataFrame, model: str, other: str) -> pd.Series:
    """By how much a model's loss is below another's, by seed, for those seeds that both have."""
    table = runs.pivot(index="seed", columns="model", values="loss")
    return (table[other] - table[model]).dropna()


def reached(claim: str, runs: pd.DataFrame) -> Verdict:
    """Verdict on a published loss of the dense model: better where our interval lies below it."""
    found = runs[runs["model"] == "dense"]
    bounds = interval(found["loss"])
    reason = (
        f"{len(found)} runs at a rate of {found['learning_rate'].iloc[0]:g}, tested on the whole of the last tenth."
    )
    return at_most(claim, bounds.mean, reason, (bounds.low, bounds.high))


def less_lost(claim: str, runs: pd.DataFrame, model: str, other: str) -> Verdict:
    """Verdict on "the model is better than the other at equal weights": the other's loss less its own, by seed."""
    return higher(claim, _differences(runs, model, other), _losses_in_words(runs, model, other))


def set_beside(claim: str, runs: pd.DataFrame, model: str, other: str) -> Verdict:
    """The difference of `less_lost` beside a claim that no source makes in words."""
    return beside(claim, _differences(runs, model, other).to_list(), _losses_in_words(runs, model, other))


def _losses_in_words(runs: pd.DataFrame, model: str, other: str) -> str:
    means = runs.groupby("model")["loss"].mean()
    return f"Losses of {means[model]:.3f} and {means[other]:.3f}, the dense model's is {means['dense']:.3f}."
