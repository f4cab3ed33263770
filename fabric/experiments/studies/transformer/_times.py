"""Seconds of a training step of every model, measured in one run."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from fabric._checks import instance
from fabric.experiments.data import Text, load_text
from fabric.experiments.runs import Measured, Positive, Results, RunConfig, one_thread
from fabric.experiments.studies.transformer._train import CharacterConfig, adam, path, step, training_batches


@dataclass(frozen=True)
class StepsConfig(RunConfig):
    """Everything that the run depends on, but for the machine.

    Attributes:
        models: in every round each of them one after the other.
        rounds: of which the median counts.
        steps: of each model in a round, after one that does not count.
    """

    recipe: ClassVar[int] = 1

    models: tuple[CharacterConfig, ...]
    rounds: Positive
    steps: Positive


def time_steps(config: StepsConfig) -> Measured:
    """Time training steps on one thread, with the compiled kernel where there is one, and without.

    Returns:
        "step_seconds" and "reference_seconds", a list of medians over rounds, and "paths", what computed the
        structured layers of each model in the former, as in training.
    """
    instance("config", config, StepsConfig)
    text = load_text(config.models[0].text)
    taken: dict[bool, list[list[float]]] = {True: [], False: []}
    for _ in range(config.rounds):
        for kernel, rows in taken.items():
            with one_thread(kernel):
                rows.append([_seconds_of_step(model, text, config.steps) for model in config.models])
    with_kernel, without_kernel = (np.median(taken[kernel], axis=0).tolist() for kernel in (True, False))
    paths = [path(model.build(len(text.characters))) for model in config.models]
    return {"step_seconds": with_kernel, "reference_seconds": without_kernel, "paths": paths}


def _seconds_of_step(config: CharacterConfig, text: Text, steps: int) -> float:
    model = config.build(len(text.characters))
    optimiser = adam(model, config.learning_rate)
    seconds = []
    for x, y in training_batches(text, config, steps + 1, config.seed):
        start = time.perf_counter()
        step(model, optimiser, x, y)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def step_times(results: Results, compared: Mapping[str, CharacterConfig], rounds: int, steps: int) -> pd.DataFrame:
    """A row for each model: "model", "step_seconds", "reference_seconds" and "path"."""
    config = StepsConfig(tuple(compared.values()), rounds, steps)
    record = results.sweep(time_steps, [config], "times").iloc[0]
    return pd.DataFrame(
        {
            "model": list(compared),
            "step_seconds": record["step_seconds"],
            "reference_seconds": record["reference_seconds"],
            "path": record["paths"],
        }
    )
