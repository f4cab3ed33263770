"""Programs that the library calls end with what called them, whatever ends that."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import ROOT

from fabric._programs import run, started

LONG = "echo $$ > program; sleep 600 & echo $! > below; wait"  # a program that starts another


def ids(folder: Path) -> list[str]:
    """The process ids of `LONG` and of what it has started, once both are there."""
    files = [folder / name for name in ("program", "below")]
    deadline = time.monotonic() + 60
    while not all(file.exists() and file.read_text().strip() for file in files):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [file.read_text().strip() for file in files]


def gone(names: list[str]) -> bool:
    """Whether none of these processes runs any more, after a while if need be; a dead one may wait to be collected."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = subprocess.run(["ps", "-o", "stat=", "-p", ",".join(names)], capture_output=True, text=True).stdout
        if all(state.startswith("Z") for state in states.split()):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_killed_caller_leaves_nothing_that_runs(tmp_path, number):
    source = f"from fabric._programs import run; run('sh', '-c', {LONG!r})"
    caller = subprocess.Popen(
        [sys.executable, "-c", source], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
    )
    names = ids(tmp_path)
    caller.send_signal(number)
    caller.communicate(timeout=60)
    assert caller.returncode and gone(names)


def test_an_error_ends_the_program(tmp_path):
    with pytest.raises(TimeoutError), started("sh", "-c", LONG, folder=tmp_path):
        names = ids(tmp_path)
        raise TimeoutError
    assert gone(names)


def test_a_program_tells_what_it_prints_and_how_it_ended(tmp_path):
    done = run("sh", "-c", "pwd; echo wrong >&2; exit 3", folder=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (f"{tmp_path.resolve()}\n", "wrong\n", 3)
    assert run("sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL
    assert len(run("sh", "-c", "cat; yes | head -c 1000000").stdout) == 1_000_000  # nothing to read, more than a pipe
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        run("no-such-program")


def test_no_other_file_of_the_library_starts_programs():
    starts = re.compile(r"\bsubprocess\b|\bos\.(system|popen|spawn|exec|posix_spawn)|create_subprocess")
    found = [path for path in sorted((ROOT / "fabric").rglob("*.py")) if starts.search(path.read_text("utf-8"))]
    assert found == [ROOT / "fabric" / "_programs.py"]
