"""Topologies as trainable PyTorch layers, and how to initialise them."""

from fabric.nn._cascade import CascadeLinear, LowRankLinear, SparseLinear
from fabric.nn._clos import ClosLinear
from fabric.nn._predefined import PredefinedLinear
from fabric.nn._recurrent_layers import CascadeGRU, CascadeLSTM, ClosGRU, ClosLSTM

__all__ = [
    "CascadeGRU",
    "CascadeLSTM",
    "CascadeLinear",
    "ClosGRU",
    "ClosLSTM",
    "ClosLinear",
    "LowRankLinear",
    "PredefinedLinear",
    "SparseLinear",
]
