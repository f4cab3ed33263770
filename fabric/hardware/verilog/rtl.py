"""The Verilog of rtl/: one module a file, each file with the name of its module."""

import hashlib
import re
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]
RTL = _PACKAGE / "rtl" if (_PACKAGE / "rtl").is_dir() else _PACKAGE.parent / "rtl"
"""The folder: an installed package has its own, a checkout has it beside the package."""


def sources_of(top: str) -> list[Path]:
    """The files of a module and of all modules below it."""
    found, waiting = set(), {RTL / f"{top}.v"}
    while waiting:
        path = waiting.pop()
        found.add(path)
        names = re.findall(r"^\s*(fabric_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        waiting |= {file for name in names if (file := RTL / f"{name}.v") not in found and file.exists()}
    return sorted(found)


def sources_hash(top: str) -> str:
    """SHA-256 (hex) of these files: a run that depends on it is done anew when its Verilog changes."""
    return hashlib.sha256("".join(path.read_text(encoding="utf-8") for path in sources_of(top)).encode()).hexdigest()
