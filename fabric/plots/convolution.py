"""How much smaller cascades make a convolutional network."""

import pandas as pd
from matplotlib.axes import Axes

from fabric.plots.looks import FAMILIES, LOOKS, PUBLISHED

_LABELS = {"clos": "Clos, three levels of routers", "multistage_clos": "two levels of routers"}


def compression_against_width(ax: Axes, table: pd.DataFrame, claimed: float) -> None:
    """One line per topology: how many times smaller the network is, against the width of the hidden levels.

    Topologies with a single row have no free width and are drawn as a marker.

    Args:
        ax: axes to draw on.
        table: columns "topology", "hidden" (relative to the narrower side of each layer) and "compression".
        claimed: compression drawn as a horizontal line.
    """
    for topology, rows in table.groupby("topology", sort=False):
        rows = rows.sort_values("hidden")
        look = FAMILIES[topology]
        marker, label = look.marker if len(rows) == 1 else "", _LABELS.get(topology, look.label)
        ax.plot(rows["hidden"], rows["compression"], color=look.color, marker=marker, label=label)
    ax.axhline(claimed, label=f"published: {claimed:g}×", **PUBLISHED)
    ax.set_yscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 40]
    ax.set_yticks(ticks, [f"{tick:g}×" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("least width of the hidden levels, relative to the narrower side")
    ax.set_ylabel("times fewer parameters, whole network")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def shares_by_kind(ax: Axes, table: pd.DataFrame) -> None:
    """Shares of parameters and operations (%) by kind of layer, as two bars each.

    Args:
        ax: axes to draw on.
        table: columns "kind", "parameters_share" and "operations_share" (fractions).
    """
    places = range(len(table))
    for name, height in (("parameters", -0.4), ("operations", 0.4)):
        look = LOOKS[name]
        ax.barh(places, 100 * table[f"{name}_share"], height, align="edge", color=look.color, label=look.label)
    ax.set_yticks(places, table["kind"])
    ax.invert_yaxis()
    ax.set_xlabel("share (%)")
    ax.legend()
