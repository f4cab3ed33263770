"""Small transformers whose linear layers are structured (notebook 30_transformer)."""

from fabric.experiments.studies.transformer._arms import (
    NARROW,
    arms,
    curves,
    less_lost,
    losses,
    reached,
    set_beside,
    trained,
    tuned,
)
from fabric.experiments.studies.transformer._convert import ConversionConfig, convert_characters, converted, lost
from fabric.experiments.studies.transformer._larger import CarriedConfig, larger, train_carried
from fabric.experiments.studies.transformer._structures import STRUCTURES, btt, restructured
from fabric.experiments.studies.transformer._times import StepsConfig, step_times, time_steps
from fabric.experiments.studies.transformer._train import CharacterConfig, train_characters

__all__ = [
    "NARROW",
    "STRUCTURES",
    "CarriedConfig",
    "CharacterConfig",
    "ConversionConfig",
    "StepsConfig",
    "arms",
    "btt",
    "convert_characters",
    "converted",
    "curves",
    "larger",
    "less_lost",
    "losses",
    "lost",
    "reached",
    "restructured",
    "set_beside",
    "step_times",
    "time_steps",
    "train_carried",
    "train_characters",
    "trained",
    "tuned",
]
