"""A bench run by Icarus Verilog."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from fabric._programs import run
from fabric.hardware._tools import require_programs


def simulate(bench: Sequence[str], sources: Sequence[Path], files: Sequence[tuple[str, str]] = ()) -> list[str]:
    """The lines that a bench prints.

    Args:
        bench: lines of a Verilog module of that name.
        sources: of what it instantiates.
        files: names and contents beside the bench: further sources where they end in ".v".

    Raises:
        MissingToolError: Icarus Verilog is not installed.
    """
    require_programs("iverilog", "vvp")
    with tempfile.TemporaryDirectory() as folder:
        named = {"bench.v": "\n".join(bench) + "\n", **dict(files)}
        for name, text in named.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        own = [name for name in named if name.endswith(".v")]
        command = ["iverilog", "-g2005", "-s", "bench", "-o", "bench", *own, *map(str, sources)]
        for call in (command, ["vvp", "-n", "bench"]):
            told = run(*call, folder=Path(folder))
            told.check_returncode()
    return told.stdout.splitlines()
