"""Networks whose training steps are timed, each with a tiny twin of the same modules."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fabric.experiments.data import load
from fabric.experiments.networks import Layer, Network, ResNet18
from fabric.experiments.training import padded
from fabric.nn.init import sparse_glorot_uniform_

_IMAGES = {784: (1, 28), 3072: (3, 32)}  # features of a data set: channels and side of its images


@dataclass(frozen=True)
class Subject:
    """What is timed.

    Attributes:
        name: for tables.
        dataset: a name that `fabric.experiments.data.load` takes; an epoch is its training part.
        network: layers, inputs first; none for ResNet18.
        batch_sizes: at which a step is timed.
    """

    name: str
    dataset: str
    network: Network
    batch_sizes: tuple[int, ...]

    def build(self, tiny: bool = False) -> nn.Module:
        """The network; `tiny`: the same modules with a single neuron or filter wherever there may be fewer."""
        generator = torch.Generator().manual_seed(0)
        if not self.network:
            channels, _ = _IMAGES[load(self.dataset).train_x.shape[1]]
            return ResNet18(channels, 10, 1 if tiny else 64, generator)
        layers = [_module(layer, generator) for layer in (_tiny(self.network) if tiny else self.network)]
        return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])

    def samples(self) -> tuple[Tensor, Tensor]:
        """Training inputs as the network takes them, and labels."""
        data = load(self.dataset)
        if not self.network:
            channels, side = _IMAGES[data.train_x.shape[1]]
            return data.train_x.unflatten(1, (channels, side, side)), data.train_y
        return padded(data, self.network[0].arguments[0]).train_x, data.train_y

    @property
    def kind(self) -> str:
        """The operations that it spends its time on: "convolution" or "product" of matrices."""
        return "product" if self.network else "convolution"


def _module(layer: Layer, generator: torch.Generator) -> nn.Module:
    """A layer of a network; the dense one is PyTorch's own."""
    if layer.topology != "dense":
        return sparse_glorot_uniform_(layer.module(np.random.default_rng(0)), generator=generator)
    linear = nn.utils.skip_init(nn.Linear, *layer.arguments)
    nn.init.xavier_uniform_(linear.weight, generator=generator)
    nn.init.zeros_(linear.bias)
    return linear


def _tiny(network: Network) -> Network:
    """As many layers of the same kinds, one neuron wide up to the last, which keeps its outputs."""
    *hidden, last = (Layer(layer.topology, (1,) * len(layer.arguments)) for layer in network)
    outputs = network[-1].arguments[1]
    return (*hidden, Layer(last.topology, (1, outputs, *last.arguments[2:])))
