"""Intervals against a textbook case, verdicts against their definitions."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.statements import (
    Interval,
    agrees,
    beside,
    by_design,
    cells,
    counted,
    equivalent,
    higher,
    holm,
    interval,
    margin,
    p_value,
    published,
    rounded,
    single_run,
    summarise,
    together,
)

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
    assert (verdict == "reproduced") == (bounds.low > than)
    assert (verdict == "not reproduced") == (bounds.high < than)


def test_missing_values_decide_nothing():
    assert higher(CLAIM, [1.0, np.nan, 2.0], "").verdict == "undecided"


def test_counted_compares_with_the_published_value():
    assert counted(CLAIM, 5.51, 0.01, "").verdict == "reproduced"
    assert counted(CLAIM, 5.6, 0.01, "").verdict == "not reproduced"
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
    assert rounded(CLAIM, 5.45, "").verdict == "reproduced"
    assert rounded(CLAIM, 5.56, "").verdict == "not reproduced"


def test_summaries_hold_one_row_per_group():
    frame = pd.DataFrame({"a": ["x", "x", "y", "y"], "b": 1, "v": [1.0, 3.0, 5.0, 5.0]})
    table = summarise(frame, ["a", "b"], "v")
    assert table[["a", "b", "v", "seeds"]].to_numpy().tolist() == [["x", 1, 2.0, 2], ["y", 1, 5.0, 2]]
    assert table["low"].tolist()[1] == table["high"].tolist()[1] == 5.0


def test_unknown_claims_are_refused():
    with pytest.raises(KeyError, match=r"claim must be one of .*, got 'nonsense'"):
        published("nonsense")


def test_margins_follow_from_the_word_the_test_set_and_the_dense_accuracy_alone():
    assert margin("comparable", 0.984, 10000) == pytest.approx(0.35, abs=0.005)  # MNIST
    assert margin("comparable", 0.80, 10000) == pytest.approx(1.96 * 100 * np.sqrt(0.32 / 1e4))
    assert margin("no loss", 0.984, 10000) == pytest.approx(0.09, abs=0.005)
    with pytest.raises(ValueError, match="word must be one of comparable, no loss, got 'similar'"):
        margin("similar", 0.9, 100)
    with pytest.raises(ValueError, match=r"accuracy must be a fraction from 0 to 1, got 98\.4"):
        margin("no loss", 98.4, 100)


NARROW = [90.0]  # the accuracy of a narrow network that loses enough for any margin here


def outcome(loss, spread, seeds=16, word="comparable", rng=None, narrow=NARROW):
    rng = rng or np.random.default_rng(0)
    dense = rng.normal(98.4, spread / np.sqrt(2), seeds)
    ours = dense - loss + (rng.normal(0, spread, seeds))
    return equivalent(CLAIM, ours, dense, word, 10000, "", narrow)


def accepted(verdict):
    return verdict.verdict in ("better", "within the margin", "within, with a real loss")


def test_equivalence_on_clear_cases():
    assert outcome(0, 0.05).verdict == "within the margin"
    assert outcome(0.2, 0.05).verdict == "within, with a real loss"
    assert outcome(1.0, 0.05).verdict == "worse"
    assert outcome(-1.0, 0.05).verdict == "better"
    assert outcome(0.35, 0.3).verdict == "undecided"
    assert outcome(0.2, 0.05, word="no loss").verdict == "worse"
    assert "tipping margin" in outcome(0, 0.05).reason


def test_a_task_on_which_narrow_networks_lose_nothing_decides_nothing():
    assert outcome(0, 0.05, narrow=[98.0] * 16).verdict == "undecided"
    assert outcome(0, 0.05, narrow=[97.0] * 16).verdict == "within the margin"
    assert outcome(-1, 0.05, narrow=[98.4] * 16).verdict == "better"
    assert outcome(1, 0.05, narrow=[98.0] * 16).verdict == "worse"
    assert outcome(0, 0.05, narrow=[98.0] * 16).p == 1  # and so takes no step in Holm's correction
    with pytest.raises(ValueError, match="narrow must hold at least one accuracy, got none"):
        outcome(0, 0.05, narrow=[])


@pytest.mark.parametrize("seeds", [3, 5, 30])
def test_operating_curve_a_loss_of_the_margin_passes_in_five_per_cent_at_any_number_of_seeds(seeds):
    rng = np.random.default_rng(1)
    allowed = margin("comparable", 0.984, 10000)

    def passes(loss):
        return np.mean([accepted(outcome(loss, 0.18, seeds, rng=rng)) for _ in range(300)])

    assert passes(allowed) <= 0.05 + 0.04  # three standard deviations of 300 draws
    assert passes(0) >= passes(allowed / 2) > passes(allowed)


def test_more_seeds_never_make_an_equal_network_harder_to_accept():
    rng = np.random.default_rng(2)
    powers = [np.mean([accepted(outcome(0, 0.18, n, rng=rng)) for _ in range(200)]) for n in (3, 5, 30)]
    assert powers == sorted(powers)
    assert powers[-1] > 0.99


def test_the_margin_follows_from_the_dense_network_where_it_is_named():
    ours, other = [97.0, 97.1, 96.9], [97.4, 97.5, 97.3]
    assert equivalent(CLAIM, ours, other, "comparable", 10000, "", NARROW).verdict == "within, with a real loss"
    assert equivalent(CLAIM, ours, other, "comparable", 10000, "", NARROW, dense=98.4).verdict == "worse"


def test_repetitions_that_cannot_be_paired_are_refused():
    with pytest.raises(ValueError, match="paired by seed, got 2 and 3"):
        equivalent(CLAIM, [1, 2], [1, 2, 3], "no loss", 100, "", NARROW)


def test_a_printed_run_is_held_against_the_prediction_interval():
    rng = np.random.default_rng(0)
    inside = [single_run(CLAIM, rng.normal(5.5, 0.1, 5), 9, "").verdict == "reproduced" for _ in range(500)]
    assert np.mean(inside) > 0.95  # the printed value itself varies as one run does, here it is the mean
    assert single_run(CLAIM, [6.5, 6.51, 6.52], 1, "").verdict == "not reproduced"
    assert single_run(CLAIM, [4.0, 5.5, 7.0], 1, "").verdict == "undecided"
    covered = []
    for _ in range(1000):
        sample = rng.normal(size=6)
        bounds = single_run(CLAIM, sample[:5], 99, "")
        covered.append(bounds.low < sample[5] < bounds.high)
    assert abs(np.mean(covered) - 0.95) < 0.03


def test_by_design_is_refused_where_it_does_not_hold():
    assert by_design(CLAIM, 3, True, "").verdict == "by design"
    with pytest.raises(ValueError, match="closnets-fig3-compression must hold by construction"):
        by_design(CLAIM, 3, False, "")


def test_our_numbers_beside_a_statement_decide_nothing():
    assert beside(CLAIM, [1.0, 2.0, 3.0], "").verdict == "not comparable"
    known = beside(CLAIM, Interval(0.6, 0.3, 0.8), "")
    assert (known.ours, known.low, known.high, known.verdict) == (0.6, 0.3, 0.8, "not comparable")
    alone = beside(CLAIM, [2.0], "")
    assert (alone.low, alone.ours, alone.high) == (2, 2, 2)


def test_a_printed_table_is_a_misprint_where_slips_explain_the_rest():
    claim = "predefined-density-cells"  # 48 cells
    assert cells(claim, 48, 0, "").verdict == "reproduced"
    assert cells(claim, 40, 8, "").verdict == "misprint"
    assert cells(claim, 40, 7, "").verdict == "not reproduced"


def test_holm_against_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    with_gap = holm([0.01, np.nan, 0.04])
    assert with_gap[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(with_gap[1])
    assert holm([0.9, 0.8]).max() == 1


def test_a_verdict_that_the_correction_does_not_leave_is_undecided():
    kept = [together(verdict, p) for verdict, p in (("worse", 0.049), ("worse", 0.05), ("reproduced", math.nan))]
    assert kept == ["worse", "undecided", "reproduced"]


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=9, unique=True), st.sampled_from([90.0, 96.9]))
def test_p_is_that_of_the_outcome(differences, narrow):
    """Each outcome but undecided comes with p below 0.05, undecided with none."""
    ours = 97 + np.asarray(differences)
    verdict = equivalent("closnets-no-sacrifice", ours, np.full(len(ours), 97.0), "comparable", 2000, "", [narrow])
    assert (verdict.p < 0.05) == (verdict.verdict != "undecided")


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=9, unique=True), st.floats(-1, 1))
def test_p_values_agree_with_the_intervals(sample, than):
    bounds = interval(sample)
    p = p_value(sample, than, "two-sided")
    assert (p < 0.05) == (than < bounds.low or than > bounds.high)
    assert p_value(sample, than, "less") + p_value(sample, than, "greater") == pytest.approx(1)


def test_a_p_value_from_a_textbook():
    assert p_value([1, 2, 3, 4, 5], 1, "two-sided") == pytest.approx(0.0474, abs=1e-4)  # t = 2.828, 4 degrees
    assert p_value([1, 2, 3, 4, 5], 1, "greater") == pytest.approx(0.0237, abs=1e-4)
    assert np.isnan(p_value([1.0], 0, "less"))
