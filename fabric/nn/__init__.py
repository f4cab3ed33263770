"""Topologies as trainable PyTorch layers, and how to initialise them."""

from fabric.nn._cascade import CascadeLinear, LowRankLinear, SparseLinear
from fabric.nn._clos import ClosLinear
from fabric.nn._descend import descend
from fabric.nn._predefined import PredefinedLinear
from fabric.nn.convolution._cascade_conv import CascadeConv2d
from fabric.nn.convolution._clos_conv import ClosConv2d
from fabric.nn.convolution._fold import fold_batch_norm
from fabric.nn.growth._freeze import PartlyFrozenClos, freeze
from fabric.nn.growth._grow import grow
from fabric.nn.growth._merge import merge
from fabric.nn.kernels import backend, reference
from fabric.nn.models._convert import convert
from fabric.nn.models._entries import Plan
from fabric.nn.models._fewer import fewer
from fabric.nn.models._heal import heal
from fabric.nn.models._plan import plan
from fabric.nn.models._rates import parameter_groups
from fabric.nn.models._replace import Replaced, replace
from fabric.nn.recurrence._recurrent_layers import CascadeGRU, CascadeLSTM, ClosGRU, ClosLSTM

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
    "PartlyFrozenClos",
    "Plan",
    "PredefinedLinear",
    "Replaced",
    "SparseLinear",
    "backend",
    "convert",
    "descend",
    "fewer",
    "fold_batch_norm",
    "freeze",
    "grow",
    "heal",
    "merge",
    "parameter_groups",
    "plan",
    "reference",
    "replace",
]
