"""Networks trained in fixed point: what the surrogate of accuracy is fitted to, and what it is held against."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import pandas as pd

from fabric._checks import instance
from fabric.codesign import Network, train
from fabric.experiments.data import DatasetName, load
from fabric.experiments.runs import Measured, Natural, Positive, Results, RunConfig
from fabric.experiments.studies._parameters import not_empty


@dataclass(frozen=True)
class LessonConfig(RunConfig):
    """One network, trained sample by sample in the machine's arithmetic.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        samples: the first so many of its training part are trained on.
        network: what is trained.
        word: bits of operands.
        rates: the learning rate of an epoch is 2 ** -rate.
        seed: of weights and order.
        held_out: that many samples after those; accuracy is measured on them. 0 for the test part.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    samples: Positive
    network: Network
    word: Positive
    rates: tuple[Natural, ...]
    seed: Natural
    held_out: Natural


def learn(config: LessonConfig) -> Measured:
    """Train; the fields of `fabric.codesign.Trained`.

    Raises:
        ValueError: unknown data, or a network that they do not fit.
        DataError: data files are missing or damaged.
    """
    instance("config", config, LessonConfig)
    data = load(config.dataset)
    x, y = data.train_x.numpy(), data.train_y.numpy()
    end = config.samples + config.held_out
    if end > len(x):
        raise ValueError(f"samples and held_out must be at most {len(x)} together, got {end}")
    tests = x[config.samples : end], y[config.samples : end]
    if not config.held_out:
        tests = data.test_x.numpy(), data.test_y.numpy()
    first = slice(config.samples)
    return asdict(train(config.network, config.word, (x[first], y[first]), tests, config.rates, config.seed))


def lessons(
    results: Results,
    designs: Sequence[tuple[Network, int]],
    seeds: Sequence[int],
    dataset: str,
    samples: int,
    rates: Sequence[int],
    held_out: int,
    title: str = "networks",
) -> pd.DataFrame:
    """Every network and word length trained with every seed.

    Returns:
        "network", "word", "seed" and the fields of `Trained`, in the order given, seed by seed.
    """
    not_empty(designs=designs, seeds=seeds, rates=rates)
    configs = [
        LessonConfig(dataset, samples, network, word, tuple(rates), seed, held_out)
        for network, word in designs
        for seed in seeds
    ]
    records = results.sweep(learn, configs, title)
    columns = ["accuracy", "forward", "backward", "update"]
    names = {"network": [config.network for config in configs], "word": [config.word for config in configs],
             "seed": [config.seed for config in configs]}  # fmt: skip
    return pd.DataFrame(names).join(records[columns].reset_index(drop=True))
