"""Which files a module of rtl/ needs."""

import re

from fabric.hardware.verilog.rtl import RTL, sources_hash, sources_of


def names(top: str) -> set[str]:
    return {path.stem for path in sources_of(top)}


def test_a_module_needs_itself_and_what_is_below_it():
    assert names("fabric_random") == {"fabric_random"}
    assert names("fabric_update") == {"fabric_update", "fabric_random"}
    assert names("fabric_pe") < names("fabric_torus") < names("fabric_machine")


def test_the_machines_need_all_files():
    assert names("fabric_axi") | names("fabric_junctions") == {path.stem for path in RTL.glob("*.v")}
    assert names("fabric_axi") - names("fabric_machine") == {path.stem for path in RTL.glob("fabric_axi*.v")}
    assert "fabric_torus" not in names("fabric_junctions") and "fabric_junction" not in names("fabric_machine")


def test_hash_tells_modules_apart():
    assert sources_hash("fabric_machine") != sources_hash("fabric_junctions") != sources_hash("fabric_torus")


def test_the_machine_on_buses_has_the_parameters_of_the_machine():
    declared = {top: re.findall(r"^ +parameter (\w+) = ([^,\s]+)", (RTL / f"{top}.v").read_text(), re.MULTILINE)
                for top in ("fabric_machine", "fabric_axi")}  # fmt: skip
    assert declared["fabric_axi"] == declared["fabric_machine"]
