"""Networks that change while they train: they gain edges, and old edges are frozen."""

from fabric.experiments.growing._chip import ChipGrowthConfig, train_growing_chip
from fabric.experiments.growing._clos import GrowingConfig, Phase, train_growing
from fabric.experiments.growing._masked import CRITERIA, MaskedGrowthConfig, train_masked

__all__ = [
    "CRITERIA",
    "ChipGrowthConfig",
    "GrowingConfig",
    "MaskedGrowthConfig",
    "Phase",
    "train_growing",
    "train_growing_chip",
    "train_masked",
]
