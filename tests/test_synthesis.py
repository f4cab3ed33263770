"""Synthesis: the mapped netlist computes what the golden model computes, and its cells are counted as the rule says."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from fabric.hardware import FixedPoint, NetlistMachine, SynthesisError, Torus, TorusMapping, program, synthesize
from fabric.hardware.synthesis.resources import Resources, count_module
from fabric.hardware.synthesis.yowasp import run_yosys
from fabric.hardware.torus.placement import place
from fabric.hardware.torus.synthesis import synthesis_key
from fabric.hardware.torus.verification import differences, random_case
from fabric.hardware.verilog import rtl

ROW = Torus(1, 2, FixedPoint(5, 7, 2, 4, 5, 8), banks=1, depth=32, longest=4, store=4, slots=4, sigmoid=False)


def table(output, *inputs):
    wires = {"y": [output], **{name: [net] for name, net in zip("abcd", [*inputs, "0", "0", "0"], strict=False)}}
    return {"type": "le_lut", "connections": wires}


def register(data, asdata="0", sload="0"):
    return {"type": "le_register", "connections": {"d": [data], "asdata": [asdata], "sload": [sload]}}


@pytest.mark.parametrize(
    ("cells", "elements"),
    [
        ([table(9, 1)], 1),
        ([table(9, 1), register(9)], 1),
        ([table(9, 1), register(5)], 2),
        ([table(9, 1), register(9), register(9)], 2),
        ([table(9, 1, 2, 3), register(9, 7, 8)], 1),
        ([table(9, 1, 2, 3, 4), register(9, 7, 8)], 2),
        ([table(9, 1, 2, 3, 4), register(9)], 1),
    ],
)
def test_registers_share_an_element_as_the_rule_says(cells, elements):
    found = count_module(dict(enumerate(cells)), 0)
    assert found.logic_elements == elements
    assert found.fewest <= elements <= found.most


def test_resources_add_up():
    one = Resources(5, 4, 3, 2, 1, 3)
    assert one * 3 == one + one + one
    assert Resources() + one == one


@pytest.fixture(scope="module")
def netlist():
    return synthesize(ROW)


def test_netlist_equals_the_golden_model(netlist):
    machine = NetlistMachine(netlist)
    rng = np.random.default_rng(0)
    for _ in range(30):
        case = random_case(ROW, rng)
        assert list(differences(machine, case)) == [], case


def test_machine_is_its_elements_and_what_surrounds_them(netlist):
    element, around = (synthesize(ROW, part=part).resources for part in ("element", "surroundings"))
    assert netlist.instances["fabric_pe"] == 2
    assert netlist.resources.multipliers == 6
    sum_ = element * 2 + around
    assert sum_.memory_bits == netlist.resources.memory_bits
    # In the machine of one row some inputs of the elements are constants.
    assert 0.94 * sum_.logic_elements <= netlist.resources.logic_elements <= sum_.logic_elements


@pytest.mark.parametrize(
    ("fixed_point", "depth", "bits", "blocks", "multipliers"),
    [
        (FixedPoint(9, 9, 5, 8, 7, 8), 12, 0, 0, 3),
        (FixedPoint(9, 9, 5, 8, 7, 8), 48, 432, 1, 3),
        (FixedPoint(12, 16, 6, 9, 12, 12), 64, 1024, 1, 6),
    ],
)
def test_element_takes_what_arithmetic_says(fixed_point, depth, bits, blocks, multipliers):
    torus = Torus(4, 4, fixed_point, banks=1, depth=depth, longest=4, store=6, sigmoid=False)
    found = synthesize(torus, part="element").resources
    assert (found.memory_bits, found.memory_blocks, found.multipliers) == (bits, blocks, multipliers)


def test_key_follows_the_design():
    assert synthesis_key(ROW) == synthesis_key(ROW)
    assert len({synthesis_key(ROW), synthesis_key(replace(ROW, depth=30)), synthesis_key(ROW, part="element")}) == 3


def test_key_is_that_of_the_modules_which_the_part_holds(monkeypatch, tmp_path):
    machine, element = synthesis_key(ROW), synthesis_key(ROW, part="element")
    shutil.copytree(rtl.RTL, tmp_path / "rtl")
    monkeypatch.setattr(rtl, "RTL", tmp_path / "rtl")
    for name, before, after, changed in (
        ("fabric_junction", "reg ", "reg  ", (False, False)),
        ("fabric_update", "// Update unit", "// The update unit", (False, False)),
        ("fabric_sequencer", "reg ", "reg  ", (True, False)),
        ("fabric_update", "<<< rate", "<< rate", (True, True)),
    ):
        path = tmp_path / "rtl" / f"{name}.v"
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")
        keys = synthesis_key(ROW), synthesis_key(ROW, part="element")
        assert (keys[0] != machine, keys[1] != element) == changed, name
        machine, element = keys


def test_placed_machine_has_a_clock_and_its_multipliers():
    placement = place(ROW, None, seed=0)
    assert placement.multipliers == 6
    assert placement.memory_blocks <= 2
    assert 30 < placement.megahertz < 300


def test_what_cannot_be_synthesised_is_named():
    with pytest.raises(ValueError, match="part must be one of machine, modules"):
        synthesize(ROW, part="pe")
    mapping = TorusMapping([(4, 4, 2, 2, 2)] * 2)
    with pytest.raises(ValueError, match=r"program needs 12 instructions .*, the torus holds 2"):
        synthesize(Torus(2, 2, banks=1, slots=2), program(mapping, "sequential", banks=1))
    with pytest.raises(SynthesisError, match="syntax error"):
        run_yosys("read_verilog a.v", {"a.v": "module"})
