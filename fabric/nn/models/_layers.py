"""Which modules of a model are layers that can be exchanged, whatever their classes call their sizes."""

import math
from typing import TypeGuard, cast

from torch import Tensor, nn

Flat = nn.Linear | nn.Conv2d  # and `Conv1D`, which has what is asked of it here: a weight and a bias
Layer = nn.Linear | nn.Conv2d | nn.GRU | nn.LSTM
# What a module that takes the place of one of these must have in common with it, where it has the attribute at all.
SHAPE = {
    nn.Linear: ("in_features", "out_features"),
    nn.Conv2d: ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation"),
    nn.GRU: ("input_size", "hidden_size", "num_layers", "batch_first", "bidirectional"),
    nn.LSTM: ("input_size", "hidden_size", "num_layers", "batch_first", "bidirectional", "proj_size"),
}


def is_layer(module: nn.Module) -> TypeGuard[Layer]:
    """Whether a module, or its class's parent, is one of those that `replace` exchanges."""
    return isinstance(module, Layer) or is_conv1d(module)


def is_flat(module: nn.Module) -> TypeGuard[Flat]:
    """Whether its weight is one matrix, for a convolution one from the pixels of a window."""
    return isinstance(module, Flat) or is_conv1d(module)


def is_conv1d(module: nn.Module) -> bool:
    """Whether a module is the linear layer of GPT-2 in Hugging Face's transformers, whose weight is (inputs, outputs).

    It is known by name, since the library is not imported here.
    """
    kind = type(module)
    return kind.__name__ == "Conv1D" and kind.__module__.partition(".")[0] == "transformers"


def matrix_of(layer: Flat) -> Tensor:
    """The weight as (outputs, inputs)."""
    return layer.weight.t() if is_conv1d(layer) else layer.weight.flatten(1)


def sizes_of(layer: Flat) -> tuple[int, int, int]:
    """(inputs, outputs, taps): taps are the pixels of a convolution's window, 1 for a linear layer."""
    outputs, inputs = matrix_of(layer).shape
    return inputs, outputs, math.prod(layer.kernel_size) if isinstance(layer, nn.Conv2d) else 1


def shape_of(layer: Layer) -> dict[str, object]:
    """What a module in its place must have in common with it, by attributes."""
    if is_conv1d(layer):
        inputs, outputs, _ = sizes_of(cast(Flat, layer))
        return {"in_features": inputs, "out_features": outputs}
    return {attribute: getattr(layer, attribute) for attribute in SHAPE[type(layer)]}


def described(module: nn.Module) -> str:
    """Class and sizes, as a table shows them."""
    if is_conv1d(module):
        inputs, outputs, _ = sizes_of(cast(Flat, module))
        return f"Conv1D(nf={outputs}, nx={inputs})"
    return f"{type(module).__name__}({module.extra_repr()})"
