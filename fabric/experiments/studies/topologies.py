"""Every topology at one width: counts, connectivity and solvable constraints (03_topologies, 06_constraints)."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from fabric import constraints, topology
from fabric.topology import Topology, skips


def families(width: int) -> dict[str, Topology]:
    """One square topology per family, `width` inputs and outputs, each at the depth at which it is fully connected.

    Routers and grid sides are the square root of the width; the low-rank and the random topology have as many
    parameters as the Clos one.

    Args:
        width: a power of four, at least 16.

    Raises:
        ValueError: another width.
    """
    side = math.isqrt(width)
    if width < 16 or side * side != width or side & (side - 1):
        raise ValueError(f"width must be a power of four, at least 16, got {width!r}")
    clos = topology.clos(width, width, side, side, side)
    return {
        "dense": topology.dense(width, width),
        "low_rank": topology.low_rank(width, width, round(clos.parameters / (2 * width))),
        "random_sparse": topology.random_sparse(
            width, width, min(clos.parameters, width * width * 3 // 4), np.random.default_rng(0)
        ),
        "clos": clos,
        "multistage_clos": topology.multistage_clos(width, width, [side] * 4),
        "butterfly": topology.butterfly(width),
        "parallel_butterfly": topology.parallel_butterfly(width, 2),
        "hypercube": topology.hypercube(width),
        "torus": topology.torus((side, side)),
        "mesh": topology.mesh((side, side)),
    }


def describe(topologies: Mapping[str, Topology]) -> pd.DataFrame:
    """Counts of topologies, one row each.

    Returns:
        "family", "topology", "parameters", "density", "depth", "hidden", "fully_connected", "fewest_paths",
        "most_paths" (exact, as text: they pass 64 bits), "uniform" (equally many paths between all pairs).
    """
    rows = []
    for family, t in topologies.items():
        fewest, most = t.path_diversity
        rows.append(
            {
                "family": family,
                "topology": t.name,
                "parameters": t.parameters,
                "density": t.density,
                "depth": t.depth,
                "hidden": t.hidden,
                "fully_connected": t.is_fully_connected,
                "fewest_paths": str(fewest),
                "most_paths": str(most),
                "uniform": fewest == most,
            }
        )
    return pd.DataFrame(rows)


def count_constraints(topologies: Mapping[str, Topology], seed: int) -> pd.DataFrame:
    """Solvable constraints of topologies, counted in three ways, without and with fixed skips off the support.

    Returns:
        "family", "topology", "entries" (of the dense matrix), "parameters", "hidden", "bound" min(entries, P - H),
        "coloring" (a greedy lower bound of the poster's heuristic), "jacobian_rank" (what is truly solvable),
        "closed_form" (empty where none is proved), "jacobian_rank_with_skips" (empty where no skip off the support
        exists), and both ranks per parameter as "efficiency" and "efficiency_with_skips".
    """
    rows = []
    for family, t in topologies.items():
        rank = constraints.jacobian_rank(t, np.random.default_rng(seed))
        with_skips = (
            None if _is_complete(t) else constraints.jacobian_rank(t, np.random.default_rng(seed), skips.off_support(t))
        )
        rows.append(
            {
                "family": family,
                "topology": t.name,
                "entries": t.inputs * t.outputs,
                "parameters": t.parameters,
                "hidden": t.hidden,
                "bound": min(t.inputs * t.outputs, t.parameters - t.hidden),
                "coloring": constraints.coloring(t, np.random.default_rng(seed)).count,
                "jacobian_rank": rank,
                "closed_form": constraints.closed_form(t),
                "jacobian_rank_with_skips": with_skips,
                "efficiency": rank / t.parameters,
                "efficiency_with_skips": None if with_skips is None else with_skips / t.parameters,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.astype({"closed_form": "Int64", "jacobian_rank_with_skips": "Int64"})


def _is_complete(t: Topology) -> bool:
    """Whether some stage has all edges, so that no skip lies outside its support."""
    return any(stage.all() for stage in t.stages)
