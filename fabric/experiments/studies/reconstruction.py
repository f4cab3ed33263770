"""Solvable constraints against entries that optimisation hits, topology by topology (07_reconstruction)."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric import constraints
from fabric.experiments.networks import Layer, LayerWithSkips
from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, higher, summarise
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.training import ReconstructConfig, reconstruct

SHALLOW = 3  # stages, at most
_TUNING_SEEDS_FROM = 1000  # learning rates are chosen on seeds that are not reported


def layers(width: int) -> dict[str, Layer]:
    """The compared layers of `width` inputs and outputs: one per family.

    With width = 2**d the Clos cascade has m = 2**(d // 2) middle routers and width / m routers on either side. The
    four-stage Clos cascade has as many parameters and m routers in each of its two middle levels; the low-rank and the
    random layer have as many parameters. The others have no size to choose.

    Args:
        width: a power of two, at least 16.

    Raises:
        ValueError: another width.
    """
    if not isinstance(width, int) or width < 16 or width & (width - 1):
        raise ValueError(f"width must be a power of two, at least 16, got {width!r}")
    middle = 2 ** ((width.bit_length() - 1) // 2)
    outer = width // middle
    parameters = middle * (2 * width + outer**2)
    ends = outer**2 // (2 * middle)
    return {
        "clos": Layer("clos", (width, width, outer, middle, outer)),
        "multistage_clos": Layer("multistage_clos", (width, width, (ends, middle, middle, ends))),
        "low_rank": Layer("low_rank", (width, width, parameters // (2 * width))),
        "random_sparse": Layer("random_sparse", (width, width, parameters)),
        "butterfly": Layer("butterfly", (width,)),
        "parallel_butterfly": Layer("parallel_butterfly", (width, 2)),
        "hypercube": Layer("hypercube", (width,)),
        "torus": Layer("torus", ((middle, outer),)),
    }


def count(layer: Layer | LayerWithSkips, seed: int = 0) -> dict[str, Any]:
    """What is known of a layer without optimising it.

    Returns:
        "topology" (its label); "entries" of the dense matrix, "parameters", "hidden" and "depth" of the cascade without
        skips; with its skips "coloring", "jacobian_rank" (what is truly solvable) and "closed_form" (None where none is
        proved or there are skips).
    """
    topology = layer.build(np.random.default_rng(seed))
    wiring, skips = layer.wired(np.random.default_rng(seed))
    return {
        "topology": layer.label,
        "entries": topology.inputs * topology.outputs,
        "parameters": topology.parameters,
        "hidden": topology.hidden,
        "depth": topology.depth,
        "coloring": constraints.coloring(wiring, np.random.default_rng(seed), skips).count,
        "jacobian_rank": constraints.jacobian_rank(wiring, np.random.default_rng(seed), skips),
        "closed_form": constraints.closed_form(topology) if skips is None else None,
    }


def compared_layers(widths: Sequence[int]) -> pd.DataFrame:
    """`layers` of all widths with their counts: "family", "width", the columns of `count`, "fewest_paths" between an
    input and an output, and "layer"."""
    rows = [
        {"family": family, "width": width, **count(layer), "fewest_paths": _fewest_paths(layer), "layer": layer}
        for width in widths
        for family, layer in layers(width).items()
    ]
    return pd.DataFrame(rows).astype({"closed_form": "Int64"})


def _fewest_paths(layer: Layer) -> int:
    return layer.build(np.random.default_rng(0)).path_diversity[0]


def choose_learning_rates(
    results: Results, table: pd.DataFrame, rates: Sequence[float], steps: int, seeds: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For every layer the learning rate that hits most entries of Gaussian targets with L1, on seeds of its own.

    Args:
        results: where runs are kept.
        table: one layer per row, with "topology" and "layer".
        rates: the candidates.
        steps: as in `ReconstructConfig`.
        seeds: targets per layer and rate.

    Returns:
        `table` with a column "learning_rate", and the table of trials: "topology", "learning_rate", "hits" (mean over
        seeds), "chosen".
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    own = tuple(range(_TUNING_SEEDS_FROM, _TUNING_SEEDS_FROM + seeds))
    configs = [
        ReconstructConfig(layer, "gaussian", "l1", steps, rate, own)
        for layer, rate in itertools.product(table["layer"], rates)
    ]
    trials = results.sweep(reconstruct, configs, title="learning rates")
    trials = trials.assign(topology=trials["label"], hits=trials["hits"].map(np.mean))
    trials = trials[["topology", "learning_rate", "hits"]]
    best = trials.loc[trials.groupby("topology")["hits"].idxmax()].set_index("topology")["learning_rate"]
    trials["chosen"] = trials["learning_rate"] == trials["topology"].map(best)
    return table.assign(learning_rate=table["topology"].map(best)), trials


def reconstruct_all(
    results: Results, table: pd.DataFrame, targets: Sequence[str], losses: Sequence[str], steps: int, seeds: int
) -> pd.DataFrame:
    """Reconstruct every target with every loss and layer, seeds 0, 1, ...

    Args:
        results: where runs are kept.
        table: one layer per row, with its "layer", "learning_rate" and the columns of `count`.
        targets, losses, steps: as in `ReconstructConfig`.
        seeds: repetitions.

    Returns:
        One row per layer, target, loss and seed: `table`'s columns without "layer", "target", "loss", "seed", "hits",
        "lucky" (hits expected by chance, from the errors of one to ten tolerances), "exact", the difference of both,
        and exact hits over parameters, "per_parameter", and over what is solvable, "share": the Jacobian rank, or all
        entries of a target that is a product.
    """
    not_empty(targets=targets, losses=losses)
    positive(seeds=seeds)
    trials = table.merge(pd.DataFrame(itertools.product(targets, losses), columns=["target", "loss"]), how="cross")
    configs = [
        ReconstructConfig(row.layer, row.target, row.loss, steps, row.learning_rate, tuple(range(seeds)))
        for row in trials.itertuples()
    ]
    found = results.sweep(reconstruct, configs, title="reconstructions")
    columns = {"seed": found["seeds"], "hits": found["hits"], "near": found["near"]}
    frame = trials.drop(columns="layer").assign(**{name: values.to_numpy() for name, values in columns.items()})
    frame = frame.explode(list(columns), ignore_index=True).astype(dict.fromkeys(columns, int))
    frame["lucky"] = (frame["near"] - frame["hits"]) / 9
    frame["exact"] = frame["hits"] - frame["lucky"]
    frame["per_parameter"] = frame["exact"] / frame["parameters"]
    solvable = frame["jacobian_rank"].where(frame["target"] != "product", frame["entries"])
    frame["share"] = frame["exact"] / solvable
    return frame.drop(columns="near")


def summarise_hits(records: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Over seeds, per group of `by`: "exact" with its 95 % interval "low" and "high", "seeds", and further means.

    Args:
        records: of `reconstruct_all`.
        by: columns that name a group; all others that are kept are functions of these.

    Returns:
        `by`, "parameters", "coloring", "jacobian_rank", "exact", "low", "high", "seeds", and the means of "hits",
        "lucky", "per_parameter" and "share".
    """
    by = [*by, "parameters", "coloring", "jacobian_rank"]
    means = records.groupby(by, as_index=False)[["hits", "lucky", "per_parameter", "share"]].mean()
    return summarise(records, by, "exact").merge(means, on=by)


def summarise_controls(records: pd.DataFrame) -> pd.DataFrame:
    """The part of `reconstruct_all` whose targets are products, over seeds.

    Returns:
        "width", "family", "loss", "entries", "exact" with its 95 % interval "low" and "high", "seeds" and
        "recovered": those in which all entries are hit).
    """
    by = ["width", "family", "loss", "entries"]
    recovered = (records["hits"] == records["entries"]).groupby([records[column] for column in by]).sum()
    return summarise(records, by, "exact").merge(recovered.rename("recovered").reset_index(), on=by)


def like_clos(layers: pd.DataFrame) -> list[str]:
    """Families that are shallow and of high path diversity "like the Clos network" at every width: at most `SHALLOW`
    stages, and between any input and output at least as many paths as in the Clos cascade.

    Args:
        layers: of `compared_layers`.
    """
    paths = layers["width"].map(layers[layers["family"] == "clos"].set_index("width")["fewest_paths"])
    alike = (layers["depth"] <= SHALLOW) & (layers["fewest_paths"] >= paths)
    return [str(family) for family, all_alike in alike.groupby(layers["family"]).all().items() if all_alike]


def best_on_other_seeds(table: pd.DataFrame) -> pd.Series:
    """For each seed, a row, the value of the column whose mean over all other seeds is the highest, so that no seed has
    a part in the choice that it is judged by.

    Raises:
        ValueError: fewer than two seeds.
    """
    if len(table) < 2:
        raise ValueError(f"table must hold at least two seeds, got {len(table)}")
    return pd.Series({seed: table.loc[seed, table.drop(index=seed).mean().idxmax()] for seed in table.index})


def shallow_hits_most(records: pd.DataFrame, alike: Sequence[str]) -> Verdict:
    """Verdict on "shallow topologies with high path diversity like the Clos network outperform all other topologies":
    the worst of that class against the best outside it, which is chosen on other seeds.

    Args:
        records: "family", "width", "seed", "per_parameter"; fully connected families only.
        alike: of `like_clos`.
    """
    table = records.pivot_table(index="seed", columns="family", values="per_parameter")
    mean, outside = table.mean(), table.drop(columns=list(alike))
    worst, best = str(mean[list(alike)].idxmin()), str(outside.mean().idxmax())
    clos = table["clos"] - best_on_other_seeds(table.drop(columns="clos"))
    by_width = records.pivot_table(index="width", columns="family", values="per_parameter")
    rival = str(mean.drop("clos").idxmax())
    apart = by_width["clos"] - by_width[rival]
    told = ", ".join(f"{name} {value:.3f}" for name, value in mean.sort_values(ascending=False).items())
    return higher(
        "neurofabric-clos-hits-most",
        table[worst] - best_on_other_seeds(outside),
        f"The class is {' and '.join(alike)}: at most {SHALLOW} stages, and as many paths as Clos. Its worst is "
        f"{worst}, the best outside it {best}. Means: {told}. Read as Clos against all others, Clos leads by "
        f"{clos.mean():.4f}: "
        f"{', '.join(f'{value:+.4f} at width {width}' for width, value in apart.items())} against {rival}.",
    )
