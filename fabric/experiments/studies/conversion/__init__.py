"""Trained and random matrices as products of factors (notebook 29_conversion)."""

from fabric.experiments.studies.conversion._matrices import (
    NearestConfig,
    RoutersConfig,
    by_routers,
    errors_by_routers,
    errors_by_spectrum,
    nearest,
    rank_correlation,
)
from fabric.experiments.studies.conversion._trained import (
    TrainedConfig,
    convert_trained,
    converted,
    percent,
    worst_excess,
)

__all__ = [
    "NearestConfig",
    "RoutersConfig",
    "TrainedConfig",
    "by_routers",
    "convert_trained",
    "converted",
    "errors_by_routers",
    "errors_by_spectrum",
    "nearest",
    "percent",
    "rank_correlation",
    "worst_excess",
]
