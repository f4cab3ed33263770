"""Networks as plain values: a tuple of layers, each a topology by name. What a configuration holds and hashes."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear
from fabric.nn.init import glorot_uniform_, sparse_glorot_normal_, sparse_glorot_uniform_

INITIALIZATIONS = {
    "sparse_glorot_uniform": sparse_glorot_uniform_,
    "sparse_glorot_normal": sparse_glorot_normal_,
    "glorot_uniform": glorot_uniform_,
}
_RANDOM = ("predefined", "random_sparse")


@dataclass(frozen=True)
class Layer:
    """The name of a function in `fabric.topology` and its arguments, e.g. Layer("clos", (8, 8, 4, 2, 4)).

    Integers, and where a pattern is wanted its name: Layer("predefined", (784, 112, 2, "structured")).
    """

    topology: str
    arguments: tuple[int | str, ...]

    def build(self, rng: np.random.Generator) -> topology.Topology:
        """The topology; `rng` serves those that are drawn at random.

        Raises:
            ValueError: the name is not that of a topology, or its arguments do not fit.
        """
        function = getattr(topology, self.topology, None) if self.topology in topology.__all__ else None
        if getattr(function, "__annotations__", {}).get("return") is not topology.Topology:
            raise ValueError(f"topology must be the name of a function in fabric.topology, got {self.topology!r}")
        arguments = (*self.arguments, rng) if self.topology in _RANDOM else self.arguments
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError as error:
            raise ValueError(f"arguments of {self.topology} do not fit, got {self.arguments!r}: {error}") from None
        return function(*arguments)

    @property
    def label(self) -> str:
        """For tables: "clos(8, 8, 4, 2, 4)"."""
        return f"{self.topology}({', '.join(map(str, self.arguments))})"


Network = tuple[Layer, ...]


def label(network: Sequence[Layer]) -> str:
    """The layers' labels, joined by arrows."""
    return " → ".join(layer.label for layer in network)


def weights(network: Sequence[Layer]) -> int:
    """Weights of all layers, biases not counted: the papers' parameter count."""
    return sum(layer.build(np.random.default_rng(0)).parameters for layer in network)


def build(network: Sequence[Layer], initialization: str, seed: int) -> nn.Sequential:
    """The network as a module: each layer a linear cascade with bias, ReLU between layers, logits at the end.

    Args:
        network: layers; each one's outputs are the next one's inputs.
        initialization: a key of `INITIALIZATIONS`.
        seed: of the random topologies and the weights.

    Raises:
        ValueError: an unknown topology or initialisation.
    """
    if initialization not in INITIALIZATIONS:
        raise ValueError(f"initialization must be one of {', '.join(INITIALIZATIONS)}, got {initialization!r}")
    rng = np.random.default_rng(seed)
    modules: list[nn.Module] = []
    for layer in network:
        wiring = layer.build(rng)
        linear = ClosLinear(*layer.arguments) if layer.topology == "clos" else CascadeLinear(wiring)
        modules += [linear, nn.ReLU()]
    module = nn.Sequential(*modules[:-1])
    return INITIALIZATIONS[initialization](module, generator=torch.Generator().manual_seed(seed))


def one_hidden_layer(first: Layer, classes: int = 10) -> Network:
    """A first layer followed by a dense one from its outputs to the classes."""
    outputs = first.build(np.random.default_rng(0)).outputs
    return (first, Layer("dense", (outputs, classes)))


def at_parameters(method: str, parameters: int, inputs: int = 784, hidden: int = 256, classes: int = 10) -> Network:
    """A network inputs-hidden-classes whose weights come as close to `parameters` as its method allows.

    The method makes the first layer: "dense" shrinks the hidden layer itself, "low_rank" chooses the rank and
    "random_sparse" the number of edges between inputs and `hidden` neurons.

    Raises:
        ValueError: an unknown method, or fewer parameters than the method's smallest network has.
    """
    spare = parameters - hidden * classes
    sizes = {
        "dense": (inputs, round(parameters / (inputs + classes))),
        "low_rank": (inputs, hidden, round(spare / (inputs + hidden))),
        "random_sparse": (inputs, hidden, spare),
    }
    if method not in sizes:
        raise ValueError(f"method must be one of {', '.join(sizes)}, got {method!r}")
    return one_hidden_layer(Layer(method, sizes[method]), classes)
