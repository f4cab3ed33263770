"""Methods compared at equal parameter counts: which networks, which learning rate for each, all seeds of each.

A comparison is a table with one network per row; every step adds columns to it.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from fabric.experiments.networks import Layer, Network, at_parameters, label, one_hidden_layer, weights
from fabric.experiments.runs import Results
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.training import TrainConfig, train

METHODS = ("clos", "dense", "low_rank", "random_sparse")


def equal_parameter_networks(cascades: Sequence[Sequence[int]]) -> pd.DataFrame:
    """One network per method for the parameter count of each Clos cascade followed by a dense layer to ten classes.

    Args:
        cascades: tuples (I, O, R_i, R_m, R_o); I may exceed the 784 features, which are then padded with zeros.

    Returns:
        Columns "method", "target" (weights of the Clos network), "label", "weights" (of this network; dense and
        low-rank networks come as close to the target as whole neurons allow) and "network".
    """
    not_empty(cascades=cascades)
    rows = []
    for cascade in cascades:
        clos = one_hidden_layer(Layer("clos", tuple(cascade)))
        target = weights(clos)
        rows += [
            _row(method, target, clos if method == "clos" else at_parameters(method, target)) for method in METHODS
        ]
    return pd.DataFrame(rows)


def clos_and_dense_networks(cascades: Sequence[Sequence[int]], hidden_neurons: Sequence[int]) -> pd.DataFrame:
    """Clos networks and dense 784-h-10 ones, each its own "target"; columns as of `equal_parameter_networks`.

    Raises:
        ValueError: neither cascades nor hidden neurons.
    """
    not_empty(**{"cascades and hidden_neurons": [*cascades, *hidden_neurons]})
    layers = [Layer("clos", tuple(cascade)) for cascade in cascades]
    layers += [Layer("dense", (784, hidden)) for hidden in hidden_neurons]
    networks = [one_hidden_layer(layer) for layer in layers]
    return pd.DataFrame(
        [_row(layer.topology, weights(network), network) for layer, network in zip(layers, networks, strict=True)]
    )


def _row(method: str, target: int, network: Network) -> dict[str, object]:
    return {
        "method": method,
        "target": target,
        "label": label(network),
        "weights": weights(network),
        "network": network,
    }


def choose_learning_rates(
    results: Results,
    networks: pd.DataFrame,
    rates: Sequence[float],
    dataset: str,
    epochs: int,
    batch_size: int,
    seeds: int,
    held_out: int,
    initialization: str = "sparse_glorot_uniform",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For every network the learning rate with the best mean accuracy on training samples that were set aside.

    Args:
        results: where runs are kept.
        networks: one network per row, with "label" and "network".
        rates: the candidates.
        dataset, epochs, batch_size, held_out, initialization: as in `TrainConfig`.
        seeds: runs per network and rate, seeds 0, 1, ...

    Returns:
        `networks` with a column "learning_rate", and the table of all trials: "label", "learning_rate",
        "held_out_accuracy" (mean over seeds), "chosen".
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    configs = [
        TrainConfig(dataset, network, epochs, batch_size, rate, seed, initialization, held_out)
        for network, rate, seed in itertools.product(networks["network"], rates, range(seeds))
    ]
    records = results.sweep(train, configs, title="learning rates")
    trials = records.groupby(["label", "learning_rate"], as_index=False).agg(held_out_accuracy=("accuracy", "mean"))
    best = trials.loc[trials.groupby("label")["held_out_accuracy"].idxmax()].set_index("label")["learning_rate"]
    trials["chosen"] = trials["learning_rate"] == trials["label"].map(best)
    return networks.assign(learning_rate=networks["label"].map(best)), trials


def train_networks(
    results: Results,
    networks: pd.DataFrame,
    dataset: str,
    epochs: int,
    batch_size: int,
    seeds: int,
    initialization: str = "sparse_glorot_uniform",
) -> pd.DataFrame:
    """Train every network with its learning rate and seeds 0, 1, ...; one record per row, with the network's columns.

    Args:
        results: where runs are kept.
        networks: one network per row, with "learning_rate".
        dataset, epochs, batch_size, initialization: as in `TrainConfig`.
        seeds: runs per network.
    """
    positive(seeds=seeds)
    trials = networks.merge(pd.DataFrame({"seed": range(seeds)}), how="cross").sort_values("seed", kind="stable")
    configs = [
        TrainConfig(dataset, row.network, epochs, batch_size, row.learning_rate, row.seed, initialization)
        for row in trials.itertuples()
    ]
    records = results.sweep(train, configs)
    for column in trials.columns.difference(records.columns):
        records[column] = trials[column].to_numpy()
    return records


def by_epoch(records: pd.DataFrame) -> pd.DataFrame:
    """Records of `train` unrolled to one row per run and epoch: "epoch" (from 1) and "accuracy" after that epoch."""
    curves = records.assign(
        accuracy=records["accuracy_by_epoch"],
        epoch=[list(range(1, len(curve) + 1)) for curve in records["accuracy_by_epoch"]],
    ).explode(["accuracy", "epoch"], ignore_index=True)
    return curves.astype({"accuracy": float, "epoch": int})


def learning_curves(records: pd.DataFrame, training_samples: int) -> pd.DataFrame:
    """Records unrolled to one row per run and epoch, with the operations spent so far.

    An edge costs two operations in the forward pass and four in the backward pass (gradients of its weight and of its
    input) for each sample; biases, activations and the optimiser are not counted.

    Args:
        records: of `train`, with "accuracy_by_epoch" and "weights".
        training_samples: samples of an epoch.

    Returns:
        The records with "epoch" (from 1), "accuracy" after that epoch and "operations" up to it.
    """
    curves = by_epoch(records)
    return curves.assign(operations=6.0 * curves["weights"] * training_samples * curves["epoch"])


def operations_to(curves: pd.DataFrame, accuracy: float) -> pd.DataFrame:
    """Operations after which each run first reached `accuracy`; nan for runs that never did.

    Returns:
        Rows indexed by seed, one column per label.
    """
    reached = curves[curves["accuracy"] >= accuracy].groupby(["seed", "label"])["operations"].min().unstack("label")
    return reached.reindex(index=np.unique(curves["seed"]), columns=np.unique(curves["label"]))
