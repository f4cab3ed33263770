"""Cascades of different depth at equal numbers of weights (notebook 09_how_deep)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fabric.experiments.networks import label, layer, one_hidden_layer, weights


def networks_of_depth(cascades: Sequence[tuple[int, str, Sequence[Any]]]) -> pd.DataFrame:
    """One network per cascade, followed by a dense layer to ten classes.

    Args:
        cascades: the number of weights that the network is meant to have, the name of a topology and its arguments,
            e.g. [30720, "butterfly", [1024, 4]].

    Returns:
        "target", "method" (the family; Clos cascades of any number of stages are one), "stages", "label", "weights",
        "network".
    """
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
