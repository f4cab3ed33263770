"""MobileNet with cascades: pilot, compression, fits to trained layers, times."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fabric.plots.intervals import points
from fabric.plots.looks import FAMILIES, GUIDE, LOOKS


def draw_pilot(ax: Axes, table: pd.DataFrame) -> None:
    """Held-out accuracy (%) of every trial, a row per arm and variant, the chosen ones filled.

    Args:
        ax: axes to draw on.
        table: "arm", "variant", "accuracy" (a fraction), "chosen".
    """
    rows = table.sort_values(["arm", "accuracy"], ignore_index=True)
    for place, row in rows.iterrows():
        look = _look(row["arm"])
        face = look.color if row["chosen"] else "white"
        ax.plot(100 * row["accuracy"], place, linestyle="", markerfacecolor=face, **look.mark)
    ax.set_yticks(range(len(rows)), rows["arm"] + ", " + rows["variant"])
    ax.set_xlabel("held-out accuracy (%), filled: chosen")


def accuracy_against_compression(ax: Axes, table: pd.DataFrame) -> None:
    """Test accuracy (%) with its interval against compression (log), a mark per network; dense as a band.

    Single runs are hollow; no line joins networks, since a run more may put each elsewhere. Marks of one compression
    stand side by side.

    Args:
        ax: axes to draw on.
        table: "arm", "compression", "accuracy" (%), "low", "high".
    """
    dense = table[table["arm"] == "dense"].iloc[0]
    ax.axhline(dense["accuracy"], color=GUIDE, linewidth=1, label="dense")
    ax.axhspan(*dense[["low", "high"]].fillna(dense["accuracy"]), color=GUIDE, alpha=0.12, linewidth=0)
    rest = table[table["arm"] != "dense"]
    kinds = list(rest.groupby(rest["arm"].str.split().str[0], sort=False))
    for at, (_, rows) in enumerate(kinds):
        rows = rows.sort_values("compression")
        rows = rows.assign(compression=rows["compression"] * 1.02 ** (at - (len(kinds) - 1) / 2))
        look, single = _look(rows["arm"].iloc[0]), rows["low"].isna()
        for own, face, label in (
            (rows[~single], look.color, look.label),
            (rows[single], "white", f"{look.label}, one seed"),
        ):
            if len(own):
                points(ax, own["compression"], own, linestyle="none", markerfacecolor=face, label=label, **look.mark)
    ax.set_xscale("log")
    ticks = [3, 5, 8, 10]
    ax.set_xticks(ticks, [f"{tick}×" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("times fewer parameters, whole network")
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def draw_spectra(ax: Axes, table: pd.DataFrame) -> None:
    """Share of the energy (%) against the share of leading singular values (%), trained and random.

    Args:
        ax: axes to draw on.
        table: "share", "trained", "random" (fractions).
    """
    for column, key in (("trained", "trained"), ("random", "at random")):
        ax.plot(100 * table["share"], 100 * table[column], color=LOOKS[key].color, label=LOOKS[key].label)
    ax.set_xlabel("leading singular values (% of their number)")
    ax.set_ylabel("energy (%)")
    ax.legend()


def draw_fit_errors(ax: Axes, table: pd.DataFrame) -> None:
    """Relative error (%) of the nearest matrix of a structure against the block, means over seeds.

    Args:
        ax: axes to draw on.
        table: "block", "clos", "low_rank" and "random" (the Clos fit of a random matrix), fractions.
    """
    means = 100 * table.groupby("block")[["clos", "low_rank", "random"]].mean()
    looks = {"clos": FAMILIES["clos"], "low_rank": FAMILIES["low_rank"], "random": LOOKS["at random"]}
    labels = {"clos": "Clos", "low_rank": "low rank, equal weights", "random": "Clos, random matrix"}
    for column, look in looks.items():
        ax.plot(means.index, means[column], label=labels[column], **look.mark)
    ax.set_ylim(0, 100)
    ax.set_xlabel("block")
    ax.set_ylabel("error of the fit (% of the norm)")
    ax.legend()


def draw_network_times(ax: Axes, table: pd.DataFrame) -> None:
    """How many times faster than dense, with the fastest and slowest round: a group per width, mode and batch size.

    Args:
        ax: axes to draw on.
        table: "width", "mode", "batch_size", "family", "speed_up", "least", "most".
    """
    cases = table[["mode", "width", "batch_size"]].drop_duplicates().reset_index(drop=True)
    families = list(table["family"].unique())
    for family, shift in zip(families, np.linspace(-0.12, 0.12, len(families)), strict=True):
        rows = cases.merge(table[table["family"] == family])
        places = np.arange(len(cases)) + shift
        points(ax, places, rows, ("speed_up", "least", "most"), linestyle="", **FAMILIES[family].named)
    ax.axhline(1, color=GUIDE, linewidth=1, zorder=1)
    names = [f"{row.mode}\nwidth {row.width:g}\nbatch {row.batch_size}" for row in cases.itertuples()]
    ax.set_xticks(range(len(cases)), names)
    ax.set_ylabel("times faster than dense")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _look(arm: str):
    kind = arm.split()[0]
    keys = {"dense": "dense", "Clos": "clos", "two-level": "multistage_clos", "narrow": "narrow"}
    return LOOKS[keys[kind]]
