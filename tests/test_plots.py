"""One look for all figures: what a colour means, where it is written, how intervals are drawn, whose style counts."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fabric import plots, topology
from fabric.plots import intervals, looks
from fabric.plots.looks import FAMILIES, LOOKS, MARKED, OTHERS, PALETTE, PUBLISHED

MODULES = [importlib.import_module(f"fabric.plots.{module.name}") for module in pkgutil.iter_modules(plots.__path__)]


def test_every_topology_has_a_look_of_its_own():
    assert set(FAMILIES) == set(topology.FAMILIES)
    for part in ("label", "color", "marker"):
        assert len({getattr(look, part) for look in FAMILIES.values()}) == len(FAMILIES)


def test_a_colour_of_a_topology_of_print_or_of_a_mark_stands_for_nothing_else():
    own = [look.color for look in FAMILIES.values()] + [PUBLISHED["color"], MARKED]
    assert len(set(own)) == len(own)
    assert not set(own) & {*PALETTE, *(look.color for look in OTHERS.values())}
    assert len(LOOKS) == len(FAMILIES) + len(OTHERS)


@pytest.mark.parametrize(
    "together",
    [
        ("sparse_glorot_uniform", "end_to_end_glorot_uniform", "orthogonal", "glorot_uniform"),
        ("predefined", "dense", "hashing", "magnitude_pruning", "l1", "dropout"),
        ("clos", "dense", "random forest", "decision tree", "linear SVM"),
        ("clos", "dense", "chip, overlapped", "chip, sequential"),
        ("coloring", "jacobian_rank", "closed_form", "jacobian_rank_with_skips"),
        ("one process", "parallel processes", "junction pipeline", "both"),
        ("memory", "compute", "overhead"),
        ("lookup_tables", "flip_flops", "multipliers"),
        ("float32", "9/12", "9/9"),
        ("FF", "BP", "UP"),
        ("clos", "dense", "narrow dense", "random_sparse", "structured update", "Clos, 9 bits"),
        ("equal operations", "fewer operations", "more operations"),
        ("nsga2", "random"),
        ("loss l1", "loss l2"),
        ("dither", "no dither"),
        ("balanced", "unbalanced"),
        ("table II", "pipelined", "interleaved training", "on-chip training"),
        ("ResNet18", "dense", "clos"),
        ("dense", "clos", "low_rank", "butterfly", "random_sparse", "monarch", "block-diagonal", "CSR", "masked dense"),
        ("dense", "clos", "clos_by_gate", "low_rank", "block_diagonal"),
        ("dense", "clos", "low_rank", "monarch", "btt", "random_sparse", "narrow dense"),
        ("dense", "clos", "low_rank", "monarch", "chosen"),
    ],
)
def test_what_stands_in_one_figure_has_different_colours(together):
    assert len({LOOKS[name].color for name in together}) == len(together)


def test_colours_and_error_bars_are_written_in_one_place():
    for module in MODULES:
        source = Path(module.__file__).read_text()
        if module is not looks:
            assert not re.findall(r"""["'](?:#[0-9A-Fa-f]{3,8}|0?\.\d+|C\d)["']""", source), module.__name__
        if module is not intervals:
            assert not re.findall(r"\b(?:errorbar|fill_between)\(", source), module.__name__


def test_intervals_are_drawn_from_low_to_high_and_one_without_ends_has_no_length():
    rows = pd.DataFrame({"accuracy": [0.5, 0.7], "low": [0.4, np.nan], "high": [0.8, np.nan]})
    for sideways in (False, True):
        _, ax = plt.subplots()
        intervals.points(ax, [1, 2], rows, scale=100, sideways=sideways)
        (bars,) = ax.containers[0].lines[2]
        ends = np.array(bars.get_segments())[:, :, 0 if sideways else 1]
        np.testing.assert_allclose(ends, [[40, 80], [70, 70]])
        plt.close()
    _, ax = plt.subplots()
    intervals.band(ax, [1, 2], rows.iloc[[0, 0]], scale=100, color="k")
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([heights.min(), heights.max()], [40, 80])
    plt.close()


def test_a_scale_of_its_own_for_each_row():
    rows = pd.DataFrame({"m": [1, 2], "a": [0, 1], "b": [2, 4]})
    np.testing.assert_allclose(intervals.bounds(rows, ("m", "a", "b"), [2, 0.5]), [[2, 1], [0, 0.5], [4, 2]])


DRAW = """
import sys
import matplotlib.pyplot as plt
from fabric import plots, topology
plots.use_style()
figure, axes = plt.subplots(1, 2)
plots.draw_topology(axes[0], topology.clos(4, 4, 2, 2, 2), path=(0, 3))
axes[1].errorbar([1, 2], [3, 4], [1, 1], label="$x_1$")
axes[1].set_title("title")
axes[1].legend()
figure.savefig(sys.argv[1], format="svg", metadata={"Date": None})
"""
HOSTILE = """
figure.autolayout: True
figure.figsize: 3, 3
axes.titleweight: bold
axes.facecolor: yellow
axes.prop_cycle: cycler(color=['red', 'lime'])
errorbar.capsize: 9
font.family: serif
font.size: 20
legend.frameon: True
lines.linewidth: 7
mathtext.fontset: stix
savefig.bbox: tight
savefig.facecolor: black
savefig.transparent: True
svg.fonttype: none
svg.hashsalt: mine
text.color: red
xtick.labelsize: 3
path.simplify: False
"""


def test_a_users_own_settings_change_no_byte_of_a_figure(tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    drawn = []
    for name, settings in (("plain", "/dev/null"), ("hostile", str(tmp_path / "matplotlibrc"))):
        path = tmp_path / f"{name}.svg"
        environment = os.environ | {"MATPLOTLIBRC": settings, "MPLBACKEND": "agg"}
        subprocess.run([sys.executable, "-c", DRAW, path], env=environment, check=True, timeout=100)
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1]
