"""What is connected to what, decided before training. Pure NumPy and SciPy."""

from fabric.topology._topology import Topology
from fabric.topology.baselines import dense, low_rank, random_sparse
from fabric.topology.clos import clos, router_sizes

__all__ = ["Topology", "clos", "dense", "low_rank", "random_sparse", "router_sizes"]
