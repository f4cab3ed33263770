"""The training machine: PyTorch models on it, fixed point, mapping onto a torus, programs, golden model, simulation."""

from fabric.hardware._fit import fit_format
from fabric.hardware._protocol import Saturations, TrainingMachine
from fabric.hardware._tools import MissingToolError
from fabric.hardware.deployment import Deployed, deploy
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.simulation.host import Counters, Stalls
from fabric.hardware.simulation.verilator import SimulationError
from fabric.hardware.synthesis.yowasp import SynthesisError
from fabric.hardware.torus import Cycles, GoldenMachine, Machine, Phase, Program, Torus, TorusMapping, cycles, program
from fabric.hardware.torus.synthesis import NetlistMachine, synthesize

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
