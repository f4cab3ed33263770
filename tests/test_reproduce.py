"""`make figures`: survives kill -9, resumes, and refuses what it does not know."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from reproduce import execute, parameters, select

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "01_accuracy_vs_parameters.ipynb"
SMALL = {
    "cascades": [[784, 32, 8, 4, 8], [784, 32, 8, 16, 8]],
    "headline_weights": 4 * (784 + 32 + 64) + 320,
    "smaller_weights": 16 * (784 + 32 + 64) + 320,
    "reference_hidden": 32,
    "seeds": 2,
    "headline_seeds": 2,
    "pruned_weights": [4 * (784 + 32 + 64) + 320],
    "epochs": 2,
    "tuning_epochs": 1,
}


def command(out: Path) -> list[str]:
    script = (
        "from pathlib import Path\n"
        "from reproduce import execute\n"
        f"execute(Path({str(NOTEBOOK)!r}), Path({str(out)!r}), {SMALL!r}, cores=1)\n"
    )
    return [sys.executable, "-c", script]


def test_kill_9_in_mid_notebook_loses_no_finished_run(tmp_path):
    kernel = tmp_path / "theirs" / "kernels" / "python3" / "kernel.json"  # the user's; the project's own is found first
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{"argv": ["/bin/false"], "display_name": "theirs", "language": "python"}')
    path = os.pathsep.join(map(str, (ROOT / "ci", ROOT)))
    environment = os.environ | {"PYTHONPATH": path, "JUPYTER_PATH": str(tmp_path / "theirs")}
    (tmp_path / "notebooks").mkdir()
    killed = subprocess.Popen(
        command(tmp_path), env=environment, stderr=subprocess.DEVNULL, start_new_session=True, text=True
    )
    deadline = time.monotonic() + 300
    while len(list((tmp_path / "runs").glob("*.json"))) < 5:
        assert time.monotonic() < deadline, "no runs were stored"
        assert killed.poll() is None, "ended before it was killed"
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}
    assert not (tmp_path / "tables" / NOTEBOOK.stem / "verdicts.csv").exists()

    resumed = subprocess.run(command(tmp_path), env=environment, capture_output=True, text=True, timeout=300)
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "tables" / NOTEBOOK.stem / "verdicts.csv").exists()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    networks, pruned = 9, {*SMALL["pruned_weights"], SMALL["smaller_weights"]}
    rates, seeds = 2, 2
    assert len(list((tmp_path / "runs").glob("*.json"))) == (networks + len(pruned)) * (rates + seeds)


def test_unknown_parameters_and_notebooks_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must be among .*'seeds'.*the profile also sets \['sedes'\]"):
        execute(NOTEBOOK, tmp_path, {"sedes": 3}, cores=1)
    with pytest.raises(SystemExit, match="got '99'"):
        select("99")
    assert [path.stem for path in select("01")] == [NOTEBOOK.stem]


def test_a_profile_is_read_from_the_room_of_the_notebook():
    assert parameters("paper", "06_constraints") == {"width": 64}
    assert parameters("quick", "06_constraints") == {}
    assert parameters("paper", "05_coloring_examples") == {}


def test_one_notebook_alone_leaves_its_tables_and_says_why_there_is_no_report(tmp_path):
    call = [sys.executable, ROOT / "ci" / "reproduce.py", "--only", "20", "--build", tmp_path]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "quick" / "tables" / "20_density_tables" / "verdicts.csv").exists()
    assert f"missing: those of {len(select(None)) - 1}\n" in done.stdout
    assert not (tmp_path / "quick" / "report.pdf").exists()
