"""What the papers print, and the runs that are committed with the project: read from the rooms of `paper/`.

Each notebook has a room, `paper/<notebook>/`. They are no part of the installed library.
"""

import difflib
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from fabric._checks import shown

_LISTED = 10  # most claims that an error lists
_PAPER = Path(__file__).resolve().parents[3] / "paper"


def _paper() -> Path:
    if not _PAPER.is_dir():
        raise FileNotFoundError(
            f"published statements and committed runs need a checkout of the project, {_PAPER.parent} is none: "
            "clone the project and install it from there with pip install --editable ."
        )
    return _PAPER


@lru_cache(maxsize=1)
def all_published() -> dict[str, dict[str, Any]]:
    """The entries of all `paper/<notebook>/statements.toml` by claim, with "notebook", the room that holds them.

    Raises:
        FileNotFoundError: the library was installed without a checkout of the project.
        ValueError: a claim stands in two rooms.
    """
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(_paper().glob("*/statements.toml")):
        for claim, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if claim in entries:
                raise ValueError(
                    f"claim {claim!r} must be in one room, is in {entries[claim]['notebook']} and {path.parent.name}"
                )
            entries[claim] = entry | {"notebook": path.parent.name}
    return entries


def published(claim: str) -> dict[str, Any]:
    """The entry of a claim: "statement", "source", "unit", "notebook" and, where a number is printed, "value".

    Raises:
        KeyError: no such claim; the message lists those that look most like it.
        FileNotFoundError, ValueError: as `all_published`.
    """
    entries = all_published()
    if not isinstance(claim, str) or claim not in entries:
        known = sorted(entries)
        if len(known) > _LISTED:
            near = difflib.get_close_matches(shown(claim), known, n=_LISTED, cutoff=0)
            known = [*near, f"… ({len(known)} in all)"]
        raise KeyError(f"claim must be one of {', '.join(known)}, got {shown(claim)}")
    return entries[claim]


def predefined_tables() -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables "densities" and "savings" as printed on the poster of pre-defined sparsity.

    Raises:
        FileNotFoundError: the library was installed without a checkout of the project.
    """
    path = _paper() / "20_density_tables" / "predefined_tables.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def devices() -> dict[str, Any]:
    """`paper/devices.toml`: "devices" with their on-chip memory, "energy" of an access, the "published_gpu".

    Raises:
        FileNotFoundError: the library was installed without a checkout of the project.
    """
    return tomllib.loads((_paper() / "devices.toml").read_text(encoding="utf-8"))


def committed_runs() -> list[Path]:
    """JSON-lines files with the committed run records, `paper/<notebook>/runs.jsonl`.

    Raises:
        FileNotFoundError: the library was installed without a checkout of the project.
    """
    return sorted(_paper().glob("*/runs.jsonl"))
