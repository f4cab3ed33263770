"""ReLU at the hidden levels of a cascade against none there, which is what a cascade is (notebook 09_how_deep)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.networks import label, layer, one_hidden_layer, weights
from fabric.experiments.runs import Results
from fabric.experiments.statements import interval
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.comparison import choose_learning_rates, train_networks

LINEAR, RELU = "linear", "ReLU"
_INITIALIZATIONS = {LINEAR: "sparse_glorot_uniform", RELU: "he_normal"}


def networks(cascades: Sequence[tuple[str, Sequence[Any], int]]) -> pd.DataFrame:
    """Each cascade, and ReLU as well as a bias after each of its stages; a dense layer to ten classes after both.

    Args:
        cascades: the name of a topology whose stages are all alike, its arguments before the last, and the last, the
            number of stages, e.g. ["hypercube", [256], 4].

    Returns:
        "cascade", "stages", "hidden" (`LINEAR` or `RELU`), "label", "weights" (the same for both) and "network".

    Raises:
        ValueError: a cascade whose stages are not alike.
    """
    not_empty(cascades=cascades)
    rows = []
    for family, sizes, stages in cascades:
        whole, single = layer(family, [*sizes, stages]), layer(family, [*sizes, 1])
        (stage,) = single.build(np.random.default_rng(0)).stages
        if any(not np.array_equal(each, stage) for each in whole.build(np.random.default_rng(0)).stages):
            raise ValueError(f"cascades must have stages that are all alike, got {whole.label}")
        *_, classifier = linear = one_hidden_layer(whole)
        for hidden, network in ((LINEAR, linear), (RELU, (*[single] * stages, classifier))):
            row = {"cascade": whole.label, "stages": stages, "hidden": hidden}
            rows.append(row | {"label": label(network), "weights": weights(network), "network": network})
    return pd.DataFrame(rows)


def train_both(
    results: Results,
    chosen: pd.DataFrame,
    rates: Sequence[float],
    dataset: str,
    tuning: Mapping[str, int],
    epochs: int,
    batch_size: int,
    seeds: int,
) -> pd.DataFrame:
    """All runs, each network with its own learning rate, linear cascades from Sparse Glorot, others from He's weights.

    Args:
        results: where runs are kept.
        chosen: of `networks`.
        rates, tuning: candidates, "epochs", "seeds" and "held_out" of the runs that choose among them.
        dataset, epochs, batch_size, seeds: as of `comparison.train_networks`.
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    runs = []
    for hidden, made in chosen.groupby("hidden"):
        start = _INITIALIZATIONS[hidden]
        tuned, _ = choose_learning_rates(
            results, made, rates, dataset, batch_size=batch_size, initialization=start, **tuning
        )
        runs.append(train_networks(results, tuned, dataset, epochs, batch_size, seeds, start))
    return pd.concat(runs, ignore_index=True)


def gains(records: pd.DataFrame) -> pd.DataFrame:
    """By how many points of accuracy ReLU at the hidden levels leads, paired by seed.

    Returns:
        "cascade", "stages", "weights", "linear" and "relu" (mean accuracies), "linear_rate" and "relu_rate" (learning
        rates), "points" with its 95 % interval "low", "high", and "seeds".
    """
    rows = []
    for (cascade, stages, count), runs in records.groupby(["cascade", "stages", "weights"]):
        table = runs.pivot(index="seed", columns="hidden", values="accuracy")
        rates = runs.groupby("hidden")["learning_rate"].first()
        gap = interval(100 * (table[RELU] - table[LINEAR]))
        rows.append(
            {
                "cascade": cascade,
                "stages": stages,
                "weights": count,
                "linear": table[LINEAR].mean(),
                "relu": table[RELU].mean(),
                "linear_rate": rates[LINEAR],
                "relu_rate": rates[RELU],
                "points": gap.mean,
                "low": gap.low,
                "high": gap.high,
                "seeds": len(table),
            }
        )
    return pd.DataFrame(rows).sort_values("stages", ignore_index=True)
