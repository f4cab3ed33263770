"""How few weights are as accurate as a dense network, with skips and without (notebook 08_skip_connections)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from fabric.experiments.networks import Layer, LayerWithSkips, at_parameters, label, layer, one_hidden_layer, weights
from fabric.experiments.statements import (
    Verdict,
    above,
    by_margin,
    equivalent,
    exactly,
    interval,
    margin,
)

PLAIN, DENSE, NARROW = "Clos", "dense", "narrow dense"


def candidates(inputs: int, plain: Sequence[Sequence[Any]], skipped: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Networks that may be small enough, Clos cascades and others with skips, and the dense one that they are held to.

    Args:
        inputs: of all layers, and outputs.
        plain: (topology, arguments) of Clos cascades without skips.
        skipped: (topology, arguments) of cascades with skips off the support.

    Returns:
        "kind" ("Clos", "Clos + skips", "dense", ...), "label", "weights" (of the network with its layer to ten classes)
        and "network".
    """
    layers: list[tuple[str, Layer | LayerWithSkips]] = [(DENSE, Layer("dense", (inputs, inputs)))]
    layers += [(PLAIN, layer(*described)) for described in plain]
    for described in skipped:
        kind = f"{described[0].replace('_', ' ')} + skips"
        layers.append((kind.replace("clos", "Clos"), LayerWithSkips(layer(*described), "off_support")))
    networks = [(kind, one_hidden_layer(first)) for kind, first in layers]
    return pd.DataFrame(
        {"kind": kind, "label": label(network), "weights": weights(network), "network": network}
        for kind, network in networks
    )


def judged(records: pd.DataFrame, test_samples: int) -> pd.DataFrame:
    """Each network against the dense one, with the margin that "comparable" allows.

    Args:
        records: one per run, with "kind", "label", "weights", "seed" and "accuracy".
        test_samples: of the test set.

    Returns:
        "kind", "label", "weights", "accuracy" (a fraction), "points", ours minus dense with its 95 % interval "low" and
        "high", and the "outcome", a word of verdicts.
    """
    accuracy = 100 * records.pivot(index="seed", columns="label", values="accuracy")
    dense = accuracy[records.loc[records["kind"] == DENSE, "label"].iloc[0]]
    allowed = margin("comparable", dense.mean() / 100, test_samples)
    rows = []
    for network in records[records["kind"] != DENSE].drop_duplicates("label").itertuples():
        points = accuracy[network.label] - dense
        found = interval(points)
        names = {"kind": network.kind, "label": network.label, "weights": network.weights}
        values = {"accuracy": accuracy[network.label].mean() / 100, "points": found.mean}
        rows.append(names | values | {"low": found.low, "high": found.high, "outcome": by_margin(points, allowed)})
    return pd.DataFrame(rows)


def fewest(table: pd.DataFrame) -> pd.Series:
    """The fewest weights of each kind that are within the margin of dense or better; missing where none are."""
    arrive = table["outcome"].str.startswith(("within", "better"))
    return table[arrive].groupby("kind")["weights"].min()


def fewer_with_skips(found: pd.Series) -> float:
    """How many times fewer weights the smallest network with skips needs than the smallest Clos cascade without.

    Zero where no network with skips arrives, infinity where only such do, nan where none does.
    """
    skipped = found.drop(PLAIN, errors="ignore")
    if skipped.empty:
        return 0.0 if PLAIN in found else float("nan")
    return float(found[PLAIN] / skipped.min()) if PLAIN in found else float("inf")


def narrow_rival(table: pd.DataFrame, inputs: int) -> pd.DataFrame:
    """The dense network, narrower than its inputs, with as many weights as the smallest network with skips.

    Args:
        table: of `judged`.
        inputs: of all networks.

    Returns:
        One row, its columns as of `candidates`.
    """
    network = at_parameters("dense", int(_smallest(table)["weights"]), inputs)
    return pd.DataFrame([{"kind": NARROW, "label": label(network), "weights": weights(network), "network": network}])


def even_smaller(records: pd.DataFrame, narrow: pd.DataFrame, test_samples: int, where: str) -> Verdict:
    """Verdict on "even sparser, smaller models than Clos achieve comparable accuracies".

    What is counted is `fewer_with_skips`. It says nothing, so the verdict is undecided, where the narrow dense network
    shows by the rule of `equivalent` that the task does not tell good from bad.

    Args:
        records: as for `judged`.
        narrow: runs of `narrow_rival`, with the same seeds.
        test_samples: of the test set.
        where: the training and its data, for the reader.
    """
    table = judged(records, test_samples)
    found = fewest(table)
    factor, smallest = fewer_with_skips(found), _smallest(table)
    skipped = found.drop(PLAIN, errors="ignore")
    kinds = table.loc[table["kind"] != PLAIN, "kind"].nunique()
    plain = found.get(PLAIN, float("inf"))
    counts = ", ".join(f"{count:,} ({kind})" for kind, count in found.items()) or "none"
    accuracy = 100 * records.pivot(index="seed", columns="label", values="accuracy")
    dense = accuracy[records.loc[records["kind"] == DENSE, "label"].iloc[0]]
    rival = 100 * narrow.sort_values("seed")["accuracy"]
    told = equivalent("", accuracy[smallest["label"]], dense, "comparable", test_samples, "", narrow=list(rival))
    verdict = above(
        "neurofabric-even-smaller",
        exactly(factor),
        f"Fewest weights of those tried that are comparable with dense, {where}: {counts}. Of {kinds} kinds with skips "
        f"{(skipped < plain).sum()} take fewer than Clos, {(skipped > plain).sum()} more. The smallest: {told.reason}",
        than=1,
    )
    return replace(verdict, verdict="undecided") if told.verdict == "undecided" else verdict


def _smallest(table: pd.DataFrame) -> pd.Series:
    """The network with skips of the fewest weights that arrives, or of the fewest at all if none does."""
    skipped = table[table["kind"] != PLAIN]
    arrive = skipped[skipped["outcome"].str.startswith(("within", "better"))]
    return (skipped if arrive.empty else arrive).sort_values("weights", kind="stable").iloc[0]
