"""Networks whose training steps are timed, each with a tiny twin of the same modules."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fabric.experiments.data import Dataset, DatasetName, load
from fabric.experiments.networks import Layer, ResNet18
from fabric.experiments.runs import Checked, Positive
from fabric.nn.init import sparse_glorot_uniform_


@dataclass(frozen=True)
class Subject(Checked):
    """What is timed.

    Attributes:
        name: for tables.
        dataset: a name that `fabric.experiments.data.load` takes; an epoch is its training part.
        network: layers, inputs first; none for ResNet18.
        batch_sizes: at which a step is timed.
    """

    name: str
    dataset: DatasetName
    network: tuple[Layer, ...]
    batch_sizes: tuple[Positive, ...]

    def build(self, tiny: bool = False) -> nn.Module:
        """The network; `tiny`: the same modules with a single neuron or filter wherever there may be fewer."""
        generator = torch.Generator().manual_seed(0)
        if not self.network:
            data = load(self.dataset)
            return ResNet18(_image(data)[0], data.classes, 1 if tiny else 64, generator)
        layers = [_module(layer, generator) for layer in (_tiny(self.network) if tiny else self.network)]
        return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])

    def samples(self) -> tuple[Tensor, Tensor]:
        """Training inputs as the network takes them, and labels."""
        data = load(self.dataset)
        if not self.network:
            return data.train_x.unflatten(1, _image(data)), data.train_y
        return data.padded(self.network[0].build(np.random.default_rng(0)).inputs).train_x, data.train_y

    @property
    def kind(self) -> str:
        """The operations that it spends its time on: "convolution" or "product" of matrices."""
        return "product" if self.network else "convolution"


def _image(data: Dataset) -> tuple[int, int, int]:
    if data.image is None:
        raise ValueError("dataset must hold images where ResNet18 is timed, it holds features without a shape")
    return data.image


def _module(layer: Layer, generator: torch.Generator) -> nn.Module:
    """A layer of a network; the dense one is PyTorch's own."""
    if layer.topology != "dense":
        return sparse_glorot_uniform_(layer.module(np.random.default_rng(0)), generator=generator)
    linear = nn.utils.skip_init(nn.Linear, *layer.arguments)
    nn.init.xavier_uniform_(linear.weight, generator=generator)
    nn.init.zeros_(linear.bias)
    return linear


def _tiny(network: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """As many layers of the same kinds, one neuron wide up to the last, which keeps its outputs."""
    *hidden, last = (Layer(layer.topology, (1,) * len(layer.arguments)) for layer in network)
    outputs = network[-1].arguments[1]
    return (*hidden, Layer(last.topology, (1, outputs, *last.arguments[2:])))
