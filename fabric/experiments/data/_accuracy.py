"""Accuracy: the one figure that every network, tree and machine is judged by."""

from typing import Any

import numpy as np
from torch import Tensor

from fabric._checks import shown

Array = np.ndarray | Tensor


def accuracy(outputs: Array, labels: Array) -> float:
    """Fraction of the samples whose largest output, the first of equal ones, is the label's.

    Args:
        outputs: (samples, outputs), of a network or in words of a machine.
        labels: integers (samples,), of the same library.

    Raises:
        ValueError: other arrays, of other lengths or empty ones.
    """
    if not (isinstance(outputs, Array) and outputs.ndim == 2 and outputs.shape[1]):
        raise ValueError(f"outputs must be an array or tensor (samples, outputs), got {shown(outputs)}")
    return agreement(outputs.argmax(1), labels)


def agreement(named: Array, labels: Array) -> float:
    """Fraction of the samples whose named class is the label: both integers (samples,), of the same library.

    Raises:
        ValueError: other arrays, of other lengths or empty ones.
    """
    for name, values in (("named", named), ("labels", labels)):
        if not (isinstance(values, Array) and values.ndim == 1 and len(values) and not _is_real(values)):
            raise ValueError(f"{name} must be an array or tensor of integers (samples,), got {shown(values)}")
    if type(named) is not type(labels) or len(named) != len(labels):
        raise ValueError(
            f"outputs or named classes must be of as many samples as labels and of the same library, "
            f"got {len(named)} in a {type(named).__name__} and {len(labels)} in a {type(labels).__name__}"
        )
    hits: Any = named == labels
    return int(hits.sum()) / len(labels)


def _is_real(values: Array) -> bool:
    return values.is_floating_point() if isinstance(values, Tensor) else values.dtype.kind not in "iu"
