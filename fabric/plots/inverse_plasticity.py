"""Frozen weights in logic: what a weight takes, and against memory and a multiplier that weights share."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter, StrMethodFormatter

from fabric.plots.intervals import points
from fabric.plots.looks import GUIDE, INK, in_order

_MOST_WEIGHTS = 256


def logic_of_weights(table: pd.DataFrame, first: str, second: str) -> Figure:
    """Left: logic elements a weight against weights that share an input. Right: area against memory and multiplier.

    Args:
        table: "kind", "bits", "shared", "elements", "low", "high", "general_elements", "memory_elements".
        first: kind that is drawn filled; on the right it is drawn alone, with the most weights that share an input.
        second: kind that is drawn open.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9))
    looks = in_order([f"{bits} bits" for bits in sorted(table["bits"].unique(), reverse=True)])
    counts = sorted(table["shared"].unique())
    weights = np.geomspace(1, _MOST_WEIGHTS, 60)
    for bits, rows in table.groupby("bits"):
        look = looks[f"{bits} bits"]
        for kind, face, style in ((first, look.color, "-"), (second, "white", ":")):
            own = rows[rows["kind"] == kind].sort_values("shared")
            points(
                left,
                own["shared"],
                own,
                ("elements", "low", "high"),
                linestyle=style,
                markerfacecolor=face,
                **look.mark,
            )
        left.axhline(rows["memory_elements"].iloc[0], color=look.color, linewidth=0.8, linestyle=(0, (1, 3)))
        least = rows[rows["kind"] == first].sort_values("shared").iloc[-1]
        kept = least["general_elements"] + weights * least["memory_elements"]
        right.plot(weights, weights * least["elements"] / kept, color=look.color)
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    left.xaxis.set_major_locator(FixedLocator(counts))
    left.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_formatter(ScalarFormatter())
    left.set_xlabel("weights that share an input")
    left.set_ylabel("logic elements a weight")
    right.axhline(1, color=GUIDE, linewidth=1, linestyle=":")
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    right.set_xlabel("weights for each multiplier")
    right.set_ylabel("frozen logic over memory and multiplier")
    right.set_title(f"{counts[-1]} weights share an input", fontsize="medium")
    handles = [Line2D([], [], **look.named) for look in looks.values()]
    handles += [
        Line2D([], [], color=INK, marker="o", linestyle="-", label=f"{first} weights"),
        Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle=":", label=f"{second} weights"),
        Line2D([], [], color=INK, linewidth=0.8, linestyle=(0, (1, 3)), label="the weight's bits in memory"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
