"""Build the wheel, install it in a new environment outside the checkout and run the examples of README there.

The environment sees what the wheel declares and nothing else: links to those packages of the environment that runs
this, since installing PyTorch once more takes minutes. Examples without `fabric.hardware` must do without its extra.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from readme import PAGES, ROOT, examples

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
HARDWARE = re.compile(r"\bfabric\.hardware\b")


def build(folder: Path) -> Path:
    """The wheel of this checkout."""
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def missing_files(wheel: Path) -> list[str]:
    """Files of the package and of rtl/ that the wheel should hold and does not, by their names there."""
    listed = subprocess.run(
        ["git", "ls-files", "fabric", "rtl"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    wanted = {name if name.startswith("fabric/") else f"fabric/{name}" for name in listed.stdout.splitlines()}
    missing = wanted - set(zipfile.ZipFile(wheel).namelist())
    return sorted(name for name in missing if not name.startswith("fabric/rtl/formal/"))


def requirements(wheel: Path) -> list[Requirement]:
    """What the wheel says that it requires."""
    package, version, *_ = wheel.name.split("-")
    lines = zipfile.ZipFile(wheel).read(f"{package}-{version}.dist-info/METADATA").decode().splitlines()
    return [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]


def closure(required: list[Requirement], extra: str) -> set[str]:
    """Names of the distributions that requirements bring with an extra, with those that these require, and so on."""
    found, waiting = set(), [(requirement, extra) for requirement in required]
    while waiting:
        requirement, of = waiting.pop()
        if requirement.marker is None or requirement.marker.evaluate({"extra": of}):
            for more in {(requirement.name, wanted) for wanted in requirement.extras | {""}} - found:
                found.add(more)
                waiting += [(Requirement(line), more[1]) for line in distribution(more[0]).requires or []]
    return {name for name, _ in found}


def link(names: set[str], folder: Path) -> None:
    """Fill a folder with links to what distributions have installed."""
    for installed in map(distribution, names):
        for top in {file.parts[0] for file in installed.files or []} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(installed.locate_file(top)))


def run(python: Path, source: str, folder: Path) -> list[str]:
    """The lines that a program prints, away from the checkout."""
    done = subprocess.run([python, "-c", source], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"wheel: this failed where only the wheel and what it declares are installed:\n{source}")
    return done.stdout.splitlines()


def _pip(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], env=ENVIRONMENT, check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = build(folder)
        if missing := missing_files(wheel):
            sys.exit(f"wheel: {wheel.name} lacks {', '.join(missing)}")
        venv.create(folder / "venv", symlinks=True)
        python = folder / "venv" / "bin" / "python"
        _pip("--python", python, "install", "--no-deps", "--no-index", wheel)
        packages = folder / "packages"
        packages.mkdir()
        (site,) = run(python, "import sysconfig; print(sysconfig.get_path('purelib'))", folder)
        (Path(site) / "declared.pth").write_text(f"{packages}\n", encoding="utf-8")
        for extra, is_its in (("", lambda source: not HARDWARE.search(source)), ("hardware", HARDWARE.search)):
            link(closure(requirements(wheel), extra), packages)
            chosen = [example for page in PAGES for example in examples(page) if is_its(example[0])]
            said = run(python, "".join(source for source, _ in chosen), folder)
            expected = [line for _, printed in chosen for line in printed]
            if said != expected:
                sys.exit(f"wheel: the examples printed {said}, their pages say {expected}")
            print(f"wheel: {len(chosen)} examples run with {wheel.stem.split('-')[0]}[{extra}]")


if __name__ == "__main__":
    main()
