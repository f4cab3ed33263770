"""Matrices of known spectra as products of factors: how near each structure comes, and which routers come nearest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from fabric._checks import instance
from fabric.experiments.runs import Measured, Natural, NaturalFloat, Positive, Results, Rule, RunConfig, one_thread
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.nn import ClosLinear, convert
from fabric.nn.models._entries import two_level_counts

STRUCTURES = {"clos": "clos", "low_rank": "low rank", "monarch": "two-level"}  # as others call them
AboveOne = Annotated[float, Rule("a finite float above 1", lambda value: 1 < value < math.inf)]


@dataclass(frozen=True)
class NearestConfig(RunConfig):
    """A random matrix with singular values i^-power as every structure of at most 1 / fewer of its weights.

    Attributes:
        outputs, inputs: of the matrix.
        power: 0 makes all singular values equal.
        fewer: above 1.
        seed: of the singular vectors.
    """

    recipe: ClassVar[int] = 1

    outputs: Positive
    inputs: Positive
    power: NaturalFloat
    fewer: AboveOne
    seed: Natural

    def matrix(self) -> Tensor:
        """float64 (outputs, inputs)."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randn(self.outputs, self.inputs, dtype=torch.float64, generator=generator)
        left, _, right = torch.linalg.svd(drawn, full_matrices=False)
        return left * torch.arange(1, len(right) + 1, dtype=torch.float64) ** -self.power @ right


def nearest(config: NearestConfig) -> Measured:
    """Convert.

    Returns:
        Relative errors in the Frobenius norm: "clos", "low_rank" and "monarch" of `convert` with this structure alone,
        "chosen" with all of them; "low_rank_optimum" from the singular values and "monarch_optimum" from those of
        blocks, of the best routers.
    """
    instance("config", config, NearestConfig)
    matrix = config.matrix()
    budget = int(matrix.numel() / config.fewer)
    with one_thread():
        errors = {name: _error(matrix, config.fewer, [own]) for name, own in STRUCTURES.items()}
        errors["chosen"] = _error(matrix, config.fewer, list(STRUCTURES.values()))
        squares = torch.linalg.svdvals(matrix).square()
        rank = budget // sum(matrix.shape)
        counts = two_level_counts(config.inputs, config.outputs, budget, 1)
        blocks = (_lost_of_blocks(matrix, *each) for each in counts)
        return errors | {
            "low_rank_optimum": math.sqrt(float(squares[rank:].sum() / squares.sum())),
            "monarch_optimum": math.sqrt(min(blocks, default=float(squares.sum())) / float(squares.sum())),
        }


def _error(matrix: Tensor, fewer: float, structures: Sequence[str]) -> float:
    outputs, inputs = matrix.shape
    layer = nn.Linear(inputs, outputs, bias=False, dtype=matrix.dtype)
    with torch.no_grad():
        layer.weight.copy_(matrix)
    (row,) = convert(layer, 1 / fewer, structures=structures, at_least=1).table
    return float(row["error"])  # type: ignore[arg-type]


def _lost_of_blocks(matrix: Tensor, input_routers: int, output_routers: int) -> float:
    """Sum of squares that rank one leaves of every block."""
    blocks = [block for rows in matrix.chunk(output_routers) for block in rows.chunk(input_routers, 1)]
    return float(torch.linalg.svdvals(torch.stack(blocks))[:, 1:].square().sum())


@dataclass(frozen=True)
class RoutersConfig(RunConfig):
    """A Gaussian matrix as Clos cascades of many router counts, all of at most 1 / fewer of its weights.

    Attributes:
        size: of the square matrix, a power of two.
        fewer: above 1.
        seed: of the matrix.
        sweeps: of the alternating least squares.
    """

    recipe: ClassVar[int] = 1

    size: Positive
    fewer: AboveOne
    seed: Natural
    sweeps: Positive


def by_routers(config: RoutersConfig) -> Measured:
    """Convert.

    Returns:
        "cascades", a dictionary for each pair of powers of two at the ends: "input_routers", "middle_routers" (as many
        as fit), "output_routers", "weights", "independent" (weights less hidden neurons) and "error".
    """
    instance("config", config, RoutersConfig)
    generator = torch.Generator().manual_seed(config.seed)
    layer = nn.Linear(config.size, config.size, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
    counts = [2**power for power in range(1, int(math.log2(config.size)))]
    rows = []
    with one_thread(), torch.no_grad():
        for first in counts:
            for last in counts:
                middle = int(config.size**2 / config.fewer) // (2 * config.size + first * last)
                if middle:
                    new = ClosLinear.from_dense(layer, first, middle, last, sweeps=config.sweeps)
                    weights = middle * (2 * config.size + first * last)
                    rows.append(
                        {
                            "input_routers": first,
                            "middle_routers": middle,
                            "output_routers": last,
                            "weights": weights,
                            "independent": weights - middle * (first + last),
                            "error": float((new.dense_weight() - layer.weight).norm() / layer.weight.norm()),
                        }
                    )
    return {"cascades": rows}


def errors_by_spectrum(
    results: Results, shape: Sequence[int], powers: Sequence[float], factors: Sequence[float], seeds: int
) -> pd.DataFrame:
    """A row for each spectrum and budget: "power", "fewer" and the errors of `nearest`, means over seeds.

    Args:
        results: where runs are kept.
        shape: outputs and inputs.
        powers, factors: of `NearestConfig`.
        seeds: how many.
    """
    not_empty(powers=powers, factors=factors)
    positive(seeds=seeds)
    outputs, inputs = shape
    configs = [
        NearestConfig(outputs, inputs, power, fewer, seed)
        for power in powers
        for fewer in factors
        for seed in range(seeds)
    ]
    found = results.sweep(nearest, configs, "spectra")
    errors = [*STRUCTURES, "chosen", "low_rank_optimum", "monarch_optimum"]
    return found.groupby(["power", "fewer"], as_index=False)[errors].mean()


def errors_by_routers(results: Results, size: int, fewer: float, seeds: int, sweeps: int) -> pd.DataFrame:
    """The rows of `by_routers` with "seed"."""
    positive(seeds=seeds)
    configs = [RoutersConfig(size, fewer, seed, sweeps) for seed in range(seeds)]
    found = results.sweep(by_routers, configs, "routers")
    return pd.concat(
        [pd.DataFrame(rows).assign(seed=seed) for rows, seed in zip(found["cascades"], found["seed"], strict=True)],
        ignore_index=True,
    )


def rank_correlation(table: pd.DataFrame, count: str) -> pd.Series:
    """Spearman's correlation of a count with the error, for each seed; the columns of `errors_by_routers`."""
    return table.groupby("seed")[[count, "error"]].apply(
        lambda rows: rows[count].corr(rows["error"], method="spearman")
    )


def partial_rank_correlation(table: pd.DataFrame, count: str, given: str) -> pd.Series:
    """Spearman's correlation of a count with the error where another count is given, for each seed."""
    both = rank_correlation(table, count), rank_correlation(table, given)
    counts = table.groupby("seed")[[count, given]].apply(lambda rows: rows[count].corr(rows[given], method="spearman"))
    return (both[0] - both[1] * counts) / np.sqrt((1 - both[1] ** 2) * (1 - counts**2))
