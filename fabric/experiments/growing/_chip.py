"""A cascade that grows on the training machine: a new program and carried-over weights between two epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np

from fabric._checks import instance
from fabric.experiments.batchless import FixedPointConfig, OneTorus, orders, samples, stored_weights
from fabric.experiments.data import accuracy, load
from fabric.experiments.runs import Measured, Positive, Rule, RunConfig
from fabric.hardware import cycles


@dataclass(frozen=True)
class ChipGrowthConfig(RunConfig):
    """A training of the golden model that follows the machine bit for bit.

    Attributes:
        training: what is trained and how; its first cascade has the middle routers of the last epoch.
        middle_routers: of the first cascade in each epoch, never fewer than before.
    """

    recipe: ClassVar[int] = 1

    training: FixedPointConfig
    middle_routers: Annotated[tuple[Positive, ...], Rule("a tuple of at least one positive integer", bool)]

    def __post_init__(self) -> None:
        super().__post_init__()
        given, epochs, last = self.middle_routers, len(self.training.rates), self.training.cascades[0][3:4]
        if len(given) != epochs or given[-1:] != last or any(after < before for before, after in pairwise(given)):
            wanted = (
                f"{epochs} numbers, one an epoch, that never fall and end with {last[0] if last else 'a Clos cascade'}"
            )
            raise ValueError(f"middle_routers must be {wanted}, got {given}")

    def of(self, epoch: int) -> FixedPointConfig:
        """The training with the cascade of an epoch."""
        inputs, outputs, input_routers, _, output_routers = self.training.cascades[0]
        first = (inputs, outputs, input_routers, self.middle_routers[epoch], output_routers)
        return replace(self.training, cascades=(first, *self.training.cascades[1:]))


def grown_weights(old: Sequence[np.ndarray], fresh: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Stored weights of a network whose first cascade gains middle routers and whose outputs stay, bit for bit.

    Args:
        old: of the smaller network.
        fresh: of a network of the larger form; new routers take theirs, but for the last stage, which gets zeros.
    """
    first, middle, last = (weights.copy() for weights in fresh[:3])
    count = len(old[1])
    first[:, :count] = old[0]
    middle[:count] = old[1]
    last[:, :, :count] = old[2]
    last[:, :, count:] = 0
    return [first, middle, last, *old[3:]]


def enter(config: ChipGrowthConfig, epoch: int, weights: Sequence[np.ndarray]) -> OneTorus:
    """The network of an epoch with the weights of the one before; its random generators start anew."""
    training = config.of(epoch)
    torus = OneTorus(training)
    if config.middle_routers[epoch] > len(weights[1]):
        weights = grown_weights(weights, stored_weights(replace(training, seed=training.seed + 1)))
    torus.golden.load(weights)
    return torus


def train_growing_chip(config: ChipGrowthConfig) -> Measured:
    """Train with the golden model.

    Returns:
        "accuracy" at the end and "accuracy_by_epoch" (fractions of the tested part), "updates" (edges times samples of
        all epochs), "cycles" of the machine for all samples, "changed" (words of outputs for the tested part that
        growing has changed).

    Raises:
        ValueError: the configuration does not fit the data or the machine.
        DataError: data files are missing or damaged.
    """
    instance("config", config, ChipGrowthConfig)
    training = config.training
    data = load(training.dataset).hold_out(training.held_out)
    x, targets, test_x = samples(data, training.cascades, training.fixed_point)
    weights = stored_weights(config.of(0))
    accuracies, changed, updates, spent = [], 0, 0, 0
    before = None
    for epoch, order in enumerate(orders(training.seed, len(x), len(training.rates))):
        torus = enter(config, epoch, weights)
        if before is not None:
            changed += int((torus.classify(test_x) != before).sum())
        torus.train(x[order], targets[order], training.rates[epoch])
        before, weights = torus.classify(test_x), torus.weights()
        accuracies.append(accuracy(before, data.test_y.numpy()))
        updates += torus.mapping.edges * len(x)
        spent += cycles(torus.training).total(len(x))
    return {
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        "updates": updates,
        "cycles": spent,
        "changed": changed,
    }
