"""Does the order of the inputs matter to what a topology learns? (notebook 03_topologies)"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fabric.experiments.networks import Layer, at_parameters, label, one_hidden_layer, weights
from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, equivalent, margin, summarise
from fabric.experiments.studies._parameters import not_empty, positive, positive_each
from fabric.experiments.studies.comparison import choose_learning_rates, train_networks
from fabric.experiments.studies.equal_layers import layers

NATURAL, NARROW = "as in the image", "narrow dense"
NOT_UNIFORM = ("mesh", "torus")  # pairs have unequally many paths, so the order could matter


def networks(side: int) -> pd.DataFrame:
    """A Clos cascade, a butterfly, a torus and a mesh over side × side pixels, a dense layer to ten classes after each.

    All have about as many weights; the mesh has as many stages as the torus, too few to connect everything. Beside them
    stands a dense network, narrower than its inputs, with as many weights as that of the Clos cascade.

    Returns:
        "topology" (the family, or `NARROW`), "label" and "network".

    Raises:
        ValueError: a side that is none of `equal_layers.layers`.
    """
    known = layers(side)
    chosen = {
        "clos": known["Clos"],
        "butterfly": known["butterfly"],
        "torus": known["torus"],
        "mesh": Layer("mesh", ((side, side), side)),
    }
    made = {name: one_hidden_layer(layer) for name, layer in chosen.items()}
    made[NARROW] = at_parameters("dense", weights(made["clos"]), side * side)
    return pd.DataFrame(
        {"topology": name, "label": label(network), "network": network} for name, network in made.items()
    )


def train_orders(
    results: Results,
    dataset: str,
    side: int,
    permutations: int,
    rates: Sequence[float],
    tuning: Mapping[str, Any],
    epochs: int,
    batch_size: int,
    seeds: Mapping[str, int],
) -> pd.DataFrame:
    """Every topology with its inputs in the natural order of the pixels and in others, drawn at random.

    The narrow dense network is trained in natural order only.

    Args:
        results: where runs are kept.
        dataset: a grey data set without a size; its images are reduced to side × side.
        permutations: how many other orders.
        rates, tuning: candidates, "epochs", "seeds" and "held_out" of the runs in natural order that choose among them.
        epochs, batch_size: as in `TrainConfig`.
        seeds: runs of each order, by topology.

    Returns:
        One record per run with "topology" and "order".
    """
    not_empty(rates=rates)
    positive_each(seeds=seeds)
    positive(permutations=permutations)
    natural = f"{dataset}-{side}x{side}"
    orders = {NATURAL: natural} | {f"shuffled {k}": f"{natural}-shuffled-{k}" for k in range(permutations)}
    tuned, _ = choose_learning_rates(results, networks(side), rates, natural, batch_size=batch_size, **tuning)
    runs = [
        train_networks(results, one, name, epochs, batch_size, seeds[topology]).assign(order=order)
        for order, name in orders.items()
        for topology, one in tuned.groupby("topology")
        if topology != NARROW or order == NATURAL
    ]
    return pd.concat(runs, ignore_index=True)


def effects(records: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in other orders minus that in natural order, for each run in percentage points, paired by seed.

    The narrow dense network, which has natural order only, is left out.

    Returns:
        "topology", "order", "seed" and "points".
    """
    shuffled = records[records["topology"] != NARROW]
    table = shuffled.pivot(index=["topology", "seed"], columns="order", values="accuracy")
    points = 100 * table.drop(columns=NATURAL).sub(table[NATURAL], axis=0)
    return points.stack().rename("points").reset_index()


def of_shuffling(records: pd.DataFrame) -> pd.DataFrame:
    """What shuffling does on average over orders: "topology", "points" with "low", "high" and "seeds"; also "spread".

    "spread" is the standard deviation between orders of their means over seeds, natural order included.
    """
    means = effects(records).groupby(["topology", "seed"], as_index=False)["points"].mean()
    shuffled = records[records["topology"] != NARROW]
    by_order = 100 * shuffled.groupby(["topology", "order"])["accuracy"].mean()
    spread = by_order.groupby("topology").std().rename("spread")
    return summarise(means, ["topology"], "points").join(spread, on="topology")


def does_not_matter(claim: str, records: pd.DataFrame, test_samples: int) -> Verdict:
    """Verdict on "the order of the inputs does not impact training" of the Clos cascade.

    It is that of `equivalent` for "no loss", the mean over shuffled orders against the natural order, paired by seed.
    In place of within the margin it is undecided, with p = 1, unless shuffling moves one of `NOT_UNIFORM` by more than
    twice the margin: otherwise the task does not tell the topologies to which the order matters from the others.

    Args:
        claim: key of the statement.
        records: of `train_orders`.
        test_samples: of the test set.
    """
    runs = records[records["topology"] == "clos"].pivot(index="seed", columns="order", values="accuracy")
    clos, natural = 100 * runs.drop(columns=NATURAL).mean(axis=1), 100 * runs[NATURAL]
    narrow = 100 * records[records["topology"] == NARROW]["accuracy"]
    others = of_shuffling(records).set_index("topology")["points"].drop("clos")
    reason = (
        f"Clos, mean of {runs.shape[1] - 1} orders drawn at random, minus the natural order. For the others it is "
        f"{', '.join(f'{points:.2f} ({name})' for name, points in others.items())}."
    )
    verdict = equivalent(claim, clos, natural, "no loss", test_samples, reason, narrow)
    allowed = margin("no loss", natural.mean() / 100, test_samples)
    if allowed < others.loc[list(NOT_UNIFORM)].abs().max() / 2:
        return verdict
    stated = f"{verdict.reason} Neither mesh nor torus is moved by twice the margin, so the task cannot show it."
    if not verdict.verdict.startswith("within"):
        return dataclasses.replace(verdict, reason=stated)
    return dataclasses.replace(verdict, verdict="undecided", p=1.0, reason=stated)
