"""Traffic of a simulated machine, once more in Icarus Verilog: the same where nothing is wrong, and only there."""

import shutil

import numpy as np
import pytest
from places import ROOT
from traffic import Replay, recording

from fabric.hardware import Machine
from fabric.hardware.torus.verification import TORI, differences, random_case


@pytest.fixture(scope="module")
def traffic():
    """Of three cases, one of which is cut off by a reset."""
    if not shutil.which("iverilog"):
        pytest.skip("Icarus Verilog is not installed")
    with recording() as kept:
        machine = Machine(TORI["smallest"])
        cases = (random_case(machine.torus, np.random.default_rng(seed)) for seed in range(100))
        trains = (case for case in cases if any(run.program.trains for run in case.runs))
        cut_off = next(case for case in trains if case.reset_after and case.reset_after < 10)
        for case in (next(trains), cut_off, next(trains)):
            assert list(differences(machine, case)) == []
    (traffic,) = kept
    return traffic


@pytest.fixture
def rtl(tmp_path):
    shutil.copytree(ROOT / "rtl", tmp_path / "rtl")
    return tmp_path / "rtl"


def plant(rtl, module, right, wrong):
    file = rtl / f"{module}.v"
    assert file.read_text().count(right) == 1
    file.write_text(file.read_text().replace(right, wrong))


def test_what_is_recorded_comes_out_again(traffic, rtl, tmp_path):
    assert not all(exchange.finished for exchange in traffic.exchanges)
    replay = Replay(traffic, tmp_path / "bench")
    assert replay.differing(rtl, patience=60) is None


@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        ("fabric_update", "<<< rate", "<<< 1"),  # other beats
        ("fabric_statistics", "assign updates = updates_q", "assign updates = updates_q + 1"),  # another counter
        ("fabric_chain_out", "shift = valid && ready", "shift = valid && ready && (left_q != 1)"),  # no end
        ("fabric_chain_in", "assign ready = ", "assign ready = 1'bx && "),  # unknown
    ],
)
def test_what_differs_is_named_with_its_test(traffic, rtl, tmp_path, module, right, wrong):
    plant(rtl, module, right, wrong)
    found = Replay(traffic, tmp_path / "bench").differing(rtl, patience=60)
    assert found is not None and found == traffic.exchanges[0].test


def test_what_does_not_build_is_no_difference(traffic, rtl, tmp_path):
    plant(rtl, "fabric_update", "wire clips = ", "wire clips = = ")
    with pytest.raises(ValueError, match=r"fabric_update\.v"):
        Replay(traffic, tmp_path / "bench").differing(rtl, patience=60)
