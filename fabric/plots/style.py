"""The same fonts, sizes and bytes for all figures."""

import matplotlib as mpl
import seaborn as sns

from fabric.plots.looks import GRID


def use_style() -> None:
    """Set this project's style from matplotlib's own defaults; every notebook calls it once.

    Whatever a user's matplotlibrc says is ignored, so that the same table gives the same bytes everywhere. The
    backend stays, since it shows pictures and draws none of them.
    """
    mpl.rcdefaults()
    sns.set_theme(
        style="ticks",
        rc={
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": GRID,
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "svg.fonttype": "path",
            "svg.hashsalt": "fabric",
        },
    )
