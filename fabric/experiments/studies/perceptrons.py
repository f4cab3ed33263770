"""Perceptrons on images whose layers are structured: what they reach for their operations (notebook 30_transformer)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import DatasetName, accuracy, load
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Results, RunConfig, one_of, one_thread
from fabric.experiments.statements import Verdict, higher, summarise
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.transformer import restructured
from fabric.nn import parameter_groups
from fabric.nn.models._table import weights

STRUCTURES = ("dense", "low_rank", "monarch", "btt", "clos")


@dataclass(frozen=True)
class PerceptronConfig(RunConfig):
    """A perceptron features → width → width → width → classes with ReLU, trained by Adam along half a cosine.

    Attributes:
        dataset: a name that `load` takes.
        structure: of all layers but the last, which is dense and has biases. A layer from width to width has at most
            2 width^1.5 weights, as many as a Monarch product of √width blocks; other layers have the same share.
        width: of the three hidden levels.
        base_width: that for which the rate is meant: `parameter_groups` carries it over.
        learning_rate: of a dense matrix at the base width, at the start.
        epochs, batch_size, seed: as usual.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    structure: Annotated[str, one_of(*STRUCTURES)]
    width: Positive
    base_width: Positive
    learning_rate: PositiveFloat
    epochs: Positive
    batch_size: Positive
    seed: Natural


def train_perceptron(config: PerceptronConfig) -> Measured:
    """Train on one thread, with the compiled kernel where it serves, on features shifted and scaled as a whole.

    Returns:
        "weights"; "operations", multiply-accumulates for an image; "train_loss", the mean over the last epoch, None
        where it is not finite; "accuracy" on the test part.

    Raises:
        DataError: data files are missing or damaged.
    """
    instance("config", config, PerceptronConfig)
    data = load(config.dataset)
    network, base = (
        _network(data.features, width, data.classes, config) for width in (config.width, config.base_width)
    )
    optimiser = torch.optim.Adam(parameter_groups(network, config.learning_rate, base=base), fused=True)
    steps = config.epochs * math.ceil(len(data.train_y) / config.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = torch.Generator().manual_seed(config.seed)
    mean, std = data.train_x.mean(), data.train_x.std()
    total = 0.0
    with one_thread(kernel=True):
        for _ in range(config.epochs):
            total = 0.0
            for batch in torch.randperm(len(data.train_y), generator=order).split(config.batch_size):
                loss = functional.cross_entropy(network((data.train_x[batch] - mean) / std), data.train_y[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                total += loss.item() * len(batch)
        with torch.no_grad():
            outputs = network((data.test_x - mean) / std)
    return {
        "weights": weights(network),
        "operations": sum(parameter.numel() for parameter in network.parameters() if parameter.ndim > 1),
        "train_loss": total / len(data.train_y) if math.isfinite(total) else None,
        "accuracy": accuracy(outputs, data.test_y),
    }


def _network(features: int, width: int, classes: int, config: PerceptronConfig) -> nn.Module:
    generator = torch.Generator().manual_seed(config.seed)
    layers = [nn.Linear(inputs, width, bias=False) for inputs in (features, width, width)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
    hidden = nn.Sequential(*(module for layer in layers for module in (layer, nn.ReLU())))
    last = nn.Linear(width, classes)
    nn.init.normal_(last.weight, std=1 / width, generator=generator)
    nn.init.zeros_(last.bias)
    fewer = 1.0 if config.structure == "dense" else math.sqrt(width) / 2
    return nn.Sequential(restructured(hidden, config.structure, fewer, config.seed), last)


def reached(
    results: Results,
    dataset: str,
    widths: Mapping[str, Sequence[int]],
    rates: Sequence[float],
    epochs: int,
    seeds: int,
) -> pd.DataFrame:
    """Runs of all structures, each at the rate of least training loss at its first width with seed 0.

    Args:
        results: where runs are kept.
        dataset: a name that `load` takes.
        widths: of each structure, the first the base.
        rates: to try.
        epochs, seeds: how many.

    Returns:
        A row for each "structure", "width" and "seed": "learning_rate", "weights", "operations", "train_loss",
        "accuracy".
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    base = {
        name: PerceptronConfig(dataset, name, of[0], of[0], rates[0], epochs, 128, 0) for name, of in widths.items()
    }
    trials = [replace(config, learning_rate=rate) for config in base.values() for rate in rates]
    tried = _finished(results, trials, "rates of perceptrons")
    best = tried.loc[tried.groupby("structure")["train_loss"].idxmin()].set_index("structure")["learning_rate"]
    configs = [
        replace(base[name], width=width, learning_rate=float(best[name]), seed=seed)
        for name, of in widths.items()
        for width in of
        for seed in range(seeds)
    ]
    measured = ["learning_rate", "weights", "operations", "train_loss", "accuracy"]
    return _finished(results, configs, "perceptrons")[["structure", "width", "seed", *measured]]


def _finished(results: Results, configs: Sequence[PerceptronConfig], title: str) -> pd.DataFrame:
    """Records, with an infinite loss where it is not finite."""
    found = results.sweep(train_perceptron, configs, title)
    return found.assign(train_loss=found["train_loss"].astype(float).fillna(math.inf))


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Means of `reached` over seeds, a row for each structure and width.

    Returns:
        "structure", "width", "learning_rate", "weights", "operations", "train_loss" and "accuracy" with intervals
        ("train_loss_low" and so on), and "seeds".
    """
    by = ["structure", "width", "learning_rate", "weights", "operations"]
    losses, accuracies = (
        summarise(runs, by, name).rename(columns={end: f"{name}_{end}" for end in ("low", "high")})
        for name in ("train_loss", "accuracy")
    )
    return losses.drop(columns="seeds").merge(accuracies, on=by)


def less_lost(claim: str, runs: pd.DataFrame, structure: str) -> Verdict:
    """Verdict on "lower training loss than dense for the same operations": by seed, means over the widths.

    The dense loss at as many operations is read off straight lines between its widths, over the logarithm.

    Args:
        claim: key of the statement.
        runs: of `reached`.
        structure: that is compared; widths with operations beyond the dense ones do not count.
    """
    dense, ours = (runs[runs["structure"] == name].sort_values("operations") for name in ("dense", structure))
    ours = ours[ours["operations"].between(dense["operations"].min(), dense["operations"].max())]
    gains = []
    for seed, rows in ours.groupby("seed"):
        line = dense[dense["seed"] == seed]
        at_equal = np.interp(np.log(rows["operations"]), np.log(line["operations"]), line["train_loss"])
        gains.append(float((at_equal - rows["train_loss"]).mean()))
    widths = ", ".join(str(width) for width in sorted(set(ours["width"])))
    return higher(claim, gains, f"Means over widths of {widths}; training losses of the last epoch.")
