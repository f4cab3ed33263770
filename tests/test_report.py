"""The report and the pages: made from the committed results, every number from a table, every claim with its source."""

import shutil

import pandas as pd
import pytest
from pages import GALLERY, STATEMENTS, gallery, statements
from places import ROOT, of_paper, of_run
from report import typeset

from fabric.experiments.statements import all_published

REFERENCES = {"quick": of_run(ROOT / "ci" / "reference" / "quick"), "paper": of_paper()}


def test_report_is_typeset_from_the_committed_results_the_same_bytes_twice(tmp_path):
    first, second = (typeset(of_paper(), tmp_path / name) for name in ("a.pdf", "b.pdf"))
    assert first.read_bytes().startswith(b"%PDF")
    assert first.read_bytes() == second.read_bytes()


def test_results_that_cannot_be_typeset_are_named(tmp_path):
    with pytest.raises(ValueError, match="inside"):
        typeset(of_run(tmp_path), tmp_path / "report.pdf")
    with pytest.raises(ValueError, match="found none in"):
        typeset(of_run(ROOT / "tests"), tmp_path / "report.pdf")


def test_results_of_other_notebooks_and_missing_sections_are_named(tmp_path):
    shutil.copytree(ROOT / "paper", tmp_path / "paper", ignore=shutil.ignore_patterns("0[1-9]_*", "[1-9]*"))
    results, target = of_paper(tmp_path / "paper"), tmp_path / "report.pdf"
    assert typeset(results, target, root=tmp_path).exists()
    (tmp_path / "paper/00_tour/tables/provenance.json").write_text("{}")
    with pytest.raises(ValueError, match="results must be those of the present notebooks, run them all again"):
        typeset(results, target, root=tmp_path)
    (tmp_path / "paper/00_tour/section.typ").unlink()
    with pytest.raises(ValueError, match="needs its section, missing: 00_tour"):
        typeset(results, target, root=tmp_path)


@pytest.mark.parametrize("claim", all_published())
def test_every_claim_has_its_statement_source_and_notebook(claim):
    entry = all_published()[claim]
    assert entry["statement"].endswith(".")
    assert entry["source"]
    assert entry["unit"]
    assert (ROOT / "notebooks" / f"{entry['notebook']}.ipynb").exists()


@pytest.mark.parametrize("profile", REFERENCES)
def test_every_claim_gets_one_verdict_from_its_own_notebook(profile):
    places, found = REFERENCES[profile], {}
    for notebook in places.notebooks():
        for row in pd.read_csv(places.tables_of(notebook) / "verdicts.csv").itertuples():
            assert row.claim not in found
            assert row.verdict in ("supported", "better", "refuted", "undecided")
            found[row.claim] = notebook
    wanted = {claim: entry["notebook"] for claim, entry in all_published().items() if "incomparable" not in entry}
    assert found == wanted


def test_the_pages_show_the_committed_results():
    assert gallery() == GALLERY.read_text(encoding="utf-8")
    assert statements() == STATEMENTS.read_text(encoding="utf-8")
