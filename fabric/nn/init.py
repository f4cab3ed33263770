"""Initialisation of sparse cascades: Sparse Glorot, and ordinary Glorot to compare it with.

Ordinary Glorot draws with variance 2 / (n_in + n_out) from the widths of a layer. A neuron of a sparse stage has far
fewer connections than its level is wide, so signals shrink by (connections / width) per stage and vanish. Sparse Glorot
counts connections instead: Var(w) = 2 / (f_in + f_out) with f_in the edges into the weight's output neuron and f_out
the edges out of its input neuron (after NeuroFabric's poster; the printed formula did not survive, this one is derived
from keeping both variances at one).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from fabric.nn._structured import StageWeight, StructuredLinear


def sparse_glorot_uniform_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Draw all weights from U(-a, a), a = sqrt(6 / (f_in + f_out)), edge by edge; set biases to zero.

    Works in place on every structured layer and every `torch.nn.Linear` inside `module` and returns `module`.
    """
    return _initialise(module, lambda stage: _uniform(_connections(stage), stage.weight, generator))


def sparse_glorot_normal_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Draw all weights from N(0, 2 / (f_in + f_out)), edge by edge; set biases to zero.

    Works in place on every structured layer and every `torch.nn.Linear` inside `module` and returns `module`.
    """
    return _initialise(module, lambda stage: _normal(_connections(stage), stage.weight, generator))


def glorot_uniform_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Ordinary Glorot on the same edges: U(-a, a), a = sqrt(6 / (n_in + n_out)) from the level widths; biases zero.

    The control experiment for `sparse_glorot_uniform_`: deep sparse cascades initialised this way do not train.
    """
    return _initialise(module, lambda stage: _uniform(sum(stage.widths), stage.weight, generator))


def _connections(stage: StageWeight) -> Tensor:
    return (stage.fan_in + stage.fan_out).to(stage.weight.dtype)


def _uniform(connections: Tensor | int, weight: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.empty_like(weight).uniform_(-math.sqrt(6), math.sqrt(6), generator=generator) / connections**0.5


def _normal(connections: Tensor | int, weight: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.empty_like(weight).normal_(0, math.sqrt(2), generator=generator) / connections**0.5


def _initialise(module: nn.Module, draw: Callable[[StageWeight], Tensor]) -> nn.Module:
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, StructuredLinear):
                stages = layer.stage_weights()
            elif isinstance(layer, nn.Linear):
                stages = [_dense_stage(layer)]
            else:
                continue
            for stage in stages:
                values = draw(stage)
                stage.weight.copy_(values if stage.used is None else values * stage.used)
            if layer.bias is not None:
                layer.bias.zero_()
    return module


def _dense_stage(layer: nn.Linear) -> StageWeight:
    fan_in = torch.tensor(layer.in_features, device=layer.weight.device)
    fan_out = torch.tensor(layer.out_features, device=layer.weight.device)
    return StageWeight(layer.weight, fan_in, fan_out, (layer.in_features, layer.out_features))
