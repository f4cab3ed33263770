"""ResNet18 for small images."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance, size

_STRIDES = (1, 2, 2, 2)
_BLOCKS = 2  # per stride


class ResNet18(nn.Module):
    """Eighteen layers for images of about 32 × 32: a first convolution of 3 × 3 and no pool after it.

    Shapes: x (batch, channels, side, side) → logits (batch, classes). Four pairs of residual blocks, each pair with
    twice the filters and half the side of the one before; batch normalisation after every convolution.

    Args:
        channels: of the images.
        classes: outputs.
        width: filters of the first convolution, 64 in ResNet18.
        generator: of the He-normal weights.

    Raises:
        ValueError: numbers that are not from 1 to 4096, or no generator.
    """

    def __init__(self, channels: int, classes: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        for name, value in (("channels", channels), ("classes", classes), ("width", width)):
            size(name, value, 1 << 12)
        instance("generator", generator, torch.Generator)
        blocks, inputs = [], width
        for level, stride in enumerate(_STRIDES):
            outputs = width * 2**level
            for at in range(_BLOCKS):
                blocks.append(_Block(inputs, outputs, stride if at == 0 else 1))
                inputs = outputs
        self.stem = nn.Sequential(*_convolution(channels, width, 3, 1), nn.ReLU())
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, classes)
        for name, values in self.named_parameters():
            if values.dim() > 1:
                nn.init.kaiming_normal_(values, nonlinearity="relu", generator=generator)
            elif name == "head.bias":
                nn.init.zeros_(values)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class _Block(nn.Module):
    """Two convolutions of 3 × 3 beside a shortcut, a convolution of 1 × 1 where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        first, second = _convolution(inputs, outputs, 3, stride), _convolution(outputs, outputs, 3, 1)
        self.body = nn.Sequential(*first, nn.ReLU(), *second)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.shortcut(x))


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs)
