"""The report and the pages: made from the committed results, every number from a table, every claim with its source."""

import json
import re
import shutil

import pandas as pd
import pytest
import typst
from pages import GALLERY, STATEMENTS, counts, gallery, matter, statements
from places import ROOT, of_paper, of_run
from report import typeset

from fabric.experiments.statements import OUTCOMES, _published, all_published, holm

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
            assert row.verdict in OUTCOMES
            found[row.claim] = notebook
    wanted = {claim: entry["notebook"] for claim, entry in all_published().items() if "outcome" not in entry}
    assert found == wanted


def test_the_pages_show_the_committed_results():
    assert gallery() == GALLERY.read_text(encoding="utf-8")
    assert statements() == STATEMENTS.read_text(encoding="utf-8")


def test_ten_statements_matter_and_are_tested_together():
    table = matter()
    assert len(table) == 10
    assert table["holm"].tolist() == holm(table["p"]).tolist()
    assert (table["holm"] >= table["p"]).all()


def test_every_statement_is_counted_once():
    once = [claim for claim, entry in all_published().items() if "repeats" not in entry]
    assert counts().total() == len(once)
    assert set(counts()) <= {*OUTCOMES, "not run here", "open"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('outcome = "unknown"', "must be one of not comparable, not run here, open, got 'unknown'"),
        ('outcome = "open"', "must name the notebook that it awaits"),
        ("awaits = 26", "must name the notebook that it awaits"),
        ('outcome = "not run here"', "must give a reason"),
        ('repeats = "b"', "must repeat a claim that repeats none, got 'b'"),
    ],
)
def test_entries_that_do_not_say_why_there_is_no_verdict_are_refused(tmp_path, monkeypatch, entry, message):
    (tmp_path / "00").mkdir()
    (tmp_path / "00" / "statements.toml").write_text(f"[a]\n{entry}\n")
    monkeypatch.setattr(_published, "_PAPER", tmp_path)
    with pytest.raises(ValueError, match=message):
        _published.all_published.__wrapped__()


@pytest.mark.parametrize(
    ("text", "digits", "shown"),
    [
        ("-0.0026", 2, "−0.0026"),
        ("0.0996", 2, "0.1"),
        ("0.0507", 1, "0.051"),
        ("12.346", 2, "12.35"),
        ("8.0", 2, "8"),
        ("0", 2, "0"),
        ("", 2, "–"),
        ("3.2e-9", 2, "3.2 · 10#super[#(-9)]"),
    ],
)
def test_numbers_of_the_report_have_two_digits_at_least(tmp_path, text, digits, shown):
    shutil.copy(ROOT / "paper" / "lib.typ", tmp_path)
    page = tmp_path / "page.typ"
    one, other = (f"metadata(repr({made}))" for made in (f'number("{text}", digits: {digits})', f"[{shown}]"))
    page.write_text(f'#import "lib.typ": number\n#{one} <one>\n#{other} <other>')
    found, wanted = (json.loads(typst.query(page, label, field="value"))[0] for label in ("<one>", "<other>"))
    assert found == wanted


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"a": 2, "b": 2}, "No learning rate that was chosen is the highest or the lowest that was tried."),
        ({"a": 4, "b": 2}, "The highest learning rate that was tried, 4, was chosen for a. Beyond an edge"),
        (
            {"a": 1, "b": 1, "c": 2, "d": 4},
            "for d. The lowest learning rate that was tried, 1, was chosen for a and b.",
        ),
        ({"a": 4, "b": 4}, "The highest learning rate that was tried, 4, was chosen for all 2."),
    ],
)
def test_rates_at_the_edge_of_what_was_tried_are_said(tmp_path, chosen, said):
    shutil.copy(ROOT / "paper" / "lib.typ", tmp_path)
    page = tmp_path / "page.typ"
    tried = "(1, 2, 4).map(rate => (learning_rate: rate))"
    rows = "".join(f'(name: "{name}", learning_rate: {rate}),' for name, rate in chosen.items())
    page.write_text(f'#import "lib.typ": edges\n#metadata(repr(edges({tried}, ({rows}), row => row.name))) <words>\n')
    found = json.loads(typst.query(page, "<words>", field="value"))[0]
    words = re.findall(r'\[([^\[\]]*)\]|(?<=")([^",]+)(?=")', found)
    assert said in " ".join("".join(one + other for one, other in words).split())
