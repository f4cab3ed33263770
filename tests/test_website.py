"""The site: tutorials tell the truth, every public name is documented, statements and verdicts are all there."""

import importlib
import re

import pytest
from pages import studies
from reference import described, homes, public_modules, public_names

from fabric.plots import player
from fabric.plots.explorer import KNOBS, describe, explorer, picture

MODULES = public_modules()


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_documented(module):
    names = public_names(module)
    values = [getattr(importlib.import_module(module), name) for name in names]
    spoken = [name for name, value in zip(names, values, strict=True) if callable(value)]
    assert importlib.import_module(module).__doc__
    assert not [name for name in spoken if not (getattr(importlib.import_module(module), name).__doc__ or "").strip()]


def test_every_name_is_described_once():
    home = homes(MODULES)
    pages = {name: described(name, home) for name in MODULES}
    found = [line for page in pages.values() for line in re.findall(r"auto(?:class|function):: (.*)", page)]
    assert len(found) == len(set(found))
    for name in ("fabric.nn.ClosLinear", "fabric.topology.clos", "fabric.hardware.GoldenMachine"):
        assert name in found
