"""How much faster MobileNet is with cascades, inference and training (27_mobilenet)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.networks import MobileNet
from fabric.experiments.studies import convolution_counts
from fabric.experiments.studies.mobilenet import CLAIMED


def times(records: pd.DataFrame, names: Sequence[tuple[float, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Times of networks, and of each cascade how many times faster than the dense network of its width.

    Dense counts in the better of both memory formats, round by round, and so does a cascade.

    Args:
        records: of `time_networks`, one row.
        names: width and family of each network.

    Returns:
        "width", "family", "mode", "format", "batch_size", "seconds" (median over rounds), "path"; and "width",
        "family", "mode", "batch_size", "speed_up" (median over rounds) with the "least" and "most" of a round.
    """
    rows = pd.DataFrame(records["times"].iloc[0]).assign(
        round=lambda table: [list(range(len(s))) for s in table["seconds"]]
    )
    rows = rows.explode(["round", "seconds"], ignore_index=True).astype({"seconds": float, "round": int})
    rows["width"] = [names[place][0] for place in rows["network"]]
    rows["family"] = [names[place][1] for place in rows["network"]]
    case = ["width", "family", "mode", "batch_size"]
    medians = rows.groupby([*case, "format", "path"], as_index=False)["seconds"].median()
    best = rows.groupby([*case, "round"])["seconds"].min().unstack("family")
    ratios = best.drop(columns="dense").rdiv(best["dense"], axis=0).stack().rename("speed_up").reset_index()
    found = ratios.groupby(case)["speed_up"].agg(speed_up="median", least="min", most="max").reset_index()
    return medians, found


def timed_networks(widths: Sequence[float]) -> tuple[list[MobileNet], list[tuple[float, str]]]:
    """Dense, Clos (hidden levels as wide as at ten times fewer weights) and low-rank MobileNets, and their names."""
    hidden = convolution_counts.widest(convolution_counts.cheapest_clos, CLAIMED)
    total = int(convolution_counts.dense_parameters() / CLAIMED)
    share = float(convolution_counts.rivals(total).set_index("rival").loc["low rank", "setting"])
    rules = {"clos": (convolution_counts.cheapest_clos, hidden), "low_rank": (convolution_counts.rank_of, share)}
    built, names = [], []
    for width in widths:
        built.append(MobileNet(width))
        names.append((width, "dense"))
        for family, (rule, setting) in rules.items():
            built.append(MobileNet(width, convolution_counts.pointwise(rule, setting, width)))
            names.append((width, family))
    return built, names
