"""What pre-defined sparsity is compared with: methods that reduce a network's weights while it trains, or after.

All start from a dense network of the same widths and follow the same recipe (`fabric.experiments.training.classify`):

- "dropout": hidden activations are zeroed with probability `strength` in training; all weights stay.
- "hashing": the connections of each layer share `strength` times as many weights, each connection one at random, with
  a random sign. Which one is drawn from the seed; the table of it is an index.
- "magnitude_pruning": after each epoch the smallest weights of the network are removed for good, along a cubic schedule
  that reaches a density of `strength` after two thirds of the epochs.
- "l1": after each step every weight moves towards zero by the learning rate times `strength` (the proximal step of an
  L1 penalty), so that weights become exactly zero.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
from fabric.experiments.runs import Measured, Natural, Positive, RunConfig, Share, one_of, one_thread
from fabric.experiments.training._classify import BATCH_SIZE, LEARNING_RATE, adam, fit, held_bytes, set_biases
from fabric.nn.init import he_normal_

METHODS = ("dropout", "hashing", "magnitude_pruning", "l1")


@dataclass(frozen=True)
class CompressConfig(RunConfig):
    """Everything that a run depends on.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        widths: neurons per layer, features first.
        method: one of `METHODS`.
        strength: above 0, at most 1; its meaning depends on the method, see above.
        epochs, seed: as in `ClassifierConfig`.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    widths: tuple[Positive, ...]
    method: Annotated[str, one_of(*METHODS)]
    strength: Share
    epochs: Positive
    seed: Natural


class HashedLinear(nn.Module):
    """A dense layer whose connections share `buckets` weights: W[o, i] = sign[o, i] · weight[bucket[o, i]].

    Shapes: x (batch, in_features) → (batch, out_features). The weights start He-normal.
    """

    bucket: Tensor

    def __init__(self, in_features: int, out_features: int, buckets: int, generator: torch.Generator) -> None:
        super().__init__()
        shape = (out_features, in_features)
        self.weight = nn.Parameter(torch.randn(buckets, generator=generator) * math.sqrt(2 / in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        # Bucket b with a minus sign is stored as -b - 1: one number says both.
        bucket = torch.randint(-buckets, buckets, shape, generator=generator, dtype=torch.int32)
        self.register_buffer("bucket", bucket, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        signed = torch.cat((self.weight, -self.weight.flip(0)))  # negative positions count from the end
        return functional.linear(x, signed[self.bucket], self.bias)


class MaskedLinear(nn.Linear):
    """A dense layer with a mask of the weights that are not removed, all of them at first."""

    mask: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("mask", torch.ones_like(self.weight, dtype=torch.bool), persistent=False)


class RandomDropout(nn.Module):
    """Zeroes activations with probability `rate` in training and scales the others up; draws from its own generator."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.rate, self.generator = rate, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand(x.shape, generator=self.generator).to(x.device) >= self.rate
        return x * kept / (1 - self.rate)


def compress(config: CompressConfig) -> Measured:
    """Train.

    Returns:
        "weights" (different from zero at the end), "accuracy" after the last epoch, "accuracy_by_epoch", and the
        "training_bytes" and "index_bytes" of `held_bytes`, which no method changes on the way.

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, CompressConfig)
    data = load(config.dataset).padded(config.widths[0])
    network = _network(config)
    set_biases(network)
    with one_thread():
        optimizer = adam(network, network)
        after_step = _step_of(config, network, math.ceil(len(data.train_y) / BATCH_SIZE))
        accuracies = fit(network, optimizer, data, config.epochs, config.seed, after_step)
    return {
        "weights": sum(int(weight.count_nonzero()) for weight in _weights(network)),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        **held_bytes(network, optimizer),
    }


def _network(config: CompressConfig) -> nn.Sequential:
    generator = torch.Generator().manual_seed(config.seed)
    modules: list[nn.Module] = []
    for inputs, outputs in pairwise(config.widths):
        if modules:
            modules.append(nn.ReLU())
        if modules and config.method == "dropout":
            modules.append(RandomDropout(config.strength, generator))
        if config.method == "hashing":
            modules.append(HashedLinear(inputs, outputs, max(1, round(config.strength * inputs * outputs)), generator))
        else:
            kind = MaskedLinear if config.method == "magnitude_pruning" else nn.Linear
            modules.append(he_normal_(kind(inputs, outputs), generator=generator))
    return nn.Sequential(*modules)


def _step_of(config: CompressConfig, network: nn.Sequential, steps_per_epoch: int) -> Callable[[int], None]:
    """What the method does after a training step."""
    if config.method == "l1":
        return lambda step: _shrink(network, LEARNING_RATE * config.strength)
    if config.method == "magnitude_pruning":
        return lambda step: _prune(network, step, steps_per_epoch, config)
    return lambda step: None


@torch.no_grad()
def _shrink(network: nn.Sequential, distance: float) -> None:
    for weight in _weights(network):
        weight.copy_(functional.softshrink(weight, distance))


@torch.no_grad()
def _prune(network: nn.Sequential, step: int, steps_per_epoch: int, config: CompressConfig) -> None:
    """Keep removed weights at zero; at the end of an epoch remove the smallest of the others, whatever their layer."""
    layers = [layer for layer in network if isinstance(layer, MaskedLinear)]
    if step % steps_per_epoch == 0:
        progress = min(1.0, step / steps_per_epoch / math.ceil(2 * config.epochs / 3))
        density = config.strength + (1 - config.strength) * (1 - progress) ** 3
        sizes = torch.cat([(layer.weight.abs() * layer.mask).flatten() for layer in layers])
        removed = round(len(sizes) * (1 - density))
        smallest_kept = sizes.sort().values[removed]
        for layer in layers:
            layer.mask &= layer.weight.abs() >= smallest_kept
    for layer in layers:
        layer.weight *= layer.mask


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return [values for name, values in network.named_parameters() if not name.endswith("bias")]
