"""Training sample by sample in float32, by PyTorch: what fixed point is compared with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric.experiments.batchless import Cascade, accuracy, data_of, initial_weights, orders
from fabric.experiments.store import Record, run_key
from fabric.experiments.train import one_thread, padded
from fabric.nn import ClosLinear


@dataclass(frozen=True)
class Float32Config:
    """A training run in float32, batch size 1, plain gradient descent on the sum of the outputs' cross-entropies.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        cascades: (I, O, R_i, R_m, R_o), or (I, O) for a dense layer; features are padded with zeros to the first I.
        rates: of each epoch: the learning rate is 2 ** -rate.
        seed: of weights and order of samples.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: str
    cascades: tuple[Cascade, ...]
    rates: tuple[int, ...]
    seed: int
    held_out: int = 0


def train_float32(config: Float32Config) -> Record:
    """Train on one thread; the record holds the configuration, "key", "accuracy" after the last epoch and
    "accuracy_by_epoch" (fractions).

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    data = padded(data_of(config.dataset, config.held_out), config.cascades[0][0])
    network = float32_network(config.cascades, config.seed)
    targets = functional.one_hot(data.train_y, config.cascades[-1][1]).float()
    accuracies = []
    with one_thread():
        for rate, order in zip(config.rates, orders(config.seed, len(targets), len(config.rates)), strict=True):
            descend(network, data.train_x[order], targets[order], 2.0**-rate)
            with torch.no_grad():
                accuracies.append(accuracy(network(data.test_x).numpy(), data.test_y.numpy()))
    return {
        **asdict(config),
        "key": run_key(config),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
    }


def descend(network: nn.Module, x: Tensor, targets: Tensor, rate: float) -> None:
    """A step of gradient descent for each sample: x (samples, inputs), targets (samples, outputs)."""
    parameters = list(network.parameters())
    for sample, target in zip(x.split(1), targets.split(1), strict=True):
        loss = functional.binary_cross_entropy_with_logits(network(sample), target, reduction="sum")
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-rate)


def float32_network(cascades: Sequence[Cascade], seed: int) -> nn.Sequential:
    """The network up to its last sums, the sigmoid left out, with the weights of the seed."""
    layers = [(ClosLinear if len(cascade) == 5 else nn.Linear)(*cascade, bias=False) for cascade in cascades]
    network = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    with torch.no_grad():
        for parameter, weights in zip(network.parameters(), initial_weights(cascades, seed), strict=True):
            parameter.copy_(torch.from_numpy(weights).reshape(parameter.shape))
    return network
