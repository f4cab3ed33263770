"""Structures in the place of pointwise and k × k convolutions, within one budget of weights (26_convolution)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import pandas as pd

from fabric.experiments.networks import Layer, MobileNet, SmallConvNet
from fabric.experiments.runs import Results
from fabric.experiments.statements import interval
from fabric.experiments.studies import convolution_counts
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.training import ImageConfig, train_images
from fabric.nn import plan

_TAPS = 9
_STEPS, _MOST = 200, 4  # in which hidden widths and ranks are searched, and up to how many times the narrower side


def structures(width: float, image: tuple[int, int]) -> pd.DataFrame:
    """MobileNets of one width whose pointwise layers have at most as many weights as the cheapest full-width Clos ones.

    Butterflies are padded to a square and stand in parallel, as many as the budget of a layer holds, at least one.

    Returns:
        "structure" (its name), "family" (of `fabric.topology`), "residual" (from first to last), "pointwise" (weights
        of all pointwise layers), "parameters" (of the network) and "network"; the dense network, which is no rival,
        first.
    """
    sizes = list(pairwise(MobileNet(width, image=image).channels))
    clos = convolution_counts.pointwise(convolution_counts.cheapest_clos, 1.0, width)
    budgets = [convolution_counts.weights(layer) for layer in clos]
    two_level = _within(convolution_counts.cheapest_two_level, sizes, sum(budgets))
    low_rank = _within(convolution_counts.rank_of, sizes, sum(budgets))
    masks = [Layer("random_sparse", (*pair, budget)) for pair, budget in zip(sizes, budgets, strict=True)]
    chosen: list[tuple[str, str, tuple[Layer, ...], bool]] = [("Clos", "clos", clos, False)]
    chosen.append(("Clos, first to last", "clos", clos, True))
    for radix in (2, 4):
        layers = tuple(_butterflies(*pair, budget, radix) for pair, budget in zip(sizes, budgets, strict=True))
        chosen.append((f"butterfly, radix {radix}", "butterfly", layers, False))
        chosen.append((f"butterfly, radix {radix}, first to last", "butterfly", layers, True))
    chosen.append(("two-level", "multistage_clos", two_level, False))
    chosen.append(("random mask", "random_sparse", tuple(masks), False))
    chosen.append(("low rank", "low_rank", low_rank, False))
    rows: list[dict[str, Any]] = [_row("dense", "dense", MobileNet(width, image=image), False)]
    rows += [
        _row(name, family, MobileNet(width, layers, residual, image=image), residual)
        for name, family, layers, residual in chosen
    ]
    groups = next(
        groups
        for groups in (2**power for power in range(1, 20))
        if _pointwise(MobileNet(width, groups=groups, image=image)) <= sum(budgets)
    )
    rows.append(_row("grouped and shuffled", "grouped", MobileNet(width, groups=groups, image=image), False))
    narrow = float(convolution_counts.rivals(rows[1]["parameters"]).set_index("rival").loc["narrow dense", "setting"])
    rows.append(_row("narrow dense", "dense", MobileNet(narrow, image=image), False))
    return pd.DataFrame(rows)


def kernels(channels: Sequence[int], fewer: float, image: tuple[int, int]) -> pd.DataFrame:
    """A small network of 3 × 3 kernels: dense, as Clos cascades in three ways, and narrow, `fewer` times fewer weights.

    Routers are those that `fabric.nn.plan` prefers. The narrow network is the widest dense one with no more weights
    than the largest of the others.

    Returns:
        "way", "weights" (of all kernels but the first) and "network".
    """
    dense = SmallConvNet(tuple(channels), image=image)
    routers: dict[str, list[Any]] = {"first": [], "im2col": [], "depthwise": []}
    for inputs, outputs in pairwise(channels):
        budget = int(_TAPS * inputs * outputs / fewer)
        window = _TAPS * inputs
        found = {
            "first": plan(window, outputs, weights=budget, structures=["clos"], taps=_TAPS),
            "im2col": plan(window, outputs, weights=budget, structures=["clos"]),
            "depthwise": plan(inputs, outputs, weights=budget - window, structures=["clos"]),
        }
        for way, plans in found.items():
            routers[way].append(plans[0].counts)
    ways = {way: SmallConvNet(tuple(channels), tuple(counts), way, image=image) for way, counts in routers.items()}
    most = max(sum(network.weights()) for network in ways.values())
    widths = range(len(channels), channels[0] * 8)
    narrow = max(
        (SmallConvNet(_scaled(channels, step / (channels[0] * 8)), image=image) for step in widths),
        key=lambda network: sum(network.weights()) if sum(network.weights()) <= most else -1,
    )
    networks = {"dense": dense, **ways, "narrow dense": narrow}
    return pd.DataFrame(
        [{"way": name, "weights": sum(network.weights()), "network": network} for name, network in networks.items()]
    )


def halving(
    results: Results,
    table: pd.DataFrame,
    key: str,
    base: Mapping[str, Any],
    rates: Sequence[float],
    decays: Sequence[float],
    rungs: Sequence[tuple[int, int]],
    held_out: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For every network the rate and weight decay that survive successive halving on held-out samples, one seed.

    Args:
        results: where runs are kept.
        table: one network per row, with "network" and its name in column `key`.
        base: fields of `ImageConfig` beside these and "network", "samples", "seed".
        rates, decays: the first rung has all pairs.
        rungs: training samples and how many pairs go on, the last one.
        held_out: training samples that are tested on.

    Returns:
        `table` with "learning_rate" and "weight_decay", and all trials: `key`, "rung" (from 1), "learning_rate",
        "weight_decay", "held_out_accuracy" (a fraction), "kept".
    """
    not_empty(rates=rates, decays=decays, rungs=rungs)
    left = {name: list(product(rates, decays)) for name in table[key]}
    trials = []
    for rung, (samples, keep) in enumerate(rungs, start=1):
        rows = [(row, pair) for row in table.itertuples() for pair in left[getattr(row, key)]]
        configs = [
            ImageConfig(
                network=row.network, samples=samples, learning_rate=rate, weight_decay=decay, seed=0, held_out=held_out,
                **base,
            )
            for row, (rate, decay) in rows
        ]  # fmt: skip
        records = results.sweep(train_images, configs, title=f"rung {rung}")
        found = records[["learning_rate", "weight_decay"]].assign(held_out_accuracy=records["accuracy"], rung=rung)
        found[key] = [getattr(row, key) for row, _ in rows]
        ranks = found.groupby(key)["held_out_accuracy"].rank(method="first", ascending=False)
        found["kept"] = ranks <= keep
        for name, kept in found[found["kept"]].groupby(key):
            left[name] = list(zip(kept["learning_rate"], kept["weight_decay"], strict=True))
        trials.append(found)
    last = trials[-1][trials[-1]["kept"]].set_index(key)
    chosen = table.assign(**{name: table[key].map(last[name]) for name in ("learning_rate", "weight_decay")})
    return chosen, pd.concat(trials, ignore_index=True)[[key, "rung", "learning_rate", "weight_decay",
                                                         "held_out_accuracy", "kept"]]  # fmt: skip


def train(
    results: Results, table: pd.DataFrame, key: str, base: Mapping[str, Any], samples: int, epochs: int, seeds: int
) -> pd.DataFrame:
    """Train every network with its rate and decay and seeds 0, 1, ...; accuracies in %, with the columns of `table`."""
    positive(seeds=seeds)
    trials = [(row, seed) for seed in range(seeds) for row in table.itertuples()]
    configs = [
        ImageConfig(
            network=row.network, samples=samples, learning_rate=row.learning_rate, weight_decay=row.weight_decay,
            seed=seed, **{**base, "epochs": epochs},
        )
        for row, seed in trials
    ]  # fmt: skip
    records = results.sweep(train_images, configs, title="structures")
    for column in table.columns.difference(records.columns):
        records[column] = [getattr(row, column) for row, _ in trials]
    return records.assign(accuracy=100 * records["accuracy"])


def over_rival(runs: pd.DataFrame, key: str, rival: str) -> pd.DataFrame:
    """Points of accuracy above a rival, paired by seed: `key`, "gain" with its 95 % interval "low" and "high"."""
    paired = runs.pivot(index="seed", columns=key, values="accuracy")
    rows = []
    for name in paired.columns.drop(rival):
        bounds = interval(paired[name] - paired[rival])
        rows.append({key: name, "gain": bounds.mean, "low": bounds.low, "high": bounds.high})
    return pd.DataFrame(rows)


def _row(name: str, family: str, network: MobileNet, residual: bool) -> dict[str, Any]:
    counts = network.counts()
    return {
        "structure": name,
        "family": family,
        "residual": residual,
        "pointwise": _pointwise(network),
        "parameters": sum(count.parameters for count in counts),
        "network": network,
    }


def _pointwise(network: MobileNet) -> int:
    return sum(count.parameters for count in network.counts() if count.kind == "pointwise")


def _within(rule: convolution_counts.Rule, sizes: Sequence[tuple[int, int]], budget: int) -> tuple[Layer, ...]:
    """The rule's layers with the widest hidden levels that have no more weights than the budget."""
    steps = range(1, _MOST * _STEPS + 1)
    fitting = [
        layers
        for layers in (tuple(rule(*pair, step / _STEPS) for pair in sizes) for step in steps)
        if sum(map(convolution_counts.weights, layers)) <= budget
    ]
    return fitting[-1]


def _butterflies(inputs: int, outputs: int, budget: int, radix: int) -> Layer:
    """As many parallel butterflies as the budget holds, on the next power of two of the wider side; of radix 4 with a
    last stage of radix 2 where that is no power of four.
    """
    levels = (max(inputs, outputs) - 1).bit_length()
    n = 1 << levels
    radices = (2,) * levels if radix == 2 else (4,) * (levels // 2) + (2,) * (levels % 2)
    count = max(1, budget // (n * sum(radices)))
    return Layer("parallel_butterfly", (n, count if len(radices) > 1 else 1, radices))


def _scaled(channels: Sequence[int], share: float) -> tuple[int, ...]:
    return tuple(max(1, round(share * count)) for count in channels)
