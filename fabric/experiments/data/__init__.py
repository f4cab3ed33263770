"""Data sets as tensors, read, checked or generated, and what share of their labels is named."""

from fabric.experiments.data._accuracy import accuracy, agreement
from fabric.experiments.data._dataset import Dataset
from fabric.experiments.data._files import DataError
from fabric.experiments.data._sequences import Sequences, SequencesName, load_sequences
from fabric.experiments.data._sets import DatasetName, load
from fabric.experiments.data._texts import Text, TextName, load_text

__all__ = [
    "DataError",
    "Dataset",
    "DatasetName",
    "Sequences",
    "SequencesName",
    "Text",
    "TextName",
    "accuracy",
    "agreement",
    "load",
    "load_sequences",
    "load_text",
]
