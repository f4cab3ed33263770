"""The comparison in CI finds faults that are planted in copies of the committed results, in both profiles."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compare import Difference, compare_runs
from places import ROOT, Places, of_paper, of_run

REFERENCES = {"quick": of_run(ROOT / "ci" / "reference" / "quick"), "paper": of_paper()}
NOTEBOOKS = REFERENCES["paper"].notebooks()


def plus(amount: float) -> Callable:
    return lambda value: value + amount


def times(factor: float) -> Callable:
    return lambda value: value * factor


def turned(value):
    return not value if isinstance(value, (bool,)) else "not reproduced" if value != "not reproduced" else "reproduced"


# Profile, notebook, table, column, which rows (a query; all if empty), what becomes of them.
FAULTS = [
    ("quick", "00", "accuracy", "accuracy", "label.str.startswith('clos')", plus(-0.004)),
    ("quick", "01", "accuracy", "accuracy", "method == 'clos'", plus(-0.004)),
    ("quick", "01", "gaps", "clos_minus_other", "method == 'low_rank'", plus(-0.004)),
    ("quick", "02", "accuracy", "accuracy", "label.str.startswith('clos')", plus(-0.004)),
    ("quick", "02", "curves", "operations", "epoch == 3", times(1.001)),
    ("quick", "04", "ends", "expected", "", times(1.01)),
    ("quick", "06", "constraints", "jacobian_rank", "", plus(1)),
    ("quick", "10", "correlations", "spearman", "predictor == 'coloring'", plus(0.59)),
    ("quick", "14", "layers", "stopwatch", "", plus(1)),
    ("quick", "14", "formula", "cycles", "", plus(8)),
    ("quick", "16", "accuracy", "accuracy", "number == '9/12'", plus(-2)),
    ("quick", "18", "verdicts", "ours", "claim == 'closnets-smaller-faster'", times(10)),
    ("quick", "18", "counts", "moved", "", times(1.02)),
    ("quick", "20", "densities", "computed", "computed == computed", times(1.001)),
    ("quick", "23", "synthesis", "lookup_tables", "", times(1.1)),
    ("quick", "21", "storage", "weights", "method == 'dropout'", times(1.1)),
    ("paper", "01", "accuracy", "accuracy", "method == 'clos'", plus(-0.0001)),
    ("paper", "01", "learning_rates", "chosen", "", turned),
    ("paper", "10", "correlations", "spearman", "predictor == 'coloring'", plus(0.01)),
    ("paper", "11", "hypervolumes", "hypervolume", "", times(1.0001)),
    ("paper", "16", "accuracy", "low", "number == '9/12'", plus(-0.01)),
    ("paper", "17", "throughput", "samples_per_second", "", times(1.001)),
    ("paper", "18", "times", "seconds", "", times(10)),
    ("paper", "18", "verdicts", "p", "p == p", plus(0.001)),
    ("paper", "19", "verdicts", "ours", "", plus(0.01)),
    ("paper", "21", "verdicts", "reason", "", lambda text: text + " Or not."),
    ("quick", "01", "accuracy", "accuracy", "method == 'magnitude_pruning'", plus(-0.004)),
    ("quick", "09", "verdicts", "ours", "claim == 'neurofabric-depth-shallow'", plus(1)),
    ("quick", "24", "speeds", "fewer", "way == 'Clos'", times(1.01)),
    ("quick", "24", "speeds", "weights", "way == 'Clos'", plus(1)),
    ("quick", "24", "memory", "share", "", times(1.2)),
    ("quick", "25", "compression", "parameters", "topology == 'clos'", plus(1)),
    ("quick", "25", "reach", "reaches", "", turned),
    ("quick", "26", "accuracy", "pointwise", "", plus(1)),
    ("quick", "26", "kernels", "weights", "", plus(1)),
    ("quick", "27", "networks", "compression", "", times(1.01)),
    ("quick", "27", "errors", "clos", "", times(1.1)),
    ("quick", "28", "growth", "recurrent_weights", "", times(2)),
    ("quick", "28", "music", "nll", "name == 'Clos'", plus(2)),
    ("quick", "31", "arms", "edge_steps", "", plus(1)),
    ("quick", "31", "accuracy", "accuracy", "", plus(-0.02)),
    ("quick", "32", "accuracy", "saved_joules", "", times(1.001)),
    ("quick", "32", "arms", "frozen", "", plus(1)),
    ("quick", "34", "client", "upload_bits", "", plus(8)),
    ("quick", "34", "targets", "upload_bytes", "", plus(1)),
    ("paper", "24", "speeds", "faster", "way == 'Clos'", times(1.01)),
    ("paper", "24", "single_samples", "faster", "", times(0.99)),
    ("paper", "25", "rivals", "compression", "", times(1.001)),
    ("paper", "26", "gains", "gain", "", plus(0.1)),
    ("paper", "27", "pilot", "accuracy", "", plus(0.001)),
    ("paper", "27", "verdicts", "ours", "", plus(0.1)),
    ("paper", "28", "music", "nll", "", plus(0.01)),
    ("paper", "31", "differences", "difference", "", plus(0.01)),
    ("paper", "32", "accuracy", "accuracy", "", plus(0.0001)),
    ("paper", "34", "targets", "rounds", "rounds == rounds", plus(1)),
    ("paper", "34", "equal_bytes", "accuracy", "", plus(-0.001)),
]
FAULTS += [("quick", notebook[:2], "verdicts", "verdict", "", turned) for notebook in NOTEBOOKS[:12]]
FAULTS += [("paper", notebook[:2], "verdicts", "verdict", "", turned) for notebook in NOTEBOOKS[12:]]


def copied(profile: str, notebook: str, folder: Path) -> Places:
    """A finished run that came to what is committed; the quick one has the figures of the other."""
    copy, places = of_run(folder), REFERENCES[profile]
    shutil.copytree(places.tables_of(notebook), copy.tables_of(notebook))
    shutil.copytree(REFERENCES["paper"].figures_of(notebook), copy.figures_of(notebook))
    if places.runs_of(notebook).exists():
        copy.runs_of(notebook).parent.mkdir()
        shutil.copy(places.runs_of(notebook), copy.runs_of(notebook))
    return copy


def found(ours: Places, profile: str, notebook: str) -> list[Difference]:
    return compare_runs(ours, REFERENCES[profile], notebook, from_records=profile == "paper")


@pytest.mark.parametrize(("profile", "number", "table", "column", "rows", "change"), FAULTS)
def test_a_planted_fault_is_found(tmp_path, profile, number, table, column, rows, change):
    (notebook,) = [name for name in NOTEBOOKS if name.startswith(number)]
    ours = copied(profile, notebook, tmp_path)
    path = ours.tables_of(notebook) / f"{table}.csv"
    frame = pd.read_csv(path)
    chosen = frame.query(rows).index if rows else frame.index
    free = json.loads((ours.tables_of(notebook) / "columns.json").read_text())[table][column]
    if profile == "quick" and isinstance(free, dict) and "exact_but" in free:  # rows near the threshold may turn
        chosen = [at for at in chosen if frame.loc[at, "claim"] not in free["exact_but"]]
    assert len(chosen)
    at = chosen[0]
    frame[column] = [change(value) if row == at else value for row, value in frame[column].items()]
    frame.to_csv(path, index=False)
    after = found(ours, profile, notebook)
    assert {difference.table for difference in after} == {f"{notebook}/{table}"}
    assert any(column in difference.what for difference in after)


def test_at_least_forty_faults_are_planted_and_one_in_each_notebook():
    assert len(FAULTS) >= 40
    assert {profile for profile, *_ in FAULTS} == {"quick", "paper"}
    assert {number for _, number, *_ in FAULTS} == {notebook[:2] for notebook in NOTEBOOKS}


def with_table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Places, str], None]:
    def plant(ours: Places, notebook: str) -> None:
        path = ours.tables_of(notebook) / f"{name}.csv"
        change(pd.read_csv(path)).to_csv(path, index=False)

    return plant


def with_rows(claim: str, **cells: object) -> Callable[[Places, str], None]:
    """Other cells in the verdict on one claim; a function is given the cell that was there."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        ((at, row),) = frame[frame["claim"] == claim].iterrows()
        for column, value in cells.items():
            frame[column] = frame[column].astype(object)
            frame.at[at, column] = value(row[column]) if callable(value) else value
        return frame

    return with_table("verdicts", change)


def with_file(name: str, change: Callable[[str], str | None]) -> Callable[[Places, str], None]:
    """Another text in a file of the run, named with {} for the notebook; None removes it."""

    def plant(ours: Places, notebook: str) -> None:
        path = ours.root / name.format(notebook)
        text = change(path.read_text(encoding="utf-8") if path.exists() else "")
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")

    return plant


def with_json(name: str, change: Callable[[dict], object]) -> Callable[[Places, str], None]:
    def changed(text: str) -> str:
        content = json.loads(text)
        change(content)
        return json.dumps(content)

    return with_file(f"tables/{{}}/{name}", changed)


def column(**columns: Callable[[pd.DataFrame], object]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**columns)


SVG = "figures/{}/accuracy_per_flop.svg"

# What is wrong, in which profiles, in which notebook, how it is planted.
KINDS = {
    "verdict of no known word": ("quick paper", "02", with_rows("closnets-fig10-path-diversity", verdict="banana")),
    "near its threshold, but no word": ("quick", "09", with_rows("neurofabric-bandwidth", verdict="banana")),
    "near its threshold, but empty": ("quick", "09", with_rows("neurofabric-bandwidth", verdict="")),
    "turned without its numbers": ("quick", "09", with_rows("neurofabric-bandwidth", verdict="reproduced")),
    "decided against its p": ("quick paper", "07", with_rows("neurofabric-clos-hits-most", p=0.9)),
    "near its threshold, decided against its p": ("quick", "10", with_rows("neurofabric-iccd-best", p=0.3)),
    "p missing": ("quick paper", "07", with_rows("neurofabric-clos-hits-most", p=np.nan)),
    "p above one": ("quick paper", "07", with_rows("neurofabric-clos-hits-most", p=1.1)),
    "value outside its interval": ("quick paper", "10", with_rows("neurofabric-iccd-best", ours=lambda value: -value)),
    "another reason by design": ("quick", "19", with_rows("closnets-no-indices", reason="Clos needs indices.")),
    "reason missing": ("quick", "02", with_rows("closnets-fig10-path-diversity", reason="")),
    "by design moved": ("quick", "19", with_rows("closnets-no-indices", ours=1, low=1, high=1)),
    "by design moved, beside times": ("quick", "18", with_rows("closnets-operations", ours=2.9, low=2.9, high=2.9)),
    "counted as printed moved": (
        "quick",
        "02",
        with_rows("closnets-first-layer-share", ours=98.4, low=98.4, high=98.4),
    ),
    "interval beside its value": ("quick paper", "02", with_table("accuracy", column(low=lambda t: t.low + 0.5))),
    "low above high": ("quick", "02", with_table("accuracy", column(low=lambda t: t.high, high=lambda t: t.low))),
    "intervals without width": (
        "quick",
        "02",
        with_table("accuracy", column(low=lambda t: t.accuracy, high=lambda t: t.accuracy)),
    ),
    "interval far too wide": ("quick", "02", with_table("accuracy", column(high=lambda t: t.high + 100))),
    "unit of a free column": ("quick", "19", with_table("energy", column(on_chip=lambda t: t.on_chip * 1000))),
    "unit of free times": ("quick", "24", with_table("block", column(fastest=lambda t: t.fastest * 1000))),
    "per cent in a free column": ("quick", "35", with_table("frontier", column(error=lambda t: t.error * 100))),
    "sign of a free column": ("quick", "35", with_table("frontier", column(nanojoules=lambda t: -t.nanojoules))),
    "free column missing": ("quick", "19", with_table("energy", column(weights_in_sram=lambda t: np.nan))),
    "free column infinite": ("quick", "17", with_table("throughput", column(samples_per_second=lambda t: np.inf))),
    "free column of zeros": ("quick", "35", with_table("families", column(on_front=lambda t: 0))),
    "free text missing": ("quick", "27", with_table("times", column(path=lambda t: ""))),
    "truth as a number": (
        "quick paper",
        "02",
        with_table("learning_rates", column(chosen=lambda t: t.chosen.astype(int))),
    ),
    "chosen is the worst": ("quick paper", "02", with_table("learning_rates", column(chosen=lambda t: ~t.chosen))),
    "columns in another order": ("quick paper", "02", with_table("accuracy", lambda t: t[t.columns[::-1]])),
    "rows in another order": ("quick paper", "02", with_table("accuracy", lambda t: t.iloc[::-1])),
    "figure missing": ("quick paper", "02", with_file(SVG, lambda svg: None)),
    "figure empty": ("quick paper", "02", with_file(SVG, lambda svg: '<svg xmlns="http://www.w3.org/2000/svg"/>')),
    "figure new": ("quick paper", "02", with_file("figures/{}/more.svg", lambda svg: "<svg/>")),
    "curve moved": ("paper", "02", with_file(SVG, lambda svg: re.sub(r"L (\d+)\.", r"L 1\1.", svg, count=1))),
    "other words in a figure": ("paper", "02", with_file(SVG, lambda svg: svg.replace("path", "use", 1))),
    "record missing": ("paper", "02", with_file("runs/{}.jsonl", lambda text: text.partition("\n")[2])),
    "record changed": (
        "paper",
        "02",
        with_file("runs/{}.jsonl", lambda text: re.sub(r'(digest": ")\w', r"\1x", text, count=1)),
    ),
    "no provenance": ("quick paper", "02", with_file("tables/{}/provenance.json", lambda text: None)),
    "another torch": (
        "quick paper",
        "02",
        with_json("provenance.json", lambda said: said["packages"].update(torch="1.0")),
    ),
    "stray file": ("quick paper", "02", with_file("tables/{}/old.txt", lambda text: "x")),
    "rule of a column lost": (
        "quick paper",
        "02",
        with_json("columns.json", lambda rules: rules["accuracy"].pop("seeds")),
    ),
    "rules of no table": (
        "quick paper",
        "02",
        with_json("columns.json", lambda rules: rules.update(more={"a": "key"})),
    ),
}


@pytest.mark.parametrize(
    ("profile", "kind"), [(profile, kind) for kind, (profiles, *_) in KINDS.items() for profile in profiles.split()]
)
def test_every_kind_of_fault_is_found(tmp_path, profile, kind):
    _, number, plant = KINDS[kind]
    (notebook,) = [name for name in NOTEBOOKS if name.startswith(number)]
    ours = copied(profile, notebook, tmp_path)
    plant(ours, notebook)
    assert found(ours, profile, notebook)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_what_is_committed_agrees_with_itself(tmp_path, notebook):
    for profile in REFERENCES:
        assert found(copied(profile, notebook, tmp_path / profile), profile, notebook) == []
