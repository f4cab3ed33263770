"""What holds where less is there than a checkout has: no place for numba's cache, no packages of the extras."""

import importlib
import importlib.util

import numba
import pytest

from fabric import _artifact
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


def test_names_the_extra_and_what_is_missing_of_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("pandas", "pooch") else find(name))
    with pytest.raises(ImportError, match=r"need pandas, pooch: install the extra, sparse-fabric\[artifact\]"):
        importlib.reload(_artifact)
