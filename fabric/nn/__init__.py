"""Topologies as trainable PyTorch layers, and how to initialise them."""

from fabric.nn._cascade import CascadeLinear, LowRankLinear, SparseLinear
from fabric.nn._cascade_conv import CascadeConv2d
from fabric.nn._clos import ClosLinear
from fabric.nn._clos_conv import ClosConv2d
from fabric.nn._convert import convert
from fabric.nn._fewer import fewer
from fabric.nn._heal import heal
from fabric.nn._plan import Plan, plan
from fabric.nn._predefined import PredefinedLinear
from fabric.nn._rates import parameter_groups
from fabric.nn._recurrent_layers import CascadeGRU, CascadeLSTM, ClosGRU, ClosLSTM
from fabric.nn._replace import Replaced, replace
from fabric.nn.kernels import backend, reference

__all__ = [
    "CascadeConv2d",
    "CascadeGRU",
    "CascadeLSTM",
    "CascadeLinear",
    "ClosConv2d",
    "ClosGRU",
    "ClosLSTM",
    "ClosLinear",
    "LowRankLinear",
    "Plan",
    "PredefinedLinear",
    "Replaced",
    "SparseLinear",
    "backend",
    "convert",
    "fewer",
    "heal",
    "parameter_groups",
    "plan",
    "reference",
    "replace",
]
