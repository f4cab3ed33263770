"""The comparison in CI finds what moved and nothing else."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compare import accept, compare_folders, compare_tables, summary

ROOT = Path(__file__).resolve().parents[1]
RULES = {"name": "key", "count": "exact", "time": "free", "ratio": {"rtol": 0.1}, "accuracy": {"mean_over_seeds": 0.02}}
REFERENCE = pd.DataFrame(
    {"name": ["a", "b"], "count": [1, 2], "time": [0.1, 9.0], "ratio": [2.0, np.nan], "accuracy": [0.9, 0.8]}
)


def changed(**cells):
    frame = REFERENCE.copy()
    for column, value in cells.items():
        frame.loc[0, column] = value
    return compare_tables("nb/t", frame, REFERENCE, RULES)


def test_equal_tables_and_tolerated_changes_pass():
    assert compare_tables("nb/t", REFERENCE.copy(), REFERENCE, RULES) == []
    assert changed(time=1e9, ratio=2.19, accuracy=0.919) == []


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"count": 3}, "count"),
        ({"ratio": 2.3}, "ratio"),
        ({"accuracy": 0.93}, "accuracy"),
        ({"ratio": np.nan}, "ratio"),
    ],
)
def test_a_cell_beyond_its_tolerance_is_found(cells, column):
    (difference,) = changed(**cells)
    assert column in difference.what
    assert "name=a" in difference.what


def test_worst_cells_come_first(tmp_path):
    frame = REFERENCE.assign(accuracy=[0.93, 0.5])
    for folder, content in (("ours", frame), ("reference", REFERENCE)):
        (tmp_path / folder / "nb").mkdir(parents=True)
        content.to_csv(tmp_path / folder / "nb" / "t.csv", index=False)
    worst, other = compare_folders(tmp_path / "ours", tmp_path / "reference", {"nb": {"t": RULES}}, "")
    assert "name=b" in worst.what
    assert worst.excess == pytest.approx(15)
    assert other.excess == pytest.approx(1.5)
    assert "15.0×" in summary([worst], "title")


def test_rows_and_columns_must_match():
    (missing,) = compare_tables("nb/t", REFERENCE.iloc[:1], REFERENCE, RULES)
    assert missing.what == "row missing: name=b"
    (new,) = compare_tables("nb/t", REFERENCE, REFERENCE.iloc[:1], RULES)
    assert new.what == "new row: name=b"
    (unknown,) = compare_tables("nb/t", REFERENCE.assign(extra=1), REFERENCE, RULES)
    assert "columns not in tolerances.toml: ['extra']" in unknown.what
    (lost,) = compare_tables("nb/t", REFERENCE.drop(columns="ratio"), REFERENCE, RULES)
    assert "columns differ" in lost.what
    with pytest.raises(ValueError, match="rule must be key"):
        compare_tables("nb/t", REFERENCE, REFERENCE, RULES | {"ratio": "roughly"})


@pytest.mark.parametrize(
    ("ours", "reference", "rules", "message"),
    [
        (["t"], [], {"nb": {"t": RULES}}, "table has no reference"),
        ([], ["t"], {"nb": {"t": RULES}}, "table missing from this run"),
        (["t"], ["t"], {"nb": {}}, "table is not in tolerances.toml"),
        ([], [], {}, "no tables"),
    ],
)
def test_tables_must_match(tmp_path, ours, reference, rules, message):
    for folder, names in (("ours", ours), ("reference", reference)):
        (tmp_path / folder / "nb").mkdir(parents=True)
        for name in names:
            REFERENCE.to_csv(tmp_path / folder / "nb" / f"{name}.csv", index=False)
    (difference,) = compare_folders(tmp_path / "ours", tmp_path / "reference", rules, "")
    assert message in difference.what


def test_text_repeated_rows_and_empty_tables_are_differences(tmp_path):
    (text,) = compare_tables("nb/t", REFERENCE.assign(accuracy=["high", "low"]), REFERENCE, RULES)
    assert "text on the other, in columns ['accuracy']" in text.what
    (repeated,) = compare_tables("nb/t", pd.concat([REFERENCE, REFERENCE.iloc[:1]]), REFERENCE, RULES)
    assert repeated.what == "row repeated: name=a"
    for folder, content in (("ours", ""), ("reference", REFERENCE.to_csv(index=False))):
        (tmp_path / folder / "nb").mkdir(parents=True)
        (tmp_path / folder / "nb" / "t.csv").write_text(content)
    (empty,) = compare_folders(tmp_path / "ours", tmp_path / "reference", {"nb": {"t": RULES}}, "")
    assert empty.what == "table is empty"


def test_accepting_replaces_what_ran_and_nothing_else(tmp_path):
    ours, reference = tmp_path / "ours", tmp_path / "reference"
    for folder, notebooks, content in ((ours, ("00",), "new"), (reference, ("00", "01"), "old")):
        for part, name in ((part, name) for part in ("tables", "figures") for name in notebooks):
            (folder / part / name).mkdir(parents=True)
            (folder / part / name / "verdicts.csv").write_text(content)
            (folder / part / name / f"{content}.csv").write_text(content)
    (ours / "runs").mkdir()
    (ours / "runs" / "00.jsonl").write_text("records")
    with pytest.raises(FileNotFoundError, match="no finished run of 01: run make figures first"):
        accept(ours, reference, ["00", "01"])
    assert (reference / "tables" / "00" / "old.csv").exists()
    accept(ours, reference, ["00"])
    kept = sorted(str(path.relative_to(reference)) for path in reference.rglob("*.*") if path.is_file())
    assert [name for name in kept if "/01/" in name] == [
        f"{part}/01/{name}.csv" for part in ("figures", "tables") for name in ("old", "verdicts")
    ]
    assert [name for name in kept if "/01/" not in name] == [
        *(f"{part}/00/{name}.csv" for part in ("figures",) for name in ("new", "verdicts")),
        "runs/00.jsonl",
        *(f"tables/00/{name}.csv" for name in ("new", "verdicts")),
    ]


@pytest.mark.parametrize("reference", ["ci/reference/quick", "paper/results"])
def test_every_committed_column_has_a_rule_and_tells_its_rows_apart(reference):
    rules = tomllib.loads((ROOT / "ci" / "tolerances.toml").read_text())
    tables = sorted((ROOT / reference / "tables").glob("*/*.csv"))
    assert tables
    for path in tables:
        frame, rule = pd.read_csv(path), rules[path.parent.name][path.stem]
        assert set(frame) == set(rule), path
        assert not frame.duplicated([column for column, kind in rule.items() if kind == "key"]).any(), path


def test_the_command_fails_on_a_difference_and_writes_the_summary(tmp_path):
    command = [sys.executable, ROOT / "ci" / "compare.py", "--build", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "table missing from this run" in (tmp_path / "quick" / "diff.md").read_text()
