"""MobileNetV1 for small images as a plain value, with any structure in its pointwise convolutions."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import one_of, size
from fabric._checks import seed as checked_seed
from fabric.experiments.networks._layers import Layer
from fabric.experiments.networks._networks import INITIALIZATIONS
from fabric.experiments.runs import Checked, Positive, PositiveFloat
from fabric.nn import CascadeConv2d, ClosConv2d

# Output channels and stride of the blocks (arXiv:1704.04861, table 1), the first stride 1: images have 32 × 32 pixels.
_STEM = 32
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
_TAPS = 9


class Count(NamedTuple):
    """One layer: trainable numbers, and multiply-accumulates per image (normalisation counts none)."""

    layer: str
    kind: str
    parameters: int
    operations: int


@dataclass(frozen=True)
class MobileNet(Checked):
    """A 3 × 3 convolution, 13 blocks of a depthwise and a pointwise one, the mean over pixels, a linear classifier.

    Batch normalisation and ReLU follow every convolution. No convolution has a bias.

    Attributes:
        width: factor on all channels, rounded down.
        pointwise: one layer per block, from its input to its output channels; () makes all of them dense. A layer may
            take more inputs, which are then zeros, as a butterfly between channels that double does.
        residual: whether the inputs of pointwise cascades are added to their outputs.
        groups: of dense pointwise convolutions, whose outputs are then shuffled between them (ShuffleNet, CVPR 2018);
            a layer whose channels do not divide has their greatest common divisor instead.
        image: (side, channels) of the input.
        classes: outputs.

    Raises:
        ValueError: a width that leaves no channel, pointwise layers of another number or sizes, or groups beside them.
    """

    width: PositiveFloat = 1.0
    pointwise: tuple[Layer, ...] = ()
    residual: bool = False
    groups: Positive = 1
    image: tuple[Positive, Positive] = (32, 3)
    classes: Positive = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if not int(_STEM * self.width) >= 1:
            raise ValueError(f"width must leave at least one of {_STEM} channels, got {self.width!r}")
        size("channels", max(self.channels), 1 << 16)
        if len(self.pointwise) not in (0, len(_BLOCKS)):
            raise ValueError(f"pointwise must hold one layer per block, {len(_BLOCKS)}, got {len(self.pointwise)}")
        if self.groups > 1 and self.pointwise:
            raise ValueError(f"groups must be 1 beside pointwise layers, got {self.groups}")
        rng = np.random.default_rng(0)
        for position, (layer, sizes) in enumerate(zip(self.pointwise, pairwise(self.channels), strict=False)):
            built = layer.build(rng)
            if built.inputs < sizes[0] or built.outputs != sizes[1]:
                raise ValueError(
                    f"pointwise[{position}] must lead from {sizes[0]} or more to {sizes[1]} channels, got {layer.label}"
                )

    @property
    def channels(self) -> tuple[int, ...]:
        """After the first convolution and after every block."""
        return tuple(max(1, int(channels * self.width)) for channels in (_STEM, *(out for out, _ in _BLOCKS)))

    def counts(self) -> list[Count]:
        """Parameters and operations of every layer, inputs first, normalisation and classifier last."""
        side, colours = self.image
        first, *_, last = self.channels
        rows = [Count("first", "convolution", _TAPS * colours * first, _TAPS * colours * first * side**2)]
        rng = np.random.default_rng(0)
        for block, ((inputs, outputs), (_, stride)) in enumerate(zip(pairwise(self.channels), _BLOCKS, strict=True)):
            side = -(-side // stride)
            dense = inputs * outputs // math.gcd(self.groups, inputs, outputs)
            weights = self.pointwise[block].build(rng).parameters if self.pointwise else dense
            rows += [
                Count(f"depthwise {block + 1}", "depthwise", _TAPS * inputs, _TAPS * inputs * side**2),
                Count(f"pointwise {block + 1}", "pointwise", weights, weights * side**2),
            ]
        normalised = sum(self.channels) + sum(self.channels[:-1])
        return [
            *rows,
            Count("normalisation", "normalisation", 2 * normalised, 0),
            Count("classifier", "classifier", (last + 1) * self.classes, last * self.classes),
        ]

    def build(self, seed: int, initialization: str = "sparse_glorot_uniform") -> nn.Sequential:
        """The network as a module: x (batch, channels, side, side) → logits (batch, classes).

        Dense convolutions get He-normal kernels, cascades and the classifier the initialisation named.

        Raises:
            ValueError: an unknown initialisation.
        """
        one_of("initialization", initialization, INITIALIZATIONS)
        checked_seed(seed)
        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        parts = normalised([nn.Conv2d(self.image[1], self.channels[0], 3, padding=1, bias=False)], self.channels[0])
        for block, ((inputs, outputs), (_, stride)) in enumerate(zip(pairwise(self.channels), _BLOCKS, strict=True)):
            parts += normalised([nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)], inputs)
            pointwise = self._cascade(self.pointwise[block], inputs, rng) if self.pointwise else None
            parts += normalised(pointwise or self._dense(inputs, outputs), outputs)
        module = nn.Sequential(*parts, MeanOverPixels(), nn.Linear(self.channels[-1], self.classes))
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=generator)
        INITIALIZATIONS[initialization](module, generator=generator)
        return module

    def _dense(self, inputs: int, outputs: int) -> list[nn.Module]:
        groups = math.gcd(self.groups, inputs, outputs)
        convolution = nn.Conv2d(inputs, outputs, 1, groups=groups, bias=False)
        return [convolution] if groups == 1 else [convolution, nn.ChannelShuffle(groups)]

    def _cascade(self, layer: Layer, inputs: int, rng: np.random.Generator) -> list[nn.Module]:
        wiring = layer.build(rng)
        match layer.topology, layer.arguments:
            case "dense", _:
                return [nn.Conv2d(wiring.inputs, wiring.outputs, 1, bias=False)]
            case "clos", (int(), int(outputs), int(first), int(middle), int(last)):
                cascade: nn.Module = ClosConv2d(
                    wiring.inputs, outputs, 1, first, middle, last, bias=False, residual=self.residual
                )
            case _:
                cascade = CascadeConv2d(wiring, 1, bias=False, residual=self.residual)
        missing = wiring.inputs - inputs
        return [cascade] if missing == 0 else [_ChannelsOfZeros(missing), cascade]


class _ChannelsOfZeros(nn.Module):
    """(batch, channels, rows, columns) → (batch, channels + missing, rows, columns)."""

    def __init__(self, missing: int) -> None:
        super().__init__()
        self.missing = missing

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (0, 0, 0, 0, 0, self.missing))


class MeanOverPixels(nn.Module):
    """(batch, channels, rows, columns) → (batch, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def normalised(convolution: list[nn.Module], channels: int) -> list[nn.Module]:
    """A convolution with what follows it."""
    return [*convolution, nn.BatchNorm2d(channels), nn.ReLU()]
