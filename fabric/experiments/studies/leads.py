"""Which kind of network is best, chosen on other seeds than those that judge (notebook 10_heuristic_vs_accuracy)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.statements import interval


def best_against_best(records: pd.DataFrame, ours: pd.Series) -> pd.DataFrame:
    """How far the best of some networks is ahead of the best of all others, paired by seed.

    "Best" is by mean accuracy over all other seeds, for each seed and data set anew: the runs that are compared have no
    part in the choice, which would otherwise flatter the side with more networks.

    Args:
        records: of `heuristics.train_all`, with at least two seeds.
        ours: boolean, aligned with `records`; the others are the rest.

    Returns:
        "dataset", "seed", "ours" and "other" (methods), "points" (percentage points of accuracy, ours minus other).
    """
    rows = []
    for dataset, runs in records.groupby("dataset"):
        table = runs.pivot(index="seed", columns="method", values="accuracy")
        mine = table.columns.isin(runs.loc[ours.loc[runs.index], "method"])
        for seed, accuracies in table.iterrows():
            judged = table.drop(index=seed).mean()
            one, other = (judged[side].idxmax() for side in (mine, ~mine))
            points = 100 * (accuracies[one] - accuracies[other])
            rows.append({"dataset": dataset, "seed": seed, "ours": one, "other": other, "points": points})
    return pd.DataFrame(rows)


def best_over_worst(records: pd.DataFrame) -> pd.DataFrame:
    """How far the best of some networks is ahead of the worst, paired by seed.

    Both are chosen by mean accuracy over all other seeds, as in `best_against_best`: of networks that are equally good
    the best of the same runs would always be ahead. This choice rather leaves it behind, since it favours networks
    whose run that is left out was bad.

    Args:
        records: of `heuristics.train_all`, with at least two seeds.

    Returns:
        The columns of `best_against_best`; "other" is the worst.
    """
    rows = []
    for dataset, runs in records.groupby("dataset"):
        table = runs.pivot(index="seed", columns="method", values="accuracy")
        for seed, accuracies in table.iterrows():
            judged = table.drop(index=seed).mean()
            best, worst = judged.idxmax(), judged.idxmin()
            points = 100 * (accuracies[best] - accuracies[worst])
            rows.append({"dataset": dataset, "seed": seed, "ours": best, "other": worst, "points": points})
    return pd.DataFrame(rows)


def per_seed(table: pd.DataFrame) -> pd.Series:
    """Percentage points of `best_against_best` or `best_over_worst`, averaged over data sets, by seed."""
    return table.groupby("seed")["points"].mean()


def describe(table: pd.DataFrame) -> str:
    """Who was compared in `best_against_best` or `best_over_worst`, and the mean difference, data set by data set."""
    means = table.groupby(["dataset", "ours", "other"])["points"].mean()
    return " ".join(
        f"On {dataset} {ours} leads {other} by {points:.2f} points." for (dataset, ours, other), points in means.items()
    )


def best_of_smaller(records: pd.DataFrame) -> str:
    """Which method has the best mean accuracy at each budget below the largest, data set by data set; "" if none is."""
    smaller = records[records["budget"] < records["budget"].max()]
    means = smaller.groupby(["dataset", "budget", "method"])["accuracy"].mean()
    best = [method for _, _, method in means.groupby(["dataset", "budget"]).idxmax()]
    if not best:
        return ""
    return f"Smaller budgets are not judged; the best means there, of fewer seeds, are of {', '.join(best)}."


def in_words(accuracies: pd.DataFrame, ours: str, others: Sequence[str]) -> str:
    """By how many points of accuracy one method leads each of others, with 95 % intervals, paired by seed.

    Args:
        accuracies: rows by seed and columns by method.
        ours, others: columns.
    """
    found = []
    for other in others:
        gap = interval(100 * (accuracies[ours] - accuracies[other]))
        found.append(f"{other} by {gap.mean:.2f} ({gap.low:.2f} … {gap.high:.2f})")
    return ", ".join(found)
