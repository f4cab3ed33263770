"""Configuration in, one flat record out; stored by content hash, resumable."""

from fabric import _artifact as _artifact
from fabric.experiments.networks import Layer, LayerWithSkips, at_parameters, one_hidden_layer
from fabric.experiments.runs import RunStore, sweep
from fabric.experiments.training import ReconstructConfig, TrainConfig, reconstruct, train

__all__ = [
    "Layer",
    "LayerWithSkips",
    "ReconstructConfig",
    "RunStore",
    "TrainConfig",
    "at_parameters",
    "one_hidden_layer",
    "reconstruct",
    "sweep",
    "train",
]
