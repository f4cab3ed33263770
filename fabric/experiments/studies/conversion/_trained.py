"""A trained network converted layer by layer, before and after healing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, ClassVar

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Dataset, DatasetName, accuracy, load
from fabric.experiments.runs import (
    Measured,
    Natural,
    Positive,
    PositiveFloat,
    Results,
    Rule,
    RunConfig,
    one_thread,
)
from fabric.experiments.statements import summarise
from fabric.experiments.studies.conversion._matrices import STRUCTURES, AboveOne
from fabric.nn import convert, heal

SEEN = 4000  # training samples whose activations weight the error
HARMLESS = 1e-3  # divergence, in nats: who loses no more needs no healing


@dataclass(frozen=True)
class TrainedConfig(RunConfig):
    """A perceptron with ReLU, trained by Adam, its large layers converted.

    Attributes:
        dataset: a name that `load` takes.
        widths: neurons of every level between features and classes.
        epochs, batch_size, learning_rate, seed: of the training.
        factors: times fewer weights of every layer of 10,000 weights or more.
        healing_steps, healing_rate: of the distillation, in batches of the training.
        sweeps: of `convert`.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    widths: tuple[Positive, ...]
    epochs: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural
    factors: Annotated[tuple[AboveOne, ...], Rule("a tuple of at least one factor", bool)]
    healing_steps: Positive
    healing_rate: PositiveFloat
    sweeps: Positive


def convert_trained(config: TrainedConfig) -> Measured:
    """Train; for every factor and structure alone, and for all of them to choose from, convert and heal.

    Returns:
        "accuracy" of the dense network; "converted", a dictionary for each factor and structure ("chosen" for all):
        "fewer", "structure", "weights" of the converted layers, "kinds", what each layer became, "errors" of its
        outputs on data, "before" and "healed", the accuracy without and with healing, and "blind", that without data
        and healing.

    Raises:
        DataError: data files are missing or damaged.
    """
    instance("config", config, TrainedConfig)
    data = load(config.dataset)
    with one_thread():
        network = _trained(config, data)
        generator = torch.Generator().manual_seed(config.seed)
        seen = [data.train_x[torch.randperm(len(data.train_x), generator=generator)[:SEEN]]]
        steps = [
            data.train_x[torch.randint(len(data.train_x), (config.batch_size,), generator=generator)]
            for _ in range(config.healing_steps)
        ]
        rows = []
        for fewer in config.factors:
            for name, own in {**STRUCTURES, "chosen": None}.items():
                allowed = list(STRUCTURES.values()) if own is None else [own]
                blind = convert(network, 1 / fewer, structures=allowed, sweeps=config.sweeps).model
                small, table = convert(network, 1 / fewer, seen, structures=allowed, sweeps=config.sweeps)
                before = _accuracy(small, data)
                done = [row for row in table if row["on data"] is not None]
                errors = [float(str(row["on data"])) for row in done]
                with torch.no_grad():
                    lost = float(_divergence(small(seen[0]), network(seen[0])))
                if lost > HARMLESS:
                    heal(small, network, steps, lr=config.healing_rate, loss=_divergence)
                rows.append(
                    {
                        "fewer": fewer,
                        "structure": name,
                        "weights": sum(int(str(row["weights left"])) for row in done),
                        "kinds": [str(row["after"]).partition("(")[0] for row in done],
                        "errors": errors,
                        "blind": _accuracy(blind, data),
                        "before": before,
                        "healed": _accuracy(small, data),
                    }
                )
    return {"accuracy": _accuracy(network, data), "converted": rows}


def _trained(config: TrainedConfig, data: Dataset) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((data.features, *config.widths)):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        network = nn.Sequential(*layers, nn.Linear(config.widths[-1], data.classes))
    order = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    steps = config.epochs * -(-len(data.train_y) // config.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(config.epochs):
        for batch in torch.randperm(len(data.train_y), generator=order).split(config.batch_size):
            loss = functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network


@torch.no_grad()
def _accuracy(network: nn.Module, data: Dataset) -> float:
    return accuracy(torch.cat([network(part) for part in data.test_x.split(2048)]), data.test_y)


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Kullback and Leibler's, of the classes' distribution."""
    ours, theirs = (torch.log_softmax(logits, 1) for logits in (student, teacher))
    return functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def converted(results: Results, config: TrainedConfig, seeds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and convert with several seeds.

    Returns:
        Means with 95 % intervals: "fewer", "structure", "stage" ("dense", "blind", "before", "healed"), "accuracy",
        "low", "high", "seeds"; and a row for each layer: "seed", "fewer", "structure", "layer", "kind", "error".
    """
    found = results.sweep(convert_trained, [replace(config, seed=seed) for seed in range(seeds)], "networks")
    stages, layers = [], []
    for record in found.itertuples():
        for row in record.converted:
            named = {"seed": record.seed, "fewer": row["fewer"], "structure": row["structure"]}
            reached = {"dense": record.accuracy, **{stage: row[stage] for stage in ("blind", "before", "healed")}}
            stages += [named | {"stage": stage, "accuracy": value} for stage, value in reached.items()]
            layers += [
                named | {"layer": at, "kind": kind, "error": error}
                for at, (kind, error) in enumerate(zip(row["kinds"], row["errors"], strict=True))
            ]
    table = summarise(pd.DataFrame(stages), ["fewer", "structure", "stage"], "accuracy")
    return table, pd.DataFrame(layers)


def worst_excess(layers: pd.DataFrame, over: Sequence[str]) -> float:
    """By how much the error of a chosen layer exceeds that of the same layer with one structure alone, at the most."""
    errors = layers.pivot(index=["seed", "fewer", "layer"], columns="structure", values="error")
    return float((errors["chosen"] - errors[list(over)].min(axis=1)).max())
