"""What pre-defined sparsity costs and saves: accuracy against density, against patterns and against bytes held."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from fabric.plots.intervals import points
from fabric.plots.looks import LOOKS, PUBLISHED, in_order

_METHODS = ("predefined", "dense", "hashing", "magnitude_pruning", "l1", "dropout")
# Their indices can be computed, by an address generator or a hash function, instead of being stored.
_COMPUTABLE = ("predefined", "hashing")
_TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def accuracy_against_density(
    ax: Axes, table: pd.DataFrame, networks: Sequence[str] = (), validated: Sequence[str] = ()
) -> None:
    """One line per network: mean accuracy (%) with its interval against density (%), printed values as crosses.

    Single runs are marks without a line: what two of them differ by, chance may explain. So are networks at fewer than
    four densities: a line would say something about all those between.

    Args:
        ax: axes to draw on.
        table: columns "layers", "density", "accuracy", "low", "high" and, optionally, "printed" (fractions).
        networks: values of "layers" in the order of their colours, which axes may share; () takes the order of `table`.
        validated: those whose printed values are accuracies on validation samples: hollow circles.
    """
    _lines(ax, table.assign(x=100 * table["density"]), networks, validated)
    ax.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if tick >= 100 * table["density"].min() / 1.3]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("density of the classification layers (%)")


def accuracy_against_weights(ax: Axes, table: pd.DataFrame, networks: Sequence[str] = ()) -> None:
    """As `accuracy_against_density` against the number of weights, column "weights"."""
    _lines(ax, table.assign(x=table["weights"] / 1000), networks, ())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda thousands, _: f"{thousands:g}k"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("weights (without biases)")


def _lines(ax: Axes, table: pd.DataFrame, networks: Sequence[str], validated: Sequence[str]) -> None:
    names = list(networks or table["layers"].unique())
    if not set(table["layers"]) <= set(names):
        raise ValueError(f"networks must name all of the table's, got {', '.join(names)}")
    looks = in_order(names)
    for layers, rows in table.groupby("layers", sort=False):
        rows = rows.sort_values("x")
        line = "none" if rows["low"].isna().all() or len(rows) < 4 else "-"
        points(ax, rows["x"], rows, scale=100, linestyle=line, **looks[layers].named)
        if "printed" in rows and rows["printed"].notna().any():
            of_validation = layers in validated
            printed: dict[str, Any] = {
                "color": PUBLISHED["color"],
                "marker": "o" if of_validation else "+",
                "markerfacecolor": "none",
                "markersize": 7 if of_validation else 9,
                "zorder": 3,
                "label": f"{layers}, published for MNIST{', validation' if of_validation else ''}",
            }
            ax.plot(rows["x"], 100 * rows["printed"], linestyle="none", **printed)
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
    for place in rows.index:
        look = LOOKS["dither" if rows.loc[place, "pattern"].endswith("+MD") else "no dither"]
        points(ax, [place], rows.loc[[place]], scale=100, sideways=True, **look.mark)
    printed: dict[str, Any] = {"color": PUBLISHED["color"], "linewidth": 3, "marker": "|", "markersize": 9}
    for place, row in rows[rows["printed_low"].notna()].iterrows():
        ax.plot([100 * row["printed_low"], 100 * row["printed_high"]], [place, place], **printed)
    ax.set_yticks(range(len(rows)), [f"{row.pattern} ({row.fan_outs})" for row in rows.itertuples()])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    if rows["pattern"].str.endswith("+MD").any():
        looks = [{"linestyle": "none", **LOOKS[name].named} for name in ("no dither", "dither")]
        looks.append(printed | {"linewidth": 3, "label": "published"})
        ax.legend(handles=[Line2D([], [], **look) for look in looks], loc="upper left", bbox_to_anchor=(1, 1))
    ax.set_xlabel("test accuracy (%)")
    ax.set_title(title)


def accuracy_against_bytes(ax: Axes, table: pd.DataFrame) -> None:
    """Mean accuracy (%) with its interval against the bytes that a method holds while it trains.

    Hollow: without the indices, where they can be computed.

    Args:
        ax: axes to draw on.
        table: columns "method", "setting", "training_bytes", "index_bytes", "accuracy", "low", "high" (fractions).
    """
    for method in _METHODS:
        rows = table[table["method"] == method].sort_values("training_bytes")
        if rows.empty:
            continue
        look, line = LOOKS[method], "-" if method == "predefined" else "none"
        stored = (rows["training_bytes"] + rows["index_bytes"]) / 1000
        points(ax, stored, rows, scale=100, linestyle=line, **look.named)
        if method in _COMPUTABLE:
            hollow: dict[str, Any] = {"markerfacecolor": "white", "linestyle": ":" if line == "-" else line}
            label = f"{look.label}, indices computed"
            points(ax, rows["training_bytes"] / 1000, rows, scale=100, label=label, **look.mark, **hollow)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("weights, gradients, optimiser state and indices held in training (kB)")
    ax.set_ylabel("test accuracy (%)")
