"""Cascades of different depth at equal numbers of weights (notebook 09_how_deep)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from fabric import constraints
from fabric.experiments.networks import label, layer, one_hidden_layer, weights
from fabric.experiments.studies._parameters import not_empty


def networks_of_depth(cascades: Sequence[tuple[int, str, Sequence[Any]]]) -> pd.DataFrame:
    """One network per cascade, followed by a dense layer to ten classes.

    Args:
        cascades: the number of weights that the network is meant to have, the name of a topology and its arguments,
            e.g. [30720, "butterfly", [1024, 4]].

    Returns:
        "target", "method" (the family; Clos cascades of any number of stages are one), "stages", "label", "weights",
        "network".
    """
    not_empty(cascades=cascades)
    rows = []
    for target, family, arguments in cascades:
        first = layer(family, arguments)
        network = one_hidden_layer(first)
        rows.append(
            {
                "target": target,
                "method": "clos" if family == "multistage_clos" else family,
                "stages": first.build(np.random.default_rng(0)).depth,
                "label": label(network),
                "weights": weights(network),
                "network": network,
            }
        )
    return pd.DataFrame(rows)


def describe_cascades(networks: pd.DataFrame, colored_up_to: int, seed: int) -> pd.DataFrame:
    """What is known of the cascades before training.

    Args:
        networks: of `networks_of_depth`.
        colored_up_to: cascades with more parameters are not coloured, which would take minutes.
        seed: of random topologies and of the colouring.

    Returns:
        "label", "target", "method", "stages", "parameters" (of the cascade alone), "narrowest" (neurons of the smallest
        level: no more independent signals pass), "fully_connected", "fewest_paths" and "most_paths" between an
        input and an output (exact, as text), and the entries that can be hit exactly: "bound" min(I O, P - H),
        "closed_form" (empty where none is proved) and "coloring" (greedy; empty where not coloured).
    """
    rows = []
    for network in tqdm(list(networks.itertuples()), desc="cascades", unit="cascade"):
        t = network.network[0].build(np.random.default_rng(seed))
        colored = t.parameters <= colored_up_to
        fewest, most = t.path_diversity
        rows.append(
            {
                "label": network.label,
                "target": network.target,
                "method": network.method,
                "stages": t.depth,
                "parameters": t.parameters,
                "narrowest": min(t.widths),
                "fully_connected": t.is_fully_connected,
                "fewest_paths": str(fewest),
                "most_paths": str(most),
                "bound": min(t.inputs * t.outputs, t.parameters - t.hidden),
                "closed_form": constraints.closed_form(t),
                "coloring": constraints.coloring(t, np.random.default_rng(seed), attempts=1).count if colored else None,
            }
        )
    return pd.DataFrame(rows).astype({"closed_form": "Int64", "coloring": "Int64"})


def clos_advantage(records: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of the three-stage Clos cascade minus that of other networks of as many weights, paired by seed.

    Args:
        records: one run per row, with "target", "method", "stages", "seed" and "accuracy".
        others: some of these.

    Returns:
        Indexed by seed, one column per label of `others`: differences in percentage points.
    """
    three = records[(records["method"] == "clos") & (records["stages"] == 3)].set_index(["target", "seed"])["accuracy"]
    keys = pd.MultiIndex.from_frame(others[["target", "seed"]])
    gaps = others.assign(gap=100 * (three.reindex(keys).to_numpy() - others["accuracy"]))
    return gaps.pivot(index="seed", columns=["target", "label"], values="gap")


def best_of_other_families(records: pd.DataFrame) -> pd.DataFrame:
    """At each number of weights and seed the run of the best network that is not a Clos cascade.

    "Best" is by mean accuracy over all other seeds, so that no run has a part in the choice that it is judged by.
    """
    others = records[records["method"] != "clos"]
    chosen = []
    for _, runs in others.groupby("target"):
        table = runs.pivot(index="seed", columns="label", values="accuracy")
        best = {seed: table.drop(index=seed).mean().idxmax() for seed in table.index}
        chosen.append(runs[runs["label"] == runs["seed"].map(best)])
    return pd.concat(chosen)
