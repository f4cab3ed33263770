"""The rival of a converted network: a narrow dense one with as many weights, trained from the start."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Annotated, ClassVar

import pandas as pd

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
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
from fabric.experiments.studies.conversion._trained import (
    LARGE,
    TrainedConfig,
    accuracy_of,
    perceptron,
    training_steps,
)


@dataclass(frozen=True)
class PerceptronOfStepsConfig(RunConfig):
    """A perceptron with ReLU, trained as the dense network of `TrainedConfig`, its steps counted.

    Attributes:
        dataset: a name that `load` takes.
        widths: neurons of every level between features and classes.
        steps, batch_size, learning_rate, seed: of the training.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    widths: Annotated[tuple[Positive, ...], Rule("a tuple of at least one width", bool)]
    steps: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural


def train_for_steps(config: PerceptronOfStepsConfig) -> Measured:
    """Train on one thread.

    Returns:
        "accuracy" on the test part, and "weights", with biases.

    Raises:
        DataError: data files are missing or damaged.
    """
    instance("config", config, PerceptronOfStepsConfig)
    data = load(config.dataset)
    with one_thread():
        network = perceptron(data, config.widths, config.steps, config.batch_size, config.learning_rate, config.seed)
        reached = accuracy_of(network, data)
    return {"accuracy": reached, "weights": sum(parameter.numel() for parameter in network.parameters())}


def narrow(results: Results, config: TrainedConfig, converted: pd.DataFrame, fewer: float, structure: str) -> pd.Series:
    """Accuracies (%) by seed of the widest dense network with no more weights than a converted one, biases counted.

    Its levels are as many, and equally wide. It is trained for as many steps as the dense network and the healing
    together, otherwise by the same recipe.

    Args:
        results: where runs are kept.
        config: of the network that was converted.
        converted: of `converted`, the first table.
        fewer, structure: of the conversion.

    Raises:
        ValueError: there is no such conversion.
    """
    of_conversion = converted[(converted["fewer"] == fewer) & (converted["structure"] == structure)]
    if of_conversion.empty:
        raise ValueError(f"converted must hold {structure} with {fewer:g} times fewer weights, it does not")
    data = load(config.dataset)
    layers = pairwise((data.features, *config.widths, data.classes))
    kept = sum((inputs + 1) * outputs for inputs, outputs in layers if inputs * outputs < LARGE)
    budget = int(of_conversion["weights"].min()) + kept
    levels = len(config.widths)
    width = next(width for width in count(1) if _size((data.features, *[width + 1] * levels, data.classes)) > budget)
    steps = training_steps(config) + config.healing_steps
    configs = [
        PerceptronOfStepsConfig(
            config.dataset, (width,) * levels, steps, config.batch_size, config.learning_rate, int(seed)
        )
        for seed in sorted(of_conversion["seed"].unique())
    ]
    found = results.sweep(train_for_steps, configs, "narrow dense")
    return 100 * found.set_index("seed")["accuracy"]


def _size(widths: Sequence[int]) -> int:
    """Weights and biases of a dense network."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(widths))
