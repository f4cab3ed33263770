"""The pipelined junction machine of pre-defined sparsity: z edges a cycle, forward, backward and update at once."""

from fabric.hardware.junctions._build import JunctionBuild
from fabric.hardware.junctions._golden import GoldenJunctions
from fabric.hardware.junctions._junction import Junction
from fabric.hardware.junctions._machine import JunctionMachine
from fabric.hardware.junctions._network import JunctionNetwork, balanced_parallelisms, drawn_weights
from fabric.hardware.junctions._program import JUNCTION_MODES, JunctionProgram
from fabric.hardware.junctions._schedule import PROCESSES, SHARING, Schedule, Task, simulate

__all__ = [
    "JUNCTION_MODES",
    "PROCESSES",
    "SHARING",
    "GoldenJunctions",
    "Junction",
    "JunctionBuild",
    "JunctionMachine",
    "JunctionNetwork",
    "JunctionProgram",
    "Schedule",
    "Task",
    "balanced_parallelisms",
    "drawn_weights",
    "simulate",
]
