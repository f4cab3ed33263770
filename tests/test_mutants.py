"""Faults planted in Verilog: one that a check catches, one that changes nothing, and lists that are wrong."""

import shutil

import pytest
from mutants import Fault, Judge, MutantError, read, report, without_faults
from places import ROOT

ADDER = "module fabric_adder (input wire a, input wire b, output wire y);\n    assign y = a ^ b;\nendmodule\n"
TEST = '''
import subprocess
from pathlib import Path

BENCH = """module bench;
    reg [1:0] at;
    wire y;
    fabric_adder adder (at[0], at[1], y);
    initial for (at = 0; at < 3; at = at + 1) #1 $display("%b", y);
endmodule
"""


def test_sums():
    Path("bench.v").write_text(BENCH)
    subprocess.run(["iverilog", "-o", "bench", "bench.v", "rtl/fabric_adder.v"], check=True)
    assert subprocess.run(["vvp", "-n", "bench"], capture_output=True, text=True).stdout.split() == ["0", "1", "1"]
'''
CHECKS = ("pytest tests/test_adder.py",)


def fault(right, wrong):
    return Fault("fabric_adder", "something", right, wrong, CHECKS)


@pytest.fixture
def project(tmp_path):
    if not shutil.which("iverilog"):
        pytest.skip("Icarus Verilog is not installed")
    root = tmp_path / "project"
    for name, text in (("rtl/fabric_adder.v", ADDER), ("tests/test_adder.py", TEST), ("pyproject.toml", "")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_faults_are_caught_and_equivalent_changes_survive(project, tmp_path, capsys):
    faults = [fault("a ^ b", "a | b && a"), fault("a ^ b", "b ^ a"), fault("a ^ b ^ c", "a")]
    verdicts = Judge(project, tmp_path / "kept").judge(faults)
    assert verdicts[:2] == ["test_adder.py::test_sums", None]
    assert verdicts[2].startswith("error: fabric_adder.v must hold this once, found 0")
    assert report(faults, verdicts) == 2
    assert "1 of 3 faults caught, 1 by tests and 0 by proofs" in capsys.readouterr().out
    assert (project / "rtl" / "fabric_adder.v").read_text() == ADDER
    # What is known is not found out again: without its test the project has no verdicts but these.
    assert Judge(project, tmp_path / "kept").judge(faults[:2]) == verdicts[:2]


def test_checks_must_pass_without_a_fault(project, tmp_path):
    (project / "rtl" / "fabric_adder.v").write_text(ADDER.replace("^", "&"))
    with pytest.raises(MutantError, match="fails though no fault is planted"):
        Judge(project, tmp_path / "kept").judge([fault("a & b", "a | b")])


def test_the_list_has_faults_for_all_modules_and_fits_the_verilog():
    faults = read()
    assert without_faults(ROOT, faults) == []
    for each in faults:
        assert (ROOT / "rtl" / f"{each.module}.v").read_text().count(each.right) == 1, each
        assert each.wrong != each.right
    assert len({(each.module, each.right, each.wrong) for each in faults}) == len(faults)
