"""Data sets as tensors, read, checked or generated, and what share of their labels is named."""

from fabric.experiments.data._accuracy import accuracy, agreement
from fabric.experiments.data._dataset import Dataset
from fabric.experiments.data._files import DataError
from fabric.experiments.data._sets import DatasetName, load

__all__ = ["DataError", "Dataset", "DatasetName", "accuracy", "agreement", "load"]
