"""Batch normalisation between the stages of cascades that are part of a network."""

from torch import nn

from fabric._checks import instance
from fabric.nn import CascadeConv2d
from fabric.nn.convolution._conv import StructuredConv2d
from fabric.topology import Topology


def normalise_between(network: nn.Sequential) -> nn.Sequential:
    """The network with every pointwise cascade as single stages, a batch normalisation after each but the last.

    The normalisations are linear once they are trained, so the product of stages is still a cascade of the same
    topology. Their scales and shifts are two numbers a hidden channel more. All weights are drawn anew by the
    constructors; residuals are left out.

    Raises:
        ValueError: no `torch.nn.Sequential`, or a cascade that sees more than one pixel.
    """
    parts: list[nn.Module] = []
    for part in instance("network", network, nn.Sequential):
        if not isinstance(part, StructuredConv2d):
            parts.append(part)
            continue
        if part.spatial != "pointwise":
            raise ValueError(f"network must hold pointwise cascades, got {part}")
        for position, stage in enumerate(part.topology.stages):
            if position:
                parts.append(nn.BatchNorm2d(stage.shape[1]))
            parts.append(CascadeConv2d(Topology([stage]), 1, bias=False))
    return nn.Sequential(*parts)
