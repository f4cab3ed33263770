"""What is connected to what, decided before training. Pure NumPy and SciPy.

A topology comes from a function below; `FAMILIES` holds those that experiments know by name, `@family` adds one. What
can be said about topologies stands in modules of this package:

- `skips`: fixed skip connections beside the stages.
- `junctions`: sizes, fan-outs and densities of pre-defined sparse junctions; `scatter` measures how evenly they spread.
- `interleaver`: the order in which a clash-free junction reads; `clashes` finds colliding reads, `permutations`
  measures how an order scatters neighbours, `pattern_counts` tells how many orders there are.
"""

from fabric.topology._baselines import dense, low_rank, random_sparse
from fabric.topology._butterfly import butterfly, parallel_butterfly
from fabric.topology._clos import clos, multistage_clos, router_sizes
from fabric.topology._families import FAMILIES, family
from fabric.topology._grids import hypercube, mesh, torus
from fabric.topology._predefined import predefined
from fabric.topology._topology import Topology
from fabric.topology.interleaver import Interleaver, clash_free, start_vector

__all__ = [
    "FAMILIES",
    "Interleaver",
    "Topology",
    "butterfly",
    "clash_free",
    "clos",
    "dense",
    "family",
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
