"""Accuracy against word length, and of several networks in the formats that were chosen."""

import re

import pandas as pd
from matplotlib.axes import Axes

from fabric.plots.intervals import points
from fabric.plots.looks import LOOKS

_WIDTHS = {"weights as wide as operands": LOOKS["9/9"], "weights of 12 bits": LOOKS["9/12"]}
_FORMATS = ("float32", "9/12", "9/9")


def accuracy_over_bits(ax: Axes, table: pd.DataFrame, shown: tuple[float, float]) -> None:
    """Accuracy (%) against the bits of the operands, a line for each width of the stored weights, float32 as a band.

    Hollow marks are of rounding to nearest, filled ones of stochastic rounding. A mean below the axis is written at its
    lower end.

    Args:
        ax: axes to draw on.
        table: of `fabric.experiments.studies.word_length_tables.accuracies`, one network, sequential.
        shown: range of the accuracies on the axis (%).
    """
    bits = sorted(set(table["word"]) - {32})
    for order, (name, look) in enumerate(_WIDTHS.items()):
        own = table["weight"] == (12 if name == "weights of 12 bits" else table["word"])
        for rounding, fill in (("stochastic", look.color), ("nearest", "white")):
            rows = table[own & (table["rounding"] == rounding)].sort_values("word")
            if rows.empty:
                continue
            x = rows["word"] + (0.1 if name == "weights of 12 bits" else -0.1)
            line = "-" if rounding == "stochastic" else "none"
            label = name if rounding == "stochastic" else f"{name}, to nearest"
            points(ax, x, rows, linestyle=line, label=label, markerfacecolor=fill, **look.mark)
            for at, accuracy in zip(x, rows["accuracy"], strict=True):
                if accuracy < shown[0]:
                    ax.annotate(
                        f"{accuracy:.1f} % ↓", (at, shown[0]), xytext=(0, 3 + 11 * order),
                        textcoords="offset points", color=look.color, fontsize=8, ha="left",
                    )  # fmt: skip
    reference = table[table["number"] == "float32"].iloc[0]
    ax.axhline(reference["accuracy"], color=LOOKS["float32"].color, linestyle="--", label="float32")
    ax.axhspan(reference["low"], reference["high"], color=LOOKS["float32"].color, alpha=0.12, lw=0)
    ax.set_xticks(bits, list(map(str, bits)))
    ax.set_xlim(bits[0] - 0.5, bits[-1] + 0.5)
    ax.set_ylim(*shown)
    ax.set_xlabel("bits of the operands")
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="lower right", fontsize="small")


def accuracy_of_networks(ax: Axes, table: pd.DataFrame, shown: tuple[float, float]) -> None:
    """Accuracy (%) of each network in each format, side by side; hollow marks are of overlapped training.

    Args:
        ax: axes to draw on.
        table: of `fabric.experiments.studies.word_length_tables.accuracies`, stochastic rounding.
        shown: range of the accuracies on the axis (%).
    """
    networks = list(dict.fromkeys(table["network"]))
    ways = [(number, mode) for number in _FORMATS for mode in ("sequential", "overlapped")]
    for number, mode in ways:
        rows = table[(table["number"] == number) & (table["mode"] == mode)]
        if rows.empty:
            continue
        shift = 0.13 * (_FORMATS.index(number) - 1) + 0.06 * (mode != "sequential")
        x = rows["network"].map(networks.index) + shift
        fill = LOOKS[number].color if mode == "sequential" else "white"
        label = number if number == "float32" else f"{number} bits, {mode}"
        points(ax, x, rows, linestyle="none", label=label, markerfacecolor=fill, **LOOKS[number].mark)
    labels = [re.findall(r"^[\d-]+(?: \(.*?\))?", network)[0].replace(" (", "\n(") for network in networks]
    ax.set_xticks(range(len(networks)), labels, fontsize=8)
    ax.set_xlim(-0.5, len(networks) - 0.5)
    ax.set_ylim(*shown)
    ax.set_xlabel("first layer: Clos routers in brackets, or dense")
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="lower right")
