"""Networks with pre-defined sparse classification layers, trained after the published recipe of Dey and others."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import positive_int
from fabric.experiments.data import Dataset, load
from fabric.experiments.networks import Layer, Network, Trunk, build, label
from fabric.experiments.runs import Record, one_thread, run_key
from fabric.experiments.training._train import padded

# The training recipe of souryadey/predefinedsparse-nnets.
BIAS, LEARNING_RATE, DECAY, BATCH_SIZE = 0.1, 1e-3, 1e-5, 256


def classification_layers(
    widths: Sequence[int], fan_outs: Sequence[int], pattern: str = "structured", parallelism: int | None = None
) -> Network:
    """The classification layers of the given widths, one fan-out per junction; full fan-outs make dense layers.

    `pattern` and `parallelism` are those of `topology.predefined`, for every junction that is not dense.

    Raises:
        ValueError: a number of fan-outs that is not one less than that of widths.
    """
    if len(fan_outs) != len(widths) - 1:
        raise ValueError(f"fan_outs must hold one per junction of {len(widths)} layers, got {len(fan_outs)}")
    layers = []
    for (inputs, outputs), fan_out in zip(pairwise(widths), fan_outs, strict=True):
        lanes = () if parallelism is None else (parallelism,)
        kind = ("structured",) if fan_out == outputs else (pattern, *lanes)
        layers.append(Layer("predefined", (inputs, outputs, fan_out, *kind)))
    return tuple(layers)


@dataclass(frozen=True)
class ClassifierConfig:
    """Everything that a training run depends on.

    He-normal weights, biases of the classification layers 0.1, ReLU, cross-entropy, Adam with learning rate
    0.001 / (1 + 0.00001 · step), batches of 256. Features are padded with zeros to the inputs of the first layer.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        network: the classification layers, features first.
        epochs: passes over the training part; a last batch that is not full is trained on too.
        seed: of patterns, weights and order of samples.
        trunk: the convolutional layers before the classification layers, or None.
        l2: times the sum of the squared weights of the classification layers is added to the loss.
    """

    recipe: ClassVar[int] = 1

    dataset: str
    network: Network
    epochs: int
    seed: int
    trunk: Trunk | None = None
    l2: float = 0.0

    def __post_init__(self) -> None:
        positive_int("epochs", self.epochs)
        if type(self.seed) is not int or self.seed < 0:
            raise ValueError(f"seed must be an integer from 0, got {self.seed!r}")
        if not 0 <= self.l2 < math.inf:
            raise ValueError(f"l2 must be a finite number of at least 0, got {self.l2!r}")
        layers = self.network if isinstance(self.network, tuple) else ()
        if not layers or not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError(f"network must be a tuple of at least one Layer, got {self.network!r}")


def classify(config: ClassifierConfig) -> Record:
    """Train on one thread, or on the device that the environment variable FABRIC_DEVICE names; return the record.

    The record holds the configuration, "key", "label", "weights" and "density" of the classification layers (biases
    not counted), "accuracy" after the last epoch, "accuracy_by_epoch" (fractions of the test part), and what the
    classification layers hold in memory while they train: "training_bytes" and "index_bytes" of `held_bytes`.

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    key = run_key(config)
    layers = build(config.network, "he_normal", config.seed)
    set_biases(layers)
    data = load(config.dataset)
    classes = int(data.train_y.max()) + 1
    if layers[-1].out_features < classes:
        raise ValueError(f"network must have at least {classes} outputs, its last layer has {layers[-1].out_features}")
    if config.trunk is None:
        data = padded(data, layers[0].in_features)
        network = nn.Sequential(layers)
    else:
        _check_trunk(config.trunk, data, layers)
        network = nn.Sequential(config.trunk.build(torch.Generator().manual_seed(config.seed)), layers)
    with one_thread():
        optimizer = adam(network, layers, config.l2)
        accuracies = fit(network, optimizer, data, config.epochs, config.seed)
    topologies = [layer.build(np.random.default_rng(0)) for layer in config.network]
    edges = sum(t.parameters for t in topologies)
    return {
        **asdict(config),
        "key": key,
        "label": label(config.network),
        "weights": edges,
        "density": edges / sum(t.inputs * t.outputs for t in topologies),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        **held_bytes(layers, optimizer),
    }


def _check_trunk(trunk: Trunk, data: Dataset, layers: nn.Sequential) -> None:
    side, channels = trunk.image
    given, taken = data.train_x.shape[1], channels * side**2
    if given != taken:
        raise ValueError(f"trunk must take the data's {given} features, its images have {taken}")
    given, taken = trunk.counts()[2], layers[0].in_features
    if given != taken:
        raise ValueError(f"network must take the {given} features of the trunk, its first layer has {taken}")


def set_biases(layers: nn.Module) -> None:
    """Set every bias to the recipe's 0.1."""
    for name, values in layers.named_parameters():
        if name.endswith("bias"):
            nn.init.constant_(values, BIAS)


def adam(network: nn.Module, layers: nn.Module, l2: float = 0.0) -> torch.optim.Adam:
    """Adam for all of `network`; the weights of `layers` also follow the gradient of `l2` times their squares."""
    penalised = [values for name, values in layers.named_parameters() if not name.endswith("bias")]
    others = [values for values in network.parameters() if not any(values is other for other in penalised)]
    groups = [{"params": penalised, "weight_decay": 2 * l2}, {"params": others}]
    return torch.optim.Adam(groups, lr=LEARNING_RATE, fused=True)


def fit(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Dataset,
    epochs: int,
    seed: int,
    after_step: Callable[[int], None] = lambda step: None,
) -> list[float]:
    """Train and return the test accuracy after every epoch, as fractions.

    Args:
        network, optimizer: trained in place.
        data: features and labels.
        epochs: passes over the training part.
        seed: of the order of samples.
        after_step: called with the number of steps done, after each.
    """
    device = torch.device(os.environ.get("FABRIC_DEVICE", "cpu"))
    network.to(device)
    train_x, train_y, test_x, test_y = (
        part.to(device) for part in (data.train_x, data.train_y, data.test_x, data.test_y)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + DECAY * step))
    order = torch.Generator().manual_seed(seed)
    accuracies = []
    steps = 0
    for _ in range(epochs):
        network.train()
        for batch in torch.randperm(len(train_y), generator=order).split(BATCH_SIZE):
            batch = batch.to(device)
            loss = functional.cross_entropy(network(train_x[batch]), train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            steps += 1
            after_step(steps)
        accuracies.append(accuracy(network, test_x, test_y))
    return accuracies


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Fraction of samples whose largest output is their label."""
    network.eval()
    with torch.no_grad():
        parts = zip(x.split(BATCH_SIZE), y.split(BATCH_SIZE), strict=True)
        return sum(int((network(part).argmax(1) == wanted).sum()) for part, wanted in parts) / len(y)


def held_bytes(layers: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Bytes that some layers hold between two training steps, counted tensor by tensor after a step.

    Returns:
        "training_bytes": parameters, gradients and optimiser state; "index_bytes": everything that says which weight
        belongs where, such as edge lists and masks.
    """
    trained = 0
    for values in layers.parameters():
        state = [entry for entry in optimizer.state[values].values() if isinstance(entry, Tensor) and entry.dim()]
        trained += sum(tensor.numel() * tensor.element_size() for tensor in (values, values.grad, *state))
    indices = sum(buffer.numel() * buffer.element_size() for buffer in layers.buffers())
    return {"training_bytes": trained, "index_bytes": indices}
