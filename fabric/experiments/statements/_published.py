"""What the papers print, and the runs that are committed with the project."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

_PAPER = Path(__file__).resolve().parents[3] / "paper"


@lru_cache(maxsize=1)
def _entries() -> dict[str, dict[str, Any]]:
    return tomllib.loads((_PAPER / "published.toml").read_text(encoding="utf-8"))


def published(claim: str) -> dict[str, Any]:
    """The entry of `paper/published.toml` for a claim: "statement", "source" and, where a number is printed, "value".

    Raises:
        KeyError: no such claim; the message lists the known ones.
    """
    if claim not in _entries():
        raise KeyError(f"claim must be one of {', '.join(sorted(_entries()))}, got {claim!r}")
    return _entries()[claim]


def predefined_tables() -> dict[str, list[dict[str, Any]]]:
    """`paper/predefined_tables.toml`: the rows of the poster's tables "densities" and "savings" as printed."""
    return tomllib.loads((_PAPER / "predefined_tables.toml").read_text(encoding="utf-8"))


def devices() -> dict[str, Any]:
    """`paper/devices.toml`: "devices" with their on-chip memory, "energy" of an access, the "published_gpu"."""
    return tomllib.loads((_PAPER / "devices.toml").read_text(encoding="utf-8"))


def committed_runs() -> list[Path]:
    """JSON-lines files with the committed run records."""
    return sorted((_PAPER / "results" / "runs").glob("*.jsonl"))
