"""What pre-defined sparsity costs and saves: accuracy against density, against patterns and against bytes held."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from fabric.plots.style import PUBLISHED

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_MARKERS = ("o", "s", "^", "D")
_METHODS = {
    "predefined": ("pre-defined sparsity", "#0072B2", "o"),
    "dense": ("dense", "#4D4D4D", "s"),
    "hashing": ("hashing", "#CC79A7", "D"),
    "magnitude_pruning": ("magnitude pruning", "#D55E00", "^"),
    "l1": ("L1 regularisation", "#E69F00", "v"),
    "dropout": ("dropout", "#009E73", "P"),
}
# Their indices can be computed, by an address generator or a hash function, instead of being stored.
_COMPUTABLE = ("predefined", "hashing")
_TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def accuracy_against_density(ax: Axes, table: pd.DataFrame, networks: Sequence[str] = ()) -> None:
    """One line per network: mean accuracy (%) with its interval against density (%), printed values as crosses.

    Args:
        ax: axes to draw on.
        table: columns "layers", "density", "accuracy", "low", "high" and, optionally, "printed" (fractions).
        networks: values of "layers" in the order of their colours, which axes may share; () takes the order of `table`.
    """
    _lines(ax, table.assign(x=100 * table["density"]), networks)
    ax.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if tick >= 100 * table["density"].min() / 1.3]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("density of the classification layers (%)")


def accuracy_against_weights(ax: Axes, table: pd.DataFrame, networks: Sequence[str] = ()) -> None:
    """As `accuracy_against_density` against the number of weights, column "weights"."""
    _lines(ax, table.assign(x=table["weights"] / 1000), networks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda thousands, _: f"{thousands:g}k"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("weights (without biases)")


def _lines(ax: Axes, table: pd.DataFrame, networks: Sequence[str]) -> None:
    names = list(networks or table["layers"].unique())
    if len(names) > len(_COLORS) or not set(table["layers"]) <= set(names):
        raise ValueError(f"networks must name all of the table's, at most {len(_COLORS)}, got {', '.join(names)}")
    looks = dict(zip(names, zip(_COLORS, _MARKERS, strict=True), strict=False))
    for layers, rows in table.groupby("layers", sort=False):
        color, marker = looks[layers]
        rows = rows.sort_values("x")
        _with_interval(ax, rows["x"], rows, color, marker, label=layers, linestyle="-")
        if "printed" in rows and rows["printed"].notna().any():
            look = {
                "color": PUBLISHED["color"],
                "marker": "x" if color == _COLORS[0] else "+",
                "markersize": 9,
                "zorder": 3,
            }
            ax.plot(rows["x"], 100 * rows["printed"], linestyle="none", label=f"{layers}, published for MNIST", **look)
    ax.set_xscale("log")
    ax.set_ylabel("test accuracy (%)")


def accuracy_by_pattern(ax: Axes, table: pd.DataFrame, title: str) -> None:
    """One row per pattern and tuple of fan-outs: mean accuracy (%) with its interval, what was printed as a bar.

    Args:
        ax: axes to draw on.
        table: columns "fan_outs", "pattern", "accuracy", "low", "high", "printed_low", "printed_high" (fractions), in
            drawing order.
        title: of the axes.
    """
    rows = table.reset_index(drop=True)
    errors = [100 * (rows["accuracy"] - rows["low"]), 100 * (rows["high"] - rows["accuracy"])]
    colors = [_COLORS[1] if name.endswith("+MD") else _COLORS[0] for name in rows["pattern"]]
    for place, row in rows.iterrows():
        spread = [[errors[0][place]], [errors[1][place]]]
        ax.errorbar(100 * row["accuracy"], place, xerr=spread, color=colors[place], marker="o", capsize=3)
    printed = {"color": PUBLISHED["color"], "linewidth": 3, "marker": "|", "markersize": 9}
    for place, row in rows[rows["printed_low"].notna()].iterrows():
        ax.plot([100 * row["printed_low"], 100 * row["printed_high"]], [place, place], **printed)
    ax.set_yticks(range(len(rows)), [f"{row.pattern} ({row.fan_outs})" for row in rows.itertuples()])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel("test accuracy (%)")
    ax.set_title(title)


def accuracy_against_bytes(ax: Axes, table: pd.DataFrame) -> None:
    """Mean accuracy (%) with its interval against the bytes that a method holds while it trains.

    Hollow: without the indices, where they can be computed.

    Args:
        ax: axes to draw on.
        table: columns "method", "setting", "training_bytes", "index_bytes", "accuracy", "low", "high" (fractions).
    """
    for method, (label, color, marker) in _METHODS.items():
        rows = table[table["method"] == method].sort_values("training_bytes")
        if rows.empty:
            continue
        line = "-" if method == "predefined" else "none"
        stored = (rows["training_bytes"] + rows["index_bytes"]) / 1000
        _with_interval(ax, stored, rows, color, marker, label, line)
        if method in _COMPUTABLE:
            hollow = {"markerfacecolor": "white", "linestyle": ":" if line == "-" else line}
            computed = rows["training_bytes"] / 1000
            _with_interval(ax, computed, rows, color, marker, f"{label}, indices computed", **hollow)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("weights, gradients, optimiser state and indices held in training (kB)")
    ax.set_ylabel("test accuracy (%)")


def _with_interval(
    ax: Axes, x: pd.Series, rows: pd.DataFrame, color: str, marker: str, label: str, linestyle: str, **look: str
) -> None:
    percent = 100 * rows[["accuracy", "low", "high"]]
    # One seed has no interval: a bar of length zero.
    errors = [(percent["accuracy"] - percent["low"]).fillna(0), (percent["high"] - percent["accuracy"]).fillna(0)]
    look = {"color": color, "marker": marker, "linestyle": linestyle, "label": label, **look}
    ax.errorbar(x, percent["accuracy"], yerr=errors, capsize=2.5, **look)
