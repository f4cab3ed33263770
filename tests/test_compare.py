"""The comparison in CI finds what moved and nothing else."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from compare import accept, compare_runs, compare_tables, summary
from compared_files import alike
from consistent import contradictions, intervals
from places import ROOT, Places, of_paper, of_run

REFERENCES = {"quick": of_run(ROOT / "ci" / "reference" / "quick"), "paper": of_paper()}
RULES = {"name": "key", "count": "exact", "time": "free", "ratio": {"rtol": 0.1}, "accuracy": {"mean_over_seeds": 0.02}}
REFERENCE = pd.DataFrame(
    {"name": ["a", "b"], "count": [1, 2], "time": [0.1, 9.0], "ratio": [2.0, np.nan], "accuracy": [0.9, 0.8]}
)


def write(places: Places, notebook: str, tables: dict[str, pd.DataFrame], rules: dict = RULES) -> None:
    """Lay down a notebook's tables as a finished run does, with the same rules for all of them."""
    folder = places.tables_of(notebook)
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "columns.json").write_text(json.dumps(dict.fromkeys(tables, rules)))
    (folder / "provenance.json").write_text("{}")


@pytest.fixture
def runs(tmp_path) -> tuple[Places, Places]:
    """Ours and the reference."""
    return of_run(tmp_path / "ours"), of_paper(tmp_path / "reference")


def changed(**cells):
    frame = REFERENCE.copy()
    for column, value in cells.items():
        frame.loc[0, column] = value
    return compare_tables("nb/t", frame, REFERENCE, RULES)


def test_equal_tables_and_tolerated_changes_pass():
    assert compare_tables("nb/t", REFERENCE.copy(), REFERENCE, RULES) == []
    assert changed(time=99.0, ratio=2.19, accuracy=0.919) == []


@pytest.mark.parametrize(
    ("times", "what"),
    [
        ([np.nan, 9.0], "time is missing or infinite in other rows"),
        ([np.inf, 9.0], "time is missing or infinite in other rows"),
        ([-0.1, 9.0], "time has another sign"),
        ([0.0, 0.0], "time is zero"),
        ([0.1, 900.0], "time is 98.9 times as large"),
        ([0.001, 0.09], "time is 0.01 times as large"),
    ],
)
def test_free_numbers_keep_what_no_machine_changes(times, what):
    (difference,) = compare_tables("nb/t", REFERENCE.assign(time=times), REFERENCE, RULES)
    assert what in difference.what
    crossing = REFERENCE.assign(time=[-1.0, 2.0])
    assert compare_tables("nb/t", crossing.assign(time=[0.001, 0.002]), crossing, RULES) == []


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


def test_ratios_of_times_move_within_their_factor_and_verdicts_only_in_the_rows_named():
    frame = pd.DataFrame(
        {"claim": ["a", "b"], "published": np.nan, "ours": [2.0, 0.5], "low": np.nan, "high": np.nan}
    ).assign(verdict="undecided", reason="Because.")
    numbers = {"published": "exact", "ours": {"factor": 3.0}, "low": "free", "high": "free"}
    rules = {"claim": "key", **numbers, "verdict": {"exact_but": ["b"]}, "reason": "free"}
    turned = frame.assign(ours=[5.9, 0.17], verdict=["undecided", "reproduced"])
    assert compare_tables("nb/t", turned, frame, rules) == []
    far = compare_tables("nb/t", frame.assign(ours=[6.1, 0.16]), frame, rules)
    assert [difference.what[:4] for difference in far] == ["ours", "ours"]
    (wrong,) = compare_tables("nb/t", frame.assign(verdict=["reproduced", "undecided"]), frame, rules)
    assert "verdict reproduced instead of undecided" in wrong.what
    (lost,) = compare_tables("nb/t", frame.assign(ours=[-2.0, 0.5]), frame, rules)
    assert "ours" in lost.what


def test_what_follows_from_records_is_compared_as_printed():
    for column, value in {"time": 0.1000001, "ratio": 2.00001, "accuracy": 0.90001}.items():
        frame = REFERENCE.copy()
        frame.loc[0, column] = value
        assert compare_tables("nb/t", frame, REFERENCE, RULES) == []
        (difference,) = compare_tables("nb/t", frame, REFERENCE, RULES, from_records=True)
        assert column in difference.what
    sums = RULES | {"ratio": {"rtol": 1e-6}}
    moved = REFERENCE.assign(ratio=[2.000001, np.nan])
    assert compare_tables("nb/t", moved, REFERENCE, sums, from_records=True) == []
    texts = [
        pd.DataFrame({"name": ["a"], "chosen": [flag], "reason": [text]}) for flag, text in ((True, "x"), (False, "y"))
    ]
    free = {"name": "key", "chosen": "free", "reason": "free"}
    assert compare_tables("nb/t", *texts, free) == []
    assert len(compare_tables("nb/t", *texts, free, from_records=True)) == 2


def test_figures_are_the_same_up_to_a_tenth_of_a_point_and_names():
    svg = (
        '<path id="m0123456789" d="M 10 20.53 L 1e-3 5" style="fill: #1e7000"/><image href="data:image/png;base64,ab"/>'
    )
    moved = svg.replace("20.53", "20.49").replace("m0123456789", "m9876543210").replace("base64,ab", "base64,c1")
    assert alike(moved, svg)
    for old, new in {"20.53": "20.73", "#1e7000": "#1e7001", "L 1e-3": "M 1e-3", "<image": "<path/><image"}.items():
        assert not alike(svg.replace(old, new), svg), old


def test_worst_cells_come_first(runs):
    for places, frame in zip(runs, (REFERENCE.assign(accuracy=[0.93, 0.5]), REFERENCE), strict=True):
        write(places, "nb", {"t": frame})
    worst, other = compare_runs(*runs)
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
    assert "columns without a rule: ['extra']" in unknown.what
    (lost,) = compare_tables("nb/t", REFERENCE.drop(columns="ratio"), REFERENCE, RULES)
    assert "columns differ" in lost.what
    with pytest.raises(ValueError, match="rule must be key"):
        compare_tables("nb/t", REFERENCE, REFERENCE, RULES | {"ratio": "roughly"})


def test_bounds_belong_to_the_column_before_them_or_to_their_name():
    columns = ["a", "low", "high", "b", "c", "b_low", "b_high", "printed_low", "printed_high"]
    assert intervals(columns) == [("a", "low", "high"), ("b", "b_low", "b_high"), (None, "printed_low", "printed_high")]


def test_a_table_may_not_contradict_itself():
    trials = pd.DataFrame({"label": "a", "learning_rate": [1, 2, 3], "held_out_accuracy": [0.7, 0.9, 0.95]})
    rules = {"label": "key", "learning_rate": "key"}
    diverged = trials.assign(diverged=[False, False, True])
    assert contradictions(diverged.assign(chosen=[False, True, False]), rules) == []
    (worse,) = contradictions(trials.assign(chosen=[False, True, False]), rules)
    assert "chosen is not the best held_out_accuracy at label=a" in worse
    (two,) = contradictions(trials.assign(chosen=[False, True, True]), rules)
    assert "chosen are 2 of the trials" in two
    losses = trials.rename(columns={"held_out_accuracy": "held_out_loss"})
    assert contradictions(losses.assign(chosen=[True, False, False]), rules) == []

    verdict = pd.DataFrame(
        {"claim": ["a"], "ours": [1.0], "low": [0.5], "high": [2.0], "verdict": ["worse"], "p": [0.01]}
    )
    assert contradictions(verdict, {"claim": "key"}) == []
    assert contradictions(verdict.assign(low=np.nan, high=np.nan, p=np.nan), {"claim": "key"}) == []
    for wrong in ({"verdict": "bad"}, {"p": 0.05}, {"p": -0.1}, {"low": 1.1}, {"high": 0.9}):
        (found,) = contradictions(verdict.assign(**wrong), {"claim": "key"})
        assert found.endswith("claim=a"), wrong


@pytest.mark.parametrize(
    ("ours", "reference", "message"),
    [
        ({"t": REFERENCE}, {}, "table has no reference"),
        ({}, {"t": REFERENCE}, "table missing from this run"),
    ],
)
def test_tables_must_match(runs, ours, reference, message):
    for places, tables in zip(runs, (ours, reference), strict=True):
        write(places, "nb", tables)
    (difference,) = compare_runs(*runs)
    assert message in difference.what


def test_notebooks_must_match(runs):
    (nothing,) = compare_runs(*runs)
    assert "no tables" in nothing.what
    ours, reference = runs
    write(ours, "01", {"t": REFERENCE})
    write(reference, "02", {"t": REFERENCE})
    assert {difference.what for difference in compare_runs(*runs)} == {
        "table has no reference",
        "table missing from this run",
    }
    (missing,) = compare_runs(*runs, only="02")
    assert missing.what == "table missing from this run"


def test_rules_must_be_there_and_the_same_on_both_sides(runs):
    ours, reference = runs
    for places in runs:
        write(places, "nb", {"t": REFERENCE})
    assert compare_runs(*runs) == []
    write(ours, "nb", {"t": REFERENCE}, RULES | {"count": "free"})
    (loosened,) = compare_runs(*runs)
    assert loosened.what == "what may move in count: free instead of exact"
    (ours.tables_of("nb") / "columns.json").unlink()
    (lost,) = compare_runs(*runs)
    assert "not in this run's columns.json" in lost.what
    (reference.tables_of("nb") / "columns.json").unlink()
    (unruled,) = compare_runs(*runs)
    assert "table is not in" in unruled.what


def test_text_repeated_rows_and_empty_tables_are_differences(runs):
    (text,) = compare_tables("nb/t", REFERENCE.assign(accuracy=["high", "low"]), REFERENCE, RULES)
    assert "numbers on one side only, in columns ['accuracy']" in text.what
    (repeated,) = compare_tables("nb/t", pd.concat([REFERENCE, REFERENCE.iloc[:1]]), REFERENCE, RULES)
    assert repeated.what == "row repeated: name=a"
    for places in runs:
        write(places, "nb", {"t": REFERENCE})
    (runs[0].tables_of("nb") / "t.csv").write_text("")
    (empty,) = compare_runs(*runs)
    assert empty.what == "table is empty"


def test_accepting_replaces_what_ran_and_nothing_else(runs):
    ours, reference = runs
    for places, notebooks, content in ((ours, ("00",), "new"), (reference, ("00", "01"), "old")):
        for name in notebooks:
            write(places, name, {"verdicts": REFERENCE, content: REFERENCE})
            places.figures_of(name).mkdir(parents=True)
            (places.figures_of(name) / f"{content}.svg").touch()
    ours.runs_of("00").parent.mkdir()
    ours.runs_of("00").write_text("records")
    (reference.root / "00" / "section.typ").touch()
    with pytest.raises(FileNotFoundError, match="no finished run of 01: run make figures first"):
        accept(ours, reference, ["00", "01"])
    assert (reference.tables_of("00") / "old.csv").exists()
    accept(ours, reference, ["00"])
    kept = {str(path.relative_to(reference.root)) for path in reference.root.rglob("*") if path.is_file()}
    tables = ("columns.json", "provenance.json", "verdicts.csv")
    assert kept == {
        *("00/section.typ", "00/runs.jsonl", "00/figures/new.svg", "01/figures/old.svg"),
        *(f"00/tables/{name}" for name in (*tables, "new.csv")),
        *(f"01/tables/{name}" for name in (*tables, "old.csv")),
    }


@pytest.mark.parametrize("profile", REFERENCES)
def test_every_committed_column_has_a_rule_and_tells_its_rows_apart(profile):
    places = REFERENCES[profile]
    assert places.notebooks()
    for notebook in places.notebooks():
        folder = places.tables_of(notebook)
        rules = json.loads((folder / "columns.json").read_text())
        assert set(rules) == {path.stem for path in folder.glob("*.csv")}, folder
        for table, rule in rules.items():
            frame = pd.read_csv(folder / f"{table}.csv")
            assert list(frame) == list(rule), (notebook, table)
            assert not frame.duplicated([column for column, kind in rule.items() if kind == "key"]).any(), table


def test_both_profiles_allow_the_same():
    for notebook in REFERENCES["quick"].notebooks():
        quick, paper = ((places.tables_of(notebook) / "columns.json").read_text() for places in REFERENCES.values())
        assert quick == paper, notebook


def test_the_command_fails_on_a_difference_and_writes_the_summary(tmp_path):
    command = [sys.executable, ROOT / "ci" / "compare.py", "--build", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "table missing from this run" in (tmp_path / "quick" / "diff.md").read_text()


@pytest.mark.parametrize("action", [[], ["--accept"]])
def test_a_notebook_that_is_not_there_is_refused(tmp_path, action):
    command = [sys.executable, ROOT / "ci" / "compare.py", "--build", tmp_path, "--only", "99", *action]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "ONLY must be the beginning of a notebook's name, got '99'" in run.stderr
