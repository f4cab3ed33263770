"""One layer of a network as every topology, with and without skips, at equal parameters (10_heuristic_vs_accuracy)."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from fabric.experiments.networks import Layer, LayerWithSkips, label, one_hidden_layer, weights
from fabric.experiments.studies._parameters import not_empty

CLASSES = 10
NEAR = 0.14  # how far the weights of a network may be from what all are sized for, as a share of it


def layers(side: int, budget: float = 1) -> dict[str, Layer | LayerWithSkips]:
    """Layers of n = side**2 inputs and n outputs with about 5 n side weights times the budget.

    Budget 1 is what a side × side torus needs: that many stages of it just connect every input with every output. All
    others are sized to match: stages, routers, rank or the number of butterflies are whole numbers, so some come near
    only. "+ skips" marks a fixed permutation around every stage, off its support. The dense layer has fewer outputs
    instead, such that the network with a dense layer to ten classes after it matches.

    Args:
        side: a power of two, at least 8.
        budget: from 1 / (5 side), one weight for each input, to side / 5, all of them.

    Raises:
        ValueError: another side or budget.
    """
    if side < 8 or side & (side - 1):
        raise ValueError(f"side must be a power of two, at least 8, got {side!r}")
    if not 1 / (5 * side) <= budget <= side / 5:
        raise ValueError(f"budget must be from {1 / (5 * side):g} to {side / 5:g} at side {side}, got {budget!r}")
    n = side * side
    target = _target(side, budget)
    dimensions = n.bit_length() - 1
    plain = {
        "Clos": _clos(n, side, target),
        "Clos, many routers": _clos(n, 2 * side, target),
        "Clos, 4 stages": _multistage_clos(n, side, 2, target),
        "Clos, 5 stages": _multistage_clos(n, side, 3, target),
        "butterfly": _butterfly(n, target),
        "parallel butterflies, 2 stages": _two_stage_butterflies(n, target),
        "parallel butterflies, radix 4": _parallel_butterfly(n, 4, target),
        "parallel butterflies, radix 2": _parallel_butterfly(n, 2, target),
        "hypercube": Layer("hypercube", (n, max(1, round(target / (n * (dimensions + 1)))))),
        "torus": Layer("torus", ((side, side), max(1, round(target / (5 * n))))),
    }
    skipped = {f"{name} + skips": LayerWithSkips(layer, "off_support") for name, layer in plain.items()}
    single = {
        "low-rank": Layer("low_rank", (n, n, max(1, round(target / (2 * n))))),
        "random sparse": Layer("random_sparse", (n, n, target)),
        "pre-defined": Layer("predefined", (n, n, target // n, "structured")),
        "dense": Layer("dense", (n, round((target + n * CLASSES) / (n + CLASSES)))),
    }
    return plain | skipped | single


def _target(side: int, budget: float) -> int:
    """Weights that the layers are sized for."""
    return round(5 * side**3 * budget)


def _clos(n: int, routers: int, target: int) -> Layer:
    return Layer("clos", (n, n, routers, max(1, round(target / (2 * n + routers**2))), routers))


def _multistage_clos(n: int, side: int, middle: int, target: int) -> Layer:
    """`side` routers at both ends and levels between, equal or one router apart, with weights nearest to the target."""
    splits = [(a,) * equal + (a + 1,) * (middle - equal) for a in range(1, 2 * side) for equal in range(1, middle + 1)]

    def off(levels: tuple[int, ...]) -> int:
        routers = (side, *levels, side)
        inner = sum(a * b * c for a, b, c in zip(routers[:-2], levels, routers[2:], strict=True))
        return abs(n * (levels[0] + levels[-1]) + inner - target)

    return Layer("multistage_clos", (n, n, (side, *min(splits, key=lambda levels: (off(levels), levels)), side)))


def _butterfly(n: int, target: int) -> Layer:
    """Radices in rising order, powers of two, with weights nearest to the target; the fewest where many are."""
    splits = [tuple(2**each for each in parts) for parts in _partitions(n.bit_length() - 1) if len(parts) > 1]
    return Layer("butterfly", (n, min(splits, key=lambda radices: (abs(n * sum(radices) - target), len(radices)))))


def _partitions(number: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a sum of parts in rising order."""
    yield (number,)
    for first in range(least, number // 2 + 1):
        for rest in _partitions(number - first, first):
            yield first, *rest


def _two_stage_butterflies(n: int, target: int) -> Layer:
    """At least two butterflies of two radices, powers of two, with weights nearest to the target."""
    pairs = [(2**k, n >> k) for k in range(1, n.bit_length() // 2 + 1)]
    counts = [max(2, round(target / (n * sum(pair)))) for pair in pairs]
    _, count, radices = min(
        (abs(n * count * sum(pair) - target), count, pair) for count, pair in zip(counts, pairs, strict=True)
    )
    return Layer("parallel_butterfly", (n, count, radices))


def _parallel_butterfly(n: int, radix: int, target: int) -> Layer:
    stages = round(math.log(n, radix))
    return Layer("parallel_butterfly", (n, max(2, round(target / (n * radix * stages))), radix))


def networks(chosen: Sequence[str], side: int, budgets: Sequence[float]) -> pd.DataFrame:
    """One network per row: a layer of `layers(side, budget)`, ReLU, a dense layer to ten classes.

    Layers that whole numbers keep away from a budget, by more than `NEAR`, are left out there: even two parallel
    butterflies, for instance, have more weights than a small budget.

    Returns:
        "budget", "method" (the key of `layers`), "family" (the topology's function), "skips", "label", "weights" of the
        whole network, "off_target" (their relative distance from what all are sized for), "layer" and "network".

    Raises:
        ValueError: a name that is no key of `layers`, or a side or budget that it does not take.
    """
    not_empty(chosen=chosen, budgets=budgets)
    rows = []
    for budget in budgets:
        known = layers(side, budget)
        if unknown := [name for name in chosen if name not in known]:
            raise ValueError(f"chosen must be among {', '.join(known)}, got {unknown!r}")
        for method in chosen:
            layer = known[method]
            network = one_hidden_layer(layer, CLASSES)
            rows.append(
                {
                    "budget": budget,
                    "method": method,
                    "family": layer.layer.topology if isinstance(layer, LayerWithSkips) else layer.topology,
                    "skips": isinstance(layer, LayerWithSkips),
                    "label": label(network),
                    "weights": weights(network),
                    "off_target": weights(network) / (_target(side, budget) + CLASSES * side**2) - 1,
                    "layer": layer,
                    "network": network,
                }
            )
    made = pd.DataFrame(rows)
    return made[made["off_target"].abs() < NEAR].reset_index(drop=True)
