"""Compare the results of a run with the committed reference. `make diff` calls it.

What may move in a column is said where the notebook writes the table; `columns.json` beside the reference's tables
holds it. In the paper profile everything follows from committed records, so that all columns are compared as they are
printed, whatever the quick profile allows, and figures and records are compared as well. A missing or unexpected
table, figure, row or column is a difference, and so are another rule, a cell beyond its tolerance and a row that
contradicts itself. The worst cells are printed, a Markdown summary is written beside the tables, and the exit status is
1 if anything differs.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pages
import pandas as pd
from compared_files import compare_figures, compare_provenance, compare_records, compare_rules, strays
from compared_tables import MAGNITUDE, TIMED, Difference, compare_tables
from places import ROOT, Places, of_paper, of_run

from fabric.experiments.runs import write_atomically

REFERENCES = {"quick": of_run(ROOT / "ci" / "reference" / "quick"), "paper": of_paper()}
SHOWN = 10


def compare_runs(ours: Places, reference: Places, only: str = "", from_records: bool = False) -> list[Difference]:
    """Differences of all results of the notebooks whose name starts with `only`, worst first.

    `from_records` as in `compare_tables`.
    """
    notebooks = sorted({*ours.notebooks(only), *reference.notebooks(only)})
    if not notebooks:
        what = f"no tables in {ours.root} nor {reference.root}: run make figures first"
        return [Difference(only or "all", what, np.inf)]
    found = [difference for name in notebooks for difference in _compare_notebook(name, ours, reference, from_records)]
    return sorted(found, key=lambda difference: -difference.excess)


def _compare_notebook(notebook: str, ours: Places, reference: Places, from_records: bool) -> list[Difference]:
    """Differences of one notebook: its tables, and what lies beside them if it has run."""
    folders = ours.tables_of(notebook), reference.tables_of(notebook)
    differences = _compare_folders(notebook, *folders, from_records)
    if not (folders[0].exists() and folders[1].exists()):
        return differences
    pictures = reference if from_records else REFERENCES["paper"]  # the quick profile draws the same figures
    beside = [
        *strays(folders[0]),
        *compare_provenance(*(folder / "provenance.json" for folder in folders)),
        *compare_figures(ours.figures_of(notebook), pictures.figures_of(notebook), drawn_alike=from_records),
    ]
    if from_records:
        beside += compare_records(ours.runs_of(notebook), reference.runs_of(notebook))
    return differences + [Difference(notebook, what, np.inf) for what in beside]


def _compare_folders(notebook: str, ours: Path, reference: Path, from_records: bool) -> list[Difference]:
    """Differences of two folders of tables."""
    rules, present = (_columns(folder) for folder in (reference, ours))
    tables = {path.stem for folder in (ours, reference) for path in folder.glob("*.csv")}
    stated = compare_rules(present, rules, tables)
    differences = []
    for table in sorted(tables | stated.keys()):
        name = f"{notebook}/{table}"
        if table not in tables:
            differences += [Difference(name, what, np.inf) for what in stated[table]]
        elif not (ours / f"{table}.csv").exists():
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
            differences += [Difference(name, what, np.inf) for what in stated[table]]
            differences += compare_tables(name, *frames, rules[table], from_records, _factor(rules))
    return differences


def _columns(folder: Path) -> dict[str, dict[str, Any]]:
    """The rules beside the tables of one notebook: by table, by column."""
    path = folder / "columns.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _factor(rules: dict[str, dict[str, Any]]) -> float:
    """Within which a notebook's free numbers stay: less narrow where it measures times."""
    columns = [(f"_{name}", rule) for of_table in rules.values() for name, rule in of_table.items()]
    timed = any(name.endswith(("_seconds", "_per_second")) or "factor" in rule for name, rule in columns)
    return TIMED if timed else MAGNITUDE


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
