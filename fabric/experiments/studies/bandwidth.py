"""Width and weights of a layer as two free axes (notebook 09_how_deep)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.networks import Layer, label, one_hidden_layer, weights
from fabric.experiments.statements import Interval, interval
from fabric.experiments.studies._parameters import not_empty

CLASSES = 10


def grid(widths: Sequence[int], targets: Sequence[int], inputs: int, routers: int) -> pd.DataFrame:
    """A Clos cascade, ReLU and a dense layer to ten classes for each width and number of weights.

    Args:
        widths: outputs of the cascade.
        targets: weights that a network is meant to have; the number of middle routers comes as near as it can.
        inputs: of the cascade.
        routers: first and last ones; they divide inputs and widths.

    Returns:
        "method" ("clos"), "width", "target", "label", "weights" (of the whole network) and "network".

    Raises:
        ValueError: a target too small for one middle router.
    """
    not_empty(widths=widths, targets=targets)
    rows = []
    for width in widths:
        for target in targets:
            middle = round((target - CLASSES * width) / (inputs + width + routers**2))
            if middle < 1:
                raise ValueError(f"targets must leave a middle router at a width of {width}, got {target}")
            network = one_hidden_layer(Layer("clos", (inputs, width, routers, middle, routers)), CLASSES)
            names = {"method": "clos", "width": width, "target": target, "label": label(network)}
            rows.append(names | {"weights": weights(network), "network": network})
    return pd.DataFrame(rows)


def gains(records: pd.DataFrame) -> pd.DataFrame:
    """What the widest gains over the narrowest at equal weights, and the most weights over the fewest at equal width.

    Args:
        records: one per run, with "width", "target", "seed" and "accuracy".

    Returns:
        "axis" ("width", "weights"), "at" (the other axis), "points" of accuracy with "low", "high" and "seeds",
        paired by seed; at "mean" the other axis is averaged over.
    """
    rows = []
    for axis, along, other in (("width", "width", "target"), ("weights", "target", "width")):
        table = 100 * records.pivot_table(index="seed", columns=[other, along], values="accuracy")
        ends = {at: table[at][max(table[at])] - table[at][min(table[at])] for at in table.columns.levels[0]}
        ends["mean"] = pd.DataFrame(ends).mean(axis=1)
        for at, points in ends.items():
            bounds = interval(points)
            row = {"axis": axis, "at": str(at), "points": bounds.mean, "low": bounds.low, "high": bounds.high}
            rows.append(row | {"seeds": len(points)})
    return pd.DataFrame(rows)


def least(table: pd.DataFrame) -> Interval:
    """Of the mean gains along both axes, the least of each column: above zero only if both are."""
    means = table[table["at"] == "mean"]
    return Interval(*(float(means[column].min()) for column in ("points", "low", "high")))


def in_words(table: pd.DataFrame) -> str:
    """The mean gains along both axes with their intervals."""
    means = table[table["at"] == "mean"]
    return ", ".join(f"{row.axis} {row.points:.2f} ({row.low:.2f} … {row.high:.2f})" for row in means.itertuples())
