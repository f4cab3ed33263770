"""One table of a run against its reference, by the rules of its columns."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from consistent import contradictions, intervals, is_interval, is_probability, named
from pandas.api.types import is_bool_dtype, is_numeric_dtype

PRINTED = 1e-9  # of ten significant digits
SUMS = 1e-5  # the most that sums in another order move what is computed anew, not read from a record
MAGNITUDE = 30.0  # the factor within which free numbers stay
TIMED = 300.0  # in notebooks that measure times: other machines are slower, and busy ones much slower
MANY = 5  # rows, of which not all happen to have repetitions without spread
ROUNDED = 1e-12  # below this a number is the rounding error of doubles, not a magnitude
# Tables whose free cells are missing in other rows on another machine, and why.
BY_CHANCE = {"34_federated/targets": "a run arrives at its target within the rounds of the quick profile or does not"}


@dataclass(frozen=True)
class Difference:
    """One way in which a table departs from its reference; `excess` orders them, worst first."""

    table: str
    what: str
    excess: float


def compare_tables(
    name: str,
    ours: pd.DataFrame,
    reference: pd.DataFrame,
    rules: dict[str, Any],
    from_records: bool = False,
    factor: float = MAGNITUDE,
) -> list[Difference]:
    """Differences of one table, and what contradicts itself in ours.

    Args:
        name: "<notebook>/<table>", for messages.
        ours, reference: the tables.
        rules: per column "key", "exact", "free", {rtol = r}, {mean_over_seeds = atol}, {factor = f} or
            {exact_but = keys of the rows that are free}.
        from_records: whether nothing was measured or trained anew, so that no rule but a small {rtol = r} allows more
            than the digits printed.
        factor: within which free numbers stay.

    Raises:
        ValueError: a rule of no known kind.
    """
    if misshapen := _shape(ours, reference, rules):
        return [Difference(name, misshapen, np.inf)]
    keys = [column for column, rule in rules.items() if rule == "key"]
    repeated = ours[ours.duplicated(keys)]
    if len(repeated):
        return [Difference(name, f"row repeated: {named(row, keys)}", np.inf) for _, row in repeated.iterrows()]
    differences = [Difference(name, what, np.inf) for what in contradictions(ours, rules)]
    merged = reference.merge(ours, on=keys, how="outer", suffixes=(" (reference)", " (ours)"), indicator=True)
    differences += [
        Difference(name, f"{'row missing' if row['_merge'] == 'left_only' else 'new row'}: {named(row, keys)}", np.inf)
        for _, row in merged[merged["_merge"] != "both"].iterrows()
    ]
    both = merged[merged["_merge"] == "both"]
    if len(both) == len(merged) and not ours[keys].equals(reference[keys]):
        differences.append(Difference(name, "rows in another order", np.inf))
    for column, rule in rules.items():
        if rule == "key" or (rule == "free" and not from_records):
            continue
        pair = both[f"{column} (ours)"], both[f"{column} (reference)"]
        excess = _excess(*pair, _printed(rule, pair[0]) if from_records else rule, both[keys[0]])
        differences += _beyond(name, both, column, keys, excess)
    if not from_records:
        if "claim" in keys and "verdict" in rules:
            differences += _compare_verdicts(name, both, rules)
            both = both[~both["claim"].isin(_near_threshold(rules))]
        found = _compare_free(both, rules, factor, missing_by_chance=name in BY_CHANCE)
        differences += [Difference(name, what, np.inf) for what in found]
    return differences


def _shape(ours: pd.DataFrame, reference: pd.DataFrame, rules: dict[str, Any]) -> str:
    """Why the columns of a table cannot be compared; nothing if they can."""
    columns = set(ours) | set(reference)
    if columns != set(rules):
        unknown, absent = sorted(columns - set(rules)), sorted(set(rules) - columns)
        return f"columns without a rule: {unknown}; rules without a column: {absent}"
    if set(ours) != set(reference):
        return f"columns differ: ours {list(ours)}, reference {list(reference)}"
    if list(ours) != list(rules):
        return f"columns in another order: ours {list(ours)}, by the rules {list(rules)}"
    kinds = {"numbers": is_numeric_dtype, "truth values": is_bool_dtype}
    for kind, holds in kinds.items():
        if others := [column for column in rules if holds(ours[column]) != holds(reference[column])]:
            return f"{kind} on one side only, in columns {others}"
    return ""


def _beyond(name: str, both: pd.DataFrame, column: str, keys: list[str], excess: np.ndarray) -> list[Difference]:
    """A difference for each row whose excess is above 1."""
    found = []
    for (_, row), amount in zip(both.iterrows(), excess, strict=True):
        if amount > 1:
            values = f"{row[f'{column} (ours)']} instead of {row[f'{column} (reference)']}"
            found.append(Difference(name, f"{column} {values} at {named(row, keys)}", float(amount)))
    return found


def _printed(rule: Any, column: pd.Series) -> Any:
    """What a rule becomes where a table follows from records."""
    if not is_numeric_dtype(column) or column.dtype == bool:
        return "exact"
    match rule:
        case {"rtol": rtol} if rtol <= SUMS:
            return rule
        case "exact":
            return rule
        case _:
            return {"rtol": PRINTED}


def _excess(ours: pd.Series, reference: pd.Series, rule: Any, names: pd.Series) -> np.ndarray:
    """Per row the deviation in units of what the rule allows: above 1 is a difference."""
    same = (ours == reference) | (ours.isna() & reference.isna())
    match rule:
        case "exact":
            return np.where(same, 0, np.inf)
        case {"exact_but": free}:
            return np.where(same | names.isin(free), 0, np.inf)
        case {"factor": factor}:
            with np.errstate(divide="ignore", invalid="ignore"):
                amount = np.abs(np.log(ours / reference)) / np.log(factor)
            return np.where(same, 0, np.nan_to_num(amount, nan=np.inf, posinf=np.inf))
        case {"rtol": rtol}:
            allowed = rtol * np.abs(reference)
        case {"mean_over_seeds": atol}:
            allowed = np.full(len(ours), atol)
        case _:
            raise ValueError(
                "rule must be key, exact, free, {rtol}, {mean_over_seeds}, {factor} or {exact_but}, "
                f"got {rule!r}"
            )
    with np.errstate(divide="ignore", invalid="ignore"):
        amount = np.abs(ours - reference) / allowed
    return np.where(same, 0, np.nan_to_num(amount, nan=np.inf, posinf=np.inf))


def _near_threshold(rules: dict[str, Any]) -> list[str]:
    rule = rules["verdict"]
    return rule["exact_but"] if isinstance(rule, dict) else []


def _compare_verdicts(name: str, both: pd.DataFrame, rules: dict[str, Any]) -> list[Difference]:
    """What the rules of its columns let pass in a table of verdicts.

    What is counted, not measured, is exact whatever the column allows: rows whose interval is their value and whose
    verdict is by design, a misprint, or that a printed number is reproduced; the words of the former two as well, up to
    their numbers. A verdict near its threshold turns only with its numbers.
    """
    ours, reference = (both.filter(like=f" ({side})").rename(columns=_bare) for side in ("ours", "reference"))
    numbers = ["ours", "low", "high"]
    near = both["claim"].isin(_near_threshold(rules))
    designed = reference["verdict"].isin(["by design", "misprint"])
    counted = designed | ((reference["verdict"] == "reproduced") & reference["published"].notna())
    counted &= (reference["low"] == reference["high"]) & (reference["low"] == reference["ours"]) & ~near
    unmoved = np.isclose(ours[numbers], reference[numbers], rtol=PRINTED, atol=ROUNDED, equal_nan=True).all(axis=1)
    reworded = ours["reason"].map(_masked) != reference["reason"].map(_masked)
    turned = ours["verdict"] != reference["verdict"]
    wrong = {
        "ours is counted and moved": counted & ~unmoved,
        "reason of a counted row is another": designed & reworded,
        "verdict turned, its numbers did not": near & turned & unmoved,
    }
    return [
        Difference(name, f"{what} at claim={claim}", np.inf)
        for what, where in wrong.items()
        for claim in both.loc[where, "claim"]
    ]


def _bare(column: str) -> str:
    return column.rsplit(" (", 1)[0]


def _masked(reason: Any) -> str:
    return re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", "#", str(reason))


def _compare_free(both: pd.DataFrame, rules: dict[str, Any], factor: float, missing_by_chance: bool) -> list[str]:
    """What may not move in free columns: where cells are missing or infinite, signs, and orders of magnitude."""
    ours, reference = (both.filter(like=f" ({side})").rename(columns=_bare) for side in ("ours", "reference"))
    free = [column for column, rule in rules.items() if rule == "free"]
    found = []
    for column in free:
        one, other = ours[column], reference[column]
        if not is_numeric_dtype(other) or is_bool_dtype(other):
            if (one.isna() & other.notna()).any():
                found.append(f"{column} is empty where the reference says something")
            continue
        moved = (one.isna() != other.isna()) | (np.isinf(one) != np.isinf(other))
        if column == "p":  # repetitions without spread may have none
            moved &= (ours["low"] < ours["high"]) & (reference["low"] < reference["high"])
        if moved.any() and not missing_by_chance:
            found.append(f"{column} is missing or infinite in other rows than the reference")
        if not is_interval(column) and not is_probability(column):
            found += [f"{column} {what}" for what in _another_magnitude(one, other, factor)]
    for value, low, high in intervals(list(rules)):
        if low in free and high in free:
            widths, expected = ours[high] - ours[low], reference[high] - reference[low]
            most = np.nanmax([0, _magnitude(expected), *_size(reference, value)])
            if _magnitude(widths) > factor * most:
                found.append(f"{low} … {high} is more than {factor:g} times as wide as the reference's")
            if len(both) >= MANY and (widths == 0).all() and (expected > ROUNDED).mean() > 0.5:
                found.append(f"{low} … {high} has no width, which the reference's has")
    return found


def _size(frame: pd.DataFrame, value: str | None) -> list[float]:
    """The magnitude of a column of numbers; nothing for keys and texts."""
    return [_magnitude(frame[value])] if value in frame and is_numeric_dtype(frame[value]) else []


def _magnitude(numbers: pd.Series) -> float:
    """The median of the absolute values that are neither zero nor infinite; nan if there are none."""
    absolute = numbers.astype(float).abs()
    absolute = absolute[np.isfinite(absolute) & (absolute > ROUNDED)]
    return float(absolute.median()) if len(absolute) else float("nan")


def _another_magnitude(ours: pd.Series, reference: pd.Series, factor: float) -> list[str]:
    """Nothing where the reference has both signs: what crosses zero may be near it on another machine."""
    if (reference > 0).any() and (reference < 0).any():
        return []
    negative, positive = (ours < -ROUNDED).any(), (ours > ROUNDED).any()
    if ((reference > ROUNDED).any() and negative) or ((reference < -ROUNDED).any() and positive):
        return ["has another sign than the reference"]
    size, expected = _magnitude(ours), _magnitude(reference)
    if np.isnan(size) and (reference.abs() > ROUNDED).mean() > 0.5:
        return ["is zero, which the reference is not"]
    if not np.isnan(size + expected) and not 1 / factor <= size / expected <= factor:
        return [f"is {size / expected:.3g} times as large as the reference, in the median"]
    return []
