"""What is connected to what, decided before training. Pure NumPy and SciPy."""

from fabric.topology._baselines import dense, low_rank, random_sparse
from fabric.topology._butterfly import butterfly, parallel_butterfly
from fabric.topology._clos import clos, multistage_clos, router_sizes
from fabric.topology._grids import hypercube, mesh, torus
from fabric.topology._predefined import predefined
from fabric.topology._topology import Topology
from fabric.topology.interleaver import Interleaver, clash_free, start_vector

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
