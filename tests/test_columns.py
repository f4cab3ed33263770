"""What may move in a table: said where it is written, exact where nothing is said."""

import dataclasses
import json

import pandas as pd
import pytest

from fabric.experiments.runs import Results, close, free, mean_over_seeds, within_factor
from fabric.experiments.runs._columns import rules
from fabric.experiments.statements import counted

FRAME = pd.DataFrame(
    {"name": ["a"], "count": [1], "accuracy": [0.9], "low": [0.8], "high": [1.0], "area": [2.0], "area_low": [1.0]}
    | {"printed_low": [0.5], "seconds": [3.0], "epoch_seconds": [5.0], "microseconds": [7.0], "reason": ["none"]}
)
ALL_EXACT = dict.fromkeys(FRAME, "exact") | {"name": "key", "seconds": "free", "epoch_seconds": "free"}


def test_a_column_is_exact_unless_it_is_named_or_a_measured_time():
    assert rules(FRAME, ["name"], {}) == ALL_EXACT
    assert list(rules(FRAME, ["name"], {"area": free})) == list(FRAME)


@pytest.mark.parametrize(
    ("value", "of_interval"),
    [
        (mean_over_seeds(0.02), "free"),
        (within_factor(3), "free"),
        (free, "free"),
        (close(), {"rtol": 1e-9}),
        (close(0.1), {"rtol": 0.1}),
    ],
)
def test_an_interval_moves_as_the_column_before_it(value, of_interval):
    found = rules(FRAME, ["name"], {"accuracy": value})
    assert found == ALL_EXACT | {"accuracy": value, "low": of_interval, "high": of_interval}
    found = rules(FRAME, ["name"], {"area": value})
    assert found == ALL_EXACT | {"area": value, "area_low": of_interval, "printed_low": of_interval}
    named = rules(FRAME, ["name"], {"accuracy": value, "high": close(0.5)})
    assert named == ALL_EXACT | {"accuracy": value, "low": of_interval, "high": {"rtol": 0.5}}


def test_an_interval_does_not_move_with_a_column_further_left():
    frame = pd.DataFrame({"name": ["a"], "accuracy": [0.9], "seeds": [5], "printed_low": [0.8]})
    assert rules(frame, ["name"], {"accuracy": free})["printed_low"] == "exact"


def test_tolerances_that_cannot_be_meant_are_refused():
    with pytest.raises(ValueError, match=r"tolerances must be for columns among .*'accuracy'.*got \['acuracy'\]"):
        rules(FRAME, ["name"], {"acuracy": free})
    with pytest.raises(ValueError, match=r"got \['name'\]"):
        rules(FRAME, ["name"], {"name": free})
    with pytest.raises(ValueError, match=r"columns \['reason'\] hold text"):
        rules(FRAME, ["name"], {"reason": close()})
    with pytest.raises(ValueError, match=r"tolerance of count must be close.*, got 0\.1"):
        rules(FRAME, ["name"], {"count": 0.1})
    for value in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="rtol must be a positive finite number"):
            close(value)
        with pytest.raises(ValueError, match="atol must be a positive finite number"):
            mean_over_seeds(value)


def test_a_factor_is_above_one():
    for value in (1, 0.5, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="factor must be a finite number above 1"):
            within_factor(value)


def test_verdicts_are_exact_but_for_those_near_their_threshold(tmp_path):
    found = [counted("closnets-fig3-compression", 5.5, 0.01, "")]
    results = Results("nb", tmp_path)
    results.verdicts(found, tolerances={"ours": mean_over_seeds(0.1)})

    def written():
        return json.loads((tmp_path / "tables" / "nb" / "columns.json").read_text())["verdicts"]

    assert (written()["verdict"], written()["p"]) == ("exact", "free")
    results.verdicts(found, tolerances={"ours": close()}, near_threshold=["closnets-fig3-compression"])
    assert written()["verdict"] == {"exact_but": ["closnets-fig3-compression"]}
    assert written()["p"] == close()
    results.verdicts(found)
    assert written()["p"] == "exact"
    with pytest.raises(ValueError, match="verdicts are exact"):
        results.verdicts(found, tolerances={"verdict": free})
    with pytest.raises(ValueError, match=r"near_threshold must name statements among .*, got \['other'\]"):
        results.verdicts(found, near_threshold=["other"])
    with pytest.raises(
        ValueError, match=r"verdict on closnets-fig3-compression must be one of reproduced, .*, got 'maybe'"
    ):
        results.verdicts([dataclasses.replace(found[0], verdict="maybe")])


def test_the_rules_of_all_tables_lie_beside_them(tmp_path):
    results = Results("nb", tmp_path)
    results.table("second", FRAME, keys=["name"], tolerances={"accuracy": mean_over_seeds(0.02)})
    results.table("first", FRAME[["name", "area"]], keys=["name"])
    written = json.loads((tmp_path / "tables" / "nb" / "columns.json").read_text())
    assert list(written) == ["first", "second"]
    assert written["first"] == {"name": "key", "area": "exact"}
    assert written["second"] == rules(FRAME, ["name"], {"accuracy": mean_over_seeds(0.02)})
    with pytest.raises(ValueError, match=r"keys \['name'\] of table 'third' must be unique"):
        results.table("third", pd.concat([FRAME, FRAME]), keys=["name"])
