"""What Sparse Glorot keeps where degrees differ: rectangular cascades and irregular masks (04_sparse_glorot)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.networks import layer
from fabric.experiments.studies._parameters import not_empty
from fabric.experiments.studies.sparse_glorot import random_masks
from fabric.nn.init import (
    end_to_end_glorot_uniform_,
    expected_variance,
    expected_variance_by_level,
    sparse_glorot_uniform_,
)
from fabric.topology import Topology


def rectangular(cascades: Sequence[tuple[str, Sequence[Any]]]) -> pd.DataFrame:
    """Cascades in which fan-in and fan-out differ but are the same for all neurons of a level.

    A stage then multiplies the variance of signals by 2 f_in / (f_in + f_out) and that of gradients by
    2 f_out / (f_in + f_out).

    Args:
        cascades: names of topologies and their arguments, e.g. ["clos", [1024, 256, 32, 16, 32]].

    Returns:
        "topology", "fan_in_and_out" of every stage ("32→16, ..."), "gains" of the signals, stage by stage, and their
        "product"; the exact mean squares "forward" and "backward" at the ends, and after scaling to the end-to-end
        variance of a dense layer "forward_end_to_end" and "backward_end_to_end".

    Raises:
        ValueError: a stage whose neurons differ in fan-in or in fan-out.
    """
    not_empty(cascades=cascades)
    rows = []
    for family, arguments in cascades:
        first = layer(family, arguments)
        t = first.build(np.random.default_rng(0))
        degrees = [(_only(stage.sum(axis=1)), _only(stage.sum(axis=0))) for stage in t.stages]
        gains = [2 * fan_in / (fan_in + fan_out) for fan_in, fan_out in degrees]
        plain = expected_variance(t, sparse_glorot_uniform_)
        scaled = expected_variance(t, end_to_end_glorot_uniform_)
        rows.append(
            {
                "topology": first.label,
                "fan_in_and_out": ", ".join(f"{fan_in}→{fan_out}" for fan_in, fan_out in degrees),
                "gains": " · ".join(f"{gain:.3g}" for gain in gains),
                "product": float(np.prod(gains)),
                "forward": plain.forward.mean(),
                "backward": plain.backward.mean(),
                "forward_end_to_end": scaled.forward.mean(),
                "backward_end_to_end": scaled.backward.mean(),
            }
        )
    return pd.DataFrame(rows)


def _only(degrees: np.ndarray) -> int:
    if (degrees != degrees[0]).any():
        raise ValueError(f"all neurons of a level must have the same degree, got {sorted(set(degrees.tolist()))}")
    return int(degrees[0])


def irregular(width: int, depth: int, edges_per_neuron: int) -> pd.DataFrame:
    """Counting each neuron's connections against counting their average, on masks with and without hubs.

    "random": another mask at every stage, all edges equally likely. "hubs": the same with neurons whose expected
    degrees rise from 0.2 to 1.8 times the average, the same neurons at every stage.

    Returns:
        "masks", "counts" ("of each neuron" or "average"), "forward" (exact mean square of the signals at the outputs)
        and "smallest", "largest": of single neurons.
    """
    rows = []
    for masks, t in (
        ("random", random_masks(width, depth, edges_per_neuron)),
        ("hubs", _hubs(width, depth, edges_per_neuron)),
    ):
        of_each = expected_variance_by_level(t, sparse_glorot_uniform_)[-1].forward
        for counts, values in (("of each neuron", of_each), ("average", _with_average_counts(t))):
            rows.append(
                {
                    "masks": masks,
                    "counts": counts,
                    "forward": values.mean(),
                    "smallest": values.min(),
                    "largest": values.max(),
                }
            )
    return pd.DataFrame(rows)


def _hubs(width: int, depth: int, edges_per_neuron: int) -> Topology:
    rng = np.random.default_rng(0)
    weight = np.linspace(0.2, 1.8, width)
    chance = np.outer(weight, weight) * edges_per_neuron / width
    return Topology([rng.random(chance.shape) < chance for _ in range(depth)], name=f"{depth} masks with hubs")


def _with_average_counts(t: Topology) -> np.ndarray:
    """Mean squares at the outputs if all weights of a stage have variance 2 / (average fan-in + average fan-out)."""
    signals = np.ones(t.inputs)
    for stage in t.stages:
        signals = 2 / (stage.sum() / stage.shape[0] + stage.sum() / stage.shape[1]) * (stage @ signals)
    return signals
