"""Learning rates and weight decay of a model in which some matrices are products of factors.

Adam moves every weight by about the rate, so what a step adds to a neuron's sum grows with the edges into it. A factor
has few of them and its steps must be larger than those of the dense matrix that the product stands for: by the inputs
of the layer over the edges into one of the factor's neurons, shared among the factors (Qiu et al., "Compute Better
Spent", ICML 2024, section 3). The same rule carries a rate over to another width (Yang et al., "Tensor Programs V").
"""

import math
from typing import Any

from torch import nn

from fabric._checks import instance, one_of
from fabric.nn._structured import StageWeight, StructuredLinear
from fabric.nn.convolution._conv import StructuredConv2d

STACKED = (nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase)  # modules of several matrices (outputs, inputs)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
FACTOR_DECAYS = ("scaled", "dropped")


def parameter_groups(
    model: nn.Module,
    lr: float,
    weight_decay: float = 0.0,
    *,
    base: nn.Module | None = None,
    factor_decay: str = "scaled",
) -> list[dict[str, Any]]:
    """Groups for `torch.optim.AdamW` (or Adam, without decay), with a rate and a decay for every kind of parameter.

    - Factors, the stages of structured layers: `lr` times d_in / (d_in of the block · number of factors), where the
      layer has d_in inputs and a neuron of the factor has on average as many edges as the block has inputs. Lists of
      edges are factors like others, although they have one axis.
    - Matrices, all else with two axes or more: `lr`.
    - Biases, norms and whatever else has at most one axis: `lr` and no decay.

    AdamW takes rate · decay off a weight at every step. Decays are divided by the multiplier of the rate, so that this
    is lr · weight_decay for a matrix, whatever its rate; for factors it is less by the ratio of the layer's weights
    to those of the dense layer, without which structured layers hardly train (Gray et al. 2019).

    Args:
        model: any; parameters that need no gradient are left out, those with several names are in one group.
        lr: the rate that suits the dense model, at the width of `base`.
        weight_decay: of matrices.
        base: the model, dense or not, at the width at which `lr` was found, if it is another: modules of the same
            names, other sizes. The rate of a layer is multiplied by its inputs there over its inputs here. None: `lr`
            was found at this width.
        factor_decay: "scaled", or "dropped" for none.

    Returns:
        Dictionaries with "params", "lr" and "weight_decay", as optimisers take them, and with "name", the kind and
        its multipliers, and "parameter_names".

    Raises:
        ValueError: `lr` is not positive, `weight_decay` is negative, `base` lacks a module, or a structured layer is
            parametrized, so that its factors are not its parameters.
    """
    instance("model", model, nn.Module)
    lr, weight_decay = _number("lr", lr), _number("weight_decay", weight_decay, zero=True)
    one_of("factor_decay", factor_decay, FACTOR_DECAYS)
    factors = _factors(model)
    groups: dict[tuple[str, float, float], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        kind, rate, decay = "no decay", 1.0, 0.0
        if id(parameter) in factors:
            kind, owner, rate, kept = factors[id(parameter)]
            rate *= _wider(model, base, owner, "")
            decay = kept / rate if factor_decay == "scaled" else 0.0
        elif parameter.ndim >= 2:
            kind, rate = "matrix", _wider(model, base, *_split(name))
            decay = 1 / rate
        group = groups.setdefault((kind, rate, decay), {"params": [], "parameter_names": []})
        group["params"].append(parameter)
        group["parameter_names"].append(name)
    return [
        group | {"lr": lr * rate, "weight_decay": weight_decay * decay, "name": _title(kind, rate, decay)}
        for (kind, rate, decay), group in groups.items()
    ]


def _factors(model: nn.Module) -> dict[int, tuple[str, str, float, float]]:
    """By the id of a parameter: kind, name of its layer, multiplier of the rate, weights kept of the dense layer."""
    found: dict[int, tuple[str, str, float, float]] = {}
    inside: set[nn.Module] = set()  # of convolutions, whose cascades are not layers of their own
    for name, layer in model.named_modules():
        if layer in inside or not isinstance(layer, StructuredLinear | StructuredConv2d):
            continue
        inside.update(layer.modules())
        inputs, outputs = _dense_shape(layer)
        stages = layer.stage_weights()
        weights = sum(stage.connections for stage in stages)
        for stage in stages:
            parameter = stage.weight if stage.weight._base is None else stage.weight._base  # seen in another shape
            if not isinstance(parameter, nn.Parameter):
                raise ValueError(
                    f"model must have its factors as parameters, but {name or type(layer).__name__} is parametrized: "
                    "remove the parametrization, or give its parameters a group by hand"
                )
            rate = inputs / (_block_inputs(stage) * len(stages))
            found[id(parameter)] = "factor", name, rate, weights / (inputs * outputs)
    return found


def _dense_shape(layer: StructuredLinear | StructuredConv2d) -> tuple[int, int]:
    """Inputs and outputs of the dense matrix that the layer stands for."""
    if isinstance(layer, StructuredLinear):
        return layer.in_features, layer.out_features
    return layer.in_channels * math.prod(layer.kernel_size), layer.out_channels


def _block_inputs(stage: StageWeight) -> float:
    """Edges into a neuron, averaged over the edges."""
    fan_in = stage.fan_in.double().expand_as(stage.weight)
    return float(fan_in.mean() if stage.used is None else fan_in[stage.used.expand_as(stage.weight)].mean())


def _wider(model: nn.Module, base: nn.Module | None, owner: str, name: str) -> float:
    """Inputs of a layer in `base` over its inputs in `model`; one where a parameter's width says nothing of inputs."""
    if base is None:
        return 1.0
    try:
        smaller = base.get_submodule(owner)
    except AttributeError:
        raise ValueError(f"base must have the modules of model, but it has no {owner}") from None
    here, there = _inputs(model.get_submodule(owner), name), _inputs(smaller, name)
    if (here is None) != (there is None):
        raise ValueError(f"base must have the modules of model, but {owner} is a {type(smaller).__name__} there")
    return 1.0 if here is None or there is None else there / here


def _inputs(module: nn.Module, name: str = "") -> int | None:
    """Inputs that an output of a layer sums over, for a module of several matrices those of the named one."""
    if isinstance(module, StructuredLinear | StructuredConv2d):
        return _dense_shape(module)[0]
    if isinstance(module, nn.Linear):
        return module.in_features
    if isinstance(module, CONVOLUTIONS):
        return module.in_channels // module.groups * math.prod(module.kernel_size)
    weight = getattr(module, name, None) if isinstance(module, STACKED) else None
    return weight.shape[1] if weight is not None and weight.ndim == 2 else None


def _split(name: str) -> tuple[str, str]:
    owner, _, own = name.rpartition(".")
    return owner, own


def _title(kind: str, rate: float, decay: float) -> str:
    multipliers = [f"rate × {rate:.4g}"] * (rate != 1) + [f"decay × {decay:.4g}"] * (kind != "no decay" and decay != 1)
    return ", ".join([kind, *multipliers])


def _number(name: str, value: object, zero: bool = False) -> float:
    wanted = "a finite number from 0" if zero else "a positive finite number"
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not math.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return number
