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

    Args:
        table: columns "target", "method", "stages", "fewest_paths" (text), "bound", "accuracy", "low", "high"
            (fractions), one row per network.
    """
    targets = sorted(set(table["target"]))
    table = table.astype({"fewest_paths": float})
    figure, axes = plt.subplots(len(targets), 3, figsize=(11.5, 0.7 + 2.9 * len(targets)), sharey="row", squeeze=False)
    for row, target in zip(axes, targets, strict=True):
        for ax, (x, name) in zip(row, _AXES, strict=True):
            for method, rows in table[table["target"] == target].groupby("method"):
                rows = rows.sort_values("stages")
                line = "-" if x == "stages" and method != "torus" else ""  # the tori differ in their sides, too
                points(ax, rows[x], rows, scale=100, linestyle=line, **FAMILIES[method].mark)
            ax.set_xlabel(name)
        row[0].set_xscale("log", base=2)
        row[0].xaxis.set_major_formatter(lambda stages, _: f"{stages:g}")
        row[1].set_xscale("symlog", linthresh=1, linscale=0.8)
        most = table["fewest_paths"].max()
        row[1].set_xlim(-0.5, 10 * most)
        row[1].set_xticks([0, *10.0 ** np.arange(1, np.log10(10 * most), 2)])
        row[2].xaxis.set_major_formatter(lambda count, _: f"{count / 1000:g}k")
        row[0].set_ylabel(f"test accuracy (%)\n{target:,} weights")
    handles = [Line2D([], [], **FAMILIES[method].named) for method in table["method"].unique()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
