"""How far the best rate moves with the width: parabolas, tables and verdicts on losses that are known."""

import dataclasses
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.studies import rates
from fabric.experiments.studies.rates import RateConfig

CONFIG = RateConfig("digits", "clos", 16, 8, 0.01, 1, 64, 0)
GRID = [2.0**power for power in range(-10, -2)]


@given(st.floats(-9, -4), st.floats(0.1, 5))
def test_the_least_loss_of_a_parabola_is_found_between_the_rates(octave, bend):
    losses = pd.Series({rate: 1 + bend * (math.log2(rate) - octave) ** 2 for rate in GRID})
    assert math.log2(rates.lowest(losses)) == pytest.approx(octave, abs=1e-6)


@pytest.mark.parametrize("losses", [[1, 2, 3], [3, 2, 1], [math.inf, 1, 2], [1, 1, 1]])
def test_where_there_is_no_parabola_it_is_a_rate_that_was_tried(losses):
    series = pd.Series(losses, index=[0.1, 0.2, 0.4], dtype=float)
    assert rates.lowest(series) == series.idxmin()


def losses_of(moves, seeds=3):
    """Parabolas whose least loss moves by so many octaves from width 8 to 32, a little more in each seed."""
    rows = [
        ("dense", carried, width, rate, seed, 1 + (math.log2(rate) + 6 - (width == 32) * (move + seed / 50)) ** 2)
        for carried, move in moves.items()
        for width in (8, 32)
        for rate in GRID
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows, columns=["structure", "carried", "width", "learning_rate", "seed", "train_loss"])


def test_the_best_rate_is_measured_from_the_base_width():
    best = rates.best_rates(losses_of({True: 0.2, False: -2.0}), 8)
    wide = best[best["width"] == 32].set_index(["carried", "seed"])
    assert wide["octaves"][True, 0] == pytest.approx(0.2)
    assert wide["at_base_rate"][False, 0] == pytest.approx(5)  # two octaves off: 1 + 2² over 1
    assert (best[best["width"] == 8]["octaves"] == 0).all()


@pytest.mark.parametrize(
    ("scaled", "unscaled", "verdict"),
    [
        ([0.2, 0.3, 0.1], [-2.0, -1.9, -2.1], "reproduced"),
        ([0.2, 0.3, 0.1], [-0.9, 0.1, -0.3], "undecided"),  # stays, but is not shown to move less
        ([0.6, 0.5, 0.7], [0.2, 0.1, 0.15], "not reproduced"),  # stays, but moves more than with one rate for all
        ([-1.5, -1.4, -1.6], [-3.0, -3.1, -2.9], "not reproduced"),  # moves less, but does not stay
        ([-0.9, -1.4, -0.5], [-3.0, -3.1, -2.9], "undecided"),  # moves less, and may stay
    ],
)
def test_a_scaled_rate_must_stay_and_move_less_than_an_unscaled_one(scaled, unscaled, verdict):
    best = pd.DataFrame(
        [
            {"structure": "clos", "carried": carried, "width": 32, "seed": seed, "octaves": move, "at_base_rate": 1.5}
            for carried, moves in ((True, scaled), (False, unscaled))
            for seed, move in enumerate(moves)
        ]
    )
    found = rates.moved("tensor-programs-rates-clos", best, "clos", 1)
    assert found.verdict == verdict
    assert found.ours == pytest.approx(sum(scaled) / 3)
    assert f"it moves by {sum(unscaled) / 3:.2f} (" in found.reason


@pytest.mark.parametrize(
    ("structure", "width", "same"), [("dense", 24, True), ("clos", 24, False), ("dense", 32, False)]
)
def test_at_the_base_width_only_factors_have_rates_of_their_own(structure, width, same):
    carried = dataclasses.replace(CONFIG, structure=structure, width=width, base_width=24)
    kept = dataclasses.replace(carried, base_width=None)
    assert (rates.train_at_rate(carried) == rates.train_at_rate(kept)) == same


def test_a_loss_that_is_not_finite_is_none():
    assert rates.train_at_rate(dataclasses.replace(CONFIG, learning_rate=1e30)) == {"train_loss": None}
