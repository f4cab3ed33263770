"""Sweeps: every run once, kept when it finishes, found again, never trusted when damaged, on cores and on a cluster."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from slow_runs import SleepConfig, sleep

from fabric.experiments import RunStore, sweep
from fabric.experiments.runs import DamagedRecord, Results, _cluster, record_of, run_key, write_atomically, write_lines
from fabric.experiments.statements import committed_runs


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
    write_lines(tmp_path / "runs.jsonl", [record_of(sleep, config)] * 2)
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1
    store = RunStore(tmp_path / "new", committed=[tmp_path / "runs.jsonl"])
    assert sweep(refuse, [config], store)["number"].item() == 7
    assert not (tmp_path / "new").exists()


def measured_by_half(config):
    return {"measured": config.number if config.number % 2 else None}


def test_the_records_of_a_notebook_are_those_of_its_runs(tmp_path):
    """A frame turns the integers beside a None into floats: they must not come into the records."""
    Results("00_test", tmp_path).sweep(measured_by_half, [SleepConfig(number, 0.0) for number in (1, 2)])
    records = [json.loads(line) for line in (tmp_path / "runs" / "00_test.jsonl").read_text().splitlines()]
    assert {(record["number"], json.dumps(record["measured"])) for record in records} == {(1, "1"), (2, "null")}


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path):
    target = tmp_path / "file.txt"
    write_atomically(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "\ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def edited(content: str) -> str:
    return content.replace('"process": ', '"process": 1')


def without_digest(content: str) -> str:
    return re.sub('"digest": "[^"]*", ', "", content)


def cut(content: str) -> str:
    return content[: len(content) // 2]


DAMAGES = {
    "edited": (edited, r"must hold what was stored, .* of its digest '\w+'"),
    "without digest": (without_digest, "must hold what was stored, .* of its digest None"),
    "cut": (cut, "must hold one JSON record, it is damaged"),
    "empty": (lambda content: "", "must hold one JSON record, it is damaged"),
    "a list": (lambda content: "[]", "must hold one JSON record with its .key., it holds something else"),
    "no UTF-8": (lambda content: "\ud8ff", "must hold one JSON record, it is damaged .*utf-8"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_record_is_named_and_the_other_runs_are_finished(tmp_path, damage, message):
    configs = [SleepConfig(number, 0.0) for number in range(3)]
    sweep(sleep, configs[:1], RunStore(tmp_path))
    path = tmp_path / f"{run_key(configs[0])}.json"
    damaged = damage(path.read_text()).encode(errors="surrogatepass")
    path.write_bytes(damaged)
    with pytest.raises(DamagedRecord, match=rf"1 stored records .*\n{path} {message}.*: delete it$"):
        sweep(sleep, configs, RunStore(tmp_path))
    assert path.read_bytes() == damaged
    assert sweep(refuse, configs[1:], RunStore(tmp_path))["number"].tolist() == [1, 2]
    path.unlink()
    assert sweep(sleep, configs, RunStore(tmp_path))["number"].tolist() == [0, 1, 2]


def test_a_record_under_the_name_of_another_is_not_taken_for_it(tmp_path):
    first, second = (SleepConfig(number, 0.0) for number in range(2))
    sweep(sleep, [first], RunStore(tmp_path))
    shutil.copy(tmp_path / f"{run_key(first)}.json", tmp_path / f"{run_key(second)}.json")
    with pytest.raises(DamagedRecord, match=rf"must hold the run {run_key(second)}, it holds the run {run_key(first)}"):
        sweep(refuse, [first, second], RunStore(tmp_path))


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_line_is_named_with_its_number(tmp_path, damage, message):
    configs = [SleepConfig(number, 0.0) for number in range(3)]
    path = tmp_path / "runs.jsonl"
    write_lines(path, [record_of(sleep, config) for config in configs])
    lines = path.read_text().splitlines()
    lines[1] = damage(lines[1])
    path.write_bytes("".join(line + "\n" for line in lines).encode(errors="surrogatepass"))
    store = RunStore(tmp_path / "new", committed=[path])
    with pytest.raises(DamagedRecord, match=rf"{path}, line 2 {message}.*: restore the line with git$"):
        sweep(sleep, [*configs, SleepConfig(3, 0.0)], store)
    assert store.get(run_key(SleepConfig(3, 0.0)))["number"] == 3


def test_every_damaged_record_is_named_at_once(tmp_path):
    configs = [SleepConfig(number, 0.0) for number in range(3)]
    sweep(sleep, configs, RunStore(tmp_path))
    for config in configs[1:]:
        (tmp_path / f"{run_key(config)}.json").write_text("{}")
    with pytest.raises(DamagedRecord, match=r"^2 stored records") as error:
        sweep(refuse, configs, RunStore(tmp_path))
    assert all(run_key(config) in str(error.value) for config in configs[1:])


def test_the_digest_is_that_of_the_content_and_not_part_of_the_record(tmp_path):
    config = SleepConfig(1, 0.0)
    record = {**record_of(sleep, config), "by": {10: 1.5, 9: None}}
    RunStore(tmp_path).put(record)
    stored = json.loads((tmp_path / f"{record['key']}.json").read_text())
    digest = stored.pop("digest")
    assert digest == hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()
    assert RunStore(tmp_path).get(record["key"]) == stored == json.loads(json.dumps(record))


def test_committed_records_carry_their_digests():
    store = RunStore(Path("nowhere"), committed_runs())
    assert store.unreadable == []
    keys = {json.loads(line)["key"] for path in committed_runs() for line in path.read_text().splitlines()}
    assert all(store.get(key)["key"] == key for key in keys)


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
        with pytest.raises(RuntimeError, match="install no_such_package on these workers of DASK_SCHEDULER_ADDRESS"):
            sweep(sleep, [SleepConfig(99, 0.0)], RunStore(tmp_path))
    assert frame["number"].tolist() == list(range(6))
    assert os.getpid() not in set(frame["process"])
    assert len(list(tmp_path.glob("*.json"))) == 6


@pytest.mark.filterwarnings("default")
def test_a_scheduler_without_workers_or_killed_is_named_within_a_bounded_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(_cluster, "PATIENCE", 2.0)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    where = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    scheduler = subprocess.Popen([*command, "--scheduler-file", str(where)], stderr=subprocess.DEVNULL)
    worker = None
    try:
        address = address_in(where)
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        with pytest.raises(RuntimeError, match=f"^DASK_SCHEDULER_ADDRESS={address} names a scheduler without workers"):
            sweep(sleep, [SleepConfig(0, 0.0)], RunStore(tmp_path))
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
        worker = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=tmp_path)
        monkeypatch.setattr(_cluster, "PATIENCE", 30.0)
        threading.Timer(6.0, scheduler.kill).start()
        with pytest.raises(RuntimeError, match=f"^DASK_SCHEDULER_ADDRESS={address} names a scheduler that does not"):
            sweep(sleep, [SleepConfig(1, 60.0)], RunStore(tmp_path))
    finally:
        for process in (scheduler, worker):
            if process is not None:
                process.kill()
                process.wait()


def address_in(path: Path) -> str:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError, ValueError):
            return json.loads(path.read_text())["address"]
        assert time.monotonic() < deadline, "the scheduler does not start"
        time.sleep(0.05)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "^DASK_SCHEDULER_ADDRESS must be the address of a Dask scheduler such as .*, got an empty one: unset it"),
        (" ", "^DASK_SCHEDULER_ADDRESS must be the address of a Dask scheduler"),
        ("tcp://127.0.0.1:9", "^DASK_SCHEDULER_ADDRESS=tcp://127.0.0.1:9 names a scheduler that does not answer"),
        ("nonsense://x", "^DASK_SCHEDULER_ADDRESS=nonsense://x names a scheduler that does not answer"),
    ],
)
def test_an_address_without_a_scheduler_is_named(tmp_path, monkeypatch, address, message):
    monkeypatch.setattr(_cluster, "PATIENCE", 1.0)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    with pytest.raises(RuntimeError, match=message):
        sweep(sleep, [SleepConfig(0, 0.0)], RunStore(tmp_path))


def test_keys_tell_values_apart():
    assert run_key(SleepConfig(1, 0.5)) != run_key(SleepConfig(1, 0.25))
