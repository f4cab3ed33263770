"""Fixed skips of every kind: solvable constraints, reconstruction and networks to train (08_skip_connections)."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.networks import Layer, LayerWithSkips, at_parameters, label, one_hidden_layer, weights
from fabric.experiments.statements import summarise
from fabric.experiments.studies._parameters import not_empty
from fabric.experiments.studies.reconstruction import count, layers

NARROW = "narrow dense"
KINDS = ("none", "identity", "off_support", "from_input")
FAMILIES = ("clos", "multistage_clos", "butterfly", "parallel_butterfly", "hypercube", "torus")


def with_skips(layer: Layer, kind: str) -> Layer | LayerWithSkips:
    """The layer with skips of one of `KINDS`."""
    return layer if kind == "none" else LayerWithSkips(layer, kind)


def skip_table(width: int) -> pd.DataFrame:
    """Solvable constraints of every cascade of several stages with every kind of skips.

    Args:
        width: inputs and outputs, see `fabric.experiments.studies.reconstruction.layers`.

    Returns:
        "family", "skips", "topology"; "entries" (I O), "parameters" (P), "hidden" (H) and "depth" of the cascade
        without skips; "coloring", "jacobian_rank"; "less_hidden", min(I O, P - H), which bounds the rank without skips;
        "ideal", min(I O, P), which bounds it with any; "skip_edges" and "outside", those of them outside the trained
        edges; "layer".
    """
    rows = []
    for family, kind in itertools.product(FAMILIES, KINDS):
        layer = with_skips(layers(width)[family], kind)
        counts = count(layer)
        del counts["closed_form"]
        wiring, skips = layer.wired(np.random.default_rng(0))
        pairs = [] if skips is None else list(zip(wiring.stages, skips, strict=True))
        rows.append(
            {"family": family, "skips": kind, **counts}
            | {
                "less_hidden": min(counts["entries"], counts["parameters"] - counts["hidden"]),
                "ideal": min(counts["entries"], counts["parameters"]),
                "skip_edges": sum(int(skip.sum()) for _, skip in pairs),
                "outside": sum(int((skip & ~stage).sum()) for stage, skip in pairs),
                "layer": layer,
            }
        )
    return pd.DataFrame(rows)


def networks_with_skips(cascades: Sequence[tuple[str, Sequence[Any]]], kinds: Sequence[str]) -> pd.DataFrame:
    """One network per cascade and kind of skips, a dense layer to ten classes after it.

    Args:
        cascades: name of a topology and its arguments, e.g. ["clos", [1024, 256, 32, 16, 32]].
        kinds: of `KINDS`.

    Returns:
        "method" (the topology), "skips", "label", "weights", "target" (the same), "network".
    """
    not_empty(cascades=cascades, kinds=kinds)
    rows = []
    for (name, arguments), kind in itertools.product(cascades, kinds):
        plain = Layer(name, tuple(tuple(value) if isinstance(value, list) else value for value in arguments))
        network = one_hidden_layer(with_skips(plain, kind))
        size = {"weights": weights(network), "target": weights(network)}
        rows.append({"method": name, "skips": kind, "label": label(network), **size, "network": network})
    return pd.DataFrame(rows)


def narrow_rival(networks: pd.DataFrame) -> pd.DataFrame:
    """The dense network, narrower than its 784 inputs, with as many weights as the first of some networks.

    Args:
        networks: of `networks_with_skips`.

    Returns:
        One row like theirs, its "method" `NARROW`.
    """
    network = at_parameters("dense", int(networks["weights"].iloc[0]))
    size = {"weights": weights(network), "target": weights(network)}
    return pd.DataFrame([{"method": NARROW, "skips": "none", "label": label(network), **size, "network": network}])


def at_the_edge(trials: pd.DataFrame) -> str:
    """How many networks chose the highest learning rate tried, in a sentence: beyond it they might do better.

    Args:
        trials: one per network and rate, with "learning_rate" and "chosen".
    """
    highest = trials["learning_rate"].max()
    chosen = trials.loc[trials["chosen"], "learning_rate"]
    return f"{(chosen == highest).sum()} of {len(chosen)} networks chose the highest learning rate tried, {highest:g}."


def gains(runs: pd.DataFrame) -> pd.DataFrame:
    """What each kind of skips adds to the accuracy, paired by seed.

    Args:
        runs: "method", "skips", "seed", "accuracy" (a fraction).

    Returns:
        "method", "skips", "gain" (a fraction) with its 95 % interval "low" and "high", "seeds".
    """
    paired = runs.pivot(index=["method", "seed"], columns="skips", values="accuracy")
    difference = paired.drop(columns="none").sub(paired["none"], axis=0)
    return summarise(difference.stack().dropna().rename("gain").reset_index(), ["method", "skips"], "gain")
