"""Trees, forests and linear support vector machines beside networks of as many bytes (notebook 19_edge_budget)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.batchless import NODE_BYTES, ForestConfig, SvmConfig, grow, separate
from fabric.experiments.runs import Results
from fabric.experiments.statements import summarise
from fabric.experiments.studies._parameters import not_empty, positive

_RIVAL = ["model", "budget", "setting"]


def rivals(
    results: Results,
    budgets: Sequence[int],
    dataset: str,
    seeds: int,
    held_out: int,
    tree_counts: Sequence[int],
    penalties: Sequence[float],
) -> pd.DataFrame:
    """Trees, forests and support vector machines in at most the bytes of each budget, all seeds of each.

    A decision tree gets all the leaves that a budget allows. The number of a forest's trees, which share the budget,
    and the penalty of the support vector machine are those with the best accuracy on `held_out` training samples.

    Returns:
        A row for each run: "model", "budget", "setting", "bytes", "accuracy", "averaged_accuracy" (forests and trees),
        "seed". A support vector machine that does not fit a budget has no row for it.
    """
    not_empty(budgets=budgets, tree_counts=tree_counts, penalties=penalties)
    positive(seeds=seeds)

    def forests(budget: int, trees: int, held_out: int = 0) -> list[ForestConfig]:
        leaves = budget // (NODE_BYTES * max(trees, 1)) + 1
        return [ForestConfig(dataset, trees, leaves, seed, held_out) for seed in range(1 if held_out else seeds)]

    rows = []
    tree = pd.DataFrame()
    for budget in sorted(budgets):
        trials = results.sweep(grow, [c for trees in tree_counts for c in forests(budget, trees, held_out)], "forests")
        count = int(trials.loc[trials["accuracy"].idxmax(), "trees"])
        if tree.empty or (tree["nodes"] == tree["leaves"] - 1).any():  # otherwise more leaves make the same tree
            tree = results.sweep(grow, forests(budget, 0), "decision tree")
        forest = results.sweep(grow, forests(budget, count), "random forest")
        for model, runs in (("decision tree", tree), ("random forest", forest)):
            leaves = f"at most {runs['leaves'].iloc[0]:,} leaves"
            setting = leaves if model == "decision tree" else f"{count} trees, {leaves} each"
            rows.append(runs.assign(model=model, budget=budget, setting=setting))
    trials = results.sweep(separate, [SvmConfig(dataset, c, 0, held_out) for c in penalties], "penalties")
    penalty = float(trials.loc[trials["accuracy"].idxmax(), "penalty"])
    runs = results.sweep(separate, [SvmConfig(dataset, penalty, seed) for seed in range(seeds)], "linear SVM")
    for budget in budgets:
        if runs["bytes"].iloc[0] <= budget:
            rows.append(runs.assign(model="linear SVM", budget=budget, setting=f"C = {penalty:g}"))
    columns = [*_RIVAL, "bytes", "accuracy", "averaged_accuracy", "seed"]
    return pd.concat(rows, ignore_index=True)[columns]


def beside_networks(
    runs: pd.DataFrame, records: pd.DataFrame, sizes: pd.DataFrame, targets: Sequence[int]
) -> pd.DataFrame:
    """The runs of `rivals` and, for each budget, those of the Clos and the dense network that have about its bytes.

    Args:
        runs: of `rivals`; its budgets are what the Clos networks of the `targets` store.
        records: of `studies.comparison.train_networks`, with "target".
        sizes: of `footprints`.
        targets: weights of Clos networks.
    """
    stored = sizes.drop_duplicates("label").set_index("label")["stored"]
    chosen = records[records["target"].isin(targets) & records["method"].isin(["clos", "dense"])]
    budget_of = {
        row.target: stored[row.label]
        for row in chosen[chosen["method"] == "clos"].drop_duplicates("label").itertuples()
    }
    networks = chosen.assign(
        model=chosen["method"],
        budget=chosen["target"].map(budget_of),
        setting=chosen["label"],
        bytes=chosen["label"].map(stored),
    )
    columns = [*_RIVAL, "bytes", "accuracy", "seed"]
    return pd.concat([runs, networks[columns]], ignore_index=True)


def rival_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds: "model", "budget", "setting", "accuracy" with "low", "high" and "seeds", "bytes",
    "averaged_accuracy" (nan for networks and support vector machines).
    """
    means = runs.groupby(_RIVAL, as_index=False)[["bytes", "averaged_accuracy"]].mean()
    return summarise(runs, _RIVAL, "accuracy").merge(means, on=_RIVAL)


def smallest_lead(runs: pd.DataFrame) -> tuple[int, str, pd.Series]:
    """Where Clos leads the best of the trees, forests and support vector machines by least.

    Returns:
        The budget, the rival's model, and Clos minus rival by seed, in percentage points of accuracy.
    """
    leads = []
    for budget, group in runs.groupby("budget"):
        by_model = group.pivot(index="seed", columns="model", values="accuracy")
        rival = by_model.drop(columns=["clos", "dense"]).mean().idxmax()
        leads.append((int(budget), rival, 100 * (by_model["clos"] - by_model[rival])))
    return min(leads, key=lambda lead: lead[2].mean())
