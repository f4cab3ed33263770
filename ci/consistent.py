"""What a table must say of itself, whatever the reference says: no row may contradict its own numbers."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from fabric.experiments.statements import OUTCOMES

DECIDED = ("reproduced", "better", "within the margin", "within, with a real loss", "worse", "not reproduced")
SIGNIFICANT = 0.05
ROUNDING = 1e-9  # of the ten digits that are printed
TUNED = {"learning_rate", "rates", "dropout"}
BEST = {"held_out_accuracy": "max", "hits": "max", "accuracy": "max", "held_out_loss": "min", "held_out_nll": "min"}


def contradictions(frame: pd.DataFrame, rules: dict[str, Any]) -> list[str]:
    """What is wrong with a table in itself, a sentence for each row.

    Bounds must enclose the value before them, probabilities lie between 0 and 1, what is called chosen be
    the best of its trials, and verdicts be words of `OUTCOMES` that their p allows.

    Args:
        frame: the table as it is read from its file.
        rules: of its columns, of which those called "key" name the rows.
    """
    keys = [column for column, rule in rules.items() if rule == "key"]
    wrong = [*_open_intervals(frame), *_improbable(frame), *_badly_chosen(frame, keys)]
    if {"claim", "verdict", "p"} <= set(frame):
        wrong += _against_themselves(frame)
    return [f"{what} at {named(frame.loc[at], keys)}" for at, what in wrong]


def named(row: pd.Series, keys: list[str]) -> str:
    """A row by its keys."""
    return ", ".join(f"{key}={row[key]}" for key in keys)


def is_interval(column: str) -> bool:
    """Whether a column is called as the bounds of intervals are."""
    return column in ("low", "high") or column.endswith(("_low", "_high"))


def is_probability(column: str) -> bool:
    """Whether a column is called as the p of a test is."""
    return column == "p" or column.endswith("_p")


def intervals(columns: Sequence[str]) -> list[tuple[str | None, str, str]]:
    """The value, the lower and the upper bound of each interval.

    The value of "low" and "high" is the column before them, that of "x_low" and "x_high" is "x", if there is one.
    """
    found: list[tuple[str | None, str, str]] = []
    before: str | None = None
    for column in columns:
        if not is_interval(column):
            before = column
        elif column.endswith("low") and (high := f"{column.removesuffix('low')}high") in columns:
            name = column.removesuffix("_low")
            value = before if column == "low" else name if name in columns else None
            found.append((value, column, high))
    return found


def _open_intervals(frame: pd.DataFrame) -> Iterable[tuple[Any, str]]:
    for value, low, high in intervals(list(frame)):
        order = [column for column in (low, value, high) if column is not None]
        if all(is_numeric_dtype(frame[column]) for column in order):
            for lesser, greater in itertools.pairwise(order):
                slack = ROUNDING * np.maximum(frame[lesser].abs(), frame[greater].abs())
                for at in frame.index[frame[lesser] > frame[greater] + slack]:
                    yield at, f"{lesser} {frame.at[at, lesser]} above {greater} {frame.at[at, greater]}"


def _improbable(frame: pd.DataFrame) -> Iterable[tuple[Any, str]]:
    for column in filter(is_probability, frame):
        if is_numeric_dtype(frame[column]):
            for at in frame.index[(frame[column] < 0) | (frame[column] > 1)]:
                yield at, f"{column} {frame.at[at, column]} is no probability"


def _badly_chosen(frame: pd.DataFrame, keys: list[str]) -> Iterable[tuple[Any, str]]:
    """Among rows that differ in what is tuned alone, one is chosen, and it is the best that did not diverge."""
    measure = next((column for column in BEST if column in frame), None)
    if measure is None or not TUNED & set(keys) or not is_bool_dtype(frame.get("chosen", frame[measure])):
        return
    same = [key for key in keys if key not in TUNED]
    for _, trials in frame.groupby(same) if same else [((), frame)]:
        chosen = trials.index[trials["chosen"]]
        if len(chosen) != 1:
            yield trials.index[0], f"chosen are {len(chosen)} of the trials"
            continue
        allowed = trials[~trials["diverged"]] if "diverged" in trials else trials
        if len(allowed) and trials.at[chosen[0], measure] != allowed[measure].agg(BEST[measure]):
            yield chosen[0], f"chosen is not the best {measure}"


def _against_themselves(verdicts: pd.DataFrame) -> Iterable[tuple[Any, str]]:
    for at, row in verdicts.iterrows():
        if row["verdict"] not in OUTCOMES:
            yield at, f"verdict {row['verdict']} is none of {', '.join(OUTCOMES)}"
        elif row["verdict"] in DECIDED and row["p"] >= SIGNIFICANT:
            yield at, f"verdict {row['verdict']} against its p of {row['p']}"
