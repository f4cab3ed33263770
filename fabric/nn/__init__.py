"""Topologies as trainable PyTorch layers, and how to initialise them."""

from fabric.nn._cascade import CascadeLinear, LowRankLinear, SparseLinear
from fabric.nn._clos import ClosLinear
from fabric.nn._predefined import PredefinedLinear
from fabric.nn.kernels import backend, reference

__all__ = ["CascadeLinear", "ClosLinear", "LowRankLinear", "PredefinedLinear", "SparseLinear", "backend", "reference"]
