"""What the papers print, and the runs that are committed with the project: read from the rooms of `paper/`.

Each notebook has a room, `paper/<notebook>/`. They are no part of the installed library.
"""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from fabric._checks import unknown

# A statement without a verdict of ours is one of these: its source leaves out what a comparison needs; we could judge
# it and have not; another notebook will.
WITHOUT_VERDICT = ("not comparable", "not run here", "open")

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
        ValueError: a claim stands in two rooms, or an entry without a verdict does not say why.
    """
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(_paper().glob("*/statements.toml")):
        for claim, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if claim in entries:
                raise ValueError(
                    f"claim {claim!r} must be in one room, is in {entries[claim]['notebook']} and {path.parent.name}"
                )
            _check(claim, entry)
            entries[claim] = entry | {"notebook": path.parent.name}
    repeated = {claim: entry["repeats"] for claim, entry in entries.items() if "repeats" in entry}
    for claim, first in repeated.items():
        if first not in entries or first in repeated:
            raise ValueError(f"claim {claim!r} must repeat a claim that repeats none, got {first!r}")
    return entries


def _check(claim: str, entry: dict[str, Any]) -> None:
    outcome = entry.get("outcome")
    if outcome is not None and outcome not in WITHOUT_VERDICT:
        raise ValueError(f"outcome of {claim!r} must be one of {', '.join(WITHOUT_VERDICT)}, got {outcome!r}")
    if (outcome == "open") != ("awaits" in entry):
        raise ValueError(f"claim {claim!r} must name the notebook that it awaits if it is open, and only then")
    if (outcome in ("not comparable", "not run here")) != ("reason" in entry):
        raise ValueError(f"claim {claim!r} must give a reason if it is not comparable or not run here, and only then")


def published(claim: str) -> dict[str, Any]:
    """The entry of a claim: "statement", "source", "unit", "notebook" and, where a number is printed, "value".

    "quote" is what the source says word for word, one passage or several; "matters" marks the statements that are
    tested together; "repeats" names the claim that is the same statement, judged first by another measure. Without a
    verdict it has "outcome", one of `WITHOUT_VERDICT`, with a "reason" or, if open, the number of the notebook that it
    "awaits".

    Raises:
        KeyError: no such claim; the message lists those that look most like it.
        FileNotFoundError, ValueError: as `all_published`.
    """
    entries = all_published()
    if not isinstance(claim, str) or claim not in entries:
        raise unknown("claim", claim, sorted(entries))
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
