"""Argument checks of all machines: an error names the argument, its value and what would be right."""

import reprlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def instance(name: str, value: object, kind: type[T]) -> T:
    """Return `value`, or raise TypeError unless it is of the class."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {reprlib.repr(value)}")
    return value


def listed(name: str, values: object, kind: type[T]) -> list[T]:
    """A list or tuple of instances as a list, or raise TypeError naming the one that is none."""
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name} must be a list of {kind.__name__}, got {reprlib.repr(values)}")
    return [instance(f"{name}[{at}]", value, kind) for at, value in enumerate(values)]


def flag(name: str, value: object) -> bool:
    """Return `value` as a bool, or raise TypeError unless it is one."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {reprlib.repr(value)}")
    return bool(value)


def whole(name: str, value: object, least: int, most: int) -> int:
    """Return `value` as an int from `least` to `most`, or raise ValueError."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise ValueError(f"{name} must be an integer from {least} to {most}, got {reprlib.repr(value)}")
    return int(value)


def choice(name: str, value: object, among: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of these words."""
    if not isinstance(value, str) or value not in among:
        raise ValueError(f"{name} must be one of {', '.join(among)}, got {reprlib.repr(value)}")


def array(name: str, values: object, kinds: str, wanted: str) -> np.ndarray:
    """`values` as an array whose dtype is of these kinds, or raise ValueError."""
    try:
        found = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{name} must be {wanted}, got {reprlib.repr(values)}: {error}") from None
    if found.dtype.kind not in kinds:
        raise ValueError(f"{name} must be {wanted}, got {found.dtype}")
    return found


def words(name: str, values: object, bits: int) -> np.ndarray:
    """Integers that fit in the given bits, or raise ValueError."""
    found, limit = array(name, values, "iu", "integers (the methods of FixedPoint round floats)"), 1 << (bits - 1)
    if found.size and (found.min() < -limit or found.max() >= limit):
        raise ValueError(f"{name} must be from {-limit} to {limit - 1}, got {found.min()} to {found.max()}")
    return found
