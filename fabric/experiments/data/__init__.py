"""Data sets as tensors, read, checked or generated."""

from fabric.experiments.data._sets import DataError, Dataset, load

__all__ = ["DataError", "Dataset", "load"]
