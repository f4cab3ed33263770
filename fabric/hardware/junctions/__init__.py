"""The pipelined junction machine of pre-defined sparsity: z edges a cycle, forward, backward and update at once."""

from fabric.hardware.junctions.golden import GoldenJunctions
from fabric.hardware.junctions.network import Junction, JunctionNetwork, balanced_parallelisms, drawn_weights

__all__ = ["GoldenJunctions", "Junction", "JunctionNetwork", "balanced_parallelisms", "drawn_weights"]
