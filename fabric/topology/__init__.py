"""What is connected to what, decided before training. Pure NumPy and SciPy."""

from fabric.topology._topology import Topology
from fabric.topology.baselines import dense, low_rank, random_sparse
from fabric.topology.clos import clos, router_sizes
from fabric.topology.interleaver import Interleaver
from fabric.topology.predefined import predefined

__all__ = ["Interleaver", "Topology", "clos", "dense", "low_rank", "predefined", "random_sparse", "router_sizes"]
