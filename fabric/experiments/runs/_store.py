"""Finished runs, one JSON file each, named by the key of their configuration.

A finished run is found again and never repeated, and a changed field never meets an old result. Every stored record
carries a "digest" of its content, so that one that was cut off, edited or put in another's place is never trusted.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fabric._checks import instance, sequence, shown
from fabric._checks import path as checked_path

Record = dict[str, Any]


class DamagedRecord(ValueError):
    """A stored record is not what was stored; the message names its file and what to do."""


class RunStore:
    """Records under `folder`, and read-only ones in committed JSON-lines files.

    Args:
        folder: where new records go, as `<key>.json`; made when the first record comes.
        committed: JSON-lines files of finished runs, each line a record with its "key".

    Attributes:
        unreadable: of the committed files, one message for each line that does not even say whose record it is.
    """

    def __init__(self, folder: Path, committed: Iterable[Path] = ()) -> None:
        self.folder = checked_path("folder", folder)
        self.unreadable: list[str] = []
        self._committed: dict[str, tuple[str, bytes]] = {}  # where it stands and the line, by key
        for path in _files("committed", committed):
            for number, line in enumerate(path.read_bytes().splitlines(), start=1):
                place = f"{path}, line {number}"
                try:
                    self._committed[_parse(line)["key"]] = (place, line)
                except ValueError as error:
                    self.unreadable.append(f"{place} {error}: {_RESTORE}")

    def get(self, key: str) -> Record | None:
        """The record of a finished run, or None.

        Raises:
            DamagedRecord: there is one, and it is not what was stored.
        """
        if instance("key", key, str) in self._committed:
            (place, content), remedy = self._committed[key], _RESTORE
        else:
            path = self.folder / f"{key}.json"
            if not path.exists():
                return None
            place, content, remedy = str(path), path.read_bytes(), "delete it"
        try:
            return _opened(content, key)
        except ValueError as error:
            raise DamagedRecord(f"{place} {error}: {remedy}") from None

    def put(self, record: Record) -> None:
        """Keep a record under its "key".

        Raises:
            ValueError: no record that JSON can hold, or one without a key.
        """
        write_atomically(self.folder / f"{_key_of(record)}.json", sealed(record) + "\n")


_RESTORE = "restore the line with git"


def sealed(record: Record) -> str:
    """A record as JSON in one line, with its "digest"."""
    try:
        content = json.loads(json.dumps(record))  # as it will be read
    except (TypeError, ValueError) as error:
        raise ValueError(f"record must hold what JSON can hold, got {shown(record)}: {error}") from None
    return json.dumps({**content, "digest": _digest(content)}, sort_keys=True)


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Write records as a JSON-lines file sorted by key, each run once: the committed form.

    Raises:
        ValueError: as `RunStore.put`.
    """
    lines = {_key_of(record): sealed(record) for record in sequence("records", records, "records")}
    write_atomically(path, "".join(lines[key] + "\n" for key in sorted(lines)))


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that readers, kills and full disks meet the old content or the new, never half of it."""
    path = checked_path("path", path)
    instance("text", text, str)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _files(name: str, paths: Iterable[Path]) -> list[Path]:
    found = [checked_path(name, path) for path in sequence(name, paths, "files")]
    if missing := [path for path in found if not path.is_file()]:
        raise ValueError(f"{name} must hold files that exist, got {shown(str(missing[0]))}")
    return found


def _key_of(record: Record) -> str:
    if not (isinstance(record, dict) and isinstance(record.get("key"), str)):
        raise ValueError(f'record must be a dictionary with its "key", got {shown(record)}')
    return record["key"]


def _digest(content: Record) -> str:
    """SHA-256 (hex) of the JSON of a record, which has no "digest" yet."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _parse(content: bytes) -> Record:
    """The record that a file or line holds, with its "digest", not yet held against it."""
    try:
        record = json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"must hold one JSON record, it is damaged ({error})") from None
    if not isinstance(record, dict) or not isinstance(record.get("key"), str):
        raise ValueError('must hold one JSON record with its "key", it holds something else')
    return record


def _opened(content: bytes, key: str) -> Record:
    """The record under `key`, without its "digest", which it must have and equal."""
    record = _parse(content)
    if record["key"] != key:
        raise ValueError(f"must hold the run {key}, it holds the run {record['key']}")
    said = record.pop("digest", None)
    if said != _digest(record):
        raise ValueError(f"must hold what was stored, it does not have the content of its digest {said!r}")
    return record
