"""Networks as plain values that a configuration holds and hashes, built as modules."""

from fabric.experiments.networks._between import normalise_between
from fabric.experiments.networks._layers import Layer, LayerWithSkips, layer
from fabric.experiments.networks._mobilenet import Count, MobileNet
from fabric.experiments.networks._networks import (
    INITIALIZATIONS,
    Network,
    at_parameters,
    build,
    label,
    one_hidden_layer,
    topologies,
    weights,
)
from fabric.experiments.networks._resnet import ResNet18
from fabric.experiments.networks._small import SmallConvNet
from fabric.experiments.networks._trunks import CIFAR_TRUNK, MNIST_TRUNK, Convolution, Pool, Trunk

__all__ = [
    "CIFAR_TRUNK",
    "INITIALIZATIONS",
    "MNIST_TRUNK",
    "Convolution",
    "Count",
    "Layer",
    "LayerWithSkips",
    "MobileNet",
    "Network",
    "Pool",
    "ResNet18",
    "SmallConvNet",
    "Trunk",
    "at_parameters",
    "build",
    "label",
    "layer",
    "normalise_between",
    "one_hidden_layer",
    "topologies",
    "weights",
]
