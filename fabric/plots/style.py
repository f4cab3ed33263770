"""One look for all figures: one colour and one name per topology, the same fonts, reproducible SVG."""

import seaborn as sns

COLORS = {
    "clos": "#0072B2",
    "dense": "#4D4D4D",
    "low_rank": "#D55E00",
    "random_sparse": "#009E73",
    "multistage_clos": "#56B4E9",
    "butterfly": "#CC79A7",
    "parallel_butterfly": "#8E4585",
    "hypercube": "#E69F00",
    "torus": "#8C6D31",
    "mesh": "#7F7F7F",
    "predefined": "#B8A200",
}
LABELS = {
    "clos": "Clos",
    "dense": "dense",
    "low_rank": "low-rank",
    "random_sparse": "a priori random sparse",
    "multistage_clos": "four-stage Clos",
    "butterfly": "butterfly",
    "parallel_butterfly": "parallel butterflies",
    "hypercube": "hypercube",
    "torus": "torus",
    "mesh": "mesh",
    "predefined": "pre-defined sparse",
}
MARKERS = {
    "clos": "o",
    "dense": "s",
    "low_rank": "^",
    "random_sparse": "D",
    "multistage_clos": "p",
    "butterfly": "v",
    "parallel_butterfly": "<",
    "hypercube": "h",
    "torus": "P",
    "mesh": "X",
    "predefined": "d",
}
PUBLISHED = {"color": "#AA3377", "linestyle": (0, (4, 2)), "linewidth": 1.2}


def use_style() -> None:
    """Set seaborn's theme and matplotlib's defaults for this project; every notebook calls it once."""
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
            "grid.color": "#E5E5E5",
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "svg.fonttype": "path",
            "svg.hashsalt": "fabric",
        },
    )
