"""Finished runs, one JSON file each, named by the content of their configuration.

The name is the SHA-256 of the kind of configuration, its recipe number and all its fields, so a finished run is found
again and never repeated, and a changed field never meets an old result.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def run_key(config: Any) -> str:
    """SHA-256 (hex) of a configuration: class name, class attribute `recipe`, every field.

    Raises:
        TypeError: a field that JSON cannot hold.
    """
    content = {"kind": type(config).__name__, "recipe": config.recipe, **dataclasses.asdict(config)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that readers, kills and full disks meet the old content or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class RunStore:
    """Records under `folder`, and read-only ones in committed JSON-lines files.

    Args:
        folder: where new records go, as `<key>.json`; made when the first record comes.
        committed: JSON-lines files of finished runs, each line a record with its "key".
    """

    def __init__(self, folder: Path, committed: Iterable[Path] = ()) -> None:
        self.folder = Path(folder)
        self._committed: dict[str, Record] = {}
        for path in committed:
            for line in Path(path).read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                self._committed[record["key"]] = record

    def get(self, key: str) -> Record | None:
        """The record of a finished run, or None.

        Raises:
            ValueError: its file is damaged; the message names it.
        """
        if key in self._committed:
            return self._committed[key]
        path = self.folder / f"{key}.json"
        if not path.exists():
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} must hold one JSON record, it is damaged ({error}): delete it") from error

    def put(self, record: Record) -> None:
        """Keep a record under its "key"."""
        write_atomically(self.folder / f"{record['key']}.json", json.dumps(record, sort_keys=True) + "\n")


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Write records as a JSON-lines file sorted by key, each run once: the committed form."""
    lines = {record["key"]: json.dumps(record, sort_keys=True) for record in records}
    write_atomically(path, "".join(lines[key] + "\n" for key in sorted(lines)))
