"""The report: typeset from the committed results, every number from a table, every claim with its source."""

import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import report
from gallery import with_gallery
from report import typeset

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = tomllib.loads((ROOT / "paper" / "published.toml").read_text())


def test_report_is_typeset_from_the_committed_results_the_same_bytes_twice(tmp_path):
    first, second = (typeset(ROOT / "paper" / "results", tmp_path / name) for name in ("a.pdf", "b.pdf"))
    assert first.read_bytes().startswith(b"%PDF")
    assert first.read_bytes() == second.read_bytes()


def test_results_that_cannot_be_typeset_are_named(tmp_path):
    with pytest.raises(ValueError, match="inside"):
        typeset(tmp_path, tmp_path / "report.pdf")
    with pytest.raises(ValueError, match="found none in"):
        typeset(ROOT / "tests", tmp_path / "report.pdf")


def test_results_of_other_notebooks_are_named(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "paper", tmp_path / "paper", ignore=shutil.ignore_patterns("runs"))
    monkeypatch.setattr(report, "ROOT", tmp_path)
    assert typeset(tmp_path / "paper/results", tmp_path / "report.pdf").exists()
    (tmp_path / "paper/results/tables/00_tour/provenance.json").write_text("{}")
    with pytest.raises(ValueError, match="results must be those of the present notebooks, run them all again"):
        typeset(tmp_path / "paper/results", tmp_path / "report.pdf")


@pytest.mark.parametrize("claim", PUBLISHED)
def test_every_claim_has_its_statement_source_and_notebook(claim):
    entry = PUBLISHED[claim]
    assert entry["statement"].endswith(".")
    assert entry["source"]
    assert entry["unit"]
    assert (ROOT / "notebooks" / f"{entry['notebook']}.ipynb").exists()


@pytest.mark.parametrize("reference", ["ci/reference/quick", "paper/results"])
def test_every_claim_gets_one_verdict_from_its_own_notebook(reference):
    found = {}
    for path in sorted((ROOT / reference / "tables").glob("*/verdicts.csv")):
        for row in pd.read_csv(path).itertuples():
            assert row.claim not in found
            assert row.verdict in ("supported", "better", "refuted", "undecided")
            found[row.claim] = path.parent.name
    wanted = {claim: entry["notebook"] for claim, entry in PUBLISHED.items() if "incomparable" not in entry}
    assert found == wanted


def test_readme_gallery_shows_the_committed_results():
    readme = (ROOT / "README.md").read_text()
    assert with_gallery(readme) == readme
    with pytest.raises(ValueError, match="marks"):
        with_gallery("no marks here")
