"""Several verdicts at once: Holm's correction of their p-values (Holm 1979)."""

import math
from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Corrected p-values: those below 0.05 hold together with an error rate of 5 % for the whole family.

    Args:
        p_values: of the tests, in any order; nan where a verdict is counted and not tested, which stays nan and does
            not count.

    Returns:
        float64, in the order given.
    """
    p = np.asarray(p_values, float)
    corrected = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def together(verdict: str, corrected: float) -> str:
    """The verdict on a statement that is tested with others: "undecided" unless its corrected p-value is below 0.05.

    A verdict without a p-value, which was counted and not tested, stays.
    """
    return verdict if math.isnan(corrected) or corrected < 0.05 else "undecided"
