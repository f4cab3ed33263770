"""Why a layer of a model is left as it is."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from fabric.nn.models._replace import obstacle

TOO_FEW = "no structure has so few weights"


def why_kept(name: str, layer: nn.Module, at_least: int, skip: Sequence[str]) -> str | None:
    """The reason for the table of `replace`, whatever the budget; None for a layer that may be exchanged.

    Args:
        name, layer: of `torch.nn.Linear`, `Conv2d`, `GRU` or `LSTM`, and what it is called in the model.
        at_least: weights and biases of the smallest layer that is exchanged.
        skip: names to keep, with wildcards.
    """
    if reason := obstacle(layer):
        return f"it {reason}"
    if any(fnmatchcase(name, pattern) for pattern in skip):
        return "skip names it"
    count = sum(parameter.numel() for parameter in layer.parameters())
    if count < at_least:
        return f"it has fewer weights than at_least = {at_least:,}"
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return "it is grouped"
    if isinstance(layer, nn.Conv2d) and layer.padding_mode != "zeros":
        return f"it pads with {layer.padding_mode}"
    if isinstance(layer, nn.RNNBase) and layer.proj_size:
        return "it has projections"
    return None
