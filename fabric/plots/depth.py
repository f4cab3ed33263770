"""Accuracy against what is known of a cascade before training: depth, paths, solvable constraints."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fabric.plots.intervals import points
from fabric.plots.looks import FAMILIES

_AXES = (
    ("stages", "stages of the cascade"),
    ("fewest_paths", "fewest paths of a pair"),
    ("bound", "parameters less hidden neurons"),
)


def depth_figure(table: pd.DataFrame) -> Figure:
    """One row of panels per number of weights: accuracy (%) with intervals against stages, paths and constraints.

    Lines join cascades that differ in depth only. A Clos cascade of other than three stages looks as a multistage one.

    Args:
        table: columns "target", "method", "stages", "fewest_paths" (text), "bound", "accuracy", "low", "high"
            (fractions), one row per network.
    """
    targets = sorted(set(table["target"]))
    multistage = (table["method"] == "clos") & (table["stages"] != 3)
    table = table.astype({"fewest_paths": float}).assign(
        look=table["method"].mask(multistage, "multistage_clos"),
        line=table["method"].replace("clos", "multistage_clos"),
    )
    figure, axes = plt.subplots(len(targets), 3, figsize=(11.5, 0.7 + 2.9 * len(targets)), sharey="row", squeeze=False)
    for row, target in zip(axes, targets, strict=True):
        for ax, (x, name) in zip(row, _AXES, strict=True):
            networks = table[table["target"] == target].sort_values("stages")
            for look, rows in networks.groupby("look"):
                points(ax, rows[x], rows, scale=100, linestyle="", **FAMILIES[look].mark)
            joined = networks[networks["line"] != "torus"] if x == "stages" else networks[:0]  # tori differ in sides
            for look, rows in joined.groupby("line"):
                ax.plot(rows["stages"], 100 * rows["accuracy"], color=FAMILIES[look].color, zorder=1)
            ax.set_xlabel(name)
        row[0].set_xscale("log", base=2)
        row[0].xaxis.set_major_formatter(lambda stages, _: f"{stages:g}")
        row[1].set_xscale("symlog", linthresh=1, linscale=0.8)
        most = table["fewest_paths"].max()
        row[1].set_xlim(-0.5, 10 * most)
        row[1].set_xticks([0, *10.0 ** np.arange(1, np.log10(10 * most), 2)])
        row[2].xaxis.set_major_formatter(lambda count, _: f"{count / 1000:g}k")
        row[0].set_ylabel(f"test accuracy (%)\n{target:,} weights")
    shown = [name for name in FAMILIES if name in set(table["look"])]
    handles = [Line2D([], [], linestyle="", **FAMILIES[name].named) for name in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
