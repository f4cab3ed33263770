"""The machine on AXI buses, driven through Icarus Verilog by the masters of cocotbext-axi, which know nothing of it."""

import re
import xml.etree.ElementTree as ElementTree
from contextlib import suppress
from pathlib import Path

import pytest
from axi_cases import TORUS
from cocotb_tools.runner import get_runner

from fabric.hardware.verilog.rtl import sources_of

BENCH = Path(__file__).with_name("axi_bench.py")
TESTS = re.findall(r"^async def (\w+)\(dut\)", BENCH.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Tests of the bench that ran, by name: None, or what a failed one says."""
    folder = tmp_path_factory.mktemp("axi")
    runner = get_runner("icarus")
    runner.build(
        sources=sources_of("fabric_axi"), hdl_toplevel="fabric_axi", parameters=TORUS.parameters,
        build_args=["-g2005"], build_dir=folder, timescale=("1ns", "1ps"), log_file=folder / "build.log",
    )  # fmt: skip
    with suppress(SystemExit):  # a test of the bench has failed: the results say which
        runner.test(
            "axi_bench", "fabric_axi", build_dir=folder, test_dir=folder, log_file=folder / "run.log",
            results_xml=str(folder / "results.xml"),
        )  # fmt: skip
    ran = ElementTree.parse(folder / "results.xml").iter("testcase")
    return {case.get("name"): case.find("failure") for case in ran}, (folder / "run.log").read_text()


@pytest.mark.parametrize("name", TESTS)
def test_in_the_simulator(name, outcome):
    found, log = outcome
    assert name in found, log[-4000:]
    assert found[name] is None, log[-4000:]


def test_no_test_of_the_bench_is_left_out(outcome):
    assert sorted(outcome[0]) == sorted(TESTS)
