"""The training machine: fixed point, mapping onto a torus, programs, cycles, golden model, RTL simulation."""

from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.simulation.host import Counters, Stalls
from fabric.hardware.simulation.verilator import SimulationError
from fabric.hardware.synthesis.yowasp import SynthesisError
from fabric.hardware.torus import Cycles, GoldenMachine, Machine, Phase, Program, Torus, TorusMapping, cycles, program
from fabric.hardware.torus.synthesis import NetlistMachine, synthesize

__all__ = [
    "Counters",
    "Cycles",
    "FixedPoint",
    "GoldenMachine",
    "Machine",
    "NetlistMachine",
    "Phase",
    "Program",
    "SimulationError",
    "Stalls",
    "SynthesisError",
    "Torus",
    "TorusMapping",
    "cycles",
    "program",
    "synthesize",
]
