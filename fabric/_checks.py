"""Argument checks shared by the library: an error names the argument, its value and what would be right."""

import operator

import numpy as np


def positive_int(name: str, value: object, upper: int | None = None) -> int:
    """Return `value` as an int in 1 ... `upper` (no limit if None), or raise ValueError naming it."""
    wanted = "a positive integer" if upper is None else f"an integer from 1 to {upper}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be {wanted}, got {value!r}") from None
    if isinstance(value, bool) or number < 1 or (upper is not None and number > upper):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return number


def generator(rng: object) -> np.random.Generator:
    """Return `rng`, or raise ValueError unless it is a NumPy generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    return rng


def integers(name: str, values: object, *axes: str) -> np.ndarray:
    """A copy of `values` as int64 with these axes and at least one entry, or raise ValueError naming it."""
    try:
        array = np.array(values)
    except ValueError:
        raise ValueError(f"{name} must be an array ({', '.join(axes)}), got rows of different lengths") from None
    if array.ndim != len(axes) or array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a non-empty array ({', '.join(axes)}) of integers, got dtype {array.dtype} and shape "
            f"{array.shape}"
        )
    return array.astype(np.int64)
