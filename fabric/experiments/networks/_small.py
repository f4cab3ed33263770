"""A small network of 3 × 3 convolutions as a plain value, each kernel dense or a Clos cascade."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import torch
from torch import nn

from fabric._checks import one_of as one_of_names
from fabric._checks import seed as checked_seed
from fabric._checks import size
from fabric.experiments.networks._mobilenet import MeanOverPixels, normalised
from fabric.experiments.networks._networks import INITIALIZATIONS
from fabric.experiments.runs import Checked, Positive, one_of
from fabric.nn import ClosConv2d
from fabric.nn.convolution._conv import SPATIAL

_TAPS = 9
Routers = tuple[Positive, Positive, Positive]


@dataclass(frozen=True)
class SmallConvNet(Checked):
    """3 × 3 convolutions, of which all but the first halve the image's sides, the mean over pixels, a classifier.

    Batch normalisation and ReLU follow every convolution. No convolution has a bias.

    Attributes:
        channels: after each convolution.
        routers: (R_i, R_m, R_o) of the Clos cascade of every convolution but the first; () makes all of them dense.
        spatial: how cascades see 3 × 3 pixels, see `fabric.nn.ClosConv2d`.
        image: (side, channels) of the input.
        classes: outputs.

    Raises:
        ValueError: fewer than two convolutions, more than 65,536 channels, or routers of another number.
    """

    channels: tuple[Positive, ...] = (16, 32, 64, 128)
    routers: tuple[Routers, ...] = ()
    spatial: Annotated[str, one_of(*SPATIAL)] = "first"
    image: tuple[Positive, Positive] = (32, 3)
    classes: Positive = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.channels) < 2:
            raise ValueError(f"channels must hold at least two convolutions, got {self.channels}")
        size("channels", max(self.channels), 1 << 16)
        if len(self.routers) not in (0, len(self.channels) - 1):
            raise ValueError(
                f"routers must hold three counts for each of {len(self.channels) - 1} convolutions, "
                f"got {len(self.routers)}"
            )

    def weights(self) -> list[int]:
        """Weights of every convolution but the first."""
        pairs = list(pairwise(self.channels))
        if not self.routers:
            return [_TAPS * inputs * outputs for inputs, outputs in pairs]
        counts = []
        for (inputs, outputs), (first, middle, last) in zip(pairs, self.routers, strict=True):
            pixel = middle * (inputs + outputs + first * last)
            counts.append(pixel + (_TAPS * inputs if self.spatial == "depthwise" else 8 * middle * inputs))
        return counts

    def build(self, seed: int, initialization: str = "sparse_glorot_uniform") -> nn.Sequential:
        """The network as a module: x (batch, channels, side, side) → logits (batch, classes).

        Dense convolutions get He-normal kernels, cascades and the classifier the initialisation named.

        Raises:
            ValueError: an unknown initialisation, or routers that do not fit their channels.
        """
        one_of_names("initialization", initialization, INITIALIZATIONS)
        checked_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        parts = normalised([nn.Conv2d(self.image[1], self.channels[0], 3, padding=1, bias=False)], self.channels[0])
        for position, (inputs, outputs) in enumerate(pairwise(self.channels)):
            if self.routers:
                first, middle, last = self.routers[position]
                convolution: nn.Module = ClosConv2d(
                    inputs, outputs, 3, first, middle, last, stride=2, padding=1, bias=False, spatial=self.spatial
                )
            else:
                convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
            parts += normalised([convolution], outputs)
        module = nn.Sequential(*parts, MeanOverPixels(), nn.Linear(self.channels[-1], self.classes))
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=generator)
        INITIALIZATIONS[initialization](module, generator=generator)
        return module
