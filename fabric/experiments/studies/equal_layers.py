"""One layer of a network as every topology, with and without skips, at equal parameters (10_heuristic_vs_accuracy)."""

import math
from collections.abc import Sequence

import pandas as pd

from fabric.experiments.networks import Layer, LayerWithSkips, label, one_hidden_layer, weights

CLASSES = 10


def layers(side: int) -> dict[str, Layer | LayerWithSkips]:
    """Layers of n = side**2 inputs and n outputs with about 5 n side weights, which is what a side × side torus needs.

    That many stages of a torus just connect every input with every output. All others are sized to match: routers,
    depth, rank or the number of butterflies are whole numbers, so some come near only. "+ skips" marks a fixed
    permutation around every stage, off its support. The dense layer has fewer outputs instead, such that the network
    with a dense layer to ten classes after it matches.

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
        network, "off_target" (their relative distance from what all are sized for), "layer" and "network".

    Raises:
        ValueError: a name that is no key of `layers`.
    """
    known = layers(side)
    if unknown := [name for name in chosen if name not in known]:
        raise ValueError(f"chosen must be among {', '.join(known)}, got {unknown!r}")
    target = 5 * side**3 + CLASSES * side**2
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
                "off_target": weights(network) / target - 1,
                "layer": layer,
                "network": network,
            }
        )
    return pd.DataFrame(rows)
