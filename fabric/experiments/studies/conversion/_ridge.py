"""How strongly a conversion on data must hold on to the matrix where the data do not move."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import pandas as pd
import torch
from torch import nn

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
from fabric.experiments.runs import Measured, Natural, NaturalFloat, Positive, Results, Rule, RunConfig, one_thread
from fabric.experiments.studies.conversion._matrices import AboveOne
from fabric.nn import ClosLinear, convert

OTHERS = 2000  # samples that the conversion has not seen


@dataclass(frozen=True)
class RidgeConfig(RunConfig):
    """A Gaussian matrix on images, converted to a Clos cascade on some of them with several ridges.

    Attributes:
        dataset: a name that `load` takes.
        outputs: of the matrix; its inputs are the pixels.
        fewer: times fewer weights.
        samples: whose pixels are the data.
        ridges: of `convert`.
        sweeps: of `convert`.
        seed: of the matrix and of what samples are drawn.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    outputs: Positive
    fewer: AboveOne
    samples: Positive
    ridges: Annotated[tuple[NaturalFloat, ...], Rule("a tuple of at least one ridge", bool)]
    sweeps: Positive
    seed: Natural


def by_ridge(config: RidgeConfig) -> Measured:
    """Convert.

    Returns:
        "conversions", a dictionary for each ridge: "ridge" and relative errors, of the outputs on the data ("seen") and
        on other samples ("unseen"), less their mean on the data, and of the "matrix".

    Raises:
        ValueError: no other samples are left.
        DataError: data files are missing or damaged.
    """
    instance("config", config, RidgeConfig)
    data = load(config.dataset)
    if config.samples >= len(data.train_x):
        raise ValueError(f"samples must be fewer than the {len(data.train_x)} of training, got {config.samples}")
    generator = torch.Generator().manual_seed(config.seed)
    drawn = torch.randperm(len(data.train_x), generator=generator)
    seen = data.train_x[drawn[: config.samples]].double()
    unseen = data.train_x[drawn[config.samples :][:OTHERS]].double() - seen.mean(0)
    layer = nn.Linear(data.features, config.outputs, dtype=torch.float64)
    rows = []
    with torch.no_grad(), one_thread():
        layer.weight.normal_(generator=generator)
        for ridge in config.ridges:
            small, (row,) = convert(
                layer, 1 / config.fewer, [seen], structures=["clos"], at_least=1, sweeps=config.sweeps, ridge=ridge
            )
            lost = unseen @ (cast(ClosLinear, small).dense_weight() - layer.weight).T
            others = float(lost.norm() / (unseen @ layer.weight.T).norm())
            rows.append({"ridge": ridge, "seen": row["on data"], "unseen": others, "matrix": row["error"]})
    return {"conversions": rows}


def errors_by_ridge(results: Results, config: RidgeConfig) -> pd.DataFrame:
    """The rows of `by_ridge`."""
    return pd.DataFrame(results.sweep(by_ridge, [config], "ridges")["conversions"].iloc[0])
