"""Loops compile where numba finds no place for its cache."""

import numba
import pytest

from fabric._compiled import njit


def test_compiles_where_no_cache_can_be_kept():
    names = {}
    exec("def double(value): return 2 * value", names)  # its source has no file, beside which a cache could lie
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(names["double"])
    assert njit(cache=True)(names["double"])(21) == 42


def test_options_reach_numba():
    names = {}
    exec("def lowest(values): return values[-1]", names)
    assert njit(cache=True, boundscheck=True)(names["lowest"]).targetoptions["boundscheck"]
