"""What conversion loses: matrices of known spectra, router counts, the ridge, a trained network."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from fabric.plots.intervals import points
from fabric.plots.looks import GUIDE, LOOKS, MARKED

_STRUCTURES = ("clos", "low_rank", "monarch")


def error_by_spectrum(table: pd.DataFrame) -> Figure:
    """A panel for each budget: relative error against the power of the spectrum; rings are optima in closed form.

    Args:
        table: of `fabric.experiments.studies.conversion.errors_by_spectrum`.
    """
    budgets = sorted(set(table["fewer"]))
    figure, axes = plt.subplots(1, len(budgets), figsize=(0.7 + 2.9 * len(budgets), 3.6), sharey=True, squeeze=False)
    for ax, fewer in zip(axes[0], budgets, strict=True):
        rows = table[table["fewer"] == fewer].sort_values("power")
        for name in _STRUCTURES:
            ax.plot(rows["power"], rows[name], **LOOKS[name].mark)
            if f"{name}_optimum" in rows:
                look = LOOKS[name]
                ax.plot(rows["power"], rows[f"{name}_optimum"], "o", markersize=10, fillstyle="none", color=look.color)
        ax.set(title=f"{fewer:g} times fewer weights", xlabel="a, singular values $i^{-a}$", ylim=(0, 1))
    axes[0, 0].set_ylabel("relative error")
    handles = [Line2D([], [], **LOOKS[name].named) for name in _STRUCTURES]
    ring = {"marker": "o", "markersize": 10, "fillstyle": "none", "linestyle": "", "color": GUIDE}
    handles.append(Line2D([], [], **ring, label="optimum in closed form"))  # type: ignore[arg-type]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def error_by_routers(table: pd.DataFrame, preferred: tuple[int, int, int]) -> Figure:
    """Relative error of Clos cascades of one budget against weights and against independent entries.

    Args:
        table: of `fabric.experiments.studies.conversion.errors_by_routers`.
        preferred: router counts to mark.
    """
    counts = ["input_routers", "middle_routers", "output_routers"]
    rows = table.groupby(counts, as_index=False)[["weights", "independent", "error"]].mean()
    chosen = rows[(rows[counts] == preferred).all(axis=1)]
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True)
    for ax, (x, name) in zip(
        axes, (("weights", "weights"), ("independent", "weights less hidden neurons")), strict=True
    ):
        ax.plot(rows[x], rows["error"], linestyle="", **LOOKS["clos"].mark)
        ax.plot(chosen[x], chosen["error"], "o", markersize=11, fillstyle="none", color=MARKED)
        ax.set_xlabel(name)
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes[0].set_ylabel("relative error")
    label = f"what plan prefers, {preferred}"
    axes[0].legend(handles=[Line2D([], [], marker="o", fillstyle="none", linestyle="", color=MARKED, label=label)])
    return figure


def error_by_ridge(table: pd.DataFrame, default: float) -> Figure:
    """Relative errors of a Clos cascade against the ridge that it was converted with.

    Args:
        table: of `fabric.experiments.studies.conversion.errors_by_ridge`.
        default: ridge to mark.
    """
    lines = {
        "matrix": (":", "of the matrix"),
        "unseen": ("-", "of outputs on other samples"),
        "seen": ("--", "of outputs on the data"),
    }
    figure, ax = plt.subplots(figsize=(6, 3.6))
    rows = table.sort_values("ridge")
    for name, (style, label) in lines.items():
        ax.plot(rows["ridge"], rows[name], linestyle=style, label=label, **LOOKS["clos"].mark)
    ax.axvline(default, color=MARKED, linewidth=1, label=f"default, {default:g}")
    least = rows.loc[rows["ridge"] > 0, "ridge"].min()
    ax.set_xscale("symlog", linthresh=least)
    ax.set(xlabel="ridge", ylabel="relative error", yscale="log", xlim=(-least / 4, 1.5 * rows["ridge"].max()))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def accuracy_after_conversion(table: pd.DataFrame) -> Figure:
    """Test accuracy against times fewer weights, before and after healing; the line is the dense network.

    Single runs are marks without a line.

    Args:
        table: of `fabric.experiments.studies.conversion.converted`, means with intervals.
    """
    stages = {"blind": "nearest matrices", "before": "nearest outputs on data", "healed": "after healing"}
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), sharey=True)
    dense = 100 * table.loc[table["stage"] == "dense", "accuracy"].iloc[0]
    factors = sorted(set(table["fewer"]))
    for ax, (stage, title) in zip(axes, stages.items(), strict=True):
        ax.axhline(dense, color=LOOKS["dense"].color, linestyle="--", linewidth=1)
        for at, name in enumerate((*_STRUCTURES, "chosen")):
            rows = table[(table["stage"] == stage) & (table["structure"] == name)].sort_values("fewer")
            places = rows["fewer"] * 1.07 ** (at - 1.5)
            line = "none" if rows["low"].isna().all() else "-"
            points(ax, places, rows, scale=100, linestyle=line, **LOOKS[name].mark)
        ax.set_xscale("log", base=2)
        ax.set_xticks(factors, [f"{fewer:g}×" for fewer in factors])
        ax.set(title=title, xlabel="fewer weights")
    low, high = axes[0].get_ylim()
    axes[0].set(ylabel="test accuracy (%)", ylim=(max(0, low), min(100, high)))
    names = [Line2D([], [], linestyle="", **LOOKS[name].named) for name in (*_STRUCTURES, "chosen")]
    names.append(Line2D([], [], color=LOOKS["dense"].color, linestyle="--", label="dense"))
    figure.legend(handles=names, loc="outside lower center", ncols=5)
    return figure
