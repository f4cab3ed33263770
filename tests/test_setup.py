"""setup.sh with a pip that only notes what it is asked for: when it installs, and what it leaves alone."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIP = '#!/bin/sh\necho "$@" >>"$NOTES"\n'
PYTHON = f"""#!/bin/sh
[ "$1" = -m ] || exec '{sys.executable}' "$@"
mkdir -p "$3/bin" && cp "$STUBS/pip" "$3/bin/python" && sleep 0.3
"""


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "a b#c$d[é]"
    folder.mkdir()
    for name in ("setup.sh", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def set_up(tmp_path, monkeypatch):
    """A function that starts setup.sh of a checkout, and one that counts the installations so far."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name, text in {"python3": PYTHON, "pip": PIP, "g++": PIP, "verilator": PIP, "iverilog": PIP}.items():
        (stubs / name).write_text(text)
        (stubs / name).chmod(0o755)
    notes = tmp_path / "notes"
    notes.touch()
    monkeypatch.delenv("CONDA_DEFAULT_ENV", raising=False)
    environment = os.environ | {"PATH": f"{stubs}:{os.environ['PATH']}", "STUBS": str(stubs), "NOTES": str(notes)}

    def start(folder, *arguments):
        return subprocess.Popen(
            [folder / "setup.sh", *arguments],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start, lambda: notes.read_text().count("ci/editable.py")


def ended(process) -> tuple[int, str]:
    message = process.communicate(timeout=60)[1]
    return process.returncode, message


def test_installs_once_and_again_where_the_lock_has_changed(checkout, set_up):
    start, installed = set_up
    assert [ended(start(checkout))[0] for _ in range(2)] == [0, 0]
    assert installed() == 1
    (checkout / "requirements.lock").write_text("torch==1\n")
    (checkout / ".venv" / "kept").touch()
    assert ended(start(checkout))[0] == 0
    assert installed() == 2
    assert sorted(path.name for path in (checkout / ".venv").iterdir()) == ["bin", "installed.lock", "kept"]


def test_a_moved_or_copied_checkout_makes_its_environment_anew(checkout, set_up):
    start, installed = set_up
    ended(start(checkout))
    (checkout / ".venv" / "old").touch()
    copied = shutil.copytree(checkout, checkout.with_name("copied"))
    moved = checkout.rename(checkout.with_name("moved"))
    for count, folder in enumerate((copied, moved), start=2):
        assert ended(start(folder)) == (0, ended_message(folder))
        assert installed() == count
        assert not (folder / ".venv" / "old").exists()


def ended_message(folder) -> str:
    return f"setup: installing the packages of requirements.lock into {folder}/.venv (about a minute)\n"


def test_of_two_at_once_one_installs(checkout, set_up):
    start, installed = set_up
    both = [start(checkout), start(checkout)]
    messages = sorted(ended(process) for process in both)
    assert installed() == 1
    assert [code for code, _ in messages] == [0, 0]
    assert sum("waiting for another set-up" in message for _, message in messages) == 1


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.5])
def test_goes_on_after_a_kill_and_leaves_nothing_of_it(checkout, set_up, seconds):
    start, _ = set_up
    first = start(checkout)
    try:
        first.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(first.pid, 9)
    first.communicate()
    assert ended(start(checkout))[0] == 0
    assert sorted(path.name for path in (checkout / ".venv").iterdir()) == ["bin", "installed.lock"]


def test_leaves_alone_what_it_has_not_made(checkout, set_up):
    start, installed = set_up
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "mine").touch()
    code, message = ended(start(checkout))
    assert (code, installed()) == (1, 0)
    assert "was not made by setup.sh" in message
    assert (checkout / ".venv" / "mine").exists()


def test_refuses_a_link_to_the_environment_of_another_checkout(checkout, set_up, tmp_path):
    start, installed = set_up
    (tmp_path / "other" / "bin").mkdir(parents=True)
    (tmp_path / "other" / "bin" / "python").symlink_to("/bin/false")
    (checkout / ".venv").symlink_to(tmp_path / "other")
    code, message = ended(start(checkout))
    assert (code, installed()) == (1, 0)
    assert "runs the code of another checkout" in message


def test_makes_the_environment_in_the_folder_it_is_given(checkout, set_up, tmp_path):
    start, installed = set_up
    assert ended(start(checkout, str(tmp_path / "else where" / "venv")))[0] == 0
    assert installed() == 1
    assert (tmp_path / "else where" / "venv" / "bin" / "python").exists()
    assert not (checkout / ".venv").exists()


def test_says_where_it_cannot_write(checkout, set_up):
    start, _ = set_up
    code, message = ended(start(checkout, "/proc/venv"))
    assert code == 1
    assert "/proc/venv cannot be written" in message
    assert "make figures BUILD=" in message


def test_the_environment_runs_the_code_of_its_checkout_under_its_own_name(checkout, tmp_path):
    (checkout / "ci").mkdir()
    shutil.copy(ROOT / "ci" / "editable.py", checkout / "ci")
    (checkout / "fabric").mkdir()
    (checkout / "fabric" / "__init__.py").write_text("mark = 'é'")
    venv.create(tmp_path / "environment")
    python = tmp_path / "environment" / "bin" / "python"
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for version in ("1.0", "2.0"):
        text = re.sub(
            '^version = ".*"$', f'version = "{version}"', (checkout / "pyproject.toml").read_text(), flags=re.M
        )
        (checkout / "pyproject.toml").write_text(text)
        subprocess.run([python, checkout / "ci" / "editable.py"], env=alone, check=True)
        ask = "import fabric, importlib.metadata as m; print(fabric.mark, m.version('sparse-fabric'))"
        said = subprocess.run([python, "-c", ask], cwd=tmp_path, env=alone, capture_output=True, text=True, check=True)
        assert said.stdout == f"é {version}\n"
