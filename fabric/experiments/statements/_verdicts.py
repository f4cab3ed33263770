"""From repeated runs to a verdict: means with intervals, paired differences, supported or refuted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd
from scipy import stats

from fabric._checks import instance, number, shown
from fabric.experiments.statements._published import published

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided 95 % Student-t interval over seeds; nan bounds where there is one value only."""

    mean: float
    low: float
    high: float


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % Student-t interval of independent repetitions.

    Raises:
        ValueError: no values.
    """
    array = np.asarray(values, float)
    if array.size == 0:
        raise ValueError("values must hold at least one repetition, got none")
    mean = float(array.mean())
    if array.size == 1:
        return Interval(mean, float("nan"), float("nan"))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, array.size - 1) * stats.sem(array))
    return Interval(mean, mean - half, mean + half)


def summarise(frame: pd.DataFrame, by: Sequence[str], column: str) -> pd.DataFrame:
    """Per group of `by`: `column`'s mean, its 95 % interval as "low" and "high", and "seeds", the group's size."""
    rows = []
    for keys, group in frame.groupby(list(by), sort=True):
        bounds = interval(group[column])
        rows.append(
            dict(zip(by, keys, strict=True))
            | {column: bounds.mean, "low": bounds.low, "high": bounds.high, "seeds": len(group)}
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Verdict:
    """What our runs say about a published statement.

    Attributes:
        claim: key of the `statements.toml` in a room of `paper/`.
        ours: our value, in the unit of the published one.
        low, high: its 95 % interval; equal to `ours` for a quantity that is counted, not measured.
        verdict: "supported", "better" than published, "refuted" or "undecided".
        reason: one sentence for the reader.
    """

    claim: str
    ours: float
    low: float
    high: float
    verdict: str
    reason: str

    def row(self) -> dict[str, object]:
        """The table row, with the published value beside ours."""
        entry = published(self.claim)
        return {
            "claim": self.claim,
            "published": entry.get("value", float("nan")),
            "ours": self.ours,
            "low": self.low,
            "high": self.high,
            "verdict": self.verdict,
            "reason": self.reason,
        }


def higher(claim: str, values: Sequence[float], reason: str, than: float = 0.0) -> Verdict:
    """Verdict on "higher than `than`", from repetitions: differences or ratios paired by seed.

    Supported if the 95 % interval of the mean lies above `than`, refuted if it lies below, undecided otherwise.
    """
    return above(claim, interval(values), reason, than)


def above(claim: str, bounds: Interval, reason: str, than: float = 0.0) -> Verdict:
    """As `higher`, for a statistic whose 95 % interval is known already, from a bootstrap or by counting."""
    verdict = "supported" if bounds.low > than else "refuted" if bounds.high < than else "undecided"
    return Verdict(claim, bounds.mean, bounds.low, bounds.high, verdict, reason)


def exactly(value: float) -> Interval:
    """The interval of a quantity that is counted, not measured."""
    return Interval(value, value, value)


def no_benefit(claim: str, values: Sequence[float], reason: str, margin: float) -> Verdict:
    """Verdict on "not higher than zero by anything that matters", from differences paired by seed.

    Supported if the 95 % interval of the mean lies below `margin`, the smallest difference that matters; otherwise
    refuted if it lies above zero, undecided if it holds both.
    """
    bounds = interval(values)
    verdict = "supported" if bounds.high < margin else "refuted" if bounds.low > 0 else "undecided"
    return Verdict(claim, bounds.mean, bounds.low, bounds.high, verdict, reason)


def as_good(claim: str, ours: Sequence[float], other: Sequence[float], reason: str) -> Verdict:
    """Verdict on "ours is within the other's interval, or above it", from repetitions of both.

    Better if our 95 % interval lies above the other's; otherwise supported if our mean is not below the lower end of
    the other's interval, refuted if our whole interval lies below that end, undecided in between. Our mean and
    interval are reported, the other's are added to the reason.
    """
    mine, theirs = interval(ours), interval(other)
    if mine.low > theirs.high:
        verdict = "better"
    else:
        verdict = "supported" if mine.mean >= theirs.low else "refuted" if mine.high < theirs.low else "undecided"
    spread = "a single run" if len(other) == 1 else f"its interval {theirs.low:.2f} … {theirs.high:.2f}"
    compared = f"{reason} The other's mean is {theirs.mean:.2f}, {spread}."
    return Verdict(claim, mine.mean, mine.low, mine.high, verdict, compared)


def as_printed(claim: str, ours: Sequence[float], tolerance: float, reason: str) -> Verdict:
    """Verdict on a printed measurement, from repetitions of ours.

    Supported if our 95 % interval lies within `tolerance` of the published value, refuted if it lies outside,
    undecided otherwise.
    """
    printed = published(claim)["value"]
    bounds = interval(ours)
    least, most = printed - tolerance, printed + tolerance
    inside = least <= bounds.low and bounds.high <= most
    verdict = "supported" if inside else "refuted" if bounds.high < least or bounds.low > most else "undecided"
    stated = f"{reason} The interval is asked to lie within {tolerance:g} of {printed:g}.".lstrip()
    return Verdict(claim, bounds.mean, bounds.low, bounds.high, verdict, stated)


def counted(claim: str, ours: float, rtol: float, reason: str) -> Verdict:
    """Verdict on a printed number that follows from counting: supported within `rtol` of the published value."""
    value = published(claim)["value"]
    verdict = "supported" if abs(ours - value) <= rtol * abs(value) else "refuted"
    return Verdict(claim, ours, ours, ours, verdict, reason)


def rounded(claim: str, ours: float, reason: str) -> Verdict:
    """Verdict on a printed number that follows from counting: supported if it rounds to the printed digits."""
    verdict = "supported" if agrees(str(published(claim)["value"]), ours) else "refuted"
    return Verdict(claim, ours, ours, ours, verdict, reason)


def agrees(printed: str, computed: float) -> bool:
    """Whether `computed` may be printed as `printed`: no further away than half a unit of its last digit.

    Raises:
        ValueError: `printed` is no finite decimal number or `computed` neither a finite number nor nan.
    """
    if not (isinstance(computed, float) and math.isnan(computed)):  # which agrees with nothing
        number("computed", computed)
    try:
        exponent = Decimal(instance("printed", printed, str)).as_tuple().exponent
    except InvalidOperation:
        exponent = "n"
    if not isinstance(exponent, int):  # letters stand for nan and infinity
        raise ValueError(f"printed must be a finite decimal number, got {shown(printed)}")
    unit = 10.0**exponent
    return abs(computed - float(printed)) <= 0.5 * unit * (1 + 1e-9)


def at_most(claim: str, ours: float, reason: str, bounds: tuple[float, float] | None = None) -> Verdict:
    """Verdict on a printed cost that is counted: better below the published value, supported at it, refuted above.

    With `bounds`, between which the cost lies for certain, undecided where they enclose the published value.
    """
    value = published(claim)["value"]
    low, high = bounds or (ours, ours)
    if low == high == value:
        verdict = "supported"
    else:
        verdict = "better" if high < value else "refuted" if low > value else "undecided"
    return Verdict(claim, ours, low, high, verdict, reason)


def at_least(claim: str, ours: float, reason: str) -> Verdict:
    """Verdict on a printed number of which more is better, from counting: better above it, supported at it."""
    value = published(claim)["value"]
    verdict = "better" if ours > value else "supported" if ours == value else "refuted"
    return Verdict(claim, ours, ours, ours, verdict, reason)
