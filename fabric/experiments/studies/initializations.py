"""Deep cascades trained from different initialisations (notebook 04_sparse_glorot)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.networks import label, layer, one_hidden_layer, weights
from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, counted
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.comparison import choose_learning_rates, train_networks
from fabric.nn.init import end_to_end_glorot_uniform_, expected_variance, sparse_glorot_uniform_

LISTED = ("mesh", "torus", "hypercube", "butterfly")  # the topologies that none could train, in the paper's order
DEEP = 10  # stages: those of the paper's example, the hypercube of 1024 neurons


def deep_networks(cascades: Sequence[tuple[str, Sequence[Any]]]) -> pd.DataFrame:
    """One network per cascade, followed by a dense layer to ten classes.

    Args:
        cascades: name of a topology and its arguments, e.g. ["torus", [[28, 28], 8]].

    Returns:
        "family", "stages", "label", "weights", "network", and "scaled": whether scaling to the end-to-end variance of
        a dense layer changes anything; it does not for regular square cascades.
    """
    not_empty(cascades=cascades)
    rows = []
    for family, arguments in cascades:
        first = layer(family, arguments)
        topology = first.build(np.random.default_rng(0))
        plain, scaled = (
            expected_variance(topology, initialise).forward.mean()
            for initialise in (sparse_glorot_uniform_, end_to_end_glorot_uniform_)
        )
        network = one_hidden_layer(first)
        rows.append(
            {
                "family": family,
                "stages": topology.depth,
                "label": label(network),
                "weights": weights(network),
                "network": network,
                "scaled": not np.isclose(plain, scaled),
            }
        )
    return pd.DataFrame(rows)


def train_with_each(
    results: Results,
    networks: pd.DataFrame,
    initializations: Sequence[str],
    rates: Sequence[float],
    dataset: str,
    epochs: int,
    batch_size: int,
    seeds: int,
    tuning_epochs: int,
    held_out: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every network from every initialisation, each pair with the learning rate that suits it best.

    End-to-end scaling is trained only where it changes something; elsewhere it would repeat Sparse Glorot's runs.

    Args:
        results: where runs are kept.
        networks: of `deep_networks`.
        initializations: keys of `fabric.experiments.networks.INITIALIZATIONS`.
        rates: candidates, chosen between with one seed, `tuning_epochs` and `held_out` training samples.
        dataset, epochs, batch_size, held_out: as in `TrainConfig`.
        seeds: runs per pair.

    Returns:
        One record per run with the network's columns, and the table of all rates tried with "initialization".
    """
    not_empty(initializations=initializations, rates=rates)
    positive(seeds=seeds)
    records, trials = [], []
    for initialization in initializations:
        chosen = networks[networks["scaled"]] if initialization == "end_to_end_glorot_uniform" else networks
        chosen, tried = choose_learning_rates(
            results, chosen, rates, dataset, tuning_epochs, batch_size, 1, held_out, initialization
        )
        trials.append(tried.assign(initialization=initialization))
        records.append(train_networks(results, chosen, dataset, epochs, batch_size, seeds, initialization))
    return pd.concat(records, ignore_index=True), pd.concat(trials, ignore_index=True)


def at_the_edge(trials: pd.DataFrame) -> str:
    """In words: the networks that learn from ordinary Glorot best at the highest learning rate tried.

    Args:
        trials: of `train_with_each`.
    """
    ordinary = trials[trials["initialization"] == "glorot_uniform"]
    most = ordinary["learning_rate"].max()
    edge = ordinary[ordinary["chosen"] & (ordinary["learning_rate"] == most)]["label"]
    if edge.empty:
        return f"No network takes the highest, {most:g}."
    return f"The highest tried, {most:g}, is the best for {'; '.join(edge)}: a higher one may do better."


def none_trains(records: pd.DataFrame, trained: float) -> Verdict:
    """Verdict on "none of meshes, tori, hypercubes and butterflies could be trained", from cascades of `DEEP` and more.

    A cascade trains from an initialisation if any of its seeds does, since the statement is about all attempts.

    Args:
        records: of `train_with_each`.
        trained: the accuracy, a fraction, above which a network counts as trained.

    Raises:
        ValueError: a kind of `LISTED` without a deep cascade.
    """
    deep = records[records["family"].isin(LISTED) & (records["stages"] >= DEEP)]
    if missing := [family for family in LISTED if family not in set(deep["family"])]:
        raise ValueError(f"records must hold {', '.join(LISTED)} of {DEEP} and more stages, {missing[0]} is missing")
    best = 100 * deep.groupby(["initialization", "family", "stages"])["accuracy"].max()
    ordinary, sparse = best["glorot_uniform"], best["sparse_glorot_uniform"]
    reached = [f"{family} of {stages} stages {value:.2f} %" for (family, stages), value in ordinary.items()]
    return counted(
        "closnets-none-trains",
        int((ordinary > 100 * trained).sum()),
        0,
        f"Best seeds from ordinary Glorot: {', '.join(reached)}; more than {100 * trained:.0f} % counts as trained. "
        f"From Sparse Glorot {(sparse > 100 * trained).sum()} of {len(sparse)} train, the worst reaches "
        f"{sparse.min():.2f} %.",
    )
