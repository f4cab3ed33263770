"""Is MobileNet as accurate with ten times fewer weights? The verdict of 27_mobilenet."""

import dataclasses
from collections.abc import Sequence

import pandas as pd

from fabric.experiments.statements import Verdict, equivalent, higher, interval, margin


def smaller_without_loss(claim: str, runs: pd.DataFrame, arms: Sequence[str], test_samples: int) -> Verdict:
    """Verdict on "ten times smaller without an accuracy loss": within the margin of dense and above narrow dense.

    Both are asked of the longest runs. The verdict is that of `equivalent` unless the network does not beat the narrow
    dense one of equal weights: then it is "not reproduced" if it is below it and undecided otherwise. It is undecided,
    too, while the gap to dense still moves: where the 90 % interval of its change from half to all epochs does not lie
    between minus and plus the margin.

    Args:
        claim: key of the statement.
        runs: of `train`, with two numbers of epochs.
        arms: of `verdict_arms`.
        test_samples: of the test set.
    """
    dense, ours, narrow = arms
    half, full = (
        rows.pivot(index="seed", columns="arm", values="accuracy") for _, rows in runs.groupby("epochs", sort=True)
    )
    above = higher(claim, (full[ours] - full[narrow]).to_numpy(), "")
    change = (full[ours] - full[dense]) - (half[ours] - half[dense])
    moved, allowed = interval(change, 0.9), margin("no loss", full[dense].mean() / 100, test_samples)
    verdict = equivalent(
        claim,
        full[ours],
        full[dense],
        "no loss",
        test_samples,
        f"Above narrow dense of equal weights by {above.ours:.2f} points ({above.low:.2f} … {above.high:.2f}). From "
        f"half to all epochs the gap to dense changes by {moved.mean:+.2f} ({moved.low:.2f} … {moved.high:.2f}, 90 %).",
        narrow=full[narrow],
    )
    found = verdict.verdict
    if found in ("better", "within the margin", "within, with a real loss") and above.verdict != "reproduced":
        found = "not reproduced" if above.verdict == "not reproduced" else "undecided"
    if not (-allowed < moved.low and moved.high < allowed):
        found = "undecided"
    return dataclasses.replace(verdict, verdict=found)
