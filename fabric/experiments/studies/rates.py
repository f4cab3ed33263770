"""Whether the best learning rate of a narrow network is that of a wide one (notebook 30_transformer)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Results, RunConfig, one_of, one_thread
from fabric.experiments.statements import Interval, Verdict, above, as_printed, interval
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.nn import fewer, parameter_groups, replace

FEWER = 8.0  # times, in the hidden layer of a Clos network


@dataclass(frozen=True)
class RateConfig(RunConfig):
    """A perceptron features → width → width → classes with ReLU, trained by Adam at a constant rate.

    Attributes:
        dataset: a name that `load` takes.
        structure: of the layer from width to width, "dense" or "clos".
        width: of both hidden levels.
        base_width: that for which the rate is meant: `parameter_groups` carries it over. None: one rate for all.
        learning_rate, epochs, batch_size, seed: as usual.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    structure: Annotated[str, one_of("dense", "clos")]
    width: Positive
    base_width: Positive | None
    learning_rate: PositiveFloat
    epochs: Positive
    batch_size: Positive
    seed: Natural


def train_at_rate(config: RateConfig) -> Measured:
    """Train on one thread, layers on their reference path.

    Returns:
        "train_loss", the mean over the last epoch, None where it is not finite.

    Raises:
        DataError: data files are missing or damaged.
    """
    instance("config", config, RateConfig)
    data = load(config.dataset)
    network, base = (
        None if width is None else _network(data.features, width, data.classes, config)
        for width in (config.width, config.base_width)
    )
    assert network is not None  # as it has a width
    given = network.parameters() if base is None else parameter_groups(network, config.learning_rate, base=base)
    optimiser = torch.optim.Adam(given, lr=config.learning_rate, fused=True)
    order = torch.Generator().manual_seed(config.seed)
    total = 0.0
    with one_thread():
        for _ in range(config.epochs):
            total = 0.0
            for batch in torch.randperm(len(data.train_y), generator=order).split(config.batch_size):
                loss = functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item() * len(batch)
    mean = total / len(data.train_y)
    return {"train_loss": mean if math.isfinite(mean) else None}


def _network(features: int, width: int, classes: int, config: RateConfig) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = nn.Sequential(
            nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes)
        )
        if config.structure == "dense":
            return network
        return replace(network, fewer(FEWER, at_least=1, skip=["0", "4"])).model


def by_rate(
    results: Results, dataset: str, widths: Sequence[int], rates: Sequence[float], epochs: int, seeds: int
) -> pd.DataFrame:
    """Losses of every structure and width at every rate, without and with the rates of `parameter_groups`.

    Args:
        results: where runs are kept.
        dataset: a name that `load` takes.
        widths: the first is the base.
        rates: to try, the next a constant times the one before.
        epochs, seeds: how many.

    Returns:
        "structure", "carried" (whether by `parameter_groups`), "width", "learning_rate", "seed" and "train_loss",
        infinite where the run ended so.
    """
    not_empty(widths=widths, rates=rates)
    positive(seeds=seeds)
    configs = [
        RateConfig(dataset, structure, width, base, rate, epochs, 64, seed)
        for structure in ("dense", "clos")
        for base in (None, widths[0])
        for width in widths
        for rate in rates
        for seed in range(seeds)
    ]
    found = results.sweep(train_at_rate, configs, "rates by width")
    found["carried"] = found["base_width"].notna()
    found["train_loss"] = found["train_loss"].astype(float).fillna(math.inf)
    return found[["structure", "carried", "width", "learning_rate", "seed", "train_loss"]]


def best_rates(table: pd.DataFrame, base: int) -> pd.DataFrame:
    """The best rate of every line of `by_rate`, and how it compares with that of the base width.

    Returns:
        A row for each "structure", "carried", "width" and "seed": "best_rate", "octaves" from the best rate of the base
        width to this one, and "at_base_rate", the loss at the base's best of the tried rates over the least loss.
    """
    rows = []
    for (structure, carried, seed), group in table.groupby(["structure", "carried", "seed"]):
        losses = group.pivot(index="learning_rate", columns="width", values="train_loss")
        at_base = losses[base].idxmin()
        for width in losses:
            best = lowest(losses[width])
            rows.append(
                {
                    "structure": structure,
                    "carried": carried,
                    "width": width,
                    "seed": seed,
                    "best_rate": best,
                    "octaves": math.log2(best / lowest(losses[base])),
                    "at_base_rate": losses.loc[at_base, width] / losses[width].min(),
                }
            )
    return pd.DataFrame(rows)


def lowest(losses: pd.Series) -> float:
    """The rate of least loss, by the parabola through the least of the losses and its neighbours.

    Over the logarithm of the rates, which are the index, rising by a constant factor; the rate itself at either end,
    or beside a loss that is not finite.
    """
    at = int(losses.argmin())
    rate = float(losses.index[at])
    if not 0 < at < len(losses) - 1:
        return rate
    before, here, after = (float(losses.iloc[place]) for place in (at - 1, at, at + 1))
    bend = before - 2 * here + after
    if not math.isfinite(bend) or bend <= 0:
        return rate
    return rate * (losses.index[at + 1] / rate) ** (0.5 * (before - after) / bend)


def moved(claim: str, best: pd.DataFrame, structure: str, most: float) -> Verdict:
    """Verdict on "the best rate stays where it is if rates are scaled", from the base width to the widest, by seed.

    The scaled rate must stay within `most` octaves, as `as_printed` asks, and it must move less than one rate for all
    does: the 95 % interval of the octaves that scaling brings it nearer, paired by seed, lies above zero. Reproduced if
    both hold, not reproduced if either is contradicted, undecided otherwise. "Ours" is what the scaled rate moves by.

    Args:
        claim: key of the statement, whose value is 0.
        best: of `best_rates`.
        structure: "dense" or "clos".
        most: octaves within which it stays.
    """
    wide = best[(best["structure"] == structure) & (best["width"] == best["width"].max())]
    octaves = wide.pivot(index="seed", columns="carried", values="octaves")
    losses = wide.groupby("carried")["at_base_rate"].mean()
    nearer = interval(octaves[False].abs() - octaves[True].abs())
    reason = (
        f"With one rate for all it moves by {_in_words(interval(octaves[False]))} octaves; scaling brings it nearer by "
        f"{_in_words(nearer)}, paired by seed, which is asked to lie above zero. The base's best rate has "
        f"{losses[True]:.3f} times the least loss, with one rate {losses[False]:.3f}."
    )
    stays = as_printed(claim, octaves[True].tolist(), most, reason)
    found = {stays.verdict, above(claim, nearer, reason).verdict}
    both = next(verdict for verdict in ("not reproduced", "undecided", "reproduced") if verdict in found)
    return Verdict(claim, stays.ours, stays.low, stays.high, both, stays.reason)


def _in_words(bounds: Interval) -> str:
    spread = "" if math.isnan(bounds.low) else f" ({bounds.low:.2f} … {bounds.high:.2f})"
    return f"{bounds.mean:.2f}{spread}"
