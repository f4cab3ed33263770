"""The same networks with a learning rate of their own at each density, as everywhere else in this project."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.networks import label
from fabric.experiments.runs import Results
from fabric.experiments.statements import summarise
from fabric.experiments.studies.accuracy_vs_density._accuracies import printed_accuracies
from fabric.experiments.studies.comparison import choose_learning_rates, train_networks

_INITIALIZATION, _BATCH_SIZE = "he_normal", 256


def train_tuned(
    results: Results,
    networks: pd.DataFrame,
    dataset: str,
    rates: Sequence[float],
    tuning_epochs: int,
    held_out: int,
    epochs: int,
    seeds: int,
) -> pd.DataFrame:
    """Train every network without penalty, with the rate that does best on samples set aside, falling along a cosine.

    Args:
        results: where runs are kept.
        networks: of `layouts`.
        dataset, epochs: as in `TrainConfig`.
        rates: candidates; one seed of `tuning_epochs` each, tested on `held_out` training samples, chooses.
        seeds: runs per network.

    Returns:
        One record per run, with the columns of `layouts` and "learning_rate".
    """
    labelled = networks.assign(label=networks["network"].map(label))
    tuned, _ = choose_learning_rates(
        results, labelled, rates, dataset, tuning_epochs, _BATCH_SIZE, 1, held_out, _INITIALIZATION
    )
    return train_networks(results, tuned, dataset, epochs, _BATCH_SIZE, seeds, _INITIALIZATION)


def tuned_beside(tuned: pd.DataFrame, fixed: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracies of `train_tuned`, of the authors' recipe after as many epochs, and of the print.

    Args:
        tuned: of `train_tuned`.
        fixed: records of `train_layouts` at the same epoch, see `at_epoch`.

    Returns:
        "layers", "fan_outs", "density", "learning_rate", "epochs", "accuracy" with "low", "high" (fractions) and
        "seeds", "fixed", the authors' recipe's mean, and "printed" (fractions; nan where there is none).
    """
    by = ["layers", "fan_outs", "density", "learning_rate", "epochs"]
    table = summarise(tuned, by, "accuracy")
    means = fixed.groupby(["layers", "fan_outs"])["accuracy"].mean().rename("fixed").reset_index()
    printed = printed_accuracies().rename(columns={"epoch": "epochs"})
    keys = ["layers", "fan_outs"]
    return table.merge(means, on=keys, how="left").merge(printed, on=[*keys, "epochs"], how="left")
