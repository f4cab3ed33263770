"""Topologies as trainable PyTorch layers, and how to initialise them."""

from fabric.nn.cascade import CascadeLinear, LowRankLinear, SparseLinear
from fabric.nn.clos import ClosLinear
from fabric.nn.predefined import PredefinedLinear

__all__ = ["CascadeLinear", "ClosLinear", "LowRankLinear", "PredefinedLinear", "SparseLinear"]
