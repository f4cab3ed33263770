"""Which networks are compared, which learning rate suits each, and all seeds of each."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fabric.experiments.runs import Results
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.recurrent._memory import INPUTS, OUTPUTS, MemoryConfig, remember
from fabric.experiments.studies.recurrent._music import MusicConfig, learn_music
from fabric.experiments.studies.recurrent._network import Gru, Matrix
from fabric.experiments.studies.recurrent._rows import RowsConfig, classify_rows

Described = Mapping[str, Sequence[Any]]


def networks(described: Described, inputs: int, outputs: int) -> pd.DataFrame:
    """GRUs of so many inputs and outputs.

    Args:
        described: by name: hidden neurons, then what the matrices from the inputs, from the hidden states and of the
            readout are made of, such as ["clos", 16, 13, 24]; those left out are dense.

    Returns:
        "name", "structure" (of the recurrent matrix), "hidden", "weights", "recurrent_weights", "label" and "gru".
    """
    rows = []
    for name, (hidden, *matrices) in described.items():
        made = [Matrix(structure, tuple(sizes)) for structure, *sizes in matrices]
        gru = Gru(inputs, hidden, outputs, *made)
        rows.append(
            {
                "name": name,
                "structure": gru.from_hidden.structure,
                "hidden": hidden,
                "weights": gru.weights,
                "recurrent_weights": gru.recurrent_weights,
                "label": gru.label,
                "gru": gru,
            }
        )
    return pd.DataFrame(rows)


def train_rows(
    results: Results,
    compared: pd.DataFrame,
    rates: Sequence[float],
    dataset: str,
    samples: int,
    epochs: int,
    tuning_epochs: int,
    batch_size: int,
    seeds: int,
    held_out: int,
    kind: type[RowsConfig] = RowsConfig,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every network at the rate that does best on held-out samples with one seed, then with seeds 0, 1, ...

    Args:
        results: where runs are kept.
        compared: of `networks`.
        rates: candidates.
        dataset, samples, epochs, batch_size, held_out: as in `RowsConfig`.
        tuning_epochs: of the runs that choose the rate.
        seeds: runs per network.
        kind: of the configurations.

    Returns:
        One record per run with the columns of `compared`, and all trials: "name", "learning_rate", "accuracy"
        (held out), "chosen".
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    trials = [
        kind(dataset, samples, gru, tuning_epochs, batch_size, rate, 0, held_out)
        for gru, rate in itertools.product(compared["gru"], rates)
    ]
    tried = _with_names(results.sweep(classify_rows, trials, "learning rates"), compared)
    tried = _chosen(tried, tried.groupby("name")["accuracy"].idxmax())
    best = tried[tried["chosen"]].set_index("name")["learning_rate"]
    runs = [
        kind(dataset, samples, row.gru, epochs, batch_size, best[row.name], seed)
        for seed, row in itertools.product(range(seeds), compared.itertuples(index=False))
    ]
    records = results.sweep(classify_rows, runs, "rows")
    return _with_names(records, compared), tried[["name", "learning_rate", "accuracy", "chosen"]]


def train_music(
    results: Results,
    compared: pd.DataFrame,
    settings: Sequence[tuple[float, float]],
    sequences: str,
    batch_size: int,
    patience: int,
    epochs: int,
    seeds: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every network with all settings and seed 0, and with further seeds at what does best on the held-out part.

    Args:
        results: where runs are kept.
        compared: of `networks`.
        settings: candidates, learning rate and dropout.
        sequences, batch_size, patience, epochs: as in `MusicConfig`.
        seeds: runs per network.

    Returns:
        As of `train_rows`, with "dropout", and "nll" and "held_out_nll" in the place of "accuracy".
    """
    not_empty(settings=settings)
    positive(seeds=seeds)

    def config(gru: Gru, rate: float, dropout: float, seed: int) -> MusicConfig:
        return MusicConfig(sequences, gru, float(rate), float(dropout), batch_size, patience, epochs, seed)

    trials = [config(gru, rate, dropout, 0) for gru, (rate, dropout) in itertools.product(compared["gru"], settings)]
    tried = _with_names(results.sweep(learn_music, trials, "settings"), compared)
    tried = _chosen(tried, tried.groupby("name")["held_out_nll"].idxmin())
    best = tried[tried["chosen"]].set_index("name")[["learning_rate", "dropout"]]
    runs = [
        config(row.gru, best["learning_rate"][row.name], best["dropout"][row.name], seed)
        for seed, row in itertools.product(range(seeds), compared.itertuples(index=False))
    ]
    records = results.sweep(learn_music, runs, "music")
    return _with_names(records, compared), tried[["name", "learning_rate", "dropout", "held_out_nll", "chosen"]]


def train_memory(
    results: Results,
    tasks: Mapping[str, tuple[int, Described]],
    rates: Sequence[float],
    steps: int,
    seeds: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every network of every task, rates chosen with one seed on sequences that the final test does not have.

    Args:
        results: where runs are kept.
        tasks: "copying" or "adding": the length and the networks, described as for `networks`.
        rates: candidates.
        steps: as in `MemoryConfig`.
        seeds: runs per network.

    Returns:
        As of `train_rows`, both with "task".
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    records, trials = [], []
    for task, (length, described) in tasks.items():
        compared = networks(described, INPUTS[task], OUTPUTS[task])
        first = [
            MemoryConfig(task, length, gru, steps, rate, 0, True)
            for gru, rate in itertools.product(compared["gru"], rates)
        ]
        tried = _with_names(results.sweep(remember, first, f"learning rates, {task}"), compared)
        tried = _chosen(tried, tried.groupby("name")["accuracy"].idxmax())
        best = tried[tried["chosen"]].set_index("name")["learning_rate"]
        runs = [
            MemoryConfig(task, length, row.gru, steps, best[row.name], seed)
            for seed, row in itertools.product(range(seeds), compared.itertuples(index=False))
        ]
        records.append(_with_names(results.sweep(remember, runs, task), compared))
        trials.append(tried[["task", "name", "learning_rate", "accuracy", "chosen"]])
    return pd.concat(records, ignore_index=True), pd.concat(trials, ignore_index=True)


def _with_names(records: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """Records with the names and sizes of the networks, which their labels tell apart."""
    columns = ["label", "name", "structure", "hidden", "recurrent_weights"]
    return records.drop(columns=["gru"]).merge(compared[columns], on="label")


def _chosen(trials: pd.DataFrame, best: pd.Series) -> pd.DataFrame:
    return trials.assign(chosen=trials.index.isin(best))
