"""A room per notebook: what is read from them, and a new notebook that edits no list."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from places import ROOT

from fabric.experiments.statements import _published, all_published, committed_runs, devices, published

STATEMENT = '["{claim}"]\nstatement = "Eight is eight."\nvalue = 8\nunit = "edges"\nsource = "Nobody, figure 1"\n'


@pytest.fixture
def paper(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty `paper/` in the place of the project's."""
    monkeypatch.setattr(_published, "_PAPER", tmp_path / "paper")
    all_published.cache_clear()
    yield tmp_path / "paper"
    all_published.cache_clear()


def test_statements_and_records_are_the_union_over_the_rooms(paper):
    for room, claim in (("02_b", "second"), ("01_a", "first")):
        (paper / room).mkdir(parents=True)
        (paper / room / "statements.toml").write_text(STATEMENT.format(claim=claim))
        (paper / room / "runs.jsonl").touch()
    assert [(claim, entry["notebook"]) for claim, entry in all_published().items()] == [
        ("first", "01_a"),
        ("second", "02_b"),
    ]
    assert committed_runs() == [paper / "01_a" / "runs.jsonl", paper / "02_b" / "runs.jsonl"]
    with pytest.raises(KeyError, match="claim must be one of first, second, got 'third'"):
        published("third")


def test_a_claim_in_two_rooms_is_refused_by_name(paper):
    for room in ("01_a", "02_b"):
        (paper / room).mkdir(parents=True)
        (paper / room / "statements.toml").write_text(STATEMENT.format(claim="same"))
    with pytest.raises(ValueError, match="claim 'same' must be in one room, is in 01_a and 02_b"):
        published("same")


@pytest.mark.parametrize("read", [all_published, committed_runs, devices, lambda: published("x")])
def test_without_a_checkout_one_error_says_what_to_do(paper, read):
    with pytest.raises(FileNotFoundError, match=r"need a checkout of the project, .* clone the project and install it"):
        read()


NOTEBOOK = """
# A toy

Counts the edges of a butterfly.
---
width = 4
out_dir = "../build/quick"
---
import matplotlib.pyplot as plt
import pandas as pd

from fabric import topology
from fabric.experiments.runs import Results, close
from fabric.experiments.statements import counted

results = Results("24_toy", out_dir)
small = topology.butterfly(width)
counts = pd.DataFrame([{"topology": small.name, "edges": small.parameters, "density": small.density}])
results.table("counts", counts, keys=["topology"], tolerances={"density": close()})
---
figure, ax = plt.subplots()
ax.bar(counts["topology"], counts["edges"])
results.figure("edges", figure)
results.verdicts([counted("toy-eight", topology.butterfly(4).parameters / 2, 0, "Counted.")])
"""
SECTION = """
#import "../lib.typ": *
#let (section, rows, picture) = room("24_toy")
#show: section[A toy]

#picture("edges")[Edges.]
#results-table(
  "lrr",
  ([topology], [edges], [density (%)]),
  for row in rows("counts") { (row.topology, row.edges, percent(row.density)) },
)[Counts of the toy.]
"""
STEPS = """
import sys
from collections.abc import Iterator
sys.path.insert(0, "ci")
import compare, report, reproduce

def call(main, *arguments):
    sys.argv = ["", *arguments]
    assert main() == 0, arguments

paper = "--profile", "paper"
call(reproduce.main, *paper)
call(compare.main, *paper, "--accept")
call(compare.main, *paper)
call(report.main)
"""


def lay_down(copy: Path) -> list[Path]:
    """Write by hand what a new notebook needs; return the files."""
    texts = {
        "paper/24_toy/statements.toml": STATEMENT.format(claim="toy-eight"),
        "paper/24_toy/section.typ": SECTION.lstrip(),
        "paper/24_toy/profile.toml": "[paper]\nwidth = 8\n",
    }
    for name, text in texts.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text)
    title, parameters, *cells = (part.strip() for part in NOTEBOOK.split("---"))
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(title), *map(nbformat.v4.new_code_cell, (parameters, *cells))],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    book.cells[1].metadata["tags"] = ["parameters"]
    (copy / "notebooks").mkdir()
    nbformat.write(book, copy / "notebooks" / "24_toy.ipynb")
    return [copy / name for name in (*texts, "notebooks/24_toy.ipynb")]


def test_a_new_notebook_comes_through_with_four_files_and_no_list_edited(tmp_path):
    shutil.copytree(ROOT / "fabric", tmp_path / "fabric")
    for name in (*sorted(path.name for path in (ROOT / "ci").glob("*.py")), "profiles.toml"):
        (tmp_path / "ci").mkdir(exist_ok=True)
        shutil.copy2(ROOT / "ci" / name, tmp_path / "ci")
    (tmp_path / "paper").mkdir()
    for name in ("report.typ", "lib.typ", "references.bib"):
        shutil.copy2(ROOT / "paper" / name, tmp_path / "paper")
    written = lay_down(tmp_path)
    assert len(written) <= 4
    by_hand = [path for path in tmp_path.rglob("*") if path.suffix in (".py", ".toml", ".typ", ".ipynb")]
    kept = {path: path.read_bytes() for path in by_hand}

    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", STEPS], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr

    assert {path: path.read_bytes() for path in kept} == kept
    room = tmp_path / "paper" / "24_toy"
    assert (room / "tables" / "counts.csv").read_text().splitlines()[1].split(",")[-2] == "48"
    assert (room / "figures" / "edges.svg").exists()
    assert (tmp_path / "build" / "paper.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "build" / "paper" / "report.pdf").exists()
    statements = (tmp_path / "paper" / "STATEMENTS.md").read_text()
    assert "Eight is eight. (Nobody, figure 1) | 8 | 8 edges | reproduced" in statements
    assert 'src="24_toy/figures/edges.svg"' in (tmp_path / "paper" / "GALLERY.md").read_text()
