"""Recurrent layers of cascades: music, images by rows, tasks of memory, growth, time (notebook 28_recurrent)."""

from fabric.experiments.studies.recurrent._growth import closed_form, grown, growth, square_clos
from fabric.experiments.studies.recurrent._memory import MemoryConfig, remember
from fabric.experiments.studies.recurrent._music import MusicConfig, learn_music
from fabric.experiments.studies.recurrent._network import Gru, GruNetwork, Matrix
from fabric.experiments.studies.recurrent._rows import RowsConfig, SequenceConfig, classify_rows
from fabric.experiments.studies.recurrent._times import GruTimesConfig, measured, time_steps
from fabric.experiments.studies.recurrent._training import (
    networks,
    train_memory,
    train_music,
    train_rows,
)

__all__ = [
    "Gru",
    "GruNetwork",
    "GruTimesConfig",
    "Matrix",
    "MemoryConfig",
    "MusicConfig",
    "RowsConfig",
    "SequenceConfig",
    "classify_rows",
    "closed_form",
    "grown",
    "growth",
    "learn_music",
    "measured",
    "networks",
    "remember",
    "square_clos",
    "time_steps",
    "train_memory",
    "train_music",
    "train_rows",
]
