"""Sweeps: every run once, kept when it finishes, found again, on processes and on a cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slow_runs import SleepConfig, sleep

from fabric.experiments import RunStore, sweep
from fabric.experiments.runs import run_key, write_atomically, write_lines


def refuse(config):
    raise AssertionError(f"{config} is stored and must not run again")


def test_records_come_in_order_and_are_not_run_again(tmp_path):
    configs = [SleepConfig(number, 0.0) for number in (3, 1, 2, 1)]
    first = sweep(sleep, configs, RunStore(tmp_path))
    assert first["number"].tolist() == [3, 1, 2, 1]
    assert len(list(tmp_path.glob("*.json"))) == 3
    assert sweep(refuse, configs, RunStore(tmp_path)).equals(first)


def test_committed_runs_are_found(tmp_path):
    config = SleepConfig(7, 0.0)
    write_lines(tmp_path / "runs.jsonl", [sleep(config), sleep(config)])
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1
    store = RunStore(tmp_path / "new", committed=[tmp_path / "runs.jsonl"])
    assert sweep(refuse, [config], store)["number"].item() == 7
    assert not (tmp_path / "new").exists()


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path):
    target = tmp_path / "file.txt"
    write_atomically(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "\ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_damaged_record_is_named(tmp_path):
    config = SleepConfig(1, 0.0)
    sweep(sleep, [config], RunStore(tmp_path))
    (tmp_path / f"{run_key(config)}.json").write_text('{"key": ')
    with pytest.raises(ValueError, match=rf"{run_key(config)}.json must hold one JSON record, .*: delete it"):
        sweep(sleep, [config], RunStore(tmp_path))


def test_kill_9_loses_only_the_runs_in_flight(tmp_path):
    script = (
        "from pathlib import Path\n"
        "from fabric.experiments import RunStore, sweep\n"
        "from slow_runs import SleepConfig, sleep\n"
        f"sweep(sleep, [SleepConfig(n, 0.3) for n in range(40)], RunStore(Path({str(tmp_path)!r})))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "LOKY_MAX_CPU_COUNT": "2"}
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.json"))) < 4:
        assert time.monotonic() < deadline, "no runs were stored"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("*.json")}
    assert 4 <= len(kept) < 40
    assert all(json.loads(content)["key"] == name.removesuffix(".json") for name, content in kept.items())
    frame = sweep(sleep, [SleepConfig(n, 0.3) for n in range(len(kept) + 2)], RunStore(tmp_path))
    assert frame["number"].tolist() == list(range(len(kept) + 2))
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept


@pytest.mark.filterwarnings("default")  # the cluster's own sockets and event loops
def test_the_same_sweep_runs_on_a_dask_cluster(tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    configs = [SleepConfig(number, 0.0) for number in range(6)]
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        frame = sweep(sleep, configs, RunStore(tmp_path))
        monkeypatch.setattr(sleep, "__module__", "no_such_package.module")
        with pytest.raises(RuntimeError, match="install no_such_package on these Dask workers"):
            sweep(sleep, [SleepConfig(99, 0.0)], RunStore(tmp_path))
    assert frame["number"].tolist() == list(range(6))
    assert os.getpid() not in set(frame["process"])
    assert len(list(tmp_path.glob("*.json"))) == 6


def test_keys_tell_kinds_apart():
    assert run_key(SleepConfig(1, 0.5)) != run_key(SleepConfig(1, 0.25))
    with pytest.raises(TypeError):
        run_key(SleepConfig(1j, 0.5))
