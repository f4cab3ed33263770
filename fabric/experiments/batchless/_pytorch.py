"""Training sample by sample in PyTorch, timed: what a processor's core does in the time of the machine."""

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.batchless._common import Checks, initial_weights, orders, stretches
from fabric.experiments.batchless._float32 import Float32Config, float32_network
from fabric.experiments.data import accuracy, load
from fabric.experiments.runs import Measured, RunConfig, one_thread


@dataclass(frozen=True)
class PytorchConfig(RunConfig):
    """A timed training run in PyTorch: batch size 1, plain gradient descent by autograd, one thread.

    Attributes:
        training: what is trained and how.
        checks: as in `fabric.experiments.machines.on_chip.OnChipConfig`.
    """

    recipe: ClassVar[int] = 1

    training: Float32Config
    checks: Checks


def train_pytorch(config: PytorchConfig) -> Measured:
    """Train and measure.

    Returns:
        "accuracy_by_check" and "seconds_by_check", the processor time of the training steps up to each check: time in
        which others had the core is not counted.

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, PytorchConfig)
    training = config.training
    data = load(training.dataset).hold_out(training.held_out).padded(training.cascades[0][0])
    data.check_outputs(training.cascades[-1][1])
    weights = [stage.astype(np.float32) for stage in initial_weights(training.cascades, training.seed)]
    network = float32_network(training.cascades, weights)
    targets = functional.one_hot(data.train_y, training.cascades[-1][1]).float()
    epochs = list(orders(training.seed, len(targets), len(training.rates)))
    seconds, accuracies, times = 0.0, [], []
    with one_thread():
        for epoch, part, checked in stretches(config.checks, len(targets), len(epochs)):
            order = epochs[epoch][part]
            x, wanted = data.train_x[order], targets[order]
            begin = time.process_time()
            _descend(network, x, wanted, 2.0 ** -training.rates[epoch])
            seconds += time.process_time() - begin
            if checked:
                with torch.no_grad():
                    accuracies.append(accuracy(network(data.test_x).numpy(), data.test_y.numpy()))
                times.append(seconds)
    return {"accuracy_by_check": accuracies, "seconds_by_check": times}


def _descend(network: nn.Module, x: Tensor, targets: Tensor, rate: float) -> None:
    """A step for each sample: x (samples, inputs), targets (samples, outputs)."""
    parameters: list[Tensor] = list(network.parameters())
    for sample, target in zip(x.split(1), targets.split(1), strict=True):
        loss = functional.binary_cross_entropy_with_logits(network(sample), target, reduction="sum")
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-rate)
