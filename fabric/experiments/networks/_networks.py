"""Networks as plain values: a tuple of layers, counted, chosen by their size and built as modules."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from fabric._checks import MOST_NEURONS, Named, instance, one_of, positive_int, sequence, shown, size
from fabric._checks import seed as checked_seed
from fabric.experiments.networks._layers import CascadeModule, Layer, LayerWithSkips
from fabric.nn.init import (
    end_to_end_glorot_uniform_,
    glorot_uniform_,
    he_normal_,
    orthogonal_,
    skip_scaled_glorot_uniform_,
    sparse_glorot_normal_,
    sparse_glorot_uniform_,
)
from fabric.topology import Topology

Network = tuple[Layer | LayerWithSkips, ...]
INITIALIZATIONS = Named(
    "initialization",
    {
        "sparse_glorot_uniform": sparse_glorot_uniform_,
        "sparse_glorot_normal": sparse_glorot_normal_,
        "end_to_end_glorot_uniform": end_to_end_glorot_uniform_,
        "orthogonal": orthogonal_,
        "skip_scaled_glorot_uniform": skip_scaled_glorot_uniform_,
        "glorot_uniform": glorot_uniform_,
        "he_normal": he_normal_,
    },
)


def checked(network: Network) -> Network:
    """Return `network`, or raise ValueError unless it is a sequence of at least one layer."""
    for layer in sequence("network", network, "layers"):
        if not isinstance(layer, Layer | LayerWithSkips):
            raise ValueError(f"network must hold layers, got {shown(layer)}")
    if len(network) == 0:
        raise ValueError(f"network must hold at least one layer, got {shown(network)}")
    return network


def label(network: Network) -> str:
    """The layers' labels, joined by arrows."""
    return " → ".join(layer.label for layer in checked(network))


def weights(network: Network) -> int:
    """Weights of all layers, biases and fixed skips not counted: the papers' parameter count.

    For networks that are not built yet; those of a network that is are the parameters of its `topologies`.
    """
    return sum(layer.build(np.random.default_rng(0)).parameters for layer in checked(network))


def topologies(module: nn.Sequential) -> list[Topology]:
    """The topologies of the layers of a network as `build` made it: what trains, and so what is to be counted."""
    layers = instance("module", module, nn.Sequential)
    return [layer.topology for layer in layers if isinstance(layer, CascadeModule)]


def build(network: Network, initialization: str, seed: int) -> nn.Sequential:
    """The network as a module: each layer a linear cascade with bias, ReLU between layers, logits at the end.

    Args:
        network: layers; each one's outputs are the next one's inputs.
        initialization: a key of `INITIALIZATIONS`.
        seed: of the random topologies and the weights.

    Raises:
        ValueError: an unknown topology or initialisation, or neighbouring layers that do not fit.
    """
    one_of("initialization", initialization, INITIALIZATIONS)
    rng = np.random.default_rng(checked_seed(seed))
    layers = [layer.module(rng) for layer in checked(network)]
    for position, (before, after) in enumerate(pairwise(layers), start=1):
        if before.out_features != after.in_features:
            raise ValueError(
                f"network[{position}] must take the {before.out_features} outputs of the layer before it, "
                f"it has {after.in_features} inputs"
            )
    module = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    INITIALIZATIONS[initialization](module, generator=torch.Generator().manual_seed(seed))
    return module


def one_hidden_layer(first: Layer | LayerWithSkips, classes: int = 10) -> Network:
    """A first layer followed by a dense one from its outputs to the classes.

    Raises:
        ValueError: `first` is no layer or `classes` no size; otherwise as `Layer.build`.
    """
    if not isinstance(first, Layer | LayerWithSkips):
        raise ValueError(f"first must be a Layer or a LayerWithSkips, got {shown(first)}")
    size("classes", classes)
    outputs = first.build(np.random.default_rng(0)).outputs
    return (first, Layer("dense", (outputs, classes)))


def at_parameters(method: str, parameters: int, inputs: int = 784, hidden: int = 256, classes: int = 10) -> Network:
    """A network inputs-hidden-classes whose weights come as close to `parameters` as its method allows.

    The method makes the first layer: "dense" shrinks the hidden layer itself, "low_rank" chooses the rank and
    "random_sparse" the number of edges between inputs and `hidden` neurons.

    Raises:
        ValueError: an unknown method, sizes that are none, fewer parameters than the method's smallest network has, or
            more edges than the dense one.
    """
    positive_int("parameters", parameters)
    for name, neurons in (("inputs", inputs), ("hidden", hidden), ("classes", classes)):
        size(name, neurons)
    spare = parameters - hidden * classes
    sizes = {
        "dense": (inputs, _rounded(parameters, inputs + classes)),
        "low_rank": (inputs, hidden, _rounded(spare, inputs + hidden)),
        "random_sparse": (inputs, hidden, spare),
    }
    one_of("method", method, sizes)
    most = inputs * hidden if method == "random_sparse" else MOST_NEURONS
    if not 1 <= sizes[method][-1] <= most:
        what = {"dense": "hidden neurons", "low_rank": "rank", "random_sparse": "edges before the hidden neurons"}
        raise ValueError(
            f"parameters must leave {method} networks of {inputs} inputs and {classes} classes "
            f"{what[method]} from 1 to {most:,}, got {shown(parameters)}"
        )
    return one_hidden_layer(Layer(method, sizes[method]), classes)


def _rounded(number: int, share: int) -> int:
    """number / share, rounded as Python rounds, for integers of any size."""
    return round(Fraction(number, share))
