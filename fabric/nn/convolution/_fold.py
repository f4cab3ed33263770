"""Batch normalisation that is part of a convolution's weights, for inference."""

import copy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import fusion
from torch.nn.utils.parametrize import is_parametrized

from fabric._checks import instance
from fabric.nn._clos import ClosLinear, scaled_outputs
from fabric.nn.convolution._cascade_conv import CascadeConv2d
from fabric.nn.convolution._clos_conv import ClosConv2d
from fabric.nn.convolution._conv import StructuredConv2d

_KINDS = (nn.Conv2d, ClosConv2d, CascadeConv2d)  # not classes derived from them, which may compute more


@torch.inference_mode(False)  # whose tensors have no gradients
def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy for inference in which batch normalisation that directly follows a convolution is folded into it.

    Dense and structured convolutions are folded wherever the two are neighbours in a `torch.nn.Sequential`. The last
    stage of a cascade is scaled, and its bias takes up the shift, so that nothing is left to compute. A convolution
    that is used elsewhere too, or that shares weights, gets weights of its own in this place and stays what it is in
    all others. Whoever calls the parts of a `Sequential` one by one finds both layers in the first.

    These stay as they are: convolutions with a residual, normalisations without running statistics, either of them with
    hooks, parametrizations or another `forward`, and sequences with a `forward` of their own.

    Args:
        model: any; it is not changed.

    Returns:
        The copy, in evaluation mode. Its outputs equal those of `model.eval()` to rounding. Frozen parameters stay
        frozen, the others trainable.
    """
    folded = copy.deepcopy(instance("model", model, nn.Module)).eval()
    for part in list(folded.modules()):
        if (
            isinstance(part, nn.Sequential)
            and type(part).forward is nn.Sequential.forward
            and not _has_own_forward(part)
        ):
            _fold_neighbours(part)
    return folded


def _fold_neighbours(parts: nn.Sequential) -> None:
    for first, second in pairwise(list(parts._modules)):
        convolution, norm = parts._modules[first], parts._modules[second]
        if type(norm) is not nn.BatchNorm2d or not _can_fold(convolution, norm):
            continue
        if isinstance(convolution, StructuredConv2d):
            parts._modules[first] = _folded(convolution, norm)
        else:
            parts._modules[first] = fusion.fuse_conv_bn_eval(convolution, norm)  # type: ignore[type-var]
        parts._modules[second] = nn.Identity()


def _can_fold(convolution: Any, norm: nn.BatchNorm2d) -> bool:
    return (
        type(convolution) in _KINDS
        and not getattr(convolution, "residual", False)
        and norm.running_mean is not None
        and norm.running_mean.numel() == convolution.out_channels
        and _is_plain(convolution)
        and _is_plain(norm)
    )


def _is_plain(module: nn.Module) -> bool:
    """Whether nothing but the class and the parameters says what the module computes."""
    return not any(
        part._forward_hooks or part._forward_pre_hooks or is_parametrized(part) or _has_own_forward(part)
        for part in module.modules()
    )


def _has_own_forward(module: nn.Module) -> bool:
    """Whether somebody has exchanged the method of this one object."""
    return "forward" in vars(module)


@torch.no_grad()
def _folded(convolution: StructuredConv2d, norm: nn.BatchNorm2d) -> StructuredConv2d:
    """The convolution and the normalisation after it as one; neither is changed.

    A copy keeps what its own parts share. So the parameters that are scaled are new ones.
    """
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    scale = torch.rsqrt(variance + norm.eps) * (1 if norm.weight is None else norm.weight)
    shift = (0 if norm.bias is None else norm.bias) - mean * scale
    folded = copy.deepcopy(convolution)
    cascade: Any = folded.cascade
    if isinstance(cascade, ClosLinear):
        last = cascade.output_weight
        cascade.output_weight = _like(last, last * scaled_outputs(scale, cascade.routers))
    else:
        stage = cascade.stages[-1] = copy.deepcopy(cascade.stages[-1])
        last = stage.weight
        stage.weight = _like(last, last * _factors(stage, scale))
    cascade.bias = _like(last, shift) if cascade.bias is None else _like(cascade.bias, cascade.bias * scale + shift)
    return folded


def _factors(stage: Any, scale: Tensor) -> Tensor:
    """What each weight of a stage is multiplied by where each row of its matrix has a factor."""
    given = stage.weight
    with torch.enable_grad():  # each entry of the stage's matrix is one weight: its factor is the gradient
        stage.weight = nn.Parameter(given.detach().to(scale.dtype))
        total = (stage.dense() * scale[:, None]).sum()
        (factors,) = torch.autograd.grad(total, stage.weight)
    stage.weight = given
    return factors


def _like(parameter: nn.Parameter, values: Tensor) -> nn.Parameter:
    """A parameter of these values, frozen or not and of the dtype of another."""
    return nn.Parameter(values.to(parameter.dtype), parameter.requires_grad)
