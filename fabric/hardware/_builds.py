"""Finished builds of designs, found by their content: complete as they were made, or made anew.

A build is made in a workshop of its own beside the others and moved into place when it is sealed: a manifest holds the
SHA-256 of each file. A build is opened only where all files are as the manifest says. It holds no path of its own, so a
folder of builds can be moved or copied. A workshop is locked by its process; what a killed one has left is swept away
by the next that builds.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
_MANIFEST = "manifest.json"
_WORKSHOP = ".build-"


def build_folder() -> Path:
    """Where builds go.

    The folder that the environment variable FABRIC_BUILD names; without it `build` in the checkout that this package is
    part of; where it is installed without a checkout, `fabric` in the user's cache.
    """
    if named := os.environ.get("FABRIC_BUILD"):
        return Path(named).expanduser().absolute()
    if all((_CHECKOUT / name).exists() for name in ("pyproject.toml", "rtl")):
        return _CHECKOUT / "build"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fabric"


def built(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder of a finished build.

    Args:
        kind: folder of builds of its kind.
        key: of all that the build depends on.
        make: writes the build into the empty folder that it is given.

    Raises:
        OSError: the folder of builds cannot be written; the message names it and FABRIC_BUILD.
    """
    place = build_folder() / kind
    folder = place / key
    if _is_complete(folder):
        return folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        lock = (place / ".lock").open("a")
    except OSError as error:
        raise OSError(
            f"builds go to {place}, which cannot be written ({error}): set FABRIC_BUILD to a folder that can"
        ) from error
    with lock, _workshop(place) as workshop:
        make(workshop)
        files = sorted(path for path in workshop.rglob("*") if path.is_file())
        manifest = {str(path.relative_to(workshop)): _digest(path) for path in files}
        (workshop / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_complete(folder):  # else another process has been faster
            if folder.exists():
                folder.rename(Path(tempfile.mkdtemp(prefix=_WORKSHOP, dir=place)) / "damaged")
            workshop.rename(folder)
    _sweep(place)
    return folder


def _is_complete(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest) and all(_digest(folder / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError, AttributeError):
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """An empty folder, locked; gone afterwards unless it has been moved."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_WORKSHOP, dir=place))
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # swept by another process before it could be locked
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():
            break
        os.close(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _sweep(place: Path) -> None:
    """Remove the workshops that no process holds."""
    for folder in place.glob(f"{_WORKSHOP}*"):
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)
