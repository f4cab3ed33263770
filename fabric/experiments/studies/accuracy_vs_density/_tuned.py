"""The same networks with a learning rate of their own at each density, as everywhere else in this project."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.networks import label
from fabric.experiments.runs import Results
from fabric.experiments.statements import interval, summarise
from fabric.experiments.studies._parameters import not_empty, positive
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
        One record per run, with the columns of `layouts`, "learning_rate" and "highest", whether that is the highest of
        `rates`, so that a higher one may be better.
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    labelled = networks.assign(label=networks["network"].map(label))
    tuned, _ = choose_learning_rates(
        results, labelled, rates, dataset, tuning_epochs, _BATCH_SIZE, 1, held_out, _INITIALIZATION
    )
    records = train_networks(results, tuned, dataset, epochs, _BATCH_SIZE, seeds, _INITIALIZATION)
    return records.assign(highest=records["learning_rate"] == max(rates))


def rates_in_words(records: pd.DataFrame, fan_outs: Sequence[str]) -> str:
    """The rates in records of `train_tuned` or `train_in_small_batches`, and which are the highest that were tried."""
    by_network = records.drop_duplicates("fan_outs").set_index("fan_outs").loc[list(fan_outs)]
    return "; ".join(
        f"fan-outs {row.Index}: rate {row.learning_rate:g}{', the highest tried' * row.highest}"
        for row in by_network.itertuples()
    )


def difference_in_words(ours: pd.Series, other: pd.Series) -> str:
    """Ours minus the other, paired by seed, with the 95 % interval of its mean and how many seeds there are."""
    paired = (ours - other).dropna()
    bounds = interval(paired)
    return f"{bounds.mean:.2f} ({bounds.low:.2f} … {bounds.high:.2f}) with {len(paired)} seeds"


def tuned_beside(tuned: pd.DataFrame, fixed: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracies of `train_tuned`, of the authors' recipe after as many epochs, and of the print.

    Args:
        tuned: of `train_tuned`.
        fixed: records of `train_layouts` at the same epoch, see `at_epoch`.

    Returns:
        "layers", "fan_outs", "density", "learning_rate", "highest", "epochs", "accuracy" with "low", "high" (fractions)
        and "seeds", "fixed", the authors' recipe's mean, and "printed" (fractions; nan where there is none).
    """
    by = ["layers", "fan_outs", "density", "learning_rate", "highest", "epochs"]
    table = summarise(tuned, by, "accuracy")
    means = fixed.groupby(["layers", "fan_outs"])["accuracy"].mean().rename("fixed").reset_index()
    printed = printed_accuracies().rename(columns={"epoch": "epochs"})
    keys = ["layers", "fan_outs"]
    return table.merge(means, on=keys, how="left").merge(printed, on=[*keys, "epochs"], how="left")
