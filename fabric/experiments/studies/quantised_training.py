"""Whether a network trains that has no wide numbers from the first sample on (16_fixed_point_training)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.statements import Verdict, counted
from fabric.experiments.studies.word_length_tables import losses


def from_the_start(claim: str, runs: pd.DataFrame, numbers: Sequence[str]) -> Verdict:
    """Verdict on "quantization can only be applied after training", from networks that have no other numbers.

    A network trains if, on average over seeds, it makes at most twice as many errors as the same one in float32.

    Args:
        claim: key of the statement, which prints that none trains.
        runs: of `studies.word_length.run`.
        numbers: formats, of which all that a network stores and calculates has no more bits from the first sample on.
    """
    pairs = losses(runs)
    pairs = pairs[pairs["number"].isin(numbers) & pairs["stochastic"] & (pairs["mode"] == "sequential")]
    means = 100 * pairs.groupby(["cascades", "number"])[["accuracy", "accuracy_float32"]].mean()
    trained = (100 - means["accuracy"]) <= 2 * (100 - means["accuracy_float32"])
    worst = means.iloc[int((means["accuracy_float32"] - means["accuracy"]).argmax())]
    return counted(
        claim,
        int(trained.sum()),
        0,
        f"Of {len(means)}, {' and '.join(numbers)}; the one that loses most has {worst['accuracy']:.2f} %, "
        f"{worst['accuracy_float32']:.2f} % in float32. ClosNets itself cites quantization in training.",
    )
