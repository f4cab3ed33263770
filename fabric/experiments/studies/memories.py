"""Clash-free memories compared: how many patterns, how irregular, what they cost (notebook 22_clash_free_memories)."""

import numpy as np
import pandas as pd

from fabric.experiments.published import published
from fabric.experiments.verdicts import interval
from fabric.topology import predefined
from fabric.topology.clashes import reads_in_order, stall_cycles
from fabric.topology.interleaver import VARIANTS, clash_free, start_vector
from fabric.topology.junctions import CLASH_FREE, PATTERNS
from fabric.topology.pattern_counts import address_sequences, adjacency_matrices
from fabric.topology.permutations import dispersion, spreads
from fabric.topology.scatter import scatter, windows

_WINDOW = 8


def count_patterns(inputs: int, outputs: int, fan_out: int, parallelism: int) -> pd.DataFrame:
    """Per clash-free pattern the number of "address_sequences" and of different "adjacency_matrices"."""
    sizes = (inputs, outputs, fan_out)
    return pd.DataFrame(
        {
            "pattern": pattern,
            "address_sequences": address_sequences(*sizes, pattern, parallelism),
            "adjacency_matrices": adjacency_matrices(*sizes, pattern, parallelism),
        }
        for pattern in CLASH_FREE
    )


def compare_variants(inputs: int, fan_out: int, parallelism: int, seeds: int) -> pd.DataFrame:
    """Spread and dispersion of the published interleaver variants, means over seeds, and the published values.

    Returns:
        "variant", "spread" (smallest over all edges), "mean_spread" (mean over edges) with its 95 % interval
        "spread_low", "spread_high", "dispersion" likewise, "published_spread", "published_dispersion", "seeds".
    """
    printed = published("predefined-spread")["values"]
    rows = []
    for variant in VARIANTS:
        orders = [
            start_vector(inputs, fan_out, parallelism, variant, np.random.default_rng(seed)).weights()
            for seed in range(seeds)
        ]
        moved = [spreads(order) for order in orders]
        mean_spread = interval([float(distances.mean()) for distances in moved])
        dispersed = interval([dispersion(order) for order in orders])
        rows.append(
            {
                "variant": variant,
                "spread": float(np.mean([distances.min() for distances in moved])),
                "mean_spread": mean_spread.mean,
                "spread_low": mean_spread.low,
                "spread_high": mean_spread.high,
                "published_spread": printed[variant][0],
                "dispersion": dispersed.mean,
                "dispersion_low": dispersed.low,
                "dispersion_high": dispersed.high,
                "published_dispersion": printed[variant][1],
                "seeds": seeds,
            }
        )
    return pd.DataFrame(rows)


def compare_patterns(inputs: int, outputs: int, fan_out: int, parallelism: int, seeds: int) -> pd.DataFrame:
    """Stalls and scatter of all patterns, means over seeds.

    A clash-free junction reads its edges as its address generator says, the others output by output and within an
    output in the order of the inputs.

    Returns:
        "pattern", "cycles" of a pass without stalls, "stall_cycles" with its 95 % interval "low", "high", "scatter" of
        the outputs over windows of eight neighbouring inputs, and "seeds".
    """
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
        lost = interval(stalls)
        rows.append(
            {
                "pattern": pattern,
                "cycles": inputs * fan_out // parallelism,
                "stall_cycles": lost.mean,
                "low": lost.low,
                "high": lost.high,
                "scatter": float(np.mean(evenness)),
                "seeds": seeds,
            }
        )
    return pd.DataFrame(rows)
