"""Training one network: configuration in, accuracy out."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Dataset, DatasetName, accuracy, load
from fabric.experiments.networks import INITIALIZATIONS, Network, build, label, topologies
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Rule, RunConfig, one_of, one_thread


@dataclass(frozen=True)
class TrainConfig(RunConfig):
    """Everything that a training run depends on.

    Cross-entropy, Adam with its default momenta, learning rate decayed to zero along a cosine, no augmentation, no
    weight decay. Features are padded with zeros to the first layer's inputs (ClosNets, section IV).

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        network: layers, inputs first.
        epochs, batch_size: as usual; a last batch that is not full is trained on too.
        learning_rate: of the first step.
        seed: of topology, weights and order of samples.
        initialization: a key of `fabric.experiments.networks.INITIALIZATIONS`.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    network: Annotated[Network, Rule("a tuple of at least one Layer", bool)]
    epochs: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural
    initialization: Annotated[str, one_of(*INITIALIZATIONS)] = "sparse_glorot_uniform"
    held_out: Natural = 0


def train(config: TrainConfig) -> Measured:
    """Train on one thread (the number of threads changes the bits).

    Returns:
        "label", "weights" (without biases), "accuracy" after the last epoch, "accuracy_by_epoch" (fractions of the
        tested part) and "train_loss", the mean over the last epoch's samples, None where it is not finite.

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    network, accuracies, loss = _trained(config)
    return {
        "label": label(config.network),
        "weights": sum(topology.parameters for topology in topologies(network)),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        "train_loss": loss if math.isfinite(loss) else None,
    }


def trained_network(config: TrainConfig) -> nn.Sequential:
    """The network whose accuracies `train` gives, layers and ReLU in turn; errors as for `train`."""
    return _trained(config)[0]


def _trained(config: TrainConfig) -> tuple[nn.Sequential, list[float], float]:
    instance("config", config, TrainConfig)
    network = build(config.network, config.initialization, config.seed)
    trained = topologies(network)
    data = load(config.dataset).hold_out(config.held_out)
    data.check_outputs(trained[-1].outputs)
    data = data.padded(trained[0].inputs)
    with one_thread():
        return network, *fit_network(network, data, config)


def fit_network(
    network: nn.Sequential, data: Dataset, config: TrainConfig, after_step: Callable[[int], None] = lambda step: None
) -> tuple[list[float], float]:
    """Train in place by the recipe of `TrainConfig`, on as many threads as there are.

    Args:
        network, data: which fit.
        config: epochs, batch size, learning rate and seed of the order are taken from it.
        after_step: called with the number of steps done, after each.

    Returns:
        The test accuracy after every epoch (fractions) and the mean training loss of the last.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    steps = config.epochs * math.ceil(len(data.train_y) / config.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    order = torch.Generator().manual_seed(config.seed)
    accuracies = []
    done = 0
    for _ in range(config.epochs):
        network.train()
        total = torch.zeros(())
        for batch in torch.randperm(len(data.train_y), generator=order).split(config.batch_size):
            loss = functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            done += 1
            after_step(done)
            total += loss.detach() * len(batch)
        accuracies.append(accuracy(outputs_of(network, data.test_x, 2048), data.test_y))
    return accuracies, float(total) / len(data.train_y)


def outputs_of(network: nn.Module, x: Tensor, batch_size: int) -> Tensor:
    """What a network says of each sample once it is trained, (samples, outputs), in batches of this size."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(part) for part in x.split(batch_size)])
