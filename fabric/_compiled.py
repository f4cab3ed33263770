"""Loops compiled by numba, whose cache on disk is a convenience and never a condition."""

from collections.abc import Callable
from typing import Any

import numba


def njit(cache: bool, **options: Any) -> Callable[[Callable], Callable]:
    """`numba.njit`; where neither the package nor the home folder can be written, each process compiles anew.

    Args:
        cache: keep what was compiled on disk if that is possible.
        options: of `numba.njit`.
    """

    def compiled(function: Callable) -> Callable:
        try:
            return numba.njit(cache=cache, **options)(function)
        except RuntimeError:  # numba found no place for its cache
            return numba.njit(cache=False, **options)(function)

    return compiled
