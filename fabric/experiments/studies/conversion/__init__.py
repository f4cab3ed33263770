"""Trained and random matrices as products of factors (notebook 29_conversion)."""

from fabric.experiments.studies.conversion._matrices import (
    NearestConfig,
    RoutersConfig,
    by_routers,
    errors_by_routers,
    errors_by_spectrum,
    nearest,
    partial_rank_correlation,
    rank_correlation,
)
from fabric.experiments.studies.conversion._narrow import PerceptronOfStepsConfig, narrow, train_for_steps
from fabric.experiments.studies.conversion._ridge import RidgeConfig, by_ridge, errors_by_ridge
from fabric.experiments.studies.conversion._trained import (
    TrainedConfig,
    convert_trained,
    converted,
    percent,
    worst_excess,
)

__all__ = [
    "NearestConfig",
    "PerceptronOfStepsConfig",
    "RidgeConfig",
    "RoutersConfig",
    "TrainedConfig",
    "by_ridge",
    "by_routers",
    "convert_trained",
    "converted",
    "errors_by_ridge",
    "errors_by_routers",
    "errors_by_spectrum",
    "narrow",
    "nearest",
    "partial_rank_correlation",
    "percent",
    "rank_correlation",
    "train_for_steps",
    "worst_excess",
]
