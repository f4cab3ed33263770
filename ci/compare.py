"""Compare the tables of a run with the committed reference. `make diff` calls it.

tolerances.toml classifies every column of every table. A missing or unexpected table, row or column is a difference; so
is a cell beyond its tolerance. The worst cells are printed, a Markdown summary is written beside the tables, and the
exit status is 1 if anything differs.
"""

import argparse
import shutil
import sys
import tomllib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import gallery
import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from fabric.experiments.runs import write_atomically

ROOT = Path(__file__).resolve().parents[1]
REFERENCES = {"quick": ROOT / "ci" / "reference" / "quick", "paper": ROOT / "paper" / "results"}
SHOWN = 10


@dataclass(frozen=True)
class Difference:
    """One way in which a table departs from its reference; `excess` orders them, worst first."""

    table: str
    what: str
    excess: float


def compare_tables(name: str, ours: pd.DataFrame, reference: pd.DataFrame, rules: dict[str, Any]) -> list[Difference]:
    """Differences of one table.

    Args:
        name: "<notebook>/<table>", for messages.
        ours, reference: the tables.
        rules: per column "key", "exact", "free", {rtol = r} or {mean_over_seeds = atol}.

    Raises:
        ValueError: a rule of no known kind.
    """
    columns = set(ours) | set(reference)
    if columns != set(rules):
        unknown, absent = sorted(columns - set(rules)), sorted(set(rules) - columns)
        return [Difference(name, f"columns not in tolerances.toml: {unknown}; only there: {absent}", np.inf)]
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
        if rule in ("key", "free"):
            continue
        excess = _excess(both[f"{column} (ours)"], both[f"{column} (reference)"], rule)
        for (_, row), amount in zip(both.iterrows(), excess, strict=True):
            if amount > 1:
                values = f"{row[f'{column} (ours)']} instead of {row[f'{column} (reference)']}"
                differences.append(Difference(name, f"{column} {values} at {_named(row, keys)}", float(amount)))
    return differences


def _excess(ours: pd.Series, reference: pd.Series, rule: Any) -> np.ndarray:
    """Per row the deviation in units of what the rule allows: above 1 is a difference."""
    same = (ours == reference) | (ours.isna() & reference.isna())
    match rule:
        case "exact":
            allowed = np.zeros(len(ours))
        case {"rtol": rtol}:
            allowed = rtol * np.abs(reference)
        case {"mean_over_seeds": atol}:
            allowed = np.full(len(ours), atol)
        case _:
            raise ValueError(f"rule must be key, exact, free, {{rtol}} or {{mean_over_seeds}}, got {rule!r}")
    if rule == "exact":
        return np.where(same, 0, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        amount = np.abs(ours - reference) / allowed
    return np.where(same, 0, np.nan_to_num(amount, nan=np.inf, posinf=np.inf))


def _named(row: pd.Series, keys: list[str]) -> str:
    return ", ".join(f"{key}={row[key]}" for key in keys)


def compare_folders(ours: Path, reference: Path, rules: dict[str, Any], only: str) -> list[Difference]:
    """Differences of all tables `<notebook>/<table>.csv` of the notebooks whose name starts with `only`."""
    tables = {
        str(path.relative_to(folder).with_suffix(""))
        for folder in (ours, reference)
        for path in folder.glob(f"{only}*/*.csv")
    }
    differences = []
    for name in sorted(tables):
        notebook, table = name.split("/")
        paths = [folder / f"{name}.csv" for folder in (ours, reference)]
        if not paths[0].exists():
            differences.append(Difference(name, "table missing from this run", np.inf))
        elif not paths[1].exists():
            differences.append(Difference(name, "table has no reference", np.inf))
        elif table not in rules.get(notebook, {}):
            differences.append(Difference(name, "table is not in tolerances.toml", np.inf))
        else:
            try:
                frames = [pd.read_csv(path) for path in paths]
            except pd.errors.EmptyDataError:
                differences.append(Difference(name, "table is empty", np.inf))
                continue
            differences += compare_tables(name, *frames, rules[notebook][table])
    if not tables:
        differences.append(
            Difference(only or "all", f"no tables in {ours} nor {reference}: run make figures first", np.inf)
        )
    return sorted(differences, key=lambda difference: -difference.excess)


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


def accept(ours: Path, reference: Path, notebooks: list[str]) -> None:
    """Make this run of some notebooks the reference: tables, and for the paper also figures and run records.

    Nothing of the old reference is removed before its replacement lies beside it.

    Raises:
        FileNotFoundError: a notebook has not finished in this run; the message names all that have not.
    """
    missing = [name for name in notebooks if not (ours / "tables" / name / "verdicts.csv").exists()]
    if missing:
        raise FileNotFoundError(f"{ours} holds no finished run of {', '.join(missing)}: run make figures first")
    parts = ["tables"] if reference == REFERENCES["quick"] else ["tables", "figures"]
    for part, name in product(parts, notebooks):
        if (ours / part / name).exists():
            _replace(ours / part / name, reference / part / name)
    for name in notebooks if "figures" in parts else []:
        records = ours / "runs" / f"{name}.jsonl"
        if records.exists():
            write_atomically(reference / "runs" / records.name, records.read_text(encoding="utf-8"))


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
    ours, reference = arguments.build / arguments.profile, REFERENCES[arguments.profile]
    if arguments.accept:
        names = sorted(path.stem for path in (ROOT / "notebooks").glob(f"{arguments.only}*.ipynb"))
        try:
            accept(ours, reference, names)
        except FileNotFoundError as error:
            sys.exit(str(error))
        if arguments.profile == "paper":
            gallery.main()
        print(f"{reference} now holds the tables of {ours}")
        return 0
    rules = tomllib.loads((ROOT / "ci" / "tolerances.toml").read_text(encoding="utf-8"))
    differences = compare_folders(ours / "tables", reference / "tables", rules, arguments.only)
    text = summary(differences, f"Tables of the {arguments.profile} profile against the reference")
    write_atomically(ours / "diff.md", text)
    for difference in differences[:SHOWN]:
        print(f"{difference.table}: {difference.what}")
    print(f"{len(differences)} differences; summary in {ours / 'diff.md'}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
