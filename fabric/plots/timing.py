"""Timing diagrams: what is under way in every clock cycle, drawn from a trace."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fabric.plots.looks import INK, LEVELS, PALE

_PHASES = dict(zip("123", list(LEVELS.values())[1:], strict=True))


def timing_diagram(bars: pd.DataFrame) -> Figure:
    """One row for each lane, one bar for the cycles in which it is active, the clock on top.

    The id of each bar in the SVG says what it is: lane, first cycle, cycles.

    Args:
        bars: of `studies.torus_mapping.timing`: "lane", "begin", "cycles", "label" beginning with the phase or empty.
    """
    lanes = ["clock", *bars["lane"].drop_duplicates()]
    last = int((bars["begin"] + bars["cycles"]).max())
    figure = plt.figure(figsize=(11, 0.34 * len(lanes) + 0.9), layout="constrained")
    ax = figure.add_subplot()
    wave = ((0, 0.3), (0.5, 0.3), (0.5, -0.3), (1, -0.3))  # rising edges at whole numbers, where registers change
    edges = [(cycle + half, level) for cycle in range(last) for half, level in wave]
    ax.plot([x for x, _ in edges], [-y for _, y in edges], color=INK, linewidth=1)
    for bar in bars.itertuples():
        y = lanes.index(bar.lane)
        (box,) = ax.barh(
            y, bar.cycles, left=bar.begin, height=0.66, color=_PHASES.get(bar.label[:1], PALE), edgecolor=INK,
            linewidth=0.8,
        )  # fmt: skip
        box.set_gid(bar_id(bar.lane, bar.begin, bar.cycles))
        if bar.label:
            ax.text(bar.begin + bar.cycles / 2, y, bar.label, ha="center", va="center", fontsize=8.5)
    ax.set_yticks(range(len(lanes)), lanes)
    ax.set_ylim(len(lanes) - 0.4, -0.6)
    ax.set_xlim(min(0, bars["begin"].min()), last)
    ax.set_xticks(range(0, last + 1))
    ax.set_xlabel("cycle (0: the command is taken)")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return figure


def bar_id(lane: str, begin: int, cycles: int) -> str:
    """The id of a bar in the SVG of `timing_diagram`."""
    return f"{lane.replace(' ', '-')}-from-{begin}-for-{cycles}"
