"""Configuration in, one flat record out; stored by content hash, resumable."""

from fabric.experiments.networks import Layer, LayerWithSkips, at_parameters, one_hidden_layer
from fabric.experiments.reconstruct import ReconstructConfig, reconstruct
from fabric.experiments.store import RunStore
from fabric.experiments.sweep import sweep
from fabric.experiments.train import TrainConfig, train

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
