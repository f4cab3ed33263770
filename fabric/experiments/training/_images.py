"""Training convolutional networks in which cascades take the place of dense kernels."""

import math
import os
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Dataset, DatasetName, accuracy, load
from fabric.experiments.networks import INITIALIZATIONS, MobileNet, SmallConvNet, normalise_between
from fabric.experiments.runs import (
    Measured,
    Natural,
    NaturalFloat,
    Positive,
    PositiveFloat,
    RunConfig,
    one_of,
    one_thread,
)
from fabric.experiments.training._train import outputs_of
from fabric.nn import backend, parameter_groups
from fabric.nn.convolution._conv import StructuredConv2d

OPTIMIZERS = ("sgd", "adamw")
MOMENTUM, WARM_UP = 0.9, 0.2  # the share of steps in which the rate rises
_TESTED_AT_ONCE = 500


@dataclass(frozen=True)
class ImageConfig(RunConfig):
    """Everything that the training of a convolutional network depends on.

    Cross-entropy, no augmentation. The rate rises linearly over a fifth of the steps and falls to zero along half a
    cosine. Weight decay spares biases and normalisations.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes, of images.
        network: for images of the data's shape.
        samples: the training part is cut to its first so many images.
        epochs, batch_size: as usual; a last batch that is not full is left out.
        optimizer: "sgd", with Nesterov momentum 0.9, or "adamw" with the rates of `fabric.nn.parameter_groups`.
        learning_rate, weight_decay: at the peak.
        seed: of topologies, weights and order of samples.
        factor_rate: multiplies the rate of the factors of cascades.
        initialization: of cascades and classifier, a key of `fabric.experiments.networks.INITIALIZATIONS`.
        between: whether the stages of cascades are normalised, see `fabric.experiments.networks.normalise_between`.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    network: MobileNet | SmallConvNet
    samples: Positive
    epochs: Positive
    batch_size: Positive
    optimizer: Annotated[str, one_of(*OPTIMIZERS)]
    learning_rate: PositiveFloat
    weight_decay: NaturalFloat
    seed: Natural
    factor_rate: PositiveFloat = 1.0
    initialization: Annotated[str, one_of(*INITIALIZATIONS)] = "sparse_glorot_uniform"
    between: bool = False
    held_out: Natural = 0


def train_images(config: ImageConfig) -> Measured:
    """Train on one thread by the compiled kernel where there is one, or on the device that FABRIC_DEVICE names.

    Returns:
        "parameters" (all trainable numbers, without the padding of uneven routers), "accuracy" after the last epoch,
        a fraction of the tested part, "train_loss", the mean over the last epoch's samples, None where it is not
        finite, and "path", what computed the cascades.

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, ImageConfig)
    data = images(config)
    network = built(config)
    with one_thread(kernel=True):
        loss = fit(network, data, config)
        tested = test(network, data)
    return {
        "parameters": trainable(network),
        "accuracy": tested,
        "train_loss": loss if math.isfinite(loss) else None,
        "path": path(network),
    }


def images(config: ImageConfig) -> Dataset:
    """The data of a configuration; ValueError where they are no images that its network takes."""
    data = load(config.dataset).hold_out(config.held_out).first(config.samples)
    side, channels = config.network.image
    if data.image != (channels, side, side):
        raise ValueError(f"network must take the data's images {data.image}, it takes {(channels, side, side)}")
    if config.batch_size > len(data.train_y):
        raise ValueError(f"batch_size must be at most the {len(data.train_y)} samples, got {config.batch_size}")
    data.check_outputs(config.network.classes)
    return data


def built(config: ImageConfig) -> nn.Sequential:
    """The network of a configuration, initialised."""
    network = config.network.build(config.seed, config.initialization)
    if not config.between:
        return network
    network = normalise_between(network)
    INITIALIZATIONS[config.initialization](network, generator=torch.Generator().manual_seed(config.seed))
    return network


def fit(network: nn.Module, data: Dataset, config: ImageConfig) -> float:
    """Train in place; the mean loss over the last epoch."""
    assert data.image is not None
    device = torch.device(os.environ.get("FABRIC_DEVICE", "cpu"))
    network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    x, y = data.train_x.unflatten(1, data.image).to(device, memory_format=torch.channels_last), data.train_y.to(device)
    optimizer = _optimizer(network, config)
    steps = config.epochs * (len(y) // config.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share_of_peak(step / steps))
    order = torch.Generator().manual_seed(config.seed)
    losses: list[Tensor] = []
    for _ in range(config.epochs):
        losses = []
        for batch in torch.randperm(len(y), generator=order).to(device).split(config.batch_size):
            if len(batch) < config.batch_size:
                break
            images = x[batch].contiguous(memory_format=torch.channels_last)
            loss = functional.cross_entropy(network(images), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def test(network: nn.Module, data: Dataset) -> float:
    """Accuracy on the test part, a fraction."""
    assert data.image is not None
    device = next(network.parameters()).device
    x = data.test_x.unflatten(1, data.image).to(device, memory_format=torch.channels_last)
    return accuracy(outputs_of(network, x, _TESTED_AT_ONCE).cpu(), data.test_y)


def trainable(network: nn.Module) -> int:
    """All trainable numbers; entries of uneven routers that stand for no edge are left out."""
    padding = 0
    for part in network.modules():
        if isinstance(part, StructuredConv2d):
            stages = part.stage_weights()
            padding += sum(stage.weight.numel() - stage.connections for stage in stages)
    return sum(values.numel() for values in network.parameters()) - padding


def path(network: nn.Module) -> str:
    """What computes the cascades of a network: a kernel by its name, the reference and why, a device, or no cascade."""
    device = next(network.parameters()).device
    if device.type != "cpu":
        return str(device)
    parts = [part for part in network.modules() if isinstance(part, StructuredConv2d)]
    served = {
        backend(part.cascade) if part.spatial in ("pointwise", "depthwise") else "reference: sees several pixels"
        for part in parts
    }
    return ", ".join(sorted(served)) or "no cascade"


def _optimizer(network: nn.Module, config: ImageConfig) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = parameter_groups(network, config.learning_rate, config.weight_decay)
    for group in groups:
        factor = group["name"].startswith("factor")
        if config.optimizer == "sgd":
            group["lr"] = config.learning_rate
            group["weight_decay"] = 0.0 if group["name"].startswith("no decay") else config.weight_decay
        if factor:
            group["lr"] *= config.factor_rate
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, fused=True)


def _share_of_peak(done: float) -> float:
    """The rate relative to its peak when a share of all steps is done."""
    if done < WARM_UP:
        return max(done, 1e-3) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - WARM_UP) / (1 - WARM_UP))))
