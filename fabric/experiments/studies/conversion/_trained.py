"""A trained network converted layer by layer, before and after healing."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Annotated, ClassVar

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Dataset, DatasetName, accuracy, load
from fabric.experiments.runs import (
    Measured,
    Natural,
    Positive,
    PositiveFloat,
    Results,
    Rule,
    RunConfig,
    one_thread,
)
from fabric.experiments.studies._parameters import positive
from fabric.experiments.studies.conversion._matrices import STRUCTURES, AboveOne
from fabric.nn import convert, heal

LARGE = 10_000  # weights of the smallest layer that `convert` takes
SEEN = 4000  # training samples whose activations weight the error


@dataclass(frozen=True)
class TrainedConfig(RunConfig):
    """A perceptron with ReLU, trained by Adam, its large layers converted.

    Attributes:
        dataset: a name that `load` takes.
        widths: neurons of every level between features and classes.
        epochs, batch_size, learning_rate, seed: of the training.
        factors: times fewer weights of every layer of `LARGE` weights or more.
        healing_steps: of the distillation, in batches of the training.
        healing_rates: tried for each converted network; the best by divergence on other training samples counts.
        sweeps: of `convert`.
    """

    recipe: ClassVar[int] = 2

    dataset: DatasetName
    widths: tuple[Positive, ...]
    epochs: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural
    factors: Annotated[tuple[AboveOne, ...], Rule("a tuple of at least one factor", bool)]
    healing_steps: Positive
    healing_rates: Annotated[tuple[PositiveFloat, ...], Rule("a tuple of at least one rate", bool)]
    sweeps: Positive


def convert_trained(config: TrainedConfig) -> Measured:
    """Train; for every factor and structure alone, and for all of them to choose from, convert and heal.

    On one thread, layers on their reference path.

    Returns:
        "accuracy" of the dense network; "converted", a dictionary for each factor and structure ("chosen" for all) that
        has one so small for all layers:
        "fewer", "structure", "weights" of the converted layers, "kinds", what each layer became, "errors" of its
        outputs on data, "before" and "healed", the accuracy without and with healing, "blind", that without data
        and healing, and "healing_rate", None where no rate brought the network nearer to the dense one.

    Raises:
        DataError: data files are missing or damaged.
    """
    instance("config", config, TrainedConfig)
    data = load(config.dataset)
    with one_thread():
        network = perceptron(
            data, config.widths, training_steps(config), config.batch_size, config.learning_rate, config.seed
        )
        generator = torch.Generator().manual_seed(config.seed)
        drawn = torch.randperm(len(data.train_x), generator=generator)
        seen, others = [data.train_x[drawn[:SEEN]]], data.train_x[drawn[-SEEN:]]
        steps = [
            data.train_x[torch.randint(len(data.train_x), (config.batch_size,), generator=generator)]
            for _ in range(config.healing_steps)
        ]
        large = sum(isinstance(layer, nn.Linear) and layer.weight.numel() >= LARGE for layer in network)
        rows = []
        for fewer in config.factors:
            for name, own in {**STRUCTURES, "chosen": None}.items():
                allowed = list(STRUCTURES.values()) if own is None else [own]
                blind = convert(network, 1 / fewer, structures=allowed, sweeps=config.sweeps).model
                small, table = convert(network, 1 / fewer, seen, structures=allowed, sweeps=config.sweeps)
                done = [row for row in table if row["on data"] is not None]
                if len(done) < large:  # the structure has nothing as small as that
                    continue
                rate, healed = _healed(small, network, steps, config.healing_rates, others)
                rows.append(
                    {
                        "fewer": fewer,
                        "structure": name,
                        "weights": sum(int(str(row["weights left"])) for row in done),
                        "kinds": [str(row["after"]).partition("(")[0] for row in done],
                        "errors": [float(str(row["on data"])) for row in done],
                        "blind": accuracy_of(blind, data),
                        "before": accuracy_of(small, data),
                        "healed": accuracy_of(healed, data),
                        "healing_rate": rate,
                    }
                )
    return {"accuracy": accuracy_of(network, data), "converted": rows}


def _healed(
    small: nn.Module, network: nn.Module, steps: Sequence[Tensor], rates: Sequence[float], others: Tensor
) -> tuple[float | None, nn.Module]:
    """The converted network or a healed copy, whichever is nearest to the dense one on other samples; and its rate."""
    tried: list[tuple[float | None, nn.Module]] = [(None, small)]
    for rate in rates:
        copy = deepcopy(small)
        with suppress(ValueError):  # too high a rate, `heal` has put the copy back
            heal(copy, network, steps, lr=rate, loss=_divergence)
            tried.append((rate, copy))
    with torch.no_grad():
        wanted = network(others)
        return min(tried, key=lambda pair: float(_divergence(pair[1](others), wanted)))


def perceptron(
    data: Dataset, widths: Sequence[int], steps: int, batch_size: int, learning_rate: float, seed: int
) -> nn.Sequential:
    """A perceptron with ReLU, trained by Adam for so many steps at a rate that falls to zero along a cosine.

    Args:
        data: with the samples that it is trained on.
        widths: of the levels between features and classes.
        steps, batch_size, learning_rate: of the training; the last batch of a pass may be smaller.
        seed: of weights and order of samples.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((data.features, *widths)):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        network = nn.Sequential(*layers, nn.Linear(widths[-1], data.classes))
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for batch in islice(_batches(len(data.train_y), batch_size, seed), steps):
        loss = functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network


def _batches(samples: int, size: int, seed: int) -> Iterator[Tensor]:
    """Indices of one random order of all samples after the other, endlessly."""
    order = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(samples, generator=order).split(size)


def training_steps(config: TrainedConfig) -> int:
    """Of the dense network, without those of the healing."""
    return config.epochs * math.ceil(len(load(config.dataset).train_y) / config.batch_size)


@torch.no_grad()
def accuracy_of(network: nn.Module, data: Dataset) -> float:
    """The fraction of the test part that a network classifies rightly."""
    return accuracy(torch.cat([network(part) for part in data.test_x.split(2048)]), data.test_y)


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Kullback and Leibler's, of the classes' distribution."""
    ours, theirs = (torch.log_softmax(logits, 1) for logits in (student, teacher))
    return functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def converted(results: Results, config: TrainedConfig, seeds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and convert with several seeds.

    Returns:
        "seed", "fewer", "structure", "weights" (of the converted layers, with biases), "stage" ("dense", "blind",
        "before", "healed") and "accuracy"; and a row for each layer: "seed", "fewer", "structure", "layer", "kind",
        "error".
    """
    positive(seeds=seeds)
    found = results.sweep(convert_trained, [replace(config, seed=seed) for seed in range(seeds)], "networks")
    stages, layers = [], []
    for record in found.itertuples():
        for row in record.converted:
            named = {"seed": record.seed, "fewer": row["fewer"], "structure": row["structure"]}
            reached = {"dense": record.accuracy, **{stage: row[stage] for stage in ("blind", "before", "healed")}}
            sized = named | {"weights": row["weights"]}
            stages += [sized | {"stage": stage, "accuracy": value} for stage, value in reached.items()]
            layers += [
                named | {"layer": at, "kind": kind, "error": error}
                for at, (kind, error) in enumerate(zip(row["kinds"], row["errors"], strict=True))
            ]
    return pd.DataFrame(stages), pd.DataFrame(layers)


def percent(reached: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Accuracies at a stage in %: a row for each seed, columns are pairs of "fewer" and "structure"."""
    rows = reached[reached["stage"] == stage]
    return 100 * rows.pivot(index="seed", columns=["fewer", "structure"], values="accuracy")


def worst_excess(layers: pd.DataFrame, over: Sequence[str]) -> float:
    """By how much the error of a chosen layer exceeds that of the same layer with one structure alone, at the most."""
    errors = layers.pivot(index=["seed", "fewer", "layer"], columns="structure", values="error")
    return float((errors["chosen"] - errors[list(over)].min(axis=1)).max())
