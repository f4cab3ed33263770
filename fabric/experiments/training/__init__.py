"""Training in batches and fitting matrices: a configuration in, what was measured out."""

from fabric.experiments.training._classify import (
    BIAS,
    ClassifierConfig,
    adam,
    classification_layers,
    classify,
    fit,
    held_bytes,
    set_biases,
)
from fabric.experiments.training._compress import METHODS, CompressConfig, compress
from fabric.experiments.training._fit_dense import FitConfig, fit_dense
from fabric.experiments.training._images import OPTIMIZERS, ImageConfig, train_images
from fabric.experiments.training._reconstruct import (
    LOSSES,
    TARGETS,
    ReconstructConfig,
    initial_weights,
    random_matrix,
    reconstruct,
)
from fabric.experiments.training._train import TrainConfig, fit_network, train, trained_network

__all__ = [
    "BIAS",
    "LOSSES",
    "METHODS",
    "OPTIMIZERS",
    "TARGETS",
    "ClassifierConfig",
    "CompressConfig",
    "FitConfig",
    "ImageConfig",
    "ReconstructConfig",
    "TrainConfig",
    "adam",
    "classification_layers",
    "classify",
    "compress",
    "fit",
    "fit_dense",
    "fit_network",
    "held_bytes",
    "initial_weights",
    "random_matrix",
    "reconstruct",
    "set_biases",
    "train",
    "train_images",
    "trained_network",
]
