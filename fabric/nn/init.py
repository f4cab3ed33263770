"""Initialisation of sparse cascades: Sparse Glorot, and what it is compared with.

Ordinary Glorot draws with variance 2 / (n_in + n_out) from the widths of a layer. A neuron of a sparse stage has far
fewer connections than its level is wide, so signals shrink by (connections / width) per stage and vanish. Sparse Glorot
counts connections instead: Var(w) = 2 / (f_in + f_out) with f_in the edges into the weight's output neuron and f_out
the edges out of its input neuron (after NeuroFabric's poster; the printed formula did not survive, this one is derived
from keeping both variances at one). Fixed skips are not counted by any of these. A stage of a convolution that sees
k × k pixels has k² times the connections of one pixel on either side, as in Glorot's rule for dense convolutions.

All of them raise ValueError where `module` is no `torch.nn.Module` or `generator` no `torch.Generator`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from fabric.nn._orthogonal import orthogonal
from fabric.nn._stages import FixedSkip
from fabric.nn._structured import StageWeight, StructuredLinear
from fabric.nn._variance import Variance, end_to_end_factor, propagate
from fabric.nn.convolution._conv import StructuredConv2d
from fabric.topology import Topology


def sparse_glorot_uniform_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Draw all weights from U(-a, a), a = sqrt(6 / (f_in + f_out)), edge by edge; set biases to zero.

    Works in place on every structured layer and every `torch.nn.Linear` inside `module` and returns `module`.
    """
    return _initialise(module, generator, lambda stage: _uniform(_connections(stage), stage.weight, generator))


def sparse_glorot_normal_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Draw all weights from N(0, 2 / (f_in + f_out)), edge by edge; set biases to zero.

    Works in place on every structured layer and every `torch.nn.Linear` inside `module` and returns `module`.
    """
    return _initialise(module, generator, lambda stage: _normal(_connections(stage), stage.weight, generator))


def glorot_uniform_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Ordinary Glorot on the same edges: U(-a, a), a = sqrt(6 / (n_in + n_out)) from the level widths; biases zero.

    The control experiment for `sparse_glorot_uniform_`: deep sparse cascades initialised this way do not train.
    """
    return _initialise(module, generator, lambda stage: _uniform(sum(stage.widths), stage.weight, generator))


def he_normal_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Draw all weights from N(0, 2 / f_in), edge by edge; set biases to zero. For layers after a ReLU.

    Like Sparse Glorot it counts the edges that exist: pre-defined sparsity prescribes He-normal weights.
    """
    return _initialise(
        module, generator, lambda stage: _normal(stage.fan_in.to(stage.weight.dtype), stage.weight, generator)
    )


def lecun_uniform_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Draw all weights from U(-a, a), a = sqrt(3 / f_in), edge by edge; set biases to zero.

    Every stage then keeps the variance of signals, whatever the edges out of a neuron: recurrent layers, whose stacked
    gates multiply those edges, neither grow nor fade from step to step.
    """

    def draw(stage: StageWeight) -> Tensor:
        bound = (3 / stage.fan_in.to(stage.weight.dtype)) ** 0.5
        return torch.empty_like(stage.weight).uniform_(-1, 1, generator=generator) * bound

    return _initialise(module, generator, draw)


def end_to_end_glorot_uniform_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Sparse Glorot times one factor per cascade, such that its entries have the variance of the dense layer.

    The entry (o, i) of the product of all stages has the variance summed over the paths from i to o, on average
    2 / (inputs + outputs) here: what ordinary Glorot gives the dense layer that the cascade replaces. For regular
    square cascades Sparse Glorot does that already; they differ for rectangular ones. All stages get the same factor.

    Works in place on every structured layer and every `torch.nn.Linear` inside `module` and returns `module`.
    """
    return _initialise(
        module,
        generator,
        lambda stage: _uniform(_connections(stage), stage.weight, generator),
        lambda layer: (
            layer.end_to_end_factor() if isinstance(layer, StructuredConv2d) else end_to_end_factor(layer.topology)
        ),
    )


def skip_scaled_glorot_uniform_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Sparse Glorot, with all variances divided by the depth in cascades that have fixed skips around their stages.

    A skip hands on the variance of its source, so under Sparse Glorot a stage with skips doubles it and the cascade
    multiplies it by 2**depth. With 1 / depth of the variance per stage it is (1 + 1 / depth)**depth, below e, on
    regular square cascades of any depth. Layers without skips get Sparse Glorot's values, bit for bit.

    Works in place on every structured layer and every `torch.nn.Linear` inside `module` and returns `module`.
    """
    return _initialise(
        module,
        generator,
        lambda stage: _uniform(_connections(stage), stage.weight, generator),
        lambda layer: 1 / layer.topology.depth if _has_skips(layer) else 1.0,
    )


def orthogonal_(module: nn.Module, *, generator: torch.Generator | None = None) -> nn.Module:
    """Draw every router as a random semi-orthogonal matrix with Sparse Glorot's mean square; set biases to zero.

    A cascade of square routers (a butterfly, say) is then an orthogonal matrix and keeps every signal's length exactly.
    Irregular stages (hypercube, torus, random masks) seldom have an orthogonal matrix on their edges: they get one that
    is near to it, most singular values within a few per cent and some much smaller.

    Works in place on every structured layer and every `torch.nn.Linear` inside `module` and returns `module`.
    """
    return _initialise(module, generator, lambda stage: orthogonal(stage, generator))


def expected_variance(topology: Topology, initialise: Callable[..., nn.Module]) -> Variance:
    """What an initialisation does to the outputs of a linear cascade and to the gradients at its inputs: exact.

    Args and errors as for `expected_variance_by_level`.
    """
    levels = expected_variance_by_level(topology, initialise)
    return Variance(levels[-1].forward, levels[0].backward)


def expected_variance_by_level(topology: Topology, initialise: Callable[..., nn.Module]) -> list[Variance]:
    """What an initialisation does to signals and gradients of a linear cascade: exact, from the counts of its edges.

    Weights are independent with mean zero, so a neuron's mean square is the sum over its edges of the weight's variance
    times the mean square of the source. Inputs (and gradients at the outputs) have variance one and any correlations.

    Args:
        topology: the cascade, without skips.
        initialise: one of `sparse_glorot_uniform_`, `sparse_glorot_normal_`, `glorot_uniform_` and
            `end_to_end_glorot_uniform_`. The weights of `orthogonal_` are not independent on irregular stages; where
            all stages consist of routers, it has the variances of Sparse Glorot.

    Returns:
        One `Variance` per level, inputs first: depth + 1 of them.

    Raises:
        ValueError: another `initialise`, or no topology.
    """
    if not isinstance(topology, Topology):
        raise ValueError(f"topology must be a fabric.topology.Topology, got {topology!r}")
    if initialise is sparse_glorot_uniform_ or initialise is sparse_glorot_normal_:
        return propagate(topology, counted=True)
    if initialise is glorot_uniform_:
        return propagate(topology, counted=False)
    if initialise is end_to_end_glorot_uniform_:
        return propagate(topology, counted=True, factor=end_to_end_factor(topology))
    raise ValueError(f"initialise must be a Glorot initialisation of fabric.nn.init, got {initialise!r}")


def _connections(stage: StageWeight) -> Tensor:
    return (stage.fan_in + stage.fan_out).to(stage.weight.dtype)


def _uniform(connections: Tensor | int, weight: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.empty_like(weight).uniform_(-math.sqrt(6), math.sqrt(6), generator=generator) / connections**0.5


def _normal(connections: Tensor, weight: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.empty_like(weight).normal_(0, math.sqrt(2), generator=generator) / connections**0.5


def _initialise(
    module: nn.Module,
    generator: torch.Generator | None,
    draw: Callable[[StageWeight], Tensor],
    variance_factor: Callable[[StructuredLinear | StructuredConv2d], float] = lambda layer: 1.0,
) -> nn.Module:
    if not isinstance(module, nn.Module):
        raise ValueError(f"module must be a torch.nn.Module, got {module!r}")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator or None, got {generator!r}")
    with torch.no_grad():
        inside: set[nn.Module] = set()  # of convolutions, which count the connections of their parts themselves
        for layer in module.modules():
            scale = 1.0
            if layer in inside:
                continue
            if isinstance(layer, StructuredConv2d):
                inside.update(layer.modules())
            if isinstance(layer, StructuredLinear | StructuredConv2d):
                stages = layer.stage_weights()
                scale = math.sqrt(variance_factor(layer))
            elif isinstance(layer, nn.Linear):
                stages = [_dense_stage(layer)]
            else:
                continue
            for stage in stages:
                values = draw(stage) * scale
                stage.weight.copy_(values if stage.used is None else values * stage.used)
            if layer.bias is not None:
                layer.bias.zero_()
    return module


def _has_skips(layer: StructuredLinear | StructuredConv2d) -> bool:
    return any(isinstance(part, FixedSkip) for part in layer.modules())


def _dense_stage(layer: nn.Linear) -> StageWeight:
    fan_in = torch.tensor(layer.in_features, device=layer.weight.device)
    fan_out = torch.tensor(layer.out_features, device=layer.weight.device)
    return StageWeight(layer.weight, fan_in, fan_out, (layer.in_features, layer.out_features))
