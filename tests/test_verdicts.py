"""Intervals against a textbook case, verdicts against their definitions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.statements import agrees, as_good, counted, higher, interval, published, rounded, summarise

CLAIM = "closnets-fig3-compression"
values = st.lists(st.floats(-1, 1), min_size=2, max_size=9)


def test_interval_of_a_known_sample():
    bounds = interval([1.0, 2.0, 3.0, 4.0, 5.0])  # mean 3, s = sqrt(2.5), t(0.975, 4) = 2.7764
    half = 2.776445 * np.sqrt(2.5 / 5)
    assert (bounds.mean, bounds.low, bounds.high) == pytest.approx((3, 3 - half, 3 + half), rel=1e-6)
    assert np.isnan(interval([1.0]).low)
    with pytest.raises(ValueError, match="at least one repetition"):
        interval([])


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = [bounds.low < 0 < bounds.high for bounds in (interval(rng.normal(size=5)) for _ in range(2000))]
    assert abs(np.mean(covered) - 0.95) < 0.02


@given(values, st.floats(-1, 1))
def test_higher_follows_the_interval(sample, than):
    bounds = interval(sample)
    verdict = higher(CLAIM, sample, "", than=than).verdict
    assert (verdict == "supported") == (bounds.low > than)
    assert (verdict == "refuted") == (bounds.high < than)


def test_missing_values_decide_nothing():
    assert higher(CLAIM, [1.0, np.nan, 2.0], "").verdict == "undecided"


def test_as_good_means_within_the_others_interval_or_above():
    other = [0.97, 0.98, 0.99]
    assert as_good(CLAIM, [0.979, 0.980, 0.978], other, "").verdict == "supported"
    assert as_good(CLAIM, [0.985, 0.981, 0.986], other, "").verdict == "supported"
    assert as_good(CLAIM, [1.10, 1.11, 1.12], other, "").verdict == "better"
    assert as_good(CLAIM, [0.90, 0.901, 0.902], other, "").verdict == "refuted"
    assert as_good(CLAIM, [0.90, 0.95, 0.99], other, "").verdict == "undecided"
    shown = as_good(CLAIM, [0.99, 0.99, 0.99], other, "Ours.")
    assert (shown.ours, shown.low, shown.high) == pytest.approx((0.99, 0.99, 0.99))
    assert shown.reason == "Ours. The other's mean is 0.98, its interval 0.96 … 1.00."


def test_counted_compares_with_the_published_value():
    assert counted(CLAIM, 5.51, 0.01, "").verdict == "supported"
    assert counted(CLAIM, 5.6, 0.01, "").verdict == "refuted"
    assert counted(CLAIM, 5.51, 0.01, "why").row()["published"] == 5.5


@given(st.floats(0, 100, allow_nan=False), st.integers(0, 3))
def test_a_number_agrees_with_its_own_print_and_not_with_the_next(value, decimals):
    assert agrees(f"{value:.{decimals}f}", value)
    assert not agrees(f"{value + 1.1 * 10**-decimals:.{decimals}f}", value)


def test_half_a_unit_may_be_rounded_either_way():
    assert agrees("6.3", 6.25)
    assert agrees("6.2", 6.25)
    assert not agrees("6.3", 6.2499)
    assert not agrees("13", float("nan"))
    assert agrees("2e-05", 2.4e-5)
    assert not agrees("2e-05", 2.6e-5)


def test_rounded_asks_for_the_printed_digits():
    assert rounded(CLAIM, 5.45, "").verdict == "supported"
    assert rounded(CLAIM, 5.56, "").verdict == "refuted"


def test_summaries_hold_one_row_per_group():
    frame = pd.DataFrame({"a": ["x", "x", "y", "y"], "b": 1, "v": [1.0, 3.0, 5.0, 5.0]})
    table = summarise(frame, ["a", "b"], "v")
    assert table[["a", "b", "v", "seeds"]].to_numpy().tolist() == [["x", 1, 2.0, 2], ["y", 1, 5.0, 2]]
    assert table["low"].tolist()[1] == table["high"].tolist()[1] == 5.0


def test_unknown_claims_are_refused():
    with pytest.raises(KeyError, match=r"claim must be one of .*, got 'nonsense'"):
        published("nonsense")
