"""Pruning a dense network while it trains, the smallest weights first (01_accuracy_vs_parameters, 19_edge_budget)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import pandas as pd
import torch
from torch import Tensor

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
from fabric.experiments.networks import Layer, build, one_hidden_layer
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Results, RunConfig, one_thread
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.training import TrainConfig, fit_network

FEATURES = 784


@dataclass(frozen=True)
class PruningConfig(RunConfig):
    """Everything that a run depends on: the recipe of `TrainConfig` for a dense network 784-hidden-10, and pruning.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        hidden: neurons of the hidden layer.
        weights: how many are left at the end, the largest of the whole network; see `kept` for when others go.
        epochs, batch_size, learning_rate, seed, held_out: as in `TrainConfig`; the epochs hold training, pruning and
            tuning.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    hidden: Positive
    weights: Positive
    epochs: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural
    held_out: Natural = 0


def prune(config: PruningConfig) -> Measured:
    """Train, prune and tune on one thread.

    Returns:
        "label", "accuracy" after the last epoch and "accuracy_by_epoch" (fractions of the tested part).

    Raises:
        ValueError: more weights than the network has, or the network does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, PruningConfig)
    dense = one_hidden_layer(Layer("dense", (FEATURES, config.hidden)))
    training = TrainConfig(config.dataset, dense, config.epochs, config.batch_size, config.learning_rate, config.seed)
    network = build(dense, training.initialization, training.seed)
    weights = [values for name, values in network.named_parameters() if not name.endswith("bias")]
    masks = [torch.ones_like(values, dtype=torch.bool) for values in weights]
    left = kept(config.weights, sum(values.numel() for values in weights), config.epochs)
    data = load(config.dataset).hold_out(config.held_out).padded(FEATURES)
    steps = math.ceil(len(data.train_y) / config.batch_size)

    @torch.no_grad()
    def remove(step: int) -> None:
        for values, mask in zip(weights, masks, strict=True):
            values.mul_(mask)
        epoch, within = divmod(step, steps)
        if within == 0:
            keep_largest(weights, masks, left[epoch - 1])

    with one_thread():
        accuracies, _ = fit_network(network, data, training, remove)
    return {
        "label": f"{FEATURES}-{config.hidden}-10 pruned to {config.weights:,}",
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
    }


def keep_largest(weights: Sequence[Tensor], masks: Sequence[Tensor], count: int) -> None:
    """Keep the `count` largest magnitudes of all weights together: all others become zero, in weights and masks."""
    sizes = torch.cat([values.abs().flatten() for values in weights])
    least = sizes.topk(count).values[-1]
    for values, mask in zip(weights, masks, strict=True):
        mask &= values.abs() >= least
        values *= mask


def prune_all(
    results: Results,
    weights: Sequence[int],
    dataset: str,
    hidden: int,
    rates: Sequence[float],
    tuning: tuple[int, int, int],
    epochs: int,
    batch_size: int,
    seeds: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Prune to each number of weights, at the learning rate that does best on training samples set aside.

    Args:
        results: where runs are kept.
        weights, dataset, hidden, epochs, batch_size: as in `PruningConfig`.
        rates: the candidates.
        tuning: epochs, seeds and samples set aside of the runs that choose the rate; these runs prune, too.
        seeds: runs for each number of weights, seeds 0, 1, ...

    Returns:
        One record per run, with "method" "magnitude_pruning" and "target"; and the trials as of
        `comparison.choose_learning_rates`.
    """
    not_empty(weights=weights, rates=rates)
    positive(seeds=seeds)
    short, tried, held_out = tuning
    positive(**{"tuning's seeds": tried})
    configs = [
        PruningConfig(dataset, hidden, count, short, batch_size, rate, seed, held_out)
        for count, rate, seed in product(weights, rates, range(tried))
    ]
    found = results.sweep(prune, configs, title="learning rates of pruning")
    trials = found.groupby(["weights", "label", "learning_rate"], as_index=False)["accuracy"].mean()
    trials["chosen"] = trials.index.isin(trials.groupby("weights")["accuracy"].idxmax())
    best = trials[trials["chosen"]].set_index("weights")["learning_rate"]
    configs = [
        PruningConfig(dataset, hidden, count, epochs, batch_size, float(best[count]), seed)
        for seed, count in product(range(seeds), weights)
    ]
    records = results.sweep(prune, configs, title="pruning")
    records = records.assign(method="magnitude_pruning", target=records["weights"])
    return records, trials.drop(columns="weights").rename(columns={"accuracy": "held_out_accuracy"})


def spent_on_pruned(weights: int, all_weights: int, epochs: int) -> float:
    """Share of all updates of weights that go to those which pruning by the schedule of `kept` removes later.

    Args:
        weights: how many are left at the end.
        all_weights: of the dense network.
        epochs: of the whole training.
    """
    trained = [all_weights, *kept(weights, all_weights, epochs)[:-1]]
    return 1 - weights * epochs / sum(trained)


def kept(weights: int, all_weights: int, epochs: int) -> list[int]:
    """Weights that are left after each epoch of training with magnitude pruning, along a cubic schedule.

    The first third of the epochs trains all, the second removes the smallest after each epoch, the last tunes.

    Raises:
        ValueError: more weights than there are.
    """
    if not 1 <= weights <= all_weights:
        raise ValueError(f"weights must be from 1 to the network's {all_weights:,}, got {weights!r}")
    first, last = epochs // 3, max(1, 2 * epochs // 3)
    left = []
    for epoch in range(1, epochs + 1):
        progress = min(1.0, max(0.0, (epoch - first) / max(1, last - first))) if epoch < epochs else 1.0
        left.append(weights + round((all_weights - weights) * (1 - progress) ** 3))
    return left
