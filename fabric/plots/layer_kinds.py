"""Energy by kind of layer, and how often a cache holds the weights that are asked for."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fabric.plots.looks import FAMILIES, GUIDE


def share_of_connected_layers(ax: Axes, table: pd.DataFrame) -> None:
    """What fully connected layers take of the energy of a step (%), a pair of bars per network, for two batch sizes.

    Args:
        ax: axes to draw on.
        table: networks by batch sizes, fractions; of `studies.layer_kinds.bottlenecks`.
    """
    rows = table.sort_values(table.columns[0])
    places = np.arange(len(rows))
    for shift, strength, batch in zip((0.2, -0.2), (1.0, 0.4), table.columns, strict=True):
        label = "one sample" if batch == 1 else f"batches of {batch}"
        bars = ax.barh(
            places + shift, 100 * rows[batch], height=0.38, color=FAMILIES["dense"].color, alpha=strength, label=label
        )
        ax.bar_label(bars, [f"{100 * share:.0f}" if share >= 0.01 else "< 1" for share in rows[batch]], padding=2)
    ax.axvline(50, color=GUIDE, linewidth=0.8, linestyle=":")
    ax.set_yticks(places, rows.index)
    ax.grid(axis="y", visible=False)
    ax.set_xlim(0, 108)
    ax.set_xlabel("energy of a training step in fully connected layers (%)")
    ax.legend(loc="lower right")


def hits_over_cache(ax: Axes, table: pd.DataFrame) -> None:
    """Visits to weights that hit (%) against the size of the cache, on a log axis, a line per network.

    Args:
        ax: axes to draw on.
        table: of `studies.layer_kinds.hit_rates`, with "method", a topology family.
    """
    for place, ((method, weights), rows) in enumerate(table.groupby(["method", "bytes"])):
        rows = rows.sort_values("cache")
        label = f"{FAMILIES[method].label}, {weights / 1000:,.0f} kB"
        stroke = ("-", "--", "-.", ":")[place % 4]
        ax.plot(rows["cache"] / 1000, 100 * rows["hit_rate"], linestyle=stroke, label=label, **FAMILIES[method].mark)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda size, _: f"{size:,g}")
    ax.set_ylim(-4, 104)
    ax.set_xlabel("cache, as large as the memories of devices (kB)")
    ax.set_ylabel("visits to weights that hit (%)")
    ax.legend(loc="upper left")
