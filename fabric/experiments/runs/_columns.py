"""What may move in a table between two runs of the same profile, said where the table is written.

A column is exact by default. On the same machine the same bits come out; other processors round differently, and a
training run then ends elsewhere. Measured by running the quick profile with another code path of the BLAS
(MKL_CBWR=COMPATIBLE): mean accuracies over five seeds moved by up to 0.0006, held-out accuracies of single runs by up
to 0.0033. The notebooks allow about five times that, so that a third of what is studied is
seen; in the paper profile nothing may move, as `ci/compare.py` says. What is free keeps what no machine changes, as
`ci/compared_tables.py` says.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
from pandas.api.types import is_numeric_dtype

from fabric._checks import positive_number, shown

# As `columns.json` holds it: "key", "exact", "free", {"rtol": r}, {"mean_over_seeds": a}, {"factor": f} or
# {"exact_but": keys}, which `Results.verdicts` sets.
Rule = str | dict[str, float] | dict[str, list[str]]

free: Final = "free"  # may move, but for signs, orders of magnitude and where cells are missing


def close(rtol: float = 1e-9) -> Rule:
    """May move by the part `rtol` of the reference's value: sums in another order, counts of another tool version.

    Raises:
        ValueError: `rtol` is not a positive finite number.
    """
    return {"rtol": positive_number("rtol", rtol)}


def mean_over_seeds(atol: float) -> Rule:
    """May move by `atol`, in the column's unit: a mean over training runs, of which each may end elsewhere.

    Raises:
        ValueError: `atol` is not a positive finite number.
    """
    return {"mean_over_seeds": positive_number("atol", atol)}


def within_factor(factor: float) -> Rule:
    """May move by a factor either way: ratios of times that are measured anew.

    Raises:
        ValueError: `factor` is not a finite number above one.
    """
    if not (1 < factor < math.inf):
        raise ValueError(f"factor must be a finite number above 1, got {factor!r}")
    return {"factor": float(factor)}


def rules(frame: pd.DataFrame, keys: Sequence[str], tolerances: Mapping[str, Rule]) -> dict[str, Rule]:
    """The rule of every column of a table.

    Columns named in `tolerances` follow them, key columns name the rows, columns "seconds" and "…_seconds" are measured
    times and free. Columns "low", "high", "…_low" and "…_high" are the interval of the column before them: exact if
    that is exact, as close if that is close, free if it is a mean over seeds or free. Every other column is exact.

    Raises:
        ValueError: a tolerance for a column that the table does not have or for a key, or a number's one for text.
    """
    kinds = ({"rtol"}, {"mean_over_seeds"}, {"factor"}, {"exact_but"})
    unknown = sorted(set(tolerances) - (set(frame) - set(keys)))
    if unknown:
        raise ValueError(f"tolerances must be for columns among {sorted(set(frame) - set(keys))}, got {unknown}")
    for name, rule in tolerances.items():
        if rule != free and not (isinstance(rule, dict) and set(rule) in kinds):
            raise ValueError(
                f"tolerance of {name} must be close(…), mean_over_seeds(…), within_factor(…) or free, got {shown(rule)}"
            )
    numbers = {name for name, rule in tolerances.items() if rule != free and "exact_but" not in rule}
    texts = [name for name in tolerances if name in numbers and not is_numeric_dtype(frame[name])]
    if texts:
        raise ValueError(f"columns {texts} hold text: their tolerance must be free, or they are exact")
    found: dict[str, Rule] = {}
    value: Rule = "exact"  # the rule of the column to which an interval would belong
    for column in frame:
        if column in keys:
            found[column] = value = "key"
        elif column in tolerances:
            found[column] = tolerances[column]
        elif _is_interval(column):
            found[column] = _of_interval(value)
        else:
            found[column] = free if column == "seconds" or column.endswith("_seconds") else "exact"
        if not _is_interval(column):
            value = found[column]
    return found


def _is_interval(column: str) -> bool:
    return column in ("low", "high") or column.endswith(("_low", "_high"))


def _of_interval(value: Rule) -> Rule:
    if isinstance(value, dict):
        return value if "rtol" in value else free
    return free if value == free else "exact"
