"""Training sample by sample, in fixed point, in float32 and in PyTorch, beside classical models."""

from fabric.experiments.batchless._classical import NODE_BYTES, ForestConfig, SvmConfig, grow, pack, separate, vote
from fabric.experiments.batchless._common import Cascade, Cascades, Checks, initial_weights, orders, samples, stretches
from fabric.experiments.batchless._fixed_point import (
    FixedPointConfig,
    OneTorus,
    TwoTori,
    stored_weights,
    train_fixed_point,
)
from fabric.experiments.batchless._float32 import Float32Config, cascade_starts, descend, float32_network, train_float32
from fabric.experiments.batchless._pytorch import PytorchConfig, train_pytorch

__all__ = [
    "NODE_BYTES",
    "Cascade",
    "Cascades",
    "Checks",
    "FixedPointConfig",
    "Float32Config",
    "ForestConfig",
    "OneTorus",
    "PytorchConfig",
    "SvmConfig",
    "TwoTori",
    "cascade_starts",
    "descend",
    "float32_network",
    "grow",
    "initial_weights",
    "orders",
    "pack",
    "samples",
    "separate",
    "stored_weights",
    "stretches",
    "train_fixed_point",
    "train_float32",
    "train_pytorch",
    "vote",
]
