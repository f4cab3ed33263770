"""The site: every public name is documented, statements and verdicts are all there, what it plays with answers."""

import hashlib
import importlib
import os
import re
import tarfile

import pytest
from archive import pack
from lab import KERNEL, as_committed
from matplotlib.figure import Figure
from pages import studies
from places import ROOT
from reference import described, homes, public_modules, public_names
from website import OWN, PAGES, as_on_the_site, statements

from fabric import topology
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


@pytest.mark.parametrize("page", [name for name in PAGES if name.endswith(".md")])
def test_links_of_a_page_lead_to_what_the_site_has(page):
    """The site has these pages, the notebooks and the figures; whatever else is named is no link."""
    there = {ROOT / name for name in PAGES} | {*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("paper/*/figures/*.svg")}
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8"))
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if ((ROOT / page).parent / target).resolve() not in there] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_links_of_the_documentation_hold_here_and_on_the_site(page):
    docs = ROOT / "docs"
    place, text = page.relative_to(docs), page.read_text(encoding="utf-8")
    moved = as_on_the_site(text, len(place.parents) - 1)
    here, there = (re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", each) for each in (text, moved))
    assert [target for target in here if "://" not in target and not (page.parent / target).exists()] == []
    site = {*PAGES, *OWN.values(), *(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))}
    site |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/*.ipynb")}
    site |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("paper/*/figures/*.svg")}
    lead = [os.path.normpath(place.parent / target) for target in there if "://" not in target]
    assert [target for target in lead if target not in site] == []


def test_every_name_is_described_once():
    home = homes(MODULES)
    pages = {name: described(name, home) for name in MODULES}
    found = [line for page in pages.values() for line in re.findall(r"auto(?:class|function):: (.*)", page)]
    assert len(found) == len(set(found))
    for name in ("fabric.nn.ClosLinear", "fabric.topology.clos", "fabric.hardware.GoldenMachine"):
        assert name in found


def test_every_statement_has_a_row_on_the_site():
    page = statements(studies())
    assert page.count("<tr><td>") == sum(len(study.rows) for study in studies())


def test_the_explorer_counts_what_the_library_counts():
    told = describe(topology.clos(16, 16, 4, 2, 4), (16, 16, 4, 2, 4))
    assert list(told["counts"].values()) == ["96", "2", "80", "1152", "12"]
    assert [len(stage) for stage in told["stages"]] == [32, 32, 32]
    assert told["widths"] == [16, 8, 8, 16]


def test_the_explorer_starts_where_a_family_saves_weights():
    for family, knobs in KNOBS.items():
        start = knobs.make(*knobs.start)
        assert start.parameters < start.inputs * start.outputs, family
        assert all(value in values for value, values in zip(knobs.start, knobs.values.values(), strict=True))


def test_knobs_redraw_and_say_what_does_not_fit():
    families, sliders, shown = explorer().children
    before = shown.value
    sliders.children[2].value = 4
    assert shown.value != before
    for family in KNOBS:
        families.value = family
        assert "srcdoc" in shown.value
    families.value = "butterfly"
    sliders.children[0].value, sliders.children[1].value = 8, 4
    assert "radix" in shown.value
    with pytest.raises(KeyError):
        picture("pyramid", (8,))


def test_a_player_wants_frames_and_time():
    with pytest.raises(ValueError, match="frames must hold at least one"):
        player([])
    with pytest.raises(ValueError, match="milliseconds must be at least 1, got 0"):
        player([Figure()], 0)
    assert player([Figure(), Figure()]).count("<img") == 2


def test_an_archive_is_the_same_each_time_and_names_its_checksums(tmp_path):
    contents = {"b.txt": b"two", "a.sh": b"#!/bin/sh\n"}
    first, second = (pack(contents, tmp_path / f"{name}.tar.gz").read_bytes() for name in "xy")
    assert first == second
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        assert archive.getnames() == [f"sparse-fabric/{name}" for name in ("a.sh", "b.txt", "checksums.txt")]
        sums = archive.extractfile("sparse-fabric/checksums.txt").read().decode()
        assert archive.getmember("sparse-fabric/a.sh").mode == 0o755
    assert sums.splitlines()[1] == f"{hashlib.sha256(b'two').hexdigest()}  b.txt"


def test_saving_a_notebook_leaves_no_trace_of_its_run():
    cells = [
        {"cell_type": "code", "metadata": {"execution": 1}, "outputs": ["x"], "execution_count": 3, "source": "1"},
        {"cell_type": "markdown", "metadata": {}, "source": "words"},
    ]
    model = {
        "type": "notebook",
        "content": {"metadata": {"widgets": {}, "kernelspec": {"name": "mine"}}, "cells": cells},
    }
    as_committed(model, path="a.ipynb", contents_manager=None)
    assert model["content"]["metadata"] == KERNEL
    assert cells[0] == {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "1"}
    as_committed({"type": "file", "content": "words"})
