"""Tables of the frontier and of the models, as the notebook writes them."""

from collections.abc import Sequence

import pandas as pd

from fabric.codesign import OBJECTIVES, Frontier, LogicModel, Point
from fabric.experiments.statements import summarise


def described(points: Sequence[Point]) -> pd.DataFrame:
    """`Point.row` of each design, with its "error" and all objectives under their names."""
    rows = []
    for point in points:
        rows.append(point.row() | dict(zip(OBJECTIVES, point.objectives, strict=True)))
    return pd.DataFrame(rows)


def families(frontier: Frontier) -> pd.DataFrame:
    """Where each family stands: "family", designs "allowed" and "on_front", and the "best" predicted accuracy."""
    best = {point.design for point in frontier}
    table = pd.DataFrame(
        {"family": p.design.network.family, "on_front": p.design in best, "accuracy": p.accuracy}
        for p in frontier.evaluated
    )
    grouped = table.groupby("family", sort=False)
    return grouped.agg(
        allowed=("on_front", "size"), on_front=("on_front", "sum"), best=("accuracy", "max")
    ).reset_index()


def search_table(found: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of "share" and "undominated" with 95 % intervals, by "algorithm" and "evaluations"."""
    keys = ["algorithm", "evaluations"]
    tables = []
    for column in ("share", "undominated"):
        table = summarise(found, keys, column)
        tables.append(table.rename(columns={"low": f"{column}_low", "high": f"{column}_high"}))
    return tables[0].merge(tables[1].drop(columns="seeds"), on=keys)


def area_errors(measured: pd.DataFrame, model: LogicModel) -> pd.DataFrame:
    """How far the models are from synthesis: "quantity", "tori", "largest" relative error, and "left_out", that of a
    torus which the fit has not seen."""
    rows = []
    for name in ("logic_elements", "multipliers", "memory_bits", "memory_blocks"):
        off = (measured[f"model_{name}"] / measured[name] - 1).abs().max()
        left_out = model.error if name == "logic_elements" else off
        rows.append({"quantity": name, "tori": len(measured), "largest": float(off), "left_out": float(left_out)})
    return pd.DataFrame(rows)
