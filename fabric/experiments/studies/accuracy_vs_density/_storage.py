"""What other methods of compression hold in memory while they train, beside pre-defined sparsity."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fabric.experiments.runs import Results
from fabric.experiments.statements import summarise
from fabric.experiments.studies._parameters import positive
from fabric.experiments.studies.accuracy_vs_density._accuracies import at_epoch
from fabric.experiments.training import CompressConfig, compress


def train_compressed(
    results: Results, dataset: str, layers: str, methods: Mapping[str, Sequence[float]], epochs: int, seeds: int
) -> pd.DataFrame:
    """Train dense networks that other methods compress, every strength of each with seeds 0, 1, ...

    Args:
        results: where runs are kept.
        dataset, epochs: as in `CompressConfig`.
        layers: widths, features first: "784-112-10".
        methods: strengths per method.
        seeds: runs per method and strength.
    """
    positive(seeds=seeds)
    widths = tuple(map(int, layers.split("-")))
    configs = [
        CompressConfig(dataset, widths, method, strength, epochs, seed)
        for method, strengths in methods.items()
        for strength in strengths
        for seed in range(seeds)
    ]
    return results.sweep(compress, configs, title="other methods")


def storage(compressed: pd.DataFrame, predefined: pd.DataFrame, epochs: int) -> pd.DataFrame:
    """What each method holds in memory while it trains, and what it reaches, after the same number of epochs.

    Args:
        compressed: records of `train_compressed`.
        predefined: records of `train_layouts`, dense networks among them.
        epochs: of both; longer runs of `predefined` are read at that epoch.

    Returns:
        "method", "setting" (strength or fan-outs), "accuracy", "low", "high" (fractions), "seeds", "weights" (other
        than zero at the end, mean over seeds), "training_bytes" and "index_bytes" (see `classify.held_bytes`).
    """
    ours = at_epoch(predefined, epochs)
    dense = ours["density"] == 1
    ours = ours.assign(method=dense.map({True: "dense", False: "predefined"}), setting=ours["fan_outs"])
    others = compressed.assign(setting=[f"{strength:g}" for strength in compressed["strength"]])
    together = pd.concat([ours, others], ignore_index=True)
    keys = ["method", "setting"]
    counts = together.groupby(keys, as_index=False)[["weights", "training_bytes", "index_bytes"]].mean()
    return summarise(together, keys, "accuracy").merge(counts, on=keys)


def at_equal_accuracy(table: pd.DataFrame) -> pd.DataFrame:
    """Every setting of another method beside the network that is as accurate (means) and holds the fewest bytes.

    The networks are those with pre-defined sparsity and the dense one; their bytes include the indices.

    Args:
        table: of `storage`.

    Returns:
        "method", "setting", "accuracy" (a fraction), "training_bytes", "index_bytes", and of the network "fan_outs",
        "network_accuracy", "network_training_bytes" and "network_index_bytes": missing where none is as accurate.
    """
    columns = ["setting", "accuracy", "training_bytes", "index_bytes"]
    ours = table["method"].isin(["predefined", "dense"])
    held = table["training_bytes"] + table["index_bytes"]
    networks = table.loc[held[ours].sort_values().index, columns]
    networks.columns = ["fan_outs", *(f"network_{name}" for name in columns[1:])]
    rows = []
    for other in table[~ours].to_dict("records"):
        as_good = networks[networks["network_accuracy"] >= other["accuracy"]]
        rows.append({name: other[name] for name in ["method", *columns]} | next(iter(as_good.to_dict("records")), {}))
    return pd.DataFrame(rows, columns=["method", *columns, *networks.columns])
