"""Accuracy: the one figure that every network, tree and machine is judged by."""

from typing import Any

import numpy as np
from torch import Tensor

Array = np.ndarray | Tensor


def accuracy(outputs: Array, labels: Array) -> float:
    """Fraction of the samples whose largest output, the first of equal ones, is the label's.

    Args:
        outputs: (samples, outputs), of a network or in words of a machine.
        labels: integers (samples,), of the same library.
    """
    return agreement(outputs.argmax(1), labels)


def agreement(named: Array, labels: Array) -> float:
    """Fraction of the samples whose named class is the label: both integers (samples,), of the same library."""
    hits: Any = named == labels
    return int(hits.sum()) / len(labels)
