"""Networks with pre-defined sparse classification layers, trained after the published recipe of Dey and others."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import function, instance, number, positive_int, positive_number, sequence, size
from fabric._checks import seed as checked_seed
from fabric.experiments.data import Dataset, DatasetName, accuracy, load
from fabric.experiments.networks import Layer, Network, Trunk, build, label, topologies
from fabric.experiments.runs import Measured, Natural, NaturalFloat, Positive, Rule, RunConfig, one_thread
from fabric.experiments.training._train import outputs_of
from fabric.topology.junctions import check_pattern

# The training recipe of souryadey/predefinedsparse-nnets.
BIAS, LEARNING_RATE, DECAY, BATCH_SIZE = 0.1, 1e-3, 1e-5, 256


def classification_layers(
    widths: Sequence[int], fan_outs: Sequence[int], pattern: str = "structured", parallelism: int | None = None
) -> Network:
    """The classification layers of the given widths, one fan-out per junction; full fan-outs make dense layers.

    `pattern` and `parallelism` are those of `topology.predefined`, for every junction that is not dense.

    Raises:
        ValueError: an argument of another kind, or a number of fan-outs that is not one less than that of widths.
    """
    for name, values in (("widths", widths), ("fan_outs", fan_outs)):
        for value in sequence(name, values, "positive integers"):
            size(name, value)
    if not 0 < len(fan_outs) == len(widths) - 1:
        raise ValueError(
            f"fan_outs must hold one for each junction between the {len(widths)} widths, got {len(fan_outs)}"
        )
    check_pattern(pattern)
    if parallelism is not None:
        positive_int("parallelism", parallelism)
    layers = []
    for (inputs, outputs), fan_out in zip(pairwise(widths), fan_outs, strict=True):
        lanes = () if parallelism is None else (parallelism,)
        kind = ("structured",) if fan_out == outputs else (pattern, *lanes)
        layers.append(Layer("predefined", (inputs, outputs, fan_out, *kind)))
    return tuple(layers)


@dataclass(frozen=True)
class ClassifierConfig(RunConfig):
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

    dataset: DatasetName
    network: Annotated[tuple[Layer, ...], Rule("a tuple of at least one Layer", bool)]
    epochs: Positive
    seed: Natural
    trunk: Trunk | None = None
    l2: NaturalFloat = 0.0


def classify(config: ClassifierConfig) -> Measured:
    """Train on one thread, or on the device that the environment variable FABRIC_DEVICE names.

    Returns:
        "label", "weights" and "density" of the classification layers (biases not counted), "accuracy" after the last
        epoch, "accuracy_by_epoch" (fractions of the test part), and what the classification layers hold in memory while
        they train: "training_bytes" and "index_bytes" of `held_bytes`.

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, ClassifierConfig)
    layers = build(config.network, "he_normal", config.seed)
    set_biases(layers)
    data = load(config.dataset)
    trained = topologies(layers)
    data.check_outputs(trained[-1].outputs)
    if config.trunk is None:
        data = data.padded(trained[0].inputs)
        network = nn.Sequential(layers)
    else:
        _check_trunk(config.trunk, data, trained[0].inputs)
        network = nn.Sequential(config.trunk.build(torch.Generator().manual_seed(config.seed)), layers)
    with one_thread():
        optimizer = adam(network, layers, config.l2)
        accuracies = fit(network, optimizer, data, config.epochs, config.seed)
    edges = sum(t.parameters for t in trained)
    return {
        "label": label(config.network),
        "weights": edges,
        "density": edges / sum(t.inputs * t.outputs for t in trained),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        **held_bytes(layers, optimizer),
    }


def _check_trunk(trunk: Trunk, data: Dataset, inputs: int) -> None:
    side, channels = trunk.image
    if data.image != (channels, side, side):
        raise ValueError(f"trunk must take the data's images {data.image}, it takes {(channels, side, side)}")
    _, _, features = trunk.counts()
    if features != inputs:
        raise ValueError(f"network must take the {features} features of the trunk, its first layer has {inputs}")


def set_biases(layers: nn.Module) -> None:
    """Set every bias to the recipe's 0.1."""
    for name, values in instance("layers", layers, nn.Module).named_parameters():
        if name.endswith("bias"):
            nn.init.constant_(values, BIAS)


def adam(
    network: nn.Module, layers: nn.Module, l2: float = 0.0, learning_rate: float = LEARNING_RATE
) -> torch.optim.Adam:
    """Adam for all of `network`; the weights of `layers` also follow the gradient of `l2` times their squares."""
    instance("network", network, nn.Module)
    instance("layers", layers, nn.Module)
    number("l2", l2, least=0)
    positive_number("learning_rate", learning_rate)
    penalised = [values for name, values in layers.named_parameters() if not name.endswith("bias")]
    others = [values for values in network.parameters() if not any(values is other for other in penalised)]
    groups: list[dict[str, Any]] = [{"params": penalised, "weight_decay": 2 * l2}, {"params": others}]
    return torch.optim.Adam(groups, lr=learning_rate, fused=True)


def fit(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Dataset,
    epochs: int,
    seed: int,
    after_step: Callable[[int], None] = lambda step: None,
    batch_size: int = BATCH_SIZE,
) -> list[float]:
    """Train and return the test accuracy after every epoch, as fractions.

    Args:
        network, optimizer: trained in place.
        data: features and labels.
        epochs: passes over the training part.
        seed: of the order of samples.
        after_step: called with the number of steps done, after each.
        batch_size: samples of a step; a last batch that is not full is trained on too.

    Raises:
        ValueError: an argument of another kind, or below what it must be.
    """
    instance("network", network, nn.Module)
    instance("optimizer", optimizer, torch.optim.Optimizer)
    instance("data", data, Dataset)
    positive_int("epochs", epochs)
    checked_seed(seed)
    positive_int("batch_size", batch_size)
    function("after_step", after_step)
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
        for batch in torch.randperm(len(train_y), generator=order).split(batch_size):
            batch = batch.to(device)
            loss = functional.cross_entropy(network(train_x[batch]), train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            steps += 1
            after_step(steps)
        accuracies.append(accuracy(outputs_of(network, test_x, BATCH_SIZE), test_y))
    return accuracies


def held_bytes(layers: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Bytes that some layers hold between two training steps, counted tensor by tensor after a step.

    Returns:
        "training_bytes": parameters, gradients and optimiser state; "index_bytes": everything that says which weight
        belongs where, such as edge lists and masks.
    """
    instance("layers", layers, nn.Module)
    instance("optimizer", optimizer, torch.optim.Optimizer)
    trained = 0
    for values in layers.parameters():
        state = [entry for entry in optimizer.state[values].values() if isinstance(entry, Tensor) and entry.dim()]
        gradients = [] if values.grad is None else [values.grad]
        trained += sum(tensor.nbytes for tensor in (values, *gradients, *state))
    indices = sum(buffer.nbytes for buffer in layers.buffers())
    return {"training_bytes": trained, "index_bytes": indices}
