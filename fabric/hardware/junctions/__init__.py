"""The pipelined junction machine of pre-defined sparsity: z edges a cycle, forward, backward and update at once."""

from fabric.hardware.junctions.build import JunctionBuild
from fabric.hardware.junctions.golden import GoldenJunctions
from fabric.hardware.junctions.junction import Junction
from fabric.hardware.junctions.machine import JunctionMachine
from fabric.hardware.junctions.network import JunctionNetwork, balanced_parallelisms, drawn_weights
from fabric.hardware.junctions.schedule import Schedule, simulate

__all__ = [
    "GoldenJunctions",
    "Junction",
    "JunctionBuild",
    "JunctionMachine",
    "JunctionNetwork",
    "Schedule",
    "balanced_parallelisms",
    "drawn_weights",
    "simulate",
]
