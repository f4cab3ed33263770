"""Compare the tables of a run with the committed reference. `make diff` calls it.

What may move in a column is said where the notebook writes the table; `columns.json` beside the reference's tables
holds it. In the paper profile everything follows from committed records, so that all columns are compared as they are
printed, whatever the quick profile allows. A missing or unexpected table, row or column is a difference, and so are
another rule and a cell beyond its tolerance. The worst cells are printed, a Markdown summary is written beside the
tables, and the exit status is 1 if anything differs.
"""

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pages
import pandas as pd
from pandas.api.types import is_numeric_dtype
from places import ROOT, Places, of_paper, of_run

from fabric.experiments.runs import write_atomically

REFERENCES = {"quick": of_run(ROOT / "ci" / "reference" / "quick"), "paper": of_paper()}
SHOWN = 10
PRINTED = 1e-9  # of ten significant digits
SUMS = 1e-5  # the most that sums in another order move what is computed anew, not read from a record


@dataclass(frozen=True)
class Difference:
    """One way in which a table departs from its reference; `excess` orders them, worst first."""

    table: str
    what: str
    excess: float


def compare_tables(
    name: str, ours: pd.DataFrame, reference: pd.DataFrame, rules: dict[str, Any], from_records: bool = False
) -> list[Difference]:
    """Differences of one table.

    Args:
        name: "<notebook>/<table>", for messages.
        ours, reference: the tables.
        rules: per column "key", "exact", "free", {rtol = r}, {mean_over_seeds = atol}, {factor = f} or
            {exact_but = keys of the rows that are free}.
        from_records: whether nothing was measured or trained anew, so that no rule but a small {rtol = r} allows more
            than the digits printed.

    Raises:
        ValueError: a rule of no known kind.
    """
    columns = set(ours) | set(reference)
    if columns != set(rules):
        unknown, absent = sorted(columns - set(rules)), sorted(set(rules) - columns)
        return [Difference(name, f"columns without a rule: {unknown}; rules without a column: {absent}", np.inf)]
    if set(ours) != set(reference):
        return [Difference(name, f"columns differ: ours {list(ours)}, reference {list(reference)}", np.inf)]
    texts = [column for column in rules if is_numeric_dtype(ours[column]) != is_numeric_dtype(reference[column])]
    if texts:
        return [Difference(name, f"numbers on one side, text on the other, in columns {texts}", np.inf)]
    keys = [column for column, rule in rules.items() if rule == "key"]
    repeated = ours[ours.duplicated(keys)]
    if len(repeated):
        return [Difference(name, f"row repeated: {_named(row, keys)}", np.inf) for _, row in repeated.iterrows()]
    merged = reference.merge(ours, on=keys, how="outer", suffixes=(" (reference)", " (ours)"), indicator=True)
    differences = [
        Difference(name, f"{'row missing' if row['_merge'] == 'left_only' else 'new row'}: {_named(row, keys)}", np.inf)
        for _, row in merged[merged["_merge"] != "both"].iterrows()
    ]
    both = merged[merged["_merge"] == "both"]
    for column, rule in rules.items():
        if rule == "key" or (rule == "free" and not from_records):
            continue
        pair = both[f"{column} (ours)"], both[f"{column} (reference)"]
        excess = _excess(*pair, _printed(rule, pair[0]) if from_records else rule, both[keys[0]])
        for (_, row), amount in zip(both.iterrows(), excess, strict=True):
            if amount > 1:
                values = f"{row[f'{column} (ours)']} instead of {row[f'{column} (reference)']}"
                differences.append(Difference(name, f"{column} {values} at {_named(row, keys)}", float(amount)))
    return differences


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


def _named(row: pd.Series, keys: list[str]) -> str:
    return ", ".join(f"{key}={row[key]}" for key in keys)


def compare_runs(ours: Places, reference: Places, only: str = "", from_records: bool = False) -> list[Difference]:
    """Differences of all tables of the notebooks whose name starts with `only`, worst first.

    `from_records` as in `compare_tables`.
    """
    notebooks = sorted({*ours.notebooks(only), *reference.notebooks(only)})
    if not notebooks:
        what = f"no tables in {ours.root} nor {reference.root}: run make figures first"
        return [Difference(only or "all", what, np.inf)]
    found = [
        difference
        for name in notebooks
        for difference in _compare_notebook(name, ours.tables_of(name), reference.tables_of(name), from_records)
    ]
    return sorted(found, key=lambda difference: -difference.excess)


def _compare_notebook(notebook: str, ours: Path, reference: Path, from_records: bool) -> list[Difference]:
    """Differences of one notebook, given its two folders of tables."""
    rules, present = (_columns(folder) for folder in (reference, ours))
    differences = []
    for table in sorted({path.stem for folder in (ours, reference) for path in folder.glob("*.csv")}):
        name = f"{notebook}/{table}"
        if not (ours / f"{table}.csv").exists():
            differences.append(Difference(name, "table missing from this run", np.inf))
        elif not (reference / f"{table}.csv").exists():
            differences.append(Difference(name, "table has no reference", np.inf))
        elif table not in rules:
            differences.append(Difference(name, f"table is not in {reference / 'columns.json'}", np.inf))
        else:
            try:
                frames = [pd.read_csv(folder / f"{table}.csv") for folder in (ours, reference)]
            except pd.errors.EmptyDataError:
                differences.append(Difference(name, "table is empty", np.inf))
                continue
            differences += _compare_rules(name, present.get(table, {}), rules[table])
            differences += compare_tables(name, *frames, rules[table], from_records)
    return differences


def _columns(folder: Path) -> dict[str, dict[str, Any]]:
    """The rules beside the tables of one notebook: by table, by column."""
    path = folder / "columns.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _compare_rules(name: str, ours: dict[str, Any], reference: dict[str, Any]) -> list[Difference]:
    """Rules that the notebook states otherwise than the reference; columns without one are `compare_tables`'."""
    changed = [column for column in ours if column in reference and ours[column] != reference[column]]
    if not ours:
        return [Difference(name, "table is not in this run's columns.json: run the notebook again", np.inf)]
    return [
        Difference(name, f"what may move in {column}: {ours[column]} instead of {reference[column]}", np.inf)
        for column in changed
    ]


def summary(differences: list[Difference], title: str) -> str:
    """The comparison as Markdown."""
    lines = [f"# {title}", ""]
    if not differences:
        return "\n".join([*lines, "No differences beyond the tolerances.", ""])
    lines += [
        f"{len(differences)} differences beyond the tolerances.",
        "",
        "| table | difference | tolerances |",
        "|---|---|---|",
    ]
    lines += [f"| {d.table} | {d.what} | {'-' if np.isinf(d.excess) else f'{d.excess:.1f}×'} |" for d in differences]
    return "\n".join([*lines, ""])


def accept(ours: Places, reference: Places, notebooks: list[str]) -> None:
    """Make this run of some notebooks the reference: tables, and for the paper also figures and run records.

    Nothing of the old reference is removed before its replacement lies beside it.

    Raises:
        FileNotFoundError: a notebook has not finished in this run; the message names all that have not.
    """
    missing = [name for name in notebooks if not ours.finished(name)]
    if missing:
        raise FileNotFoundError(f"{ours.root} holds no finished run of {', '.join(missing)}: run make figures first")
    for name in notebooks:
        _replace(ours.tables_of(name), reference.tables_of(name))
        if reference != REFERENCES["quick"]:
            if ours.figures_of(name).exists():
                _replace(ours.figures_of(name), reference.figures_of(name))
            if ours.runs_of(name).exists():
                write_atomically(reference.runs_of(name), ours.runs_of(name).read_text(encoding="utf-8"))


def _replace(source: Path, target: Path) -> None:
    """Put a copy of the folder `source` in the place of the folder `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="quick", choices=REFERENCES)
    parser.add_argument("--only", default="", help="only notebooks whose name starts with this")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="the run is in BUILD/PROFILE")
    parser.add_argument("--accept", action="store_true", help="make this run the reference instead of comparing")
    arguments = parser.parse_args()
    ours, reference = of_run(arguments.build / arguments.profile), REFERENCES[arguments.profile]
    names = sorted(path.stem for path in (ROOT / "notebooks").glob(f"{arguments.only}*.ipynb"))
    if not names:
        sys.exit(f"ONLY must be the beginning of a notebook's name, got {arguments.only!r}: there is none")
    if arguments.accept:
        try:
            accept(ours, reference, names)
        except FileNotFoundError as error:
            sys.exit(str(error))
        if arguments.profile == "paper":
            pages.main()
        print(f"{reference.root} now holds the tables of {ours.root}")
        return 0
    differences = compare_runs(ours, reference, arguments.only, from_records=arguments.profile == "paper")
    text = summary(differences, f"Tables of the {arguments.profile} profile against the reference")
    write_atomically(ours.root / "diff.md", text)
    for difference in differences[:SHOWN]:
        print(f"{difference.table}: {difference.what}")
    print(f"{len(differences)} differences; summary in {ours.root / 'diff.md'}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
