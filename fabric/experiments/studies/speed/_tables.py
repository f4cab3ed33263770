"""Tables of speed: medians over rounds, and ratios of times of the same round with their intervals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fabric.experiments.statements import Interval, interval
from fabric.experiments.studies.speed._rivals import CLOS, DENSE, ONEDNN

_BYTES = {"float32": 4, "bfloat16": 2}
_PASSES = {"forward": 1, "both": 3}  # products: outputs, gradients of inputs, gradients of weights


def speeds(times: pd.DataFrame) -> pd.DataFrame:
    """Every way to compute a layer beside `torch.nn.Linear`.

    Args:
        times: of `layers`.

    Returns:
        "device", "dtype", "layer", "passes", "batch", "way"; "weights"; "fewer", how many times fewer
        multiply-accumulates than the dense layer; "seconds" of a call; "faster" than `torch.nn.Linear`, with "low" and
        "high"; "than_strongest", the faster of both dense products; "rate", operations a second; of the forward pass
        "intensity", operations for each byte of weights, inputs and outputs.
    """
    rows = []
    by = ["device", "dtype", "layer", "passes", "batch"]
    for keys, group in times.groupby(by, sort=False):
        seconds = group.pivot(index="round", columns="way", values="seconds")
        best = seconds[strongest(seconds)]
        for way, rounds in group.groupby("way", sort=False):
            first, known = rounds.iloc[0], dict(zip(by, keys, strict=True))
            batch, dense = first["batch"], first["inputs"] * first["outputs"]
            operations = 2 * batch * first["multiplied"] * _PASSES[first["passes"]]
            moved = _BYTES[first["dtype"]] * (first["weights"] + batch * (first["inputs"] + first["outputs"]))
            median = rounds["seconds"].median()
            rows.append(
                known
                | {"way": way, "weights": first["weights"], "fewer": dense / first["multiplied"], "seconds": median}
                | _ratio("faster", seconds[DENSE] / seconds[way])
                | {
                    "than_strongest": (best / seconds[way]).mean(),
                    "rate": operations / median,
                    "intensity": operations / moved if first["passes"] == "forward" else np.nan,
                }
            )
    return pd.DataFrame(rows)


def strongest(seconds: pd.DataFrame) -> str:
    """The faster of the dense products in the median; a row for each round, a column for each way."""
    return seconds[[way for way in (DENSE, ONEDNN) if way in seconds]].median().idxmin()


def of_dense_rate(times: pd.DataFrame, layer: str, batch: int) -> pd.Series:
    """Operations a second of the Clos cascade over those of the strongest dense product, forward and backward, by
    round, in float32.
    """
    chosen = times.query("dtype == 'float32' and layer == @layer and batch == @batch and passes == 'both'")
    seconds = chosen.pivot(index="round", columns="way", values="seconds")
    counted = chosen.groupby("way")["multiplied"].first()
    best = strongest(seconds)
    return (counted[CLOS] / seconds[CLOS]) / (counted[best] / seconds[best])


def limits(measured: pd.DataFrame) -> pd.DataFrame:
    """Medians over rounds of the "peak", "cache" and "memory" of each run of `layers`."""
    by = ["device", "dtype", "layer", "batch"]
    return measured.groupby(by, sort=False)[["peak", "cache", "memory"]].median().reset_index()


def beside_dense(times: pd.DataFrame, names: str, by: Sequence[str], counted: Sequence[str] = ()) -> pd.DataFrame:
    """Medians and how much faster than what is called "dense" in the column `names`.

    Args:
        times: a row for each round, with "device" and "seconds".
        names: the column that says what is timed.
        by: columns within which things are compared.
        counted: columns that are kept.

    Returns:
        "device", the columns of `by`, `names` and `counted`; "seconds", "fastest", "slowest"; "faster", "low", "high".
    """
    rows = []
    for keys, group in times.groupby(["device", *by], sort=False):
        seconds = group.pivot(index="round", columns=names, values="seconds")
        for name, rounds in group.groupby(names, sort=False):
            taken = rounds["seconds"]
            rows.append(
                dict(zip(["device", *by], keys, strict=True))
                | {names: name, **rounds.iloc[0][list(counted)]}
                | {"seconds": taken.median(), "fastest": taken.min(), "slowest": taken.max()}
                | _ratio("faster", seconds[DENSE] / seconds[name])
            )
    return pd.DataFrame(rows)


def best_steps(times: pd.DataFrame, network: str) -> tuple[pd.Series, str, str]:
    """How much faster the network's fastest kind of step is than the dense network's fastest kind.

    Args:
        times: of `single_samples`.
        network: the label of its cascade.

    Returns:
        Ratios by round; the dense network's kind and the other's.
    """
    seconds = {
        name: times[times["network"] == name].pivot(index="round", columns="kind", values="seconds")
        for name in (DENSE, network)
    }
    kinds = [taken.median().idxmin() for taken in seconds.values()]
    dense, ours = (taken[kind] for taken, kind in zip(seconds.values(), kinds, strict=True))
    return dense / ours, *kinds


def wire_shares(times: pd.DataFrame) -> pd.DataFrame:
    """The share of the time that goes to the wires, in each form.

    Returns:
        "device", "layer", "batch", "form", "seconds" (median); "ratio", how many times as long as with straight wires
        it took (medians); "share" of the time with "low" and "high", below zero where straight wires took longer.
    """
    by = ["device", "layer", "batch", "form"]
    rows = []
    for keys, group in times.groupby(by, sort=False):
        shares = 1 - group["straight"] / group["seconds"]
        seconds, straight = group["seconds"].median(), group["straight"].median()
        known = dict(zip(by, keys, strict=True)) | {"seconds": seconds, "ratio": seconds / straight}
        rows.append(known | _ratio("share", shares))
    return pd.DataFrame(rows)


def typical(ratios: pd.Series) -> Interval:
    """The geometric mean of ratios with its 95 % interval."""
    bounds = interval(np.log(ratios))
    return Interval(*(float(np.exp(value)) for value in (bounds.mean, bounds.low, bounds.high)))


def _ratio(name: str, values: pd.Series) -> dict[str, float]:
    bounds = interval(values)
    return {name: bounds.mean, "low": bounds.low, "high": bounds.high}
