"""Pictures of single studies: networks told apart, intervals within axes, runs that no line joins, print marked."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from fabric import plots
from fabric.plots.looks import PUBLISHED


@pytest.fixture
def ax():
    figure, drawn_on = plt.subplots()
    yield drawn_on
    plt.close(figure)


def test_networks_of_one_method_have_a_colour_a_stroke_and_a_marker_each():
    networks = pd.DataFrame(
        {"label": list("abcdefg"), "method": ["clos"] * 4 + ["dense"] * 3, "weights": [9, 7, 5, 3, 8, 6, 4]}
    )
    looks = plots.network_looks(networks)
    assert len({to_rgb(look["color"]) for look in looks.values()}) == 7
    for own in ("abcd", "efg"):
        for part in ("linestyle", "marker"):
            assert len({str(looks[label][part]) for label in own}) == len(own)
        lightness = [sum(to_rgb(looks[label]["color"])) for label in own]
        assert lightness == sorted(lightness)


@pytest.mark.parametrize("deep", [2, 3, 6])
def test_training_is_drawn_up_to_100_percent_and_no_panel_is_empty(deep):
    rows = [
        {"family": "torus", "stages": stages, "initialization": name, "epoch": epoch, "label": f"torus {stages}",
         "accuracy": 0.95, "low": 0.8, "high": 1.1}
        for stages in [2, *range(10, 10 + deep)] for name in ("sparse_glorot_uniform", "glorot_uniform")
        for epoch in (1, 2)
    ]  # fmt: skip
    curves = pd.DataFrame(rows)
    figure = plots.training_figure(curves[curves["epoch"] == 2], curves, scanned="torus", fewest_stages=8)
    for ax in figure.axes:
        assert ax.containers or ax.get_legend()
        for bars in ax.containers:
            assert max(segment[:, 1].max() for segment in bars.lines[2][0].get_segments()) == 100
        assert not ax.axison or ax.get_ylim()[1] == 100
    plt.close(figure)


def test_published_validation_accuracies_are_hollow_and_named_so(ax):
    table = pd.DataFrame(
        {"layers": ["a", "a", "b", "b"], "density": [0.1, 1, 0.1, 1], "accuracy": 0.9, "low": 0.89, "high": 0.91,
         "printed": 0.92}
    )  # fmt: skip
    plots.accuracy_against_density(ax, table, validated=["a"])
    a, b = (line for line in ax.lines if str(line.get_label()).partition(", ")[2].startswith("published"))
    assert a.get_label().endswith("validation")
    assert (a.get_marker(), a.get_markerfacecolor()) == ("o", "none")
    assert not b.get_label().endswith("validation")
    assert b.get_marker() != a.get_marker()
    assert a.get_color() == b.get_color() == PUBLISHED["color"]


def test_no_line_joins_networks_of_different_compression_and_single_runs_are_hollow(ax):
    table = pd.DataFrame(
        {"arm": ["dense", "Clos 3×", "Clos 10×"], "compression": [1, 3, 10], "accuracy": [40, 38, 30],
         "low": [39, np.nan, 25], "high": [41, np.nan, 35]}
    )  # fmt: skip
    plots.accuracy_against_compression(ax, table)
    several, single = (bars.lines[0] for bars in ax.containers)
    assert several.get_linestyle() == single.get_linestyle() == "None"
    assert single.get_markerfacecolor() == "white" != several.get_markerfacecolor()
    assert list(single.get_xdata()) == [3]


def test_ticks_of_weights_stand_apart_within_the_axis(ax):
    table = pd.DataFrame(
        {"kind": "Clos", "weights": [960, 1024, 1168, 1408, 1664, 1680, 1792, 2560], "points": 0.0, "low": -1.0,
         "high": 1.0}
    )  # fmt: skip
    plots.difference_over_weights(ax, table, 0.5)
    ticks = np.array([tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]])
    assert len(ticks) >= 3
    assert (ticks[1:] / ticks[:-1] >= 1.19).all()


def test_every_seed_is_drawn_beside_its_mean(ax):
    runs = pd.DataFrame(
        {"name": ["chip, overlapped"] * 3 + ["float32, dense"] * 3, "seed": [0, 1, 2] * 2,
         "accuracy": [98.0, 98.1, 97.9, 98.3, 98.2, 98.4]}
    )  # fmt: skip
    means = pd.DataFrame(
        {
            "name": ["chip, overlapped", "float32, dense"],
            "accuracy": [98.0, 98.3],
            "low": [97.8, 98.1],
            "high": [98.2, 98.5],
        }
    )
    plots.accuracy_of_seeds(ax, runs, means)
    pairs = sorted(tuple(line.get_ydata()) for line in ax.lines if len(line.get_ydata()) == 2)
    assert pairs == [(97.9, 98.4), (98.0, 98.3), (98.1, 98.2)]
    assert len(ax.containers) == 2


def test_equal_steps_of_accuracy_over_samples_halve_the_error(ax):
    table = pd.DataFrame(
        {"name": "float32, Clos", "samples": [1, 10, 100], "accuracy": [0.6, 0.8, 0.9], "low": np.nan, "high": np.nan,
         "seeds": 1}
    )  # fmt: skip
    plots.accuracy_over_samples(ax, table)
    heights = [ax.transData.transform((1, accuracy))[1] for accuracy in (60, 80, 90)]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1])
