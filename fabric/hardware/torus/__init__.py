"""The torus of processing elements: mapping, programs, cycles, golden model and simulated machine."""

from fabric.hardware.torus._cycles import Cycles, cycles
from fabric.hardware.torus._golden import GoldenMachine
from fabric.hardware.torus._machine import Machine
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._phases import ACTIVATIONS, Phase
from fabric.hardware.torus._program import MODES, MODES_OF, Program
from fabric.hardware.torus._schedule import program
from fabric.hardware.torus._torus import Torus

__all__ = [
    "ACTIVATIONS",
    "MODES",
    "MODES_OF",
    "Cycles",
    "GoldenMachine",
    "Machine",
    "Phase",
    "Program",
    "Torus",
    "TorusMapping",
    "cycles",
    "program",
]
