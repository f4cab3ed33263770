"""Compiling the CPU kernel, and finding the compiled one: a shared library in the user's cache.

The library's name holds the instruction set, a digest of sources, options and PyTorch's version, and one of the
compiler's version. It is written beside its place and renamed. So a build that is killed leaves nothing that could be
taken for a library, and two builds at once do not disturb each other.
"""

import hashlib
import os
import platform
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import torch

from fabric._programs import started

_FOLDER = Path(__file__).parent / "cpu"
_TORCH = Path(torch.__file__).parent
_OPTIONS = ("-std=c++20", "-fPIC", "-fvisibility=hidden", "-w")
_UNITS = {  # what PyTorch's headers take part in is the slow part, and is optimised less
    "kernel.cpp": ("-O3", "-fopenmp", "-ffp-contract=fast"),
    "operators.cpp": (
        "-O1",
        f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}",
        *(f"-I{_TORCH / 'include' / part}" for part in ("", "torch/csrc/api/include")),
    ),
}
_LINKED = ("-shared", "-fopenmp", f"-L{_TORCH / 'lib'}", "-ltorch_cpu", "-lc10")
_TARGETS = {
    "AVX-512 BF16": ("-march=x86-64-v4", "-mavx512bf16", "-DLANES=16"),
    "AVX-512": ("-march=x86-64-v4", "-DLANES=16"),
    "AVX2": ("-march=x86-64-v3", "-DLANES=8"),
    "NEON": ("-march=armv8-a", "-DLANES=4"),
}


class KernelBuildError(Exception):
    """The kernel could not be compiled."""


def instruction_set() -> str | None:
    """The widest vector instructions that PyTorch uses on this machine and the kernel knows: a key of `_TARGETS`.

    PyTorch's variable `ATEN_CPU_CAPABILITY` narrows them.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return "NEON"
    widest = {"AVX512": "AVX-512", "AVX2": "AVX2"}.get(torch.backends.cpu.get_cpu_capability())
    return "AVX-512 BF16" if widest == "AVX-512" and torch.cpu._is_avx512_bf16_supported() else widest


def cache() -> Path:
    """Where compiled kernels lie: $FABRIC_CACHE, or fabric/ in $XDG_CACHE_HOME or ~/.cache."""
    if os.environ.get("FABRIC_CACHE"):
        return Path(os.environ["FABRIC_CACHE"])
    home = os.path.expanduser("~")  # noqa: PTH111, as Path.home() fails for a user without home
    return Path(os.environ.get("XDG_CACHE_HOME") or Path(home) / ".cache") / "fabric"


def find(target: str) -> Path | None:
    """The compiled kernel of these sources for an instruction set, the youngest if there are several; None if none."""
    found = cache().glob(f"{_stem(target)}-*.so")
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def build(target: str | None = None, compiler: str | None = None) -> Path:
    """Compile the kernel into the cache, unless it is there: about half a minute.

    Args:
        target: "AVX-512 BF16", "AVX-512", "AVX2" or "NEON"; what this machine has if None.
        compiler: a C++20 compiler, GCC 12 or Clang 14 or newer; $CXX, else g++, else clang++ if None.

    Returns:
        The library's path.

    Raises:
        KernelBuildError: no such target or compiler, or the compiler fails; the message carries what it printed.
    """
    target = target or instruction_set()
    if target not in _TARGETS:
        raise KernelBuildError(f"target must be one of {', '.join(_TARGETS)}, got {target!r}")
    compiler = _compiler(compiler)
    version = _run([compiler, "--version"])
    path = cache() / f"{_stem(target)}-{_digest(version)}.so"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as folder:
        made = {unit: str(Path(folder) / f"{unit}.o") for unit in _UNITS}
        _run(
            *(
                [compiler, *_OPTIONS, *_TARGETS[target], *options, "-c", str(_FOLDER / unit), "-o", made[unit]]
                for unit, options in _UNITS.items()
            )
        )
        library = Path(folder) / path.name
        _run([compiler, *made.values(), *_LINKED, "-o", str(library)])
        library.replace(path)
    return path


def _stem(target: str) -> str:
    texts = [path.read_text() for path in sorted(_FOLDER.iterdir()) if path.suffix in (".h", ".cpp")]
    options = [*_OPTIONS, *(option for options in _UNITS.values() for option in options), *_TARGETS[target]]
    placeless = [option.replace(str(_TORCH), "torch") for option in options]  # one PyTorch may have several addresses
    return f"cascade-{target.lower().replace(' ', '-')}-{_digest(*texts, *placeless, torch.__version__)}"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _compiler(wanted: str | None) -> str:
    candidates = [wanted] if wanted else [os.environ.get("CXX"), "g++", "clang++"]
    for name in filter(None, candidates):
        if path := shutil.which(name):
            return path
    raise KernelBuildError(f"no C++ compiler: looked for {', '.join(filter(None, candidates))}; install g++")


def _run(*commands: list[str]) -> str:
    """Run commands beside each other and return what they print.

    Raises:
        KernelBuildError: one fails.
    """
    with ExitStack() as stack:
        running = [stack.enter_context(started(*command)) for command in commands]
        printed = [process.communicate() for process in running]
    for command, process, (_, errors) in zip(commands, running, printed, strict=True):
        if process.returncode:
            raise KernelBuildError(f"{' '.join(command)} failed:\n{errors}")
    return "".join(output for output, _ in printed)
