"""Networks with pre-defined sparsity at many densities, trained and held against what is printed."""

import itertools
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from fabric.experiments.networks import Trunk
from fabric.experiments.runs import Results
from fabric.experiments.statements import published, summarise
from fabric.experiments.studies._parameters import positive
from fabric.experiments.training import ClassifierConfig, classification_layers, classify
from fabric.topology.junctions import densities

# L2 coefficient at full density. It falls with the square root of the density, which meets both published settings:
# 1.1e-4 for the dense 784-112-10 network and 8e-5 for 800-100-10 at a density of 50.6 %.
_L2 = 1.1e-4
_PRINTED_MORSE = "morse-0"
_NOTHING = (math.nan, math.nan)
_LAYOUT = ["layers", "fan_outs", "pattern"]


def layouts(
    layers: str,
    fan_outs: Sequence[Sequence[int]],
    patterns: Sequence[str] = ("structured",),
    parallelism: int | None = None,
) -> pd.DataFrame:
    """Classification layers with pre-defined sparsity, one row per tuple of fan-outs and pattern.

    Args:
        layers: their widths, features first: "784-112-10".
        fan_outs: tuples with one fan-out per junction.
        patterns, parallelism: as in `topology.predefined`.

    Returns:
        "layers", "fan_outs" ("42, 10"), "pattern" ("dense" at full fan-outs), "density" (overall), "weights" and
        "network".
    """
    widths = tuple(map(int, layers.split("-")))
    rows = []
    for outs, pattern in itertools.product(fan_outs, patterns):
        counts = densities(widths, outs)
        rows.append(
            {
                "layers": layers,
                "fan_outs": ", ".join(map(str, outs)),
                "pattern": "dense" if counts.overall == 1 else pattern,
                "density": counts.overall,
                "weights": sum(counts.edges),
                "network": classification_layers(widths, outs, pattern, parallelism),
            }
        )
    return pd.DataFrame(rows)


def large_and_small_layouts(
    networks: Mapping[str, Sequence[Sequence[int]]], small_and_dense: Sequence[str]
) -> pd.DataFrame:
    """The layouts of networks with several tuples of fan-outs each, and of dense ones; columns as of `layouts`.

    Raises:
        ValueError: a network that is named in both.
    """
    both = networks.keys() & set(small_and_dense)
    if both:
        raise ValueError(f"small_and_dense must not repeat networks, got {', '.join(sorted(both))} in both")
    dense = {layers: [tuple(map(int, layers.split("-")[1:]))] for layers in small_and_dense}
    tables = [layouts(layers, fan_outs) for layers, fan_outs in {**networks, **dense}.items()]
    return pd.concat(tables, ignore_index=True)


def configurations(
    networks: pd.DataFrame, dataset: str, epochs: int, seeds: int, trunk: Trunk | None = None, l2: bool = True
) -> list[ClassifierConfig]:
    """One configuration per row of `networks` and seed 0, 1, ..., row by row.

    Args:
        networks: with "network" and "density".
        dataset, epochs, trunk: as in `ClassifierConfig`.
        seeds: runs per network.
        l2: whether weights are penalised, the less the sparser a network is.
    """
    positive(seeds=seeds)
    return [
        ClassifierConfig(dataset, row.network, epochs, seed, trunk, _L2 * row.density**0.5 if l2 else 0.0)
        for row in networks.itertuples()
        for seed in range(seeds)
    ]


def train_layouts(
    results: Results,
    networks: pd.DataFrame,
    dataset: str,
    epochs: int,
    seeds: int,
    trunk: Trunk | None = None,
    l2: bool = True,
) -> pd.DataFrame:
    """Train every network with seeds 0, 1, ...; one record per row, with the columns of `layouts`."""
    positive(seeds=seeds)
    configs = configurations(networks, dataset, epochs, seeds, trunk, l2)
    title = f"{dataset}, {', '.join(networks['layers'].unique())}"
    records = results.sweep(classify, configs, title=title)
    trials = networks.loc[networks.index.repeat(seeds)]
    for column in _LAYOUT:
        records[column] = trials[column].to_numpy()
    return records


def by_epoch(records: pd.DataFrame, epochs: Sequence[int]) -> pd.DataFrame:
    """Mean accuracies after some of the epochs, with intervals and what was printed for them.

    Returns:
        "layers", "fan_outs", "density", "weights", "epoch", "accuracy", "low", "high" (fractions), "seeds", "printed"
        (a fraction; nan where there is none).
    """
    curves = pd.concat([at_epoch(records, epoch).assign(epoch=epoch) for epoch in epochs])
    table = summarise(curves, ["layers", "fan_outs", "density", "weights", "epoch"], "accuracy")
    return table.merge(printed_accuracies(), on=["layers", "fan_outs", "epoch"], how="left")


def at_epoch(records: pd.DataFrame, epoch: int) -> pd.DataFrame:
    """The records with the accuracy after that epoch: a shorter run is the beginning of a longer one."""
    return records.assign(accuracy=[curve[epoch - 1] for curve in records["accuracy_by_epoch"]])


def beside_print(table: pd.DataFrame) -> pd.DataFrame:
    """Of a table of `by_epoch`, the networks with printed accuracies, each at the latest epoch that has some."""
    latest = table[table["printed"].notna()].groupby("layers")["epoch"].max().rename("shown")
    shown = table.join(latest, on="layers")
    return shown[shown["epoch"] == shown["shown"]].drop(columns="shown")


def percent(
    records: pd.DataFrame, layers: str, fan_outs: str, epoch: int | None = None, pattern: str = "structured"
) -> pd.Series:
    """Accuracies (%) of one network by seed, after the last epoch or an earlier one; full fan-outs need no pattern.

    Raises:
        ValueError: there is no such network.
    """
    of_pattern = records["pattern"].isin([pattern, "dense"])
    chosen = of_pattern & (records["layers"] == layers) & (records["fan_outs"] == fan_outs)
    if not chosen.any():
        raise ValueError(f"records must hold layers {layers} with {pattern} fan-outs {fan_outs}, they do not")
    found = records[chosen] if epoch is None else at_epoch(records[chosen], epoch)
    return 100 * found.set_index("seed")["accuracy"]


def density(records: pd.DataFrame, layers: str, fan_outs: str) -> float:
    """Density (%) of the classification layers of one network.

    Raises:
        ValueError: there is no such network.
    """
    chosen = records[(records["layers"] == layers) & (records["fan_outs"] == fan_outs)]
    if chosen.empty:
        raise ValueError(f"records must hold layers {layers} with fan-outs {fan_outs}, they do not")
    return 100 * float(chosen["density"].iloc[0])


def by_pattern(records: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracies of the patterns with their intervals, and what was printed for some on Morse code without noise.

    Returns:
        "dataset", "layers", "fan_outs", "pattern", "density", "accuracy", "low", "high" (fractions), "seeds",
        "printed_low" and "printed_high" (fractions; nan where there is nothing).
    """
    table = summarise(records, ["dataset", *_LAYOUT, "density"], "accuracy")
    printed = published("predefined-morse-accuracy")["values"]
    bounds = [
        printed.get(row.pattern, _NOTHING) if row.dataset == _PRINTED_MORSE else _NOTHING for row in table.itertuples()
    ]
    low, high = zip(*bounds, strict=True)
    return table.assign(printed_low=[value / 100 for value in low], printed_high=[value / 100 for value in high])


def large_and_sparse(records: pd.DataFrame) -> pd.DataFrame:
    """What a large sparse network gains over a small dense one with about as many weights (6 %), paired by seed.

    Returns:
        "large", "fan_outs" and "small", the networks; their weights as "large_weights" and "small_weights";
        "large_minus_small" in accuracy with its 95 % interval "low", "high" (fractions) and "seeds".
    """
    columns = ["layers", "fan_outs", "weights", "seed", "accuracy"]
    dense = records.loc[records["density"] == 1, columns]
    pairs = records.loc[records["density"] < 1, columns].merge(dense, on="seed", suffixes=("", "_small"))
    pairs = pairs[(pairs["weights"] / pairs["weights_small"] - 1).abs() < 0.06]
    pairs["large_minus_small"] = pairs["accuracy"] - pairs["accuracy_small"]
    names = {"layers": "large", "layers_small": "small", "weights": "large_weights", "weights_small": "small_weights"}
    keys = ["large", "fan_outs", "small", "large_weights", "small_weights"]
    return summarise(pairs.rename(columns=names), keys, "large_minus_small")


def printed_accuracies() -> pd.DataFrame:
    """Accuracies read off published plots: "layers", "fan_outs", "epoch", "printed" (a fraction)."""
    rows = []
    for claim in ("predefined-curve-784", "predefined-curve-800"):
        entry = published(claim)
        for fan_outs, values in entry["values"].items():
            for epoch, value in zip(entry["epochs"], values, strict=True):
                rows.append({"layers": entry["layers"], "fan_outs": fan_outs, "epoch": epoch, "printed": value / 100})
    return pd.DataFrame(rows)


def above_printed(records: pd.DataFrame, layers: str, epoch: int) -> pd.Series:
    """Per seed ours after `epoch` minus printed (percentage points), averaged over the densities with a printed value.

    Where several epochs were printed, the last one counts.
    """
    printed = printed_accuracies().query("layers == @layers").sort_values("epoch").groupby("fan_outs")["printed"].last()
    ours = at_epoch(records[records["layers"] == layers], epoch)
    difference = 100 * (ours["accuracy"] - ours["fan_outs"].map(printed))
    return difference.groupby(ours["seed"]).mean()
