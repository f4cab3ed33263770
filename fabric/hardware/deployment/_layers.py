"""The layers of a PyTorch model as arrays, level of routers by level of routers, and arrays written back into them."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import nn

from fabric.nn import CascadeLinear, ClosLinear
from fabric.nn._stages import BlockStage, EdgeStage
from fabric.topology import Topology, multistage_clos, router_sizes

_ACTIVATIONS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Identity: "identity"}
_LAYERS = (nn.Linear, ClosLinear, CascadeLinear)
_WANTED = "torch.nn.Linear, ClosLinear, CascadeLinear of a Clos topology, ReLU, Sigmoid or Identity"


@dataclass(frozen=True)
class Layer:
    """A linear layer and the activation after it.

    Attributes:
        name: what an error calls it.
        inputs, outputs: neurons.
        routers: of each level; empty for a dense layer.
        weights: float64, for each level (routers, neurons of one, values of one), zero where a router is smaller; for a
            dense layer (1, outputs, inputs) alone.
        bias: float64 (outputs,), or None.
        activation: "identity", "relu" or "sigmoid".
    """

    name: str
    inputs: int
    outputs: int
    routers: tuple[int, ...]
    weights: tuple[np.ndarray, ...]
    bias: np.ndarray | None
    activation: str


def read_layers(model: nn.Module) -> list[Layer]:
    """The layers of a model, from the inputs to the outputs.

    Raises:
        TypeError: something that is no model of such layers; the message names it.
        ValueError: layers that do not follow one another, weights that are not finite, an activation in a wrong place.
    """
    layers: list[Layer] = []
    waiting: tuple[str, nn.Module] | None = None  # the layer whose activation has not come yet
    seen: set[int] = set()
    for name, module in _modules(model):
        kind = _ACTIVATIONS.get(type(module))
        if kind is None and not isinstance(module, _LAYERS):
            raise TypeError(f"model must be made of {_WANTED}, got {name}")
        if kind == "identity":
            continue
        if kind is not None and waiting is None:
            raise ValueError(f"model must have a linear layer before each activation, got {name} without one")
        if kind is None and id(module) in seen:
            raise ValueError(f"model must use each layer once, got {name} again: a machine holds no shared weights")
        if waiting is not None:
            layers.append(_read(*waiting, kind or "identity"))
        seen.add(id(module))
        waiting = None if kind is not None else (name, module)
    if waiting is not None:
        layers.append(_read(*waiting, "identity"))
    if not layers:
        raise ValueError(f"model must have at least one linear layer, got {model!r}")
    for before, after in pairwise(layers):
        if before.outputs != after.inputs:
            raise ValueError(f"model must pass {before.outputs} values from {before.name} on, got {after.name}")
    return layers


def write_layers(
    model: nn.Module, weights: Sequence[Sequence[np.ndarray]], biases: Sequence[np.ndarray | None]
) -> None:
    """Set the parameters of a model, layer by layer in the shapes of `Layer`."""
    modules = [module for _, module in _modules(model) if isinstance(module, _LAYERS)]
    with torch.no_grad():
        for module, arrays, bias in zip(modules, weights, biases, strict=True):
            if isinstance(module, CascadeLinear):
                for stage, pairs, level in zip(_stages(module), _wires(module.topology), arrays, strict=True):
                    numbered = _numbered(stage)  # which weight is where in the matrix
                    matrix = np.zeros(numbered.shape)
                    (targets, sources), used = pairs
                    matrix[targets[used], sources[used]] = level[used]
                    held = np.zeros(stage.weight.numel())
                    held[numbered[numbered >= 0]] = matrix[numbered >= 0]
                    stage.weight.copy_(torch.from_numpy(held).reshape(stage.weight.shape))
            else:
                parameters = [module.weight] if isinstance(module, nn.Linear) else _clos_weights(module)
                for parameter, level in zip(parameters, arrays, strict=True):
                    parameter.copy_(torch.from_numpy(level).reshape(parameter.shape))
            if module.bias is not None and bias is not None:
                module.bias.copy_(torch.from_numpy(bias))


def sums(model: nn.Module, x: np.ndarray) -> np.ndarray:
    """Outputs of the model before its last activation, float64 (samples, outputs)."""
    modules = [module for _, module in _modules(model)]
    while type(modules[-1]) in _ACTIVATIONS:
        modules.pop()
    y = torch.from_numpy(x)
    with torch.no_grad():
        for module in modules:
            y = copy.deepcopy(module).cpu().double()(y)
    return y.numpy()


def _modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module of each step of a model, sequences opened."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Sequential of {_WANTED}, got {model!r}")
    if isinstance(model, nn.Sequential):
        if type(model).forward is not nn.Sequential.forward:
            raise TypeError(
                f"model must run its modules in turn as torch.nn.Sequential does, got {type(model).__name__}"
            )
        for part, module in model._modules.items():  # named_children leaves out what comes twice
            assert module is not None
            for name, inner in _modules(module):
                yield (f"{part}.{name}" if isinstance(module, nn.Sequential) else f"{part} = {inner!r}"), inner
    else:
        yield repr(model), model


def _read(name: str, module: nn.Module, activation: str) -> Layer:
    routers: tuple[int, ...] = ()
    if isinstance(module, nn.Linear):
        weights = [module.weight[None]]
    elif isinstance(module, ClosLinear):
        routers = tuple(module.routers[2:])
        weights = [stage.weight * (1 if stage.used is None else stage.used) for stage in module.stage_weights()]
    else:
        assert isinstance(module, CascadeLinear)
        routers = _clos_routers(name, module)
        stages = [stage.dense().detach().cpu().double().numpy() for stage in _stages(module)]
        weights = [
            torch.from_numpy(np.where(used, matrix[wires], 0.0))
            for matrix, (wires, used) in zip(stages, _wires(module.topology), strict=True)
        ]
    arrays = tuple(weight.detach().cpu().double().numpy() for weight in weights)
    bias = None if module.bias is None else module.bias.detach().cpu().double().numpy()
    if not all(np.isfinite(values).all() for values in (*arrays, *([] if bias is None else [bias]))):
        raise ValueError(f"model must have finite weights, got others in {name}")
    return Layer(name, module.in_features, module.out_features, routers, arrays, bias, activation)


def _clos_weights(layer: ClosLinear) -> list[torch.Tensor]:
    return [layer.input_weight, layer.middle_weight, layer.output_weight]


def _stages(layer: CascadeLinear) -> list[BlockStage | EdgeStage]:
    return cast(list[BlockStage | EdgeStage], list(layer.stages))


def _clos_routers(name: str, layer: CascadeLinear) -> tuple[int, ...]:
    """Routers of each level of a cascade, or ValueError if its topology is no Clos topology."""
    topology = layer.topology
    if any(skip is not None for skip in layer.skips):
        raise ValueError(f"model must have no fixed skips, which a torus has no rings for, got some in {name}")
    routers = _router_counts(topology)
    if len(routers) < 2 or topology != multistage_clos(topology.inputs, topology.outputs, routers):
        raise ValueError(f"model must have cascades of Clos topologies, got {topology.name} in {name}")
    return routers


def _router_counts(topology: Topology) -> tuple[int, ...]:
    """Routers of each level if the topology is a Clos topology: level l has w_l / R_(l+1) of them."""
    after = int(topology.stages[0][:, 0].sum())  # an input reaches one neuron for each router of the next level
    counts = []
    for width in topology.widths[1:-1]:
        if after == 0 or width % after:
            return ()
        counts.append(width // after)
        after = topology.widths[len(counts) + 1] // after if len(counts) < topology.depth - 1 else after
    return (*counts, after)


Wires = tuple[tuple[np.ndarray, np.ndarray], np.ndarray]


def _wires(topology: Topology) -> list[Wires]:
    """For each level and each weight (routers, neurons, values) the neurons that it joins, and whether it is there."""
    routers = _router_counts(topology)
    entered, left = [_dealt(topology.inputs, routers[0])], []
    for before, after in pairwise(routers):
        hidden = np.arange(before * after).reshape(before, after)  # neuron from a router to one of the next level
        left.append(hidden)
        entered.append(hidden.T)
    left.append(_dealt(topology.outputs, routers[-1]))
    wires: list[Wires] = []
    for sources, targets in zip(entered, left, strict=True):
        shape = (len(sources), targets.shape[1], sources.shape[1])
        to, of = np.broadcast_to(targets[:, :, None], shape), np.broadcast_to(sources[:, None, :], shape)
        wires.append(((to, of), (to >= 0) & (of >= 0)))
    return wires


def _dealt(neurons: int, routers: int) -> np.ndarray:
    """Neurons of each router in order, -1 where a router is smaller."""
    sizes = router_sizes(neurons, routers)
    dealt = np.full((routers, max(sizes)), -1)
    dealt[np.arange(max(sizes)) < np.array(sizes)[:, None]] = np.arange(neurons)
    return dealt


def _numbered(stage: BlockStage | EdgeStage) -> np.ndarray:
    """The number of the weight at each entry of a stage's matrix (outputs, inputs), -1 where there is none."""
    twin = copy.deepcopy(stage).double()
    twin.weight.copy_(torch.arange(1, twin.weight.numel() + 1).reshape(twin.weight.shape))
    return twin.dense().round().long().cpu().numpy() - 1
