"""What a notebook makes: runs, tables, figures and verdicts, with their provenance."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fabric._checks import instance, mapping, one_of, path, sequence, shown
from fabric.experiments.runs._columns import Rule, free, rules
from fabric.experiments.runs._provenance import provenance
from fabric.experiments.runs._store import Record, RunStore, write_atomically, write_lines
from fabric.experiments.runs._sweep import sweep
from fabric.experiments.statements import OUTCOMES, Verdict, committed_runs


class Results:
    """The output of one notebook under `out_dir`.

    `tables/<notebook>/` holds `<table>.csv`, `verdicts.csv`, `columns.json` (what may move in each table) and
    `provenance.json`; `figures/<notebook>/<figure>.svg`; `runs/` one JSON file per finished run, shared by all
    notebooks, and the records that this notebook used in `runs/<notebook>.jsonl`.

    Args:
        notebook: its name without ending, e.g. "01_accuracy_vs_parameters".
        out_dir: folder of the profile, e.g. "build/quick".
    """

    def __init__(self, notebook: str, out_dir: str | Path) -> None:
        out = path("out_dir", out_dir).resolve()
        self._notebook = _name("notebook", notebook)
        self._tables = out / "tables" / notebook
        self._figures = out / "figures" / notebook
        self._used = out / "runs" / f"{notebook}.jsonl"
        self._store = RunStore(out / "runs", committed_runs())
        self._records: list[Record] = []
        self._columns: dict[str, dict[str, Rule]] = {}

    def sweep(self, run: Callable[[Any], Record], configs: Sequence[Any], title: str = "runs") -> pd.DataFrame:
        """`fabric.experiments.sweep` on this notebook's store."""
        frame = sweep(run, configs, self._store, title)
        self._records += [record for key in frame["key"] if (record := self._store.get(key)) is not None]  # as stored
        write_lines(self._used, self._records)
        return frame

    def table(
        self, name: str, frame: pd.DataFrame, keys: Sequence[str], tolerances: Mapping[str, Rule] | None = None
    ) -> pd.DataFrame:
        """Write a table as CSV, rows sorted by the key columns, floats with ten significant digits; return it.

        Args:
            name: without ending.
            frame: the table.
            keys: columns that name the rows.
            tolerances: `close`, `mean_over_seeds` or `free` for the columns that may move between two runs; all others
                are exact, but for intervals, which move as their mean does, and measured times ("…seconds").

        Raises:
            ValueError: the key columns do not tell the rows apart, or a tolerance is for none of the other columns.
        """
        _name("name", name)
        columns = list(instance("frame", frame, pd.DataFrame))
        keys = [one_of("keys", key, columns) for key in sequence("keys", keys, "columns")]
        if not keys:
            raise ValueError(f"keys must hold at least one column, got {keys}")
        if tolerances is not None:
            mapping("tolerances", tolerances)
        if frame.duplicated(keys).any():
            raise ValueError(
                f"keys {keys} of table {name!r} must be unique, these rows are not: {_repeated(frame, keys)}"
            )
        frame = frame.sort_values(keys, ignore_index=True)
        self._columns[name] = rules(frame, keys, tolerances or {})
        write_atomically(self._tables / f"{name}.csv", frame.to_csv(index=False, float_format="%.10g"))
        written = {table: self._columns[table] for table in sorted(self._columns)}
        write_atomically(self._tables / "columns.json", json.dumps(written, indent=2) + "\n")
        write_atomically(self._tables / "provenance.json", json.dumps(provenance(), indent=2, sort_keys=True) + "\n")
        return frame

    def figure(self, name: str, figure: Figure) -> None:
        """Write a figure as SVG, the same bytes for the same picture."""
        file = self._figures / f"{_name('name', name)}.svg"
        instance("figure", figure, Figure)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})

    def verdicts(
        self,
        verdicts: Sequence[Verdict],
        tolerances: Mapping[str, Rule] | None = None,
        near_threshold: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Write what the runs say about published statements as table "verdicts".

        Args:
            verdicts: one a statement.
            tolerances: as for `table`, but for "verdict", which is exact; "p" moves as "ours" does.
            near_threshold: statements whose verdict may be another one on another machine in the quick profile.

        Raises:
            ValueError: a verdict that is none of `OUTCOMES`, a tolerance for "verdict", or no verdict on a statement of
                `near_threshold`; also as `table`.
        """
        given = [instance("verdicts", each, Verdict) for each in sequence("verdicts", verdicts, "verdicts")]
        if wrong := [verdict for verdict in given if verdict.verdict not in OUTCOMES]:
            words = ", ".join(OUTCOMES)
            raise ValueError(f"verdict on {wrong[0].claim} must be one of {words}, got {shown(wrong[0].verdict)}")
        frame = pd.DataFrame([verdict.row() for verdict in given], columns=None if given else ["claim"])
        allowed = dict(mapping("tolerances", {} if tolerances is None else tolerances))
        if "verdict" in allowed:
            raise ValueError("verdicts are exact: name those that may turn in near_threshold, not in tolerances")
        near = [instance("near_threshold", name, str) for name in sequence("near_threshold", near_threshold, "names")]
        unknown = sorted(set(near) - set(frame["claim"]))
        if unknown:
            raise ValueError(f"near_threshold must name statements among {sorted(frame['claim'])}, got {unknown}")
        if near:
            allowed["verdict"] = {"exact_but": sorted(near)}
        ours = allowed.get("ours", "exact")
        if ours != "exact":
            allowed["p"] = ours if "rtol" in ours else free
        return self.table("verdicts", frame, keys=["claim"], tolerances=allowed)


def _name(argument: str, value: object) -> str:
    """A name that a file or folder can have."""
    if not (isinstance(value, str) and re.fullmatch(r"[^/\\\0]+", value) and value not in (".", "..")):
        raise ValueError(f"{argument} must be a name, without folders, got {shown(value)}")
    return value


def _repeated(frame: pd.DataFrame, keys: list[str]) -> list[dict[str, Any]]:
    return frame.loc[frame.duplicated(keys), keys].head(3).to_dict("records")
