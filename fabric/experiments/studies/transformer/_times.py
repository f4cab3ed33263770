"""Seconds of a training step of every model, measured in one run."""

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from fabric._checks import instance
from fabric.experiments.data import load_text
from fabric.experiments.runs import Measured, Positive, Results, RunConfig
from fabric.experiments.studies.transformer._train import CharacterConfig, adam, step, training_batches
from fabric.nn import backend, reference
from fabric.nn._structured import StructuredLinear


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
        "step_seconds" and "reference_seconds", a list of medians over rounds, and "kernels", what serves the first
        structured layer of each model, "none" for dense ones.
    """
    instance("config", config, StepsConfig)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    text = load_text(config.models[0].text)
    taken: dict[bool, list[list[float]]] = {True: [], False: []}
    kernels: list[str] = []
    for _ in range(config.rounds):
        kernels = []
        for without, rows in taken.items():
            row = []
            for model_config in config.models:
                with reference() if without else nullcontext():
                    seconds, kernel = _seconds_of_step(model_config, text, config.steps)
                row.append(seconds)
                if not without:
                    kernels.append(kernel)
            rows.append(row)
    torch.set_num_threads(threads)
    with_kernel, without_kernel = (np.median(taken[without], axis=0).tolist() for without in (False, True))
    return {"step_seconds": with_kernel, "reference_seconds": without_kernel, "kernels": kernels}


def _seconds_of_step(config: CharacterConfig, text, steps: int) -> tuple[float, str]:
    model = config.build(len(text.characters))
    layers = [layer for layer in model.modules() if isinstance(layer, StructuredLinear)]
    kernel = str(backend(layers[0])) if layers else "none"
    optimiser = adam(model, config.learning_rate)
    seconds = []
    for x, y in training_batches(text, config, steps + 1, config.seed):
        start = time.perf_counter()
        step(model, optimiser, x, y)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:]), kernel


def step_times(results: Results, compared: Mapping[str, CharacterConfig], rounds: int, steps: int) -> pd.DataFrame:
    """A row for each model: "model", "step_seconds", "reference_seconds" and "kernel"."""
    config = StepsConfig(tuple(compared.values()), rounds, steps)
    record = results.sweep(time_steps, [config], "times").iloc[0]
    return pd.DataFrame(
        {
            "model": list(compared),
            "step_seconds": record["step_seconds"],
            "reference_seconds": record["reference_seconds"],
            "kernel": record["kernels"],
        }
    )
