"""What is connected to what, decided before training. Pure NumPy and SciPy."""

from fabric.topology._topology import Topology
from fabric.topology.baselines import dense, low_rank, random_sparse
from fabric.topology.butterfly import butterfly, parallel_butterfly
from fabric.topology.clos import clos, multistage_clos, router_sizes
from fabric.topology.grids import hypercube, mesh, torus
from fabric.topology.interleaver import Interleaver, clash_free, start_vector
from fabric.topology.predefined import predefined

__all__ = [
    "Interleaver",
    "Topology",
    "butterfly",
    "clash_free",
    "clos",
    "dense",
    "hypercube",
    "low_rank",
    "mesh",
    "multistage_clos",
    "parallel_butterfly",
    "predefined",
    "random_sparse",
    "router_sizes",
    "start_vector",
    "torus",
]
