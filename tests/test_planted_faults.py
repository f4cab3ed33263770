"""The comparison in CI finds faults that are planted in copies of the committed tables, in both profiles."""

import json
import shutil
from collections.abc import Callable

import pandas as pd
import pytest
from compare import compare_runs
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


def copied(places: Places, notebook: str, folder) -> Places:
    copy = of_run(folder)
    shutil.copytree(places.tables_of(notebook), copy.tables_of(notebook))
    return copy


@pytest.mark.parametrize(("profile", "number", "table", "column", "rows", "change"), FAULTS)
def test_a_planted_fault_is_found(tmp_path, profile, number, table, column, rows, change):
    (notebook,) = [name for name in NOTEBOOKS if name.startswith(number)]
    places = REFERENCES[profile]
    ours = copied(places, notebook, tmp_path)
    assert compare_runs(ours, places, notebook, from_records=profile == "paper") == []
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
    found = compare_runs(ours, places, notebook, from_records=profile == "paper")
    assert [difference.table for difference in found] == [f"{notebook}/{table}"]
    assert column in found[0].what


def test_at_least_forty_faults_are_planted_and_one_in_each_notebook():
    assert len(FAULTS) >= 40
    assert {profile for profile, *_ in FAULTS} == {"quick", "paper"}
    assert {number for _, number, *_ in FAULTS} == {notebook[:2] for notebook in NOTEBOOKS}
