"""Does a count made before training predict accuracy? Topologies at equal parameters (10_heuristic_vs_accuracy)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from fabric import constraints
from fabric.experiments.networks import SKIPS, Layer, LayerWithSkips, label, one_hidden_layer, weights
from fabric.experiments.results import Results
from fabric.experiments.store import Record, run_key
from fabric.topology import Topology

CLASSES = 10


def layers(side: int) -> dict[str, Layer | LayerWithSkips]:
    """Layers of n = side**2 inputs and n outputs with about 5 n side weights, which is what a side × side torus needs.

    That many stages of a torus just connect every input with every output. All others are sized to match: routers,
    depth, rank or the number of butterflies are whole numbers, so some come near only. "+ skips" marks a fixed
    permutation around every stage, off its support. The dense layer has fewer outputs instead, such that the network
    with a dense layer to ten classes behind it matches.

    Args:
        side: a power of two, at least 8.

    Raises:
        ValueError: another side.
    """
    if side < 8 or side & (side - 1):
        raise ValueError(f"side must be a power of two, at least 8, got {side!r}")
    n = side * side
    target = 5 * n * side
    dimensions = n.bit_length() - 1
    plain = {
        "Clos": _clos(n, side, target),
        "Clos, many routers": _clos(n, 2 * side, target),
        "Clos, 4 stages": _four_stage_clos(n, side, target),
        "Clos, 5 stages": Layer("multistage_clos", (n, n, (side,) * 5)),
        "butterfly": Layer("butterfly", (n, (side // 4, 4 * side))),
        "parallel butterflies, 2 stages": Layer("parallel_butterfly", (n, 2, (side // 2, 2 * side))),
        "parallel butterflies, radix 4": _parallel_butterfly(n, 4, target),
        "parallel butterflies, radix 2": _parallel_butterfly(n, 2, target),
        "hypercube": Layer("hypercube", (n, max(dimensions, round(target / (n * (dimensions + 1)))))),
        "torus": Layer("torus", ((side, side), side)),
    }
    skipped = {f"{name} + skips": LayerWithSkips(layer, "off_support") for name, layer in plain.items()}
    single = {
        "low-rank": Layer("low_rank", (n, n, round(target / (2 * n)))),
        "random sparse": Layer("random_sparse", (n, n, target)),
        "pre-defined": Layer("predefined", (n, n, target // n, "structured")),
        "dense": Layer("dense", (n, round((target + n * CLASSES) / (n + CLASSES)))),
    }
    return plain | skipped | single


def _clos(n: int, routers: int, target: int) -> Layer:
    return Layer("clos", (n, n, routers, round(target / (2 * n + routers**2)), routers))


def _four_stage_clos(n: int, side: int, target: int) -> Layer:
    """Two middle levels, equal or one router apart, with the weights nearest to the target."""
    _, first, second = min(
        (abs(n * (a + b) + 2 * side * a * b - target), a, b) for a in range(1, 2 * side) for b in (a, a + 1)
    )
    return Layer("multistage_clos", (n, n, (side, first, second, side)))


def _parallel_butterfly(n: int, radix: int, target: int) -> Layer:
    stages = round(math.log(n, radix))
    return Layer("parallel_butterfly", (n, round(target / (n * radix * stages)), radix))


def networks(chosen: Sequence[str], side: int) -> pd.DataFrame:
    """One network per row: a layer of `layers(side)`, ReLU, a dense layer to ten classes.

    Returns:
        "method" (the key of `layers`), "family" (the topology's function), "skips", "label", "weights" of the whole
        network, "layer" and "network".

    Raises:
        ValueError: a name that is no key of `layers`.
    """
    known = layers(side)
    if unknown := [name for name in chosen if name not in known]:
        raise ValueError(f"chosen must be among {', '.join(known)}, got {unknown!r}")
    rows = []
    for method in chosen:
        layer = known[method]
        network = one_hidden_layer(layer, CLASSES)
        rows.append(
            {
                "method": method,
                "family": layer.layer.topology if isinstance(layer, LayerWithSkips) else layer.topology,
                "skips": isinstance(layer, LayerWithSkips),
                "label": label(network),
                "weights": weights(network),
                "layer": layer,
                "network": network,
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class CountConfig:
    """What is counted of one layer before training.

    Attributes:
        layer: the layer; a random one is drawn with `seed`.
        seed: of random topologies, colouring and rank.
        rank: whether the exact Jacobian rank is wanted too; it takes n**2 times parameters numbers of memory.
    """

    recipe: ClassVar[int] = 1

    layer: Layer | LayerWithSkips
    seed: int
    rank: bool


def count(config: CountConfig) -> Record:
    """All counts of one layer; paths run over fixed skips too.

    Returns:
        "parameters", "depth", "fewest_paths" and "most_paths" (text: they pass 64 bits), "coloring", "bound" (entries,
        or free weights if fewer: parameters less the hidden neurons that no skip touches), "closed_form" (None where
        none is proved) and "jacobian_rank" (None if not wanted).
    """
    topology = config.layer.build(np.random.default_rng(config.seed))
    skips = SKIPS[config.layer.skips](topology) if isinstance(config.layer, LayerWithSkips) else None
    joined = topology if skips is None else Topology([a | b for a, b in zip(topology.stages, skips, strict=True)])
    fewest, most = joined.path_diversity
    return {
        **asdict(config),
        "key": run_key(config),
        "label": config.layer.label,
        "parameters": topology.parameters,
        "depth": topology.depth,
        "fewest_paths": str(fewest),
        "most_paths": str(most),
        "coloring": constraints.coloring(topology, np.random.default_rng(config.seed), skips).count,
        "bound": min(
            topology.inputs * topology.outputs, topology.parameters - (topology.hidden if skips is None else 0)
        ),
        "closed_form": constraints.closed_form(topology) if skips is None else None,
        "jacobian_rank": constraints.jacobian_rank(topology, np.random.default_rng(config.seed), skips)
        if config.rank
        else None,
    }


def count_all(results: Results, chosen: pd.DataFrame, rank_side: int, seed: int) -> pd.DataFrame:
    """Every count of every network's first layer, with its Jacobian rank.

    The rank is exact where a closed form is proved and where side and `rank_side` are the same. Elsewhere it is the
    bound times the share of the bound that the exact rank of the same kind of layer with side `rank_side` reaches.

    Args:
        results: where counts are kept, as runs are.
        chosen: of `networks`.
        rank_side: side at which all ranks are computed exactly.
        seed: of random topologies and of the counting.

    Returns:
        "method", "label" and what `count` returns, with "jacobian_rank", "rank_by" ("proof", "computation" or "share")
        and "bound_share": exact rank over bound at `rank_side`.
    """
    counted = results.sweep(count, [CountConfig(layer, seed, False) for layer in chosen["layer"]], title="counts")
    small = layers(rank_side)
    exact = results.sweep(count, [CountConfig(small[name], seed, True) for name in chosen["method"]], title="ranks")
    share = exact["jacobian_rank"] / exact["bound"]
    proved = counted["closed_form"].notna()
    same = counted["label"] == exact["label"]
    rank = (counted["bound"] * share).round().where(~proved, counted["closed_form"])
    by = np.select([proved, same], ["proof", "computation"], "share")
    counted = counted.assign(method=chosen["method"].to_numpy(), jacobian_rank=rank.astype(int), rank_by=by)
    columns = ["method", "label", "parameters", "depth", "fewest_paths", "most_paths", "coloring", "bound"]
    return counted[[*columns, "jacobian_rank", "rank_by"]].assign(bound_share=share)
