"""Is one network as accurate as another? A paired equivalence test whose margins follow from the printed word.

Ours minus the other, paired by seed, is held against a margin by two one-sided tests at 5 %, which is to ask whether
the 90 % interval of its mean lies between minus and plus the margin (Schuirmann 1987). More seeds make the interval
narrower, so a rule of this form cannot be passed by training few networks.

The margin follows from the word that the source prints, from the samples n of the test set and from the dense
network's accuracy p, and from nothing that our runs show. Two networks of accuracy p differ on n test samples by
s = 100 √(2 p (1 - p) / n) percentage points, one standard deviation, where they are equally good.

A task on which a narrow dense network of equal weights loses next to nothing cannot show that ours is as good: there
no network is within the margin.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from fabric.experiments.statements._intervals import interval, p_value
from fabric.experiments.statements._verdicts import Verdict

Word = Literal["comparable", "no loss"]
# In units of s. "Comparable", "maintains": what a single run of each cannot tell apart at 95 %. "No loss", "the same",
# "as well as": half of one standard deviation, a quarter of that.
MARGINS: dict[Word, float] = {"comparable": 1.96, "no loss": 0.5}
CONFIDENCE = 0.90  # two one-sided tests at 5 %


def margin(word: Word, accuracy: float, test_samples: int) -> float:
    """How many percentage points of accuracy `word` allows.

    Args:
        word: a key of `MARGINS`.
        accuracy: of the dense network, a fraction.
        test_samples: of the test set.

    Raises:
        ValueError: an unknown word, an accuracy outside 0 ... 1 or no test samples.
    """
    if word not in MARGINS:
        raise ValueError(f"word must be one of {', '.join(MARGINS)}, got {word!r}")
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be a fraction from 0 to 1, got {accuracy!r}")
    if test_samples < 1:
        raise ValueError(f"test_samples must be a positive integer, got {test_samples!r}")
    return MARGINS[word] * 100 * math.sqrt(2 * accuracy * (1 - accuracy) / test_samples)


def equivalent(
    claim: str,
    ours: Sequence[float],
    other: Sequence[float],
    word: Word,
    test_samples: int,
    reason: str,
    narrow: Sequence[float],
    dense: float | None = None,
) -> Verdict:
    """Verdict on "ours is as accurate as the other", from repetitions paired by seed; its "ours" is the mean
    difference, ours minus the other.

    The outcome is that of `by_margin`, with one exception: it is undecided in place of within where the margin is not
    below half of what the narrow dense network loses, since then the task cannot tell good from bad. Its p is of no
    difference for better, of a loss within the margin for worse, 1 for the exception and otherwise of the two one-sided
    tests.

    Args:
        claim: key of the statement.
        ours, other: test accuracies in %, of the same seeds in the same order.
        word: what the source says, a key of `MARGINS`.
        test_samples: of the test set.
        reason: one sentence for the reader; the margin and the tipping margin, at which the verdict would change to
            within, are added.
        narrow: test accuracies in % of the dense network with as many weights as ours, of any seeds.
        dense: test accuracy in % of the dense network, from which the margin follows; that of `other` if left out.

    Raises:
        ValueError: repetitions that cannot be paired, or no narrow network.
    """
    mine, theirs = np.asarray(ours, float), np.asarray(other, float)
    if mine.shape != theirs.shape or mine.ndim != 1:
        raise ValueError(f"ours and other must be paired by seed, got {mine.size} and {theirs.size} values")
    if len(narrow) == 0:
        raise ValueError("narrow must hold at least one accuracy, got none")
    allowed = margin(word, (float(theirs.mean()) if dense is None else dense) / 100, test_samples)
    difference, tested = interval(mine - theirs), interval(mine - theirs, CONFIDENCE)
    tipping = "one run has no tipping margin"
    if mine.size > 1:
        tipping = f"{max(-tested.low, tested.high):.2f} would be the tipping margin"
    lost = float(theirs.mean() - np.mean(narrow))
    stated = (
        f"{reason} The difference; the other has {theirs.mean():.2f} %. «{word}» allows {allowed:.2f} points, "
        f"{tipping}. The narrow dense network of equal weights loses {lost:.2f} points."
    ).lstrip()
    verdict = by_margin(mine - theirs, allowed)
    p = _p(mine - theirs, allowed, verdict)
    if allowed >= lost / 2:
        stated += " The margin is not below half of that, so the task cannot show equality."
        if verdict.startswith("within"):
            verdict, p = "undecided", 1.0
    return Verdict(claim, difference.mean, difference.low, difference.high, verdict, stated, p)


def by_margin(differences: Sequence[float] | np.ndarray, allowed: float) -> str:
    """The outcome by the margin alone, whether or not the task tells good networks from bad.

    Better if the differences' 95 % interval lies above zero. Otherwise within the margin if its 90 % interval lies
    between minus and plus the margin, and then with a real loss if its 95 % interval lies below zero; worse by more
    than the margin if the 90 % interval lies below minus the margin; undecided otherwise.

    Args:
        differences: ours minus the other, one per seed, in percentage points.
        allowed: the margin.
    """
    difference, tested = interval(differences), interval(differences, CONFIDENCE)
    if difference.low > 0:
        return "better"
    if -allowed < tested.low and tested.high < allowed:
        return "within, with a real loss" if difference.high < 0 else "within the margin"
    return "worse" if tested.high < -allowed else "undecided"


def _p(differences: Sequence[float] | np.ndarray, allowed: float, verdict: str) -> float:
    if verdict == "better":
        return p_value(differences, 0, "two-sided")
    if verdict == "worse":
        return p_value(differences, -allowed, "less")
    return max(p_value(differences, -allowed, "greater"), p_value(differences, allowed, "less"))
