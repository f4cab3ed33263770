"""Every topology at one width: counts, connectivity and solvable constraints (03_topologies, 06_constraints)."""

import itertools
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from fabric import constraints, topology
from fabric.experiments.statements import Verdict, by_design, counted
from fabric.topology import Topology, skips

_DRAWS = 3  # of many skips, since a draw may leave a neuron without any


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


def clos_with_skips(width: int, seed: int) -> pd.DataFrame:
    """Every Clos cascade of `width` inputs and outputs whose routers are powers of two, two or more, and that could be
    ideal: it has no more parameters than entries, and room for skips outside each stage.

    Args:
        width: a power of two, at least 4.
        seed: of the random points at which the rank is taken, and of skips that are drawn.

    Returns:
        "topology", "parameters"; "several", whether routers of the first stage have several inputs and those of the
        last several outputs; "plain", "identity", "off_support" and "many", the Jacobian's rank without skips, with
        either kind, and with half of all pairs outside each stage, the most of `_DRAWS` draws; "efficiency", the most
        of these over parameters.
    """
    sizes = [2**k for k in range(1, width.bit_length())]
    rows = []
    for first, middle, last in itertools.product(sizes, repeat=3):
        t = topology.clos(width, width, first, middle, last)
        if t.parameters > width * width or _is_complete(t):
            continue
        kinds = {"plain": None, "identity": skips.identity(t), "off_support": skips.off_support(t)}
        ranks = {kind: constraints.jacobian_rank(t, np.random.default_rng(seed), own) for kind, own in kinds.items()}
        ranks["many"] = max(_with_many(t, seed + draw) for draw in range(_DRAWS))
        named = {"topology": t.name, "parameters": t.parameters, "several": max(first, last) < width}
        rows.append(named | ranks | {"efficiency": max(ranks.values()) / t.parameters})
    return pd.DataFrame(rows)


def _with_many(t: Topology, seed: int) -> int:
    rng = np.random.default_rng(seed)
    return constraints.jacobian_rank(t, rng, [~stage & (rng.random(stage.shape) < 0.5) for stage in t.stages])


def ideal_with_skips(table: pd.DataFrame) -> Verdict:
    """Verdict on "Clos networks with skip connections have ideal parameter efficiency": all of `clos_with_skips` have,
    each with the kind of skips that suits it best."""
    ideal = {kind: table[kind] == table["parameters"] for kind in ("identity", "off_support", "many")}
    by_any, several = table["efficiency"] == 1, table["several"]
    worst = table.loc[table["efficiency"].idxmin()]
    return counted(
        "neurofabric-clos-skips",
        float(worst["efficiency"]),
        0,
        f"{by_any.sum()} of {len(table)} cascades are ideal: {by_any[several].sum()} of {several.sum()} in which "
        "routers of the first stage have several inputs and those of the last several outputs, "
        f"{by_any[~several].sum()} of {(~several).sum()} others. One skip a neuron outside each stage is enough for "
        f"{ideal['off_support'].sum()}, half of all pairs outside for {ideal['many'].sum()}, identity skips for "
        f"{ideal['identity'].sum()}. Fewest: {worst['topology']}.",
    )


def waste(table: pd.DataFrame) -> Verdict:
    """Verdict on "deep networks can waste edges", of the butterfly, by the colouring.

    It follows from the bound P - H: each hidden neuron wastes an edge, in shallow networks, too.

    Args:
        table: of `count_constraints`, with a butterfly.
    """
    wasted = 1 - table.set_index("family")["coloring"] / table.set_index("family")["parameters"]
    used = ", ".join(f"{row.topology} {row.efficiency:.2f}" for row in table.sort_values("efficiency").itertuples())
    return by_design(
        "neurofabric-deep-wastes",
        100 * float(wasted["butterfly"]),
        bool(wasted["butterfly"] > 0),
        "Follows from the bound P - H: each hidden neuron wastes an edge, and a butterfly has many hidden neurons for "
        f"its edges. Depth alone does not decide. Share of edges that topologies use, by rank: {used}.",
    )


def _is_complete(t: Topology) -> bool:
    """Whether some stage has all edges, so that no skip lies outside its support."""
    return any(stage.all() for stage in t.stages)
