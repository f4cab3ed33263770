"""Clash-free memories compared: how many patterns, how irregular, what they cost (notebook 22_clash_free_memories)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fabric.experiments.statements import interval, published
from fabric.experiments.studies._parameters import positive
from fabric.topology import predefined
from fabric.topology.clashes import reads_in_order, stall_cycles
from fabric.topology.interleaver import VARIANTS, Interleaver, clash_free, start_vector
from fabric.topology.junctions import CLASH_FREE, PATTERNS
from fabric.topology.pattern_counts import address_sequences, adjacency_matrices
from fabric.topology.permutations import dispersion, spread
from fabric.topology.scatter import scatter, windows

READS = ("natural", "permuted")  # of weights, which lie in the order of the slots; of activations

_WINDOW = 8


def count_patterns(sizes: Sequence[tuple[int, int, int, int]]) -> pd.DataFrame:
    """How many clash-free patterns there are.

    Args:
        sizes: inputs, outputs, fan-out and parallelism of some junctions.

    Returns:
        "inputs", "outputs", "fan_out", "parallelism", "pattern", and the numbers of "address_sequences" and of
        different "adjacency_matrices".
    """
    return pd.DataFrame(
        {
            "inputs": inputs,
            "outputs": outputs,
            "fan_out": fan_out,
            "parallelism": parallelism,
            "pattern": pattern,
            "address_sequences": address_sequences(inputs, outputs, fan_out, pattern, parallelism),
            "adjacency_matrices": adjacency_matrices(inputs, outputs, fan_out, pattern, parallelism),
        }
        for inputs, outputs, fan_out, parallelism in sizes
        for pattern in CLASH_FREE
    )


def reads(junction: Interleaver, order: str) -> tuple[np.ndarray, np.ndarray]:
    """Memory and row that each lane reads in each cycle, both (cycles, lanes), in an order of `READS`."""
    banks, rows = junction.addresses()
    if order == "permuted":
        return banks, rows
    places = np.indices(rows.shape)
    return places[1], places[0]


def entries(junction: Interleaver) -> list[int]:
    """Different rows that are read of each memory of activations, for all memories that are read."""
    banks, rows = junction.addresses()
    return [len(np.unique(rows[banks == memory])) for memory in np.unique(banks)]


def most_rows(junction: Interleaver, order: str) -> int:
    """Different rows that are read in one cycle, the most of all cycles."""
    _, rows = reads(junction, order)
    return max(len(np.unique(cycle)) for cycle in rows)


def different_orders(inputs: int, fan_out: int, parallelism: int, pattern: str, seeds: int) -> int:
    """Orders of the edges that as many seeds give; 0 if a seed gives another when it is drawn again."""
    positive(seeds=seeds)
    first, again = (
        [
            clash_free(inputs, fan_out, parallelism, pattern, np.random.default_rng(seed)).weights()
            for seed in range(seeds)
        ]
        for _ in range(2)
    )
    alike = all(map(np.array_equal, first, again))
    return len({order.tobytes() for order in first}) if alike else 0


def compare_variants(inputs: int, fan_out: int, parallelism: int, seeds: int) -> pd.DataFrame:
    """Spread and dispersion of the published interleaver variants, means over seeds, and the published values.

    Returns:
        "variant", "spread" with its 95 % interval "spread_low", "spread_high", "dispersion" likewise,
        "published_spread", "published_dispersion", "inputs", "fan_out", "parallelism", "seeds".
    """
    positive(seeds=seeds)
    printed = published("predefined-spread")["values"]
    rows = []
    for variant in VARIANTS:
        orders = [
            start_vector(inputs, fan_out, parallelism, variant, np.random.default_rng(seed)).weights()
            for seed in range(seeds)
        ]
        apart, dispersed = interval(list(map(spread, orders))), interval(list(map(dispersion, orders)))
        rows.append(
            {
                "variant": variant,
                "spread": apart.mean,
                "spread_low": apart.low,
                "spread_high": apart.high,
                "published_spread": printed[variant][0],
                "dispersion": dispersed.mean,
                "dispersion_low": dispersed.low,
                "dispersion_high": dispersed.high,
                "published_dispersion": printed[variant][1],
                "inputs": inputs,
                "fan_out": fan_out,
                "parallelism": parallelism,
                "seeds": seeds,
            }
        )
    return pd.DataFrame(rows)


def compare_patterns(inputs: int, outputs: int, fan_out: int, parallelism: int, seeds: int) -> pd.DataFrame:
    """Stalls and scatter of all patterns, means over seeds.

    A clash-free junction reads its edges as its address generator says, the others output by output and within an
    output in the order of the inputs.

    Returns:
        "pattern", "cycles" of a pass without stalls, "stall_cycles" with its 95 % interval "stalls_low", "stalls_high",
        "scatter" of the outputs over windows of eight neighbouring inputs with "scatter_low", "scatter_high", the sizes
        "inputs", "outputs", "fan_out" and "parallelism", and "seeds".
    """
    positive(seeds=seeds)
    over = windows((inputs,), (_WINDOW,), (_WINDOW,))
    rows = []
    for pattern in PATTERNS:
        stalls, evenness = [], []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            if pattern in CLASH_FREE:
                junction = clash_free(inputs, fan_out, parallelism, pattern, rng)
                stage, (banks, _) = junction.topology(outputs).stages[0], junction.addresses()
            else:
                stage = predefined(inputs, outputs, fan_out, pattern, rng).stages[0]
                banks = reads_in_order(stage, parallelism)
            stalls.append(stall_cycles(banks))
            evenness.append(scatter(stage, over))
        lost, even = interval(stalls), interval(evenness)
        rows.append(
            {
                "pattern": pattern,
                "cycles": inputs * fan_out // parallelism,
                "stall_cycles": lost.mean,
                "stalls_low": lost.low,
                "stalls_high": lost.high,
                "scatter": even.mean,
                "scatter_low": even.low,
                "scatter_high": even.high,
                "inputs": inputs,
                "outputs": outputs,
                "fan_out": fan_out,
                "parallelism": parallelism,
                "seeds": seeds,
            }
        )
    return pd.DataFrame(rows)
