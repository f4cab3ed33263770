"""Convolutional trunks as plain values: what a configuration holds and hashes, counted and built as modules."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fabric._checks import instance, shown
from fabric.experiments.runs import Checked, Positive

_MOST_PARAMETERS = 1 << 28


@dataclass(frozen=True)
class Convolution(Checked):
    """Stride 1, padded to keep the image size, with biases; `normalised` adds a layer that is not counted further."""

    kernel: Positive
    channels: Positive
    normalised: bool = False


@dataclass(frozen=True)
class Pool(Checked):
    """Shrinks both sides of the image to 1 / `size`."""

    size: Positive


@dataclass(frozen=True)
class Trunk(Checked):
    """The layers before the classification layers: `image` is (side, channels) of the input."""

    image: tuple[Positive, Positive]
    layers: tuple[Convolution | Pool, ...]

    def counts(self) -> tuple[int, int, int]:
        """Parameters, operations per image, and features at the end."""
        side, channels = self.image
        parameters = operations = 0
        for layer in self.layers:
            if isinstance(layer, Pool):
                side //= layer.size
            else:
                weights = layer.kernel**2 * channels * layer.channels
                channels = layer.channels
                parameters += weights + channels
                operations += side**2 * (weights + channels)
        return parameters, operations, side**2 * channels

    @property
    def depth(self) -> int:
        """Layers as the poster counts them: convolutions, their normalisations and pools."""
        return len(self.layers) + sum(getattr(layer, "normalised", False) for layer in self.layers)

    def build(self, generator: torch.Generator) -> "TrunkModule":
        """The trunk as a module with He-normal kernels and biases of zero.

        Raises:
            ValueError: no generator of PyTorch, or more than 2**28 parameters.
        """
        parameters, _, _ = self.counts()
        if parameters > _MOST_PARAMETERS:
            raise ValueError(
                f"layers must have at most {_MOST_PARAMETERS:,} parameters to be built, got {parameters:,}: "
                f"{shown(self.layers)}"
            )
        return TrunkModule(self, instance("generator", generator, torch.Generator))


class TrunkModule(nn.Module):
    """Convolution, batch normalisation where wanted, ReLU; maximum over pools.

    Shapes: x (batch, channels · side · side), channel by channel, → (batch, features) in the same order.

    Convolutions compute in bfloat16 with float32 weights and sums: measured on one AVX-512 core that halves the time of
    a training step. What leaves the trunk is float32.
    """

    def __init__(self, trunk: Trunk, generator: torch.Generator) -> None:
        super().__init__()
        side, channels = trunk.image
        self.shape = (channels, side, side)
        modules: list[nn.Module] = []
        for layer in trunk.layers:
            if isinstance(layer, Pool):
                modules.append(nn.MaxPool2d(layer.size))
                continue
            convolution = nn.Conv2d(channels, layer.channels, layer.kernel, padding="same")
            assert convolution.bias is not None  # torch's annotations leave open whether there is one
            channels = layer.channels
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(convolution.bias)
            normalisation = [nn.BatchNorm2d(channels)] if layer.normalised else []
            modules += [convolution, *normalisation, nn.ReLU()]
        # torch's annotations of Module.to leave memory_format out
        self.layers = nn.Sequential(*modules).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        images = x.unflatten(1, self.shape).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16):
            features = self.layers(images)
        return features.float().flatten(1)


def _block(channels: int) -> tuple[Convolution | Pool, ...]:
    return (Convolution(3, channels, normalised=True), Convolution(3, channels, normalised=True), Pool(2))


# The trunks that reproduce the counts of the pre-defined sparsity poster.
CIFAR_TRUNK = Trunk((32, 3), (*_block(64), *_block(128), *_block(256)))
MNIST_TRUNK = Trunk((28, 1), (Convolution(5, 32), Pool(2), Convolution(5, 64), Pool(2)))
