"""Batch normalisation that is part of a convolution's weights, for inference."""

import copy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import fusion

from fabric._checks import instance
from fabric.nn._cascade import CascadeLinear
from fabric.nn._clos import ClosLinear, scaled_outputs
from fabric.nn.convolution._conv import StructuredConv2d


@torch.inference_mode(False)  # whose tensors have no gradients
def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy for inference in which batch normalisation that directly follows a convolution is folded into it.

    Dense and structured convolutions are folded wherever the two are neighbours in a `torch.nn.Sequential`. The last
    stage of a cascade is scaled, and its bias takes up the shift, so that nothing is left to compute. Convolutions with
    a residual or hooks, and normalisations without running statistics, stay as they are.

    Args:
        model: any; it is not changed.

    Returns:
        The copy, in evaluation mode. Its outputs equal those of `model.eval()` to rounding.
    """
    folded = copy.deepcopy(instance("model", model, nn.Module)).eval()
    for part in list(folded.modules()):
        if isinstance(part, nn.Sequential):
            _fold_neighbours(part)
    return folded


def _fold_neighbours(parts: nn.Sequential) -> None:
    names = list(parts._modules)
    for first, second in pairwise(names):
        convolution, norm = parts._modules[first], parts._modules[second]
        if type(norm) is not nn.BatchNorm2d or norm.running_mean is None or _has_hooks(convolution) or _has_hooks(norm):
            continue
        if type(convolution) is nn.Conv2d:
            parts._modules[first] = fusion.fuse_conv_bn_eval(convolution, norm)
        elif isinstance(convolution, StructuredConv2d) and not convolution.residual:
            _fold(convolution, norm)
        else:
            continue
        parts._modules[second] = nn.Identity()


@torch.no_grad()
def _fold(convolution: StructuredConv2d, norm: nn.BatchNorm2d) -> None:
    cascade = convolution.cascade
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    scale = torch.rsqrt(variance + norm.eps) * (1 if norm.weight is None else norm.weight)
    shift = (0 if norm.bias is None else norm.bias) - mean * scale
    _scale_outputs(cascade, scale)
    if cascade.bias is None:
        cascade.register_parameter("bias", nn.Parameter(shift.to(cascade.first_weight().dtype)))
    else:
        cascade.bias.mul_(scale).add_(shift)


def _scale_outputs(cascade: nn.Module, scale: Tensor) -> None:
    """Multiply each row of the cascade's matrix by its factor, through the weights of the last stage."""
    if isinstance(cascade, ClosLinear):
        cascade.output_weight.mul_(scaled_outputs(scale, cascade.routers))
        return
    assert isinstance(cascade, CascadeLinear)
    last: Any = cascade.stages[-1]
    with torch.enable_grad():  # each entry of the stage's matrix is one weight: its factor is the gradient
        total = (last.dense() * scale[:, None]).sum()
        (factors,) = torch.autograd.grad(total, last.weight)
    last.weight.mul_(factors)


def _has_hooks(module: nn.Module | None) -> bool:
    return module is None or bool(module._forward_hooks or module._forward_pre_hooks)
