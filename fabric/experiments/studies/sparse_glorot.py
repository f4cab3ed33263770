"""Variance of signals and gradients through deep cascades, exact and sampled (notebook 04_sparse_glorot)."""

import math
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
import torch
from scipy import stats
from tqdm.auto import tqdm

from fabric import topology
from fabric.experiments.networks import INITIALIZATIONS
from fabric.experiments.runs import one_thread
from fabric.experiments.statements import CONFIDENCE, Verdict, by_design, interval
from fabric.experiments.studies.topologies import families
from fabric.nn import CascadeLinear
from fabric.nn.init import expected_variance_by_level, orthogonal_
from fabric.topology import Topology

_DIRECTIONS = ("forward", "backward")


def deep_cascades(width: int, depth: int) -> dict[str, Topology]:
    """Every family at one width, with `depth` stages where its depth is free, else at its own depth.

    The random cascade has another random mask at every stage, with as many edges as the torus.

    Args:
        width: a power of four, at least 16.
        depth: stages of multistage Clos, random masks, hypercube, torus and mesh.

    Raises:
        ValueError: another width.
    """
    side = math.isqrt(width)
    return families(width) | {
        "multistage_clos": topology.multistage_clos(width, width, [side] * depth),
        "random_sparse": random_masks(width, depth, edges_per_neuron=5),
        "hypercube": topology.hypercube(width, depth),
        "torus": topology.torus((side, side), depth),
        "mesh": topology.mesh((side, side), depth),
    }


def random_masks(width: int, depth: int, edges_per_neuron: int) -> Topology:
    """A cascade of different square random masks, the same ones at each call."""
    rng = np.random.default_rng(0)
    masks = [topology.random_sparse(width, width, edges_per_neuron * width, rng) for _ in range(depth)]
    return Topology(
        [mask.stages[0] for mask in masks], name=f"{depth} random masks, {edges_per_neuron} edges per neuron"
    )


def is_regular(t: Topology) -> bool:
    """Whether every stage is square and all its neurons have equally many edges on either side."""
    return all(len({*stage.sum(axis=0), *stage.sum(axis=1)}) == 1 for stage in t.stages)


def variances(
    cascades: Mapping[str, Topology], initialization: str, draws: int, samples: int, seed: int
) -> pd.DataFrame:
    """Mean squares of signals and gradients at every level, for inputs and output gradients drawn from N(0, 1).

    Args:
        cascades: by family.
        initialization: key of `INITIALIZATIONS`.
        draws: of the weights, each with new samples; float64, as ordinary Glorot leaves the range of float32.
        samples: inputs and output gradients per draw.
        seed: of everything drawn.

    Returns:
        One row per family, level and direction: "family", "initialization", "stages", "regular", "level"
        (from 0, the inputs), "direction" ("forward": signals, "backward": gradients), "passed" (stages passed in that
        direction), "expected" (the exact mean square; nan for orthogonal initialisation, whose weights depend on each
        other), "measured" (mean over draws) and its 95 % interval "low", "high".
    """
    rows = []
    for family, t in tqdm(cascades.items(), desc=initialization, unit="cascade"):
        with one_thread():
            measured = _mean_squares(t, initialization, draws, samples, seed)
        regular = is_regular(t)
        expected = np.full((2, t.depth + 1), np.nan)
        initialise = INITIALIZATIONS[initialization]
        if initialise is not orthogonal_:
            levels = expected_variance_by_level(t, initialise)
            expected = np.array([[values.mean() for values in level] for level in levels]).T
        for way, level in np.ndindex(2, t.depth + 1):
            bounds = interval(measured[:, way, level].tolist())
            rows.append(
                {
                    "family": family,
                    "initialization": initialization,
                    "stages": t.depth,
                    "regular": regular,
                    "level": level,
                    "direction": _DIRECTIONS[way],
                    "passed": t.depth - level if way else level,
                    "expected": expected[way, level],
                    "measured": bounds.mean,
                    "low": bounds.low,
                    "high": bounds.high,
                }
            )
    return pd.DataFrame(rows)


def _mean_squares(t: Topology, initialization: str, draws: int, samples: int, seed: int) -> np.ndarray:
    """Mean squares of signals and gradients, (draws, 2, levels), inputs first."""
    generator = torch.Generator().manual_seed(seed)
    module = CascadeLinear(t, bias=False, dtype=torch.float64)
    found = np.empty((draws, 2, t.depth + 1))
    for draw in found:
        INITIALIZATIONS[initialization](module, generator=generator)
        x, above = (
            torch.randn(neurons, samples, dtype=torch.float64, generator=generator) for neurons in (t.inputs, t.outputs)
        )
        levels = [x.requires_grad_()]
        for stage in module.stages:
            levels.append(stage(levels[-1]))
        gradients = torch.autograd.grad(levels[-1], levels, above)
        draw[:] = [[float(values.detach().square().mean()) for values in way] for way in (levels, gradients)]
    return found


def ends(frame: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Signals at the outputs and gradients at the inputs, with intervals that hold all at once.

    The t intervals are widened (Bonferroni) until all of them together contain their true values with 95 % confidence.

    Args:
        frame: of `variances`.
        draws: of the weights, as given there.

    Returns:
        The rows that have passed all stages, without "level" and "passed", with simultaneous "low" and "high" and with
        "agrees": whether the exact value lies between them (true where there is none).
    """
    table = frame[frame["passed"] == frame["stages"]].drop(columns=["level", "passed"]).reset_index(drop=True)
    tails = (1 - CONFIDENCE) / 2
    wider = stats.t.ppf(1 - tails / len(table), draws - 1) / stats.t.ppf(1 - tails, draws - 1)
    half = wider * (table["high"] - table["measured"])
    low, high = table["measured"] - half, table["measured"] + half
    agrees = table["expected"].between(low, high) | table["expected"].isna()
    return table.assign(low=low, high=high, agrees=agrees)


def vanishes(table: pd.DataFrame) -> Verdict:
    """Verdict on "conventional Glorot leads to vanishing gradients in a priori sparse networks", by the closed form.

    A stage multiplies the variance by connections over width, so that every sparse cascade loses some. Families whose
    stages have all edges, dense and low-rank layers, are not sparse and stay out.

    Args:
        table: of `ends`, with ordinary Glorot.
    """
    rows = table[(table["initialization"] == "glorot_uniform") & (table["direction"] == "backward")]
    rows = rows[~rows["family"].isin(["dense", "low_rank"])].sort_values("stages")
    decades = -np.log10(rows["expected"])
    told = ", ".join(
        f"{family.replace('_', ' ')} of {stages} {lost:.1f}"
        for family, stages, lost in zip(rows["family"], rows["stages"], decades, strict=True)
    )
    return by_design(
        "neurofabric-glorot-vanishes",
        float(decades.min()),
        bool((decades > 0).all() and rows["agrees"].all()),
        "Follows from the closed form, with which the draws agree: each stage multiplies the variance by connections "
        f"over width. Decades lost by stages: {told}. Whether that keeps a network from training is judged beside it.",
    )


def least_kept(table: pd.DataFrame, trained: Collection[str]) -> str:
    """In words: the cascade through which Sparse Glorot keeps the smallest share of the variance of signals.

    Args:
        table: of `ends`, with Sparse Glorot.
        trained: families that are trained.
    """
    rows = table[(table["initialization"] == "sparse_glorot_uniform") & (table["direction"] == "forward")]
    least = rows.loc[rows["expected"].idxmin()]
    return (
        f"Of the variance {least['family'].replace('_', ' ')} of {least['stages']} stages keeps least, "
        f"{least['expected']:.3f}; {'it is trained' if least['family'] in trained else 'it is not trained'}."
    )
