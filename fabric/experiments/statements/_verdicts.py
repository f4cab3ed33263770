"""What runs say about a printed statement, in one of the words of `OUTCOMES`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from fabric._checks import instance, number, shown
from fabric.experiments.statements._intervals import Interval, exactly, interval, p_value
from fabric.experiments.statements._published import published

OUTCOMES = (
    "reproduced",
    "better",
    "within the margin",
    "within, with a real loss",
    "worse",
    "not reproduced",
    "undecided",
    "by design",
    "misprint",
    "not comparable",
)


@dataclass(frozen=True)
class Verdict:
    """What our runs say about a published statement.

    Attributes:
        claim: key of the `statements.toml` in a room of `paper/`.
        ours: our value, in the unit of the published one.
        low, high: its 95 % interval; equal to `ours` for a quantity that is counted, not measured.
        verdict: one of `OUTCOMES`.
        reason: one sentence for the reader.
        p: of the test behind the verdict; nan where nothing is tested.
    """

    claim: str
    ours: float
    low: float
    high: float
    verdict: str
    reason: str
    p: float = math.nan

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
            "p": self.p,
            "reason": self.reason,
        }


def higher(claim: str, values: Sequence[float], reason: str, than: float = 0.0) -> Verdict:
    """Verdict on "higher than `than`", from repetitions: differences or ratios paired by seed.

    Reproduced if the 95 % interval of the mean lies above `than`, not reproduced if it lies below, undecided otherwise.
    """
    return above(claim, interval(values), reason, than, p_value(values, than, "two-sided"))


def above(claim: str, bounds: Interval, reason: str, than: float = 0.0, p: float = math.nan) -> Verdict:
    """As `higher`, for a statistic whose 95 % interval is known already, from a bootstrap or by counting."""
    verdict = "reproduced" if bounds.low > than else "not reproduced" if bounds.high < than else "undecided"
    return Verdict(claim, bounds.mean, bounds.low, bounds.high, verdict, reason, p)


def as_printed(claim: str, ours: Sequence[float], tolerance: float, reason: str) -> Verdict:
    """Verdict on a printed measurement, from repetitions of ours.

    Reproduced if our 95 % interval lies within `tolerance` of the published value, not reproduced if it lies outside,
    undecided otherwise.
    """
    printed = published(claim)["value"]
    bounds = interval(ours)
    least, most = printed - tolerance, printed + tolerance
    inside = least <= bounds.low and bounds.high <= most
    verdict = "reproduced" if inside else "not reproduced" if bounds.high < least or bounds.low > most else "undecided"
    stated = f"{reason} The interval is asked to lie within {tolerance:g} of {printed:g}.".lstrip()
    return Verdict(claim, bounds.mean, bounds.low, bounds.high, verdict, stated)


def single_run(claim: str, ours: Sequence[float], most: float, reason: str) -> Verdict:
    """Verdict on a printed accuracy of one run, from repetitions of ours.

    The next run of ours lies within the 95 % prediction interval, mean ± t s √(1 + 1/n). Reproduced if the printed
    value lies in it too, not reproduced if it does not; undecided where its half-width exceeds `most`, since such an
    interval holds anything. The interval reported is the prediction interval.

    Raises:
        ValueError: fewer than two repetitions.
    """
    if len(ours) < 2:
        raise ValueError(f"ours must hold at least two repetitions, got {len(ours)}")
    printed = published(claim)["value"]
    bounds = interval(ours)
    half = (bounds.high - bounds.mean) * math.sqrt(len(ours) + 1)  # the mean's interval has √(1/n)
    verdict = "undecided" if half > most else "reproduced" if abs(printed - bounds.mean) <= half else "not reproduced"
    stated = f"{reason} Single runs lie within ± {half:.2f} of the mean; more than {most:.2f} decides nothing."
    return Verdict(claim, bounds.mean, bounds.mean - half, bounds.mean + half, verdict, stated.lstrip())


def by_design(claim: str, ours: float, holds: bool, reason: str) -> Verdict:
    """Verdict on what follows from the construction and is checked, not found: "by design".

    Raises:
        ValueError: it does not hold, so the construction is wrong.
    """
    if not holds:
        raise ValueError(f"{claim} must hold by construction, it does not: ours is {ours!r}")
    return Verdict(claim, ours, ours, ours, "by design", reason)


def beside(claim: str, values: Sequence[float] | Interval, reason: str) -> Verdict:
    """Our numbers beside a statement on another machine or of no stated measure: "not comparable".

    Args:
        claim: key of the statement.
        values: one that is counted, repetitions, or a statistic whose 95 % interval is known already.
        reason: why nothing can be judged, and what the numbers are.
    """
    if isinstance(values, Interval):
        bounds = values
    else:
        bounds = interval(values) if len(values) > 1 else exactly(float(values[0]))
    return Verdict(claim, bounds.mean, bounds.low, bounds.high, "not comparable", reason)


def cells(claim: str, agreeing: int, explained: int, reason: str) -> Verdict:
    """Verdict on a printed table, from the cells that agree and those that a named slip of the print explains.

    Reproduced if all cells agree, "misprint" if the others are explained, not reproduced otherwise. The published value
    is the number of cells.
    """
    printed = published(claim)["value"]
    others = "misprint" if agreeing + explained == printed else "not reproduced"
    return Verdict(claim, agreeing, agreeing, agreeing, "reproduced" if agreeing == printed else others, reason)


def counted(claim: str, ours: float, rtol: float, reason: str) -> Verdict:
    """Verdict on a printed number that follows from counting: reproduced within `rtol` of the published value."""
    value = published(claim)["value"]
    verdict = "reproduced" if abs(ours - value) <= rtol * abs(value) else "not reproduced"
    return Verdict(claim, ours, ours, ours, verdict, reason)


def rounded(claim: str, ours: float, reason: str) -> Verdict:
    """Verdict on a printed number that follows from counting: reproduced if it rounds to the printed digits."""
    verdict = "reproduced" if agrees(str(published(claim)["value"]), ours) else "not reproduced"
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
    """Verdict on a printed cost that is counted: better below the value, reproduced at it, else not reproduced.

    With `bounds`, between which the cost lies for certain, undecided where they enclose the published value.
    """
    value = published(claim)["value"]
    low, high = bounds or (ours, ours)
    if low == high == value:
        verdict = "reproduced"
    else:
        verdict = "better" if high < value else "not reproduced" if low > value else "undecided"
    return Verdict(claim, ours, low, high, verdict, reason)


def at_least(claim: str, ours: float, reason: str) -> Verdict:
    """Verdict on a printed number of which more is better, from counting: better above it, reproduced at it."""
    value = published(claim)["value"]
    verdict = "better" if ours > value else "reproduced" if ours == value else "not reproduced"
    return Verdict(claim, ours, ours, ours, verdict, reason)
