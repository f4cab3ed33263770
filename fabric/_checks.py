"""Argument checks shared by the library: an error names the argument, its value and what would be right."""

import difflib
import math
import operator
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

MOST_NEURONS = 1 << 24  # of one level; far above any layer, far below what a typing error could ask memory for
_LISTED = 12  # most names that an error lists
T = TypeVar("T")


class Named(dict[str, T]):
    """A dictionary whose KeyError says what it has.

    Args:
        what: an entry is, for the message.
        entries: by name.
    """

    def __init__(self, what: str, entries: Mapping[str, T]) -> None:
        super().__init__(entries)
        self._what = what

    def __missing__(self, name: object) -> T:
        raise unknown(self._what, name, self)


def unknown(what: str, name: object, known: Collection[str]) -> KeyError:
    """The error that names what is known: all, or of many those that look most like `name`, which is none of them."""
    listed = list(known)
    if len(known) > _LISTED:
        listed = [*difflib.get_close_matches(shown(name), known, n=_LISTED, cutoff=0), f"… ({len(known)} in all)"]
    return KeyError(f"{what} must be one of {', '.join(listed)}, got {shown(name)}")


def shown(value: object) -> str:
    """A value as an error message shows it: arrays by dtype and shape, all else by its repr, cut after 100 characters.

    Python refuses to print integers of several thousand digits, and a foreign object's own repr may fail.
    """
    if isinstance(value, np.ndarray):
        return f"dtype {value.dtype} and shape {value.shape}"
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:99]}…"


def integer(name: str, value: object) -> int:
    """Return `value` as an int, or raise ValueError naming it."""
    return _integer(name, value, "an integer")


def positive_int(name: str, value: object, upper: int | None = None) -> int:
    """Return `value` as an int in 1 ... `upper` (no limit if None), or raise ValueError naming it."""
    wanted = "a positive integer" if upper is None else f"an integer from 1 to {upper}"
    number = _integer(name, value, wanted)
    if number < 1 or (upper is not None and number > upper):
        raise ValueError(f"{name} must be {wanted}, got {shown(value)}")
    return number


def _integer(name: str, value: object, wanted: str) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"{name} must be {wanted}, got {shown(value)}") from None
    if isinstance(value, bool):
        raise ValueError(f"{name} must be {wanted}, got {shown(value)}")
    return number


def size(name: str, value: object, most: int = MOST_NEURONS) -> int:
    """Return `value` as a positive int of at most `most`, the limit of what is built, or raise ValueError naming it."""
    number = positive_int(name, value)
    if number > most:
        raise ValueError(f"{name} must be at most {most:,} to be built, got {shown(value)}")
    return number


def number(name: str, value: object, least: float = -math.inf) -> float:
    """Return `value` as a finite float of at least `least`, or raise ValueError naming it."""
    return _number(name, value, "a finite number" + (f" of at least {least:g}" if least > -math.inf else ""), least)


def positive_number(name: str, value: object) -> float:
    """Return `value` as a finite float above zero, or raise ValueError naming it."""
    return _number(name, value, "a positive finite number", math.ulp(0.0))


def _number(name: str, value: object, wanted: str, least: float) -> float:
    is_real = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if not (is_real and max(least, -sys.float_info.max) <= value <= sys.float_info.max):  # type: ignore[operator]
        raise ValueError(f"{name} must be {wanted}, got {shown(value)}")
    return float(value)  # type: ignore[arg-type]


def path(name: str, value: object) -> Path:
    """Return `value` as a path, or raise ValueError unless it is one or text that is not empty."""
    if not (isinstance(value, Path) or (isinstance(value, str) and value and "\0" not in value)):
        raise ValueError(f"{name} must be the path of a file or folder, got {shown(value)}")
    return Path(value)


def function(name: str, value: T) -> T:
    """Return `value`, or raise ValueError unless it can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {shown(value)}")
    return value


def seed(value: object) -> int:
    """Return `value` as an int from 0 that both NumPy and PyTorch take, or raise ValueError."""
    number = _integer("seed", value, "an integer from 0")
    if not 0 <= number < 1 << 64:
        raise ValueError(f"seed must be an integer from 0, below 2**64, got {shown(value)}")
    return number


def generator(rng: object) -> np.random.Generator:
    """Return `rng`, or raise ValueError unless it is a NumPy generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {shown(rng)}")
    return rng


def instance(name: str, value: object, kind: type[T]) -> T:
    """Return `value`, or raise ValueError unless it is an instance of `kind`."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be a {kind.__name__}, got {shown(value)}")
    return value


def mapping(name: str, value: Any) -> Mapping[Any, Any]:
    """Return `value`, or raise ValueError unless it is a dictionary or another mapping."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dictionary, got {shown(value)}")
    return value


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """Return `value`, or raise ValueError unless it is one of the `choices`, which the message names."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {shown(value)}")
    return value


def sequence(name: str, value: Any, wanted: str, length: int | None = None, entry: type | None = None) -> Sequence[Any]:
    """Return `value`, or raise ValueError unless it is a sequence, but no text, of `length` entries (any if None).

    An array counts as a sequence if it has at least one axis. `wanted` says what the entries should be; the message
    shows how a lone one of type `entry` is written.
    """
    is_array = isinstance(value, np.ndarray) and value.ndim > 0
    if not (isinstance(value, Sequence) or is_array) or isinstance(value, str | bytes):
        lone = entry is not None and isinstance(value, entry) and not isinstance(value, bool)
        such = f", such as [{shown(value)}]" if lone else ""
        raise ValueError(f"{name} must be a sequence of {wanted}{such}, got {shown(value)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{name} must hold {wanted}, {length} in all, got {len(value)}: {shown(value)}")
    return value


def integers(name: str, values: ArrayLike, *axes: str) -> np.ndarray:
    """A copy of `values` as int64 with these axes and at least one entry, or raise ValueError naming it."""
    wanted = f"{name} must be a non-empty array ({', '.join(axes)}) of integers"
    try:
        array = np.array(values)
    except ValueError:
        raise ValueError(f"{wanted}, got rows of different lengths: {shown(values)}") from None
    except Exception:
        raise ValueError(f"{wanted}, got {shown(values)}") from None
    if array.ndim != len(axes) or array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(f"{wanted}, got {_with_dtype(values, array)}")
    if array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{wanted} below 2**63, got {array.max()}")
    return array.astype(np.int64)


def boolean_matrix(name: str, value: ArrayLike, shape: tuple[int, int] | None = None) -> np.ndarray:
    """A read-only copy of a boolean matrix (outputs, inputs) of this shape (any if None), or raise ValueError."""
    wanted = f"{name} must be a non-empty boolean matrix (outputs, inputs)"
    if shape is not None:
        wanted = f"{name} must be None or a boolean matrix of shape {shape} (outputs, inputs)"
    try:
        array = np.array(value)
    except Exception:
        raise ValueError(f"{wanted}, got {shown(value)}") from None
    if array.dtype != bool or array.ndim != 2 or array.size == 0 or shape not in (None, array.shape):
        raise ValueError(f"{wanted}, got {_with_dtype(value, array)}")
    array.setflags(write=False)
    return array


def _with_dtype(value: object, array: np.ndarray) -> str:
    return shown(array) if isinstance(value, np.ndarray) else f"{shown(array)}: {shown(value)}"


def buildable(levels: Iterable[int], most: int = 1 << 32, **arguments: object) -> None:
    """Raise ValueError where stages between these levels of neurons would have more than `most` possible edges.

    A stage takes a byte for each possible edge, so the default of 2**32 is four gigabytes, all stages together.
    """
    widths = list(levels)
    entries = sum(before * after for before, after in pairwise(widths))
    if entries > most:
        given = ", ".join(f"{name} = {shown(value)}" for name, value in arguments.items())
        raise ValueError(
            f"{', '.join(arguments)} must leave at most {most:,} possible edges to build, got {given}: "
            f"{entries:,} in {len(widths) - 1:,} stages"
        )
