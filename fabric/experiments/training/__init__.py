"""Training in batches and fitting matrices: a configuration in, one flat record out."""

from fabric.experiments.training._classify import (
    BIAS,
    ClassifierConfig,
    accuracy,
    adam,
    classification_layers,
    classify,
    held_bytes,
    set_biases,
)
from fabric.experiments.training._reconstruct import (
    LOSSES,
    TARGETS,
    ReconstructConfig,
    initial_weights,
    random_matrix,
    reconstruct,
)
from fabric.experiments.training._train import TrainConfig, padded, train

__all__ = [
    "BIAS",
    "LOSSES",
    "TARGETS",
    "ClassifierConfig",
    "ReconstructConfig",
    "TrainConfig",
    "accuracy",
    "adam",
    "classification_layers",
    "classify",
    "held_bytes",
    "initial_weights",
    "padded",
    "random_matrix",
    "reconstruct",
    "set_biases",
    "train",
]
