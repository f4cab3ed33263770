"""The same networks in batches of 32 without penalty, the recipe that meets the accuracies of the authors' first talk.

The talk does not say its recipe. This one takes more steps than the authors' later code, and gives what the talk prints
for the dense network. It decides every printed statement on these networks but those that say their recipe.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pandas as pd
from torch import nn

from fabric._checks import instance
from fabric.experiments.data import DatasetName, load
from fabric.experiments.networks import Layer, build, label, topologies
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Results, Rule, RunConfig, one_thread
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.accuracy_vs_density._accuracies import at_epoch, by_epoch
from fabric.experiments.training import adam, fit, set_biases

_BATCH_SIZE = 32
_LAYOUT = ["layers", "fan_outs", "density"]


@dataclass(frozen=True)
class SmallBatchConfig(RunConfig):
    """The recipe of `ClassifierConfig` in batches of 32, without penalty, at a learning rate of its own.

    Attributes:
        dataset: a name that `load` takes.
        network: the classification layers, features first.
        epochs: passes over the training part; a last batch that is not full is trained on too.
        learning_rate: of the first step; it falls as in `ClassifierConfig`.
        seed: of patterns, weights and order of samples.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    network: Annotated[tuple[Layer, ...], Rule("a tuple of at least one Layer", bool)]
    epochs: Positive
    learning_rate: PositiveFloat
    seed: Natural
    held_out: Natural = 0


def classify_in_small_batches(config: SmallBatchConfig) -> Measured:
    """Train on one thread, or on the device that the environment variable FABRIC_DEVICE names.

    Returns:
        "weights" (biases not counted), "accuracy" after the last epoch and "accuracy_by_epoch" (fractions of the tested
        part).

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, SmallBatchConfig)
    layers = build(config.network, "he_normal", config.seed)
    set_biases(layers)
    trained = topologies(layers)
    data = load(config.dataset).hold_out(config.held_out)
    data.check_outputs(trained[-1].outputs)
    data = data.padded(trained[0].inputs)
    network = nn.Sequential(layers)
    with one_thread():
        optimizer = adam(network, layers, learning_rate=config.learning_rate)
        accuracies = fit(network, optimizer, data, config.epochs, config.seed, batch_size=_BATCH_SIZE)
    return {
        "weights": sum(topology.parameters for topology in trained),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
    }


def train_in_small_batches(
    results: Results,
    networks: pd.DataFrame,
    dataset: str,
    rates: Sequence[float],
    held_out: int,
    epochs: int,
    seeds: int,
) -> pd.DataFrame:
    """Train every network with the rate that does best on samples set aside, after as many epochs as are judged.

    A shorter trial would favour high rates: this recipe's rate hardly falls, so that they win early and lose later.

    Args:
        results: where runs are kept.
        networks: of `layouts`.
        dataset, epochs: as in `SmallBatchConfig`.
        rates: candidates; one seed of each, tested on `held_out` training samples, chooses.
        seeds: runs per network.

    Returns:
        One record per run, with the columns of `layouts`, "learning_rate" and "highest", whether that is the highest of
        `rates`, so that a higher one may be better.
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    labelled = networks.assign(label=networks["network"].map(label))
    trials = labelled.merge(pd.DataFrame({"learning_rate": list(rates)}), how="cross")
    tuning = [
        SmallBatchConfig(dataset, row.network, epochs, row.learning_rate, 0, held_out) for row in trials.itertuples()
    ]
    trials["accuracy"] = results.sweep(classify_in_small_batches, tuning, title="learning rates")["accuracy"]
    best = trials.loc[trials.groupby("label")["accuracy"].idxmax()].set_index("label")["learning_rate"]
    chosen = labelled.assign(learning_rate=labelled["label"].map(best))
    runs = chosen.loc[chosen.index.repeat(seeds)].reset_index(drop=True)
    configs = [
        SmallBatchConfig(dataset, row.network, epochs, row.learning_rate, seed)
        for row, seed in zip(runs.itertuples(), itertools.cycle(range(seeds)))
    ]
    records = results.sweep(classify_in_small_batches, configs, title=f"{dataset}, batches of {_BATCH_SIZE}")
    for column in runs.columns.difference(records.columns):
        records[column] = runs[column]
    return records.assign(highest=records["learning_rate"] == max(rates))


def small_batches_beside(small: pd.DataFrame, later: pd.DataFrame, epochs: Sequence[int]) -> pd.DataFrame:
    """Mean accuracies of `train_in_small_batches` beside the authors' later recipe and the print.

    Args:
        small: of `train_in_small_batches`.
        later: records of `train_layouts`.
        epochs: after which to compare.

    Returns:
        The columns of `by_epoch` with "learning_rate", "highest" and "later", the mean accuracy of the later recipe (a
        fraction).
    """
    rates = small[[*_LAYOUT, "learning_rate", "highest"]].drop_duplicates()
    means = pd.concat(
        [
            at_epoch(later, epoch).groupby(_LAYOUT)["accuracy"].mean().rename("later").reset_index().assign(epoch=epoch)
            for epoch in epochs
        ]
    )
    table = by_epoch(small, epochs).merge(rates, on=_LAYOUT)
    return table.merge(means, on=[*_LAYOUT, "epoch"], how="left")
