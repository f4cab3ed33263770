"""The training machine: fixed point, mapping onto a torus, programs, cycles, golden model, RTL simulation."""

from fabric.hardware.cycles import Cycles, cycles
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.golden import GoldenMachine
from fabric.hardware.host import Counters, Stalls
from fabric.hardware.machine import Machine
from fabric.hardware.mapping import Phase, TorusMapping
from fabric.hardware.program import Program, program
from fabric.hardware.synthesis import NetlistMachine, synthesize
from fabric.hardware.torus import Torus
from fabric.hardware.verilator import SimulationError
from fabric.hardware.yowasp import SynthesisError

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
