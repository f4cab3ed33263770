"""Whether the best learning rate of a narrow network is that of a wide one (notebook 30_transformer)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Results, RunConfig, one_of, one_thread
from fabric.nn import fewer, parameter_groups, replace

FEWER = 8.0  # times, in the hidden layer of a Clos network


@dataclass(frozen=True)
class RateConfig(RunConfig):
    """A perceptron features → width → width → classes with ReLU, trained by Adam at a constant rate.

    Attributes:
        dataset: a name that `load` takes.
        structure: of the layer from width to width, "dense" or "clos".
        width: of both hidden levels.
        base_width: that for which the rate is meant: `parameter_groups` carries it over. None: one rate for all.
        learning_rate, epochs, batch_size, seed: as usual.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    structure: Annotated[str, one_of("dense", "clos")]
    width: Positive
    base_width: Positive | None
    learning_rate: PositiveFloat
    epochs: Positive
    batch_size: Positive
    seed: Natural


def train_at_rate(config: RateConfig) -> Measured:
    """Train.

    Returns:
        "train_loss", the mean over the last epoch, None where it is not finite.

    Raises:
        DataError: data files are missing or damaged.
    """
    instance("config", config, RateConfig)
    data = load(config.dataset)
    network, base = (
        None if width is None else _network(data.features, width, data.classes, config)
        for width in (config.width, config.base_width)
    )
    assert network is not None  # as it has a width
    given = network.parameters() if base is None else parameter_groups(network, config.learning_rate, base=base)
    optimiser = torch.optim.Adam(given, lr=config.learning_rate, fused=True)
    order = torch.Generator().manual_seed(config.seed)
    total = 0.0
    with one_thread():
        for _ in range(config.epochs):
            total = 0.0
            for batch in torch.randperm(len(data.train_y), generator=order).split(config.batch_size):
                loss = functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item() * len(batch)
    mean = total / len(data.train_y)
    return {"train_loss": mean if math.isfinite(mean) else None}


def _network(features: int, width: int, classes: int, config: RateConfig) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = nn.Sequential(
            nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes)
        )
        if config.structure == "dense":
            return network
        return replace(network, fewer(FEWER, at_least=1, skip=["0", "4"])).model


def by_rate(
    results: Results, dataset: str, widths: Sequence[int], rates: Sequence[float], epochs: int, seeds: int
) -> pd.DataFrame:
    """Losses of every structure and width at every rate, without and with the rates of `parameter_groups`.

    Args:
        results: where runs are kept.
        dataset: a name that `load` takes.
        widths: the first is the base.
        rates: to try.
        epochs, seeds: how many.

    Returns:
        "structure", "carried" (whether by `parameter_groups`), "width", "learning_rate", "train_loss", the mean over
        seeds, infinite where one run ended so.
    """
    configs = [
        RateConfig(dataset, structure, width, base, rate, epochs, 64, seed)
        for structure in ("dense", "clos")
        for base in (None, widths[0])
        for width in widths
        for rate in rates
        for seed in range(seeds)
    ]
    found = results.sweep(train_at_rate, configs, "rates by width")
    found["carried"] = found["base_width"].notna()
    found["train_loss"] = found["train_loss"].astype(float).fillna(math.inf)
    return found.groupby(["structure", "carried", "width", "learning_rate"], as_index=False)["train_loss"].mean()


def best_rates(table: pd.DataFrame, base: int) -> pd.DataFrame:
    """For every line of `by_rate` the best rate, and what the best rate of the base width costs at this width.

    Returns:
        "structure", "carried", "width", "best_rate", "train_loss" at it, "at_base_rate", the loss at the base's best
        rate over that at the best one.
    """
    rows = []
    for (structure, carried), group in table.groupby(["structure", "carried"]):
        losses = group.pivot(index="learning_rate", columns="width", values="train_loss")
        for width in losses:
            best = losses[width].idxmin()
            rows.append(
                {
                    "structure": structure,
                    "carried": carried,
                    "width": width,
                    "best_rate": best,
                    "train_loss": losses.loc[best, width],
                    "at_base_rate": losses.loc[losses[base].idxmin(), width] / losses.loc[best, width],
                }
            )
    return pd.DataFrame(rows)
