"""Networks as plain values: a tuple of layers, each a topology by name. What a configuration holds and hashes."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear
from fabric.nn.init import (
    end_to_end_glorot_uniform_,
    glorot_uniform_,
    he_normal_,
    orthogonal_,
    skip_scaled_glorot_uniform_,
    sparse_glorot_normal_,
    sparse_glorot_uniform_,
)
from fabric.topology import Topology, skips

INITIALIZATIONS = {
    "sparse_glorot_uniform": sparse_glorot_uniform_,
    "sparse_glorot_normal": sparse_glorot_normal_,
    "end_to_end_glorot_uniform": end_to_end_glorot_uniform_,
    "orthogonal": orthogonal_,
    "skip_scaled_glorot_uniform": skip_scaled_glorot_uniform_,
    "glorot_uniform": glorot_uniform_,
    "he_normal": he_normal_,
}
CascadeModule = ClosLinear | CascadeLinear
Wiring = tuple[Topology, tuple[np.ndarray, ...] | None]
SKIPS: dict[str, Callable[[Topology], Wiring]] = {
    "identity": lambda wiring: (wiring, skips.identity(wiring)),
    "off_support": lambda wiring: (wiring, skips.off_support(wiring)),
    "from_input": skips.from_input,
}

Argument = int | str | tuple["Argument", ...]


@dataclass(frozen=True)
class Layer:
    """The name of a function in `topology.FAMILIES` and its arguments, e.g. Layer("clos", (8, 8, 4, 2, 4)).

    Integers, tuples where a shape or several routers are wanted, Layer("torus", ((32, 32), 8)), and where a pattern is
    wanted its name, Layer("predefined", (784, 112, 2, "structured")). The arguments leave `rng` out: the random
    topologies get the one that `build` is given.

    Raises:
        ValueError: arguments that are not a tuple of integers, names and such tuples.
    """

    topology: str
    arguments: tuple[Argument, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.arguments, tuple) or not _is_plain(self.arguments):
            raise ValueError(f"arguments must be a tuple of integers, names and such tuples, got {self.arguments!r}")

    def build(self, rng: np.random.Generator) -> Topology:
        """The topology; `rng` serves those that are drawn at random.

        Raises:
            ValueError: the name is not that of a topology, or its arguments do not fit.
        """
        function, arguments = self._call(rng)
        return function(**arguments)

    def _call(self, rng: np.random.Generator) -> tuple[Callable[..., Topology], dict[str, Any]]:
        """The function that makes the topology, and its arguments by name."""
        if self.topology not in topology.FAMILIES:
            known = ", ".join(sorted(topology.FAMILIES))
            raise ValueError(
                f"topology must be one of {known}, or registered by topology.family, got {self.topology!r}"
            )
        function = topology.FAMILIES[self.topology]
        taken = inspect.signature(function).parameters
        given = inspect.Signature([parameter for name, parameter in taken.items() if name != "rng"])
        try:
            bound = given.bind(*self.arguments)
        except TypeError as error:
            raise ValueError(f"arguments of {self.topology} do not fit, got {self.arguments!r}: {error}") from None
        return function, bound.arguments | ({"rng": rng} if "rng" in taken else {})

    def wired(self, rng: np.random.Generator) -> Wiring:
        """The topology and its fixed skips, which are none here; `rng` and errors as for `build`."""
        return self.build(rng), None

    def module(self, rng: np.random.Generator) -> CascadeModule:
        """The linear layer with bias, weights to be initialised; `rng` and errors as for `build`.

        Its `topology` is what `build` would give: whoever counts what trains counts that.
        """
        if self.topology == "clos":
            _, arguments = self._call(rng)
            return ClosLinear(*arguments.values())
        return CascadeLinear(self.build(rng))

    @property
    def label(self) -> str:
        """For tables: "clos(8, 8, 4, 2, 4)"."""
        return f"{self.topology}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class LayerWithSkips:
    """A layer with fixed skip connections, e.g. LayerWithSkips(layer, "off_support").

    Attributes:
        layer: the layer without them.
        skips: a key of `SKIPS`, a function of `fabric.topology.skips`.

    Raises:
        ValueError: a layer that is not a `Layer`, or unknown skips.
    """

    layer: Layer
    skips: str

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):
            raise ValueError(f"layer must be a Layer, got {self.layer!r}")
        if self.skips not in SKIPS:
            raise ValueError(f"skips must be one of {', '.join(SKIPS)}, got {self.skips!r}")

    def build(self, rng: np.random.Generator) -> Topology:
        """The topology, without the skips; see `Layer.build`."""
        return self.layer.build(rng)

    def wired(self, rng: np.random.Generator) -> Wiring:
        """The topology and its fixed skips; "from_input" widens the topology so that the inputs reach later stages.

        Raises:
            ValueError: as `Layer.build`, or skips off the support where a stage has no room for them.
        """
        return SKIPS[self.skips](self.build(rng))

    def module(self, rng: np.random.Generator) -> CascadeModule:
        """As `Layer.module`, with the skips; errors as for `wired`."""
        wiring, fixed = self.wired(rng)
        return CascadeLinear(wiring, skips=fixed)

    @property
    def label(self) -> str:
        """For tables: "clos(8, 8, 4, 2, 4) + off-support skips"."""
        return f"{self.layer.label} + {self.skips.replace('_', '-')} skips"


def layer(topology: str, arguments: Sequence[Any]) -> Layer:
    """A `Layer` from what parameters of notebooks and JSON hold: lists become tuples."""
    return Layer(topology, _as_tuple(arguments))


def _as_tuple(argument: Any) -> Any:
    return tuple(map(_as_tuple, argument)) if isinstance(argument, list | tuple) else argument


def _is_plain(argument: Any) -> bool:
    if isinstance(argument, tuple):
        return all(map(_is_plain, argument))
    return isinstance(argument, int | str)


Network = tuple[Layer | LayerWithSkips, ...]


def label(network: Network) -> str:
    """The layers' labels, joined by arrows."""
    return " → ".join(layer.label for layer in network)


def weights(network: Network) -> int:
    """Weights of all layers, biases and fixed skips not counted: the papers' parameter count.

    For networks that are not built yet; those of a network that is are the parameters of its `topologies`.
    """
    return sum(layer.build(np.random.default_rng(0)).parameters for layer in network)


def topologies(module: nn.Sequential) -> list[Topology]:
    """The topologies of the layers of a network as `build` made it: what trains, and so what is to be counted."""
    return [layer.topology for layer in module if isinstance(layer, CascadeModule)]


def build(network: Network, initialization: str, seed: int) -> nn.Sequential:
    """The network as a module: each layer a linear cascade with bias, ReLU between layers, logits at the end.

    Args:
        network: layers; each one's outputs are the next one's inputs.
        initialization: a key of `INITIALIZATIONS`.
        seed: of the random topologies and the weights.

    Raises:
        ValueError: an unknown topology or initialisation, or neighbouring layers that do not fit.
    """
    if initialization not in INITIALIZATIONS:
        raise ValueError(f"initialization must be one of {', '.join(INITIALIZATIONS)}, got {initialization!r}")
    rng = np.random.default_rng(seed)
    layers = [layer.module(rng) for layer in network]
    for position, (before, behind) in enumerate(pairwise(layers), start=1):
        if before.out_features != behind.in_features:
            raise ValueError(
                f"network[{position}] must take the {before.out_features} outputs of the layer before it, "
                f"it has {behind.in_features} inputs"
            )
    module = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    INITIALIZATIONS[initialization](module, generator=torch.Generator().manual_seed(seed))
    return module


def one_hidden_layer(first: Layer | LayerWithSkips, classes: int = 10) -> Network:
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
