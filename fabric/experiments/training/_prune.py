"""Magnitude pruning of a trained dense network, with fine-tuning, in as many epochs as all other networks train.

The network trains dense for a third of the epochs. In the second third its smallest weights, whatever their layer, are
removed for good after each epoch, along a cubic schedule. In the last third what is left is tuned.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from torch import nn

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Rule, RunConfig, one_thread
from fabric.experiments.training._compress import MaskedLinear, remove_smallest, zero_removed
from fabric.experiments.training._train import fit_with_adam
from fabric.nn.init import sparse_glorot_uniform_


@dataclass(frozen=True)
class PruneConfig(RunConfig):
    """Everything that a run depends on; beside the pruning it is that of `TrainConfig`.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        widths: neurons per layer, features first.
        weights: how many are left at the end, biases not counted.
        epochs, batch_size, learning_rate, seed: as in `TrainConfig`.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    widths: Annotated[tuple[Positive, ...], Rule("a tuple of at least two positive integers", lambda w: len(w) > 1)]
    weights: Positive
    epochs: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural


def kept(weights: int, all_weights: int, epochs: int) -> list[int]:
    """Weights that are left after each epoch; the first epoch and those up to a third train all.

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


def prune(config: PruneConfig) -> Measured:
    """Train, prune and tune on one thread.

    Returns:
        "weights_left" (different from zero at the end), "accuracy" after the last epoch, "accuracy_by_epoch" (fractions
        of the test part) and "trained_weights": those that each epoch trained, all of them at first.

    Raises:
        ValueError: more weights than the network has, or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, PruneConfig)
    layers = [MaskedLinear(inputs, outputs) for inputs, outputs in pairwise(config.widths)]
    network = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    sparse_glorot_uniform_(network, generator=torch.Generator().manual_seed(config.seed))
    data = load(config.dataset).padded(config.widths[0])
    data.check_outputs(config.widths[-1])
    all_weights = sum(layer.weight.numel() for layer in layers)
    left = kept(config.weights, all_weights, config.epochs)
    steps_per_epoch = math.ceil(len(data.train_y) / config.batch_size)

    def after_step(step: int) -> None:
        if step % steps_per_epoch == 0:
            remove_smallest(layers, all_weights - left[step // steps_per_epoch - 1])
        zero_removed(layers)

    with one_thread():
        accuracies, _ = fit_with_adam(
            network, data, config.epochs, config.batch_size, config.learning_rate, config.seed, after_step
        )
    return {
        "weights_left": sum(int(layer.weight.count_nonzero()) for layer in layers),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        "trained_weights": [all_weights, *left[:-1]],
    }
