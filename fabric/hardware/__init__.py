"""The training machine: PyTorch models on it, fixed point, mapping onto a torus, programs, golden model, simulation."""

from typing import TYPE_CHECKING, Any

from fabric.hardware._fit import fit_format
from fabric.hardware._protocol import Saturations, TrainingMachine
from fabric.hardware._tools import MissingToolError
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.simulation.host import Counters, Stalls
from fabric.hardware.simulation.verilator import SimulationError
from fabric.hardware.synthesis.yowasp import SynthesisError
from fabric.hardware.torus import Cycles, GoldenMachine, Machine, Phase, Program, Torus, TorusMapping, cycles, program
from fabric.hardware.torus.synthesis import NetlistMachine, synthesize

if TYPE_CHECKING:
    from fabric.hardware.deployment import Deployed, deploy

__all__ = [
    "Counters",
    "Cycles",
    "Deployed",
    "FixedPoint",
    "GoldenMachine",
    "Machine",
    "MissingToolError",
    "NetlistMachine",
    "Phase",
    "Program",
    "Saturations",
    "SimulationError",
    "Stalls",
    "SynthesisError",
    "Torus",
    "TorusMapping",
    "TrainingMachine",
    "cycles",
    "deploy",
    "fit_format",
    "program",
    "synthesize",
]


def __getattr__(name: str) -> Any:
    """PyTorch is imported with what needs it: machines run without."""
    if name not in ("Deployed", "deploy"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fabric.hardware import deployment

    return getattr(deployment, name)
