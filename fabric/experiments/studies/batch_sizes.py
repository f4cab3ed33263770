"""Do larger batches hurt the accuracy? (notebook 02_accuracy_per_flop)"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, higher
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.comparison import choose_learning_rates, train_networks


def train_all(
    results: Results,
    networks: pd.DataFrame,
    batch_sizes: Sequence[int],
    rates: Sequence[float],
    dataset: str,
    tuning: Mapping[str, Any],
    epochs: int,
    longer: int,
    seeds: int,
) -> pd.DataFrame:
    """Every network with every batch size, each pair at a learning rate of its own; the largest batches longer, too.

    Equal epochs are equal operations, but larger batches then take fewer steps. The longer training shows whether the
    steps alone are missing.

    Args:
        results: where runs are kept.
        networks: of `comparison`.
        batch_sizes: rising.
        rates, tuning: candidates, and "epochs", "seeds" and "held_out" of the runs that choose among them.
        dataset, epochs: as in `TrainConfig`.
        longer: epochs of the longer training.
        seeds: runs of each.

    Returns:
        One record per run.

    Raises:
        ValueError: nothing to train or to try, or a longer training that is not longer.
    """
    not_empty(batch_sizes=batch_sizes, rates=rates)
    positive(seeds=seeds)
    if longer <= epochs:
        raise ValueError(f"longer must be above epochs, {epochs}, got {longer}")
    runs = []
    for batch_size in batch_sizes:
        tuned, _ = choose_learning_rates(results, networks, rates, dataset, batch_size=batch_size, **tuning)
        lengths = (epochs, longer) if batch_size == batch_sizes[-1] else (epochs,)
        runs += [train_networks(results, tuned, dataset, length, batch_size, seeds) for length in lengths]
    return pd.concat(runs, ignore_index=True)


def hurt(claim: str, records: pd.DataFrame) -> Verdict:
    """Verdict on "larger batches can hurt accuracy": the dense network with the smallest batches minus the largest.

    Both take the same number of epochs and are paired by seed.

    Args:
        claim: key of the statement.
        records: of `train_all`, one network a method.
    """
    percent = records.assign(accuracy=100 * records["accuracy"])
    equal = percent["epochs"] == percent["epochs"].min()
    means = percent[equal].groupby(["method", "batch_size"])["accuracy"].mean()
    dense = percent[equal & (percent["method"] == "dense")].pivot(index="seed", columns="batch_size", values="accuracy")
    least, *_, most = dense.columns
    reached = percent[~equal].groupby("method")["accuracy"].mean()
    return higher(
        claim,
        dense[least] - dense[most],
        f"Dense, batches of {least} minus batches of {most:,}, after {percent['epochs'].min()} epochs of each: "
        f"{_listed(means['dense'])}. After {percent['epochs'].max()} epochs batches of {most:,} reach "
        f"{reached['dense']:.2f}. Clos: {_listed(means['clos'])}, and {reached['clos']:.2f}.",
    )


def _listed(means: pd.Series) -> str:
    return ", ".join(f"{mean:.2f} % ({size:,})" for size, mean in means.items())
