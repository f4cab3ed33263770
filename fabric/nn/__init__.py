"""Topologies as trainable PyTorch layers, and how to initialise them."""

from fabric.nn.cascade import CascadeLinear, LowRankLinear, SparseLinear
from fabric.nn.clos import ClosLinear

__all__ = ["CascadeLinear", "ClosLinear", "LowRankLinear", "SparseLinear"]
