"""The study of depth: what is known before training, differences at equal numbers of weights, and the figures."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fabric.experiments.studies import how_deep
from fabric.plots import depth_figure

CASCADES = [
    [1000, "butterfly", [16, 2]],
    [1000, "multistage_clos", [16, 16, [4, 4, 4]]],
    [1000, "multistage_clos", [16, 16, [4, 2, 2, 4]]],
    [1000, "torus", [[4, 4], 2]],
]


def runs(accuracies: dict[tuple[int, str, int], list[float]]) -> pd.DataFrame:
    """Records of networks given as (target, method, stages), with one accuracy per seed."""
    rows = [
        {"target": target, "method": method, "stages": stages, "label": f"{method}-{stages}-{target}"}
        | {"seed": seed, "accuracy": accuracy}
        for (target, method, stages), values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0, ignore_index=True)


def test_networks_have_a_dense_layer_after_the_cascade():
    networks = how_deep.networks_of_depth(CASCADES)
    assert networks["method"].tolist() == ["butterfly", "clos", "clos", "torus"]
    assert networks["stages"].tolist() == [4, 3, 4, 2]
    assert networks["weights"].tolist() == [n + 160 for n in (4 * 16 * 2, 3 * 64, 2 * (32 + 16), 2 * 80)]


def test_what_is_known_of_small_cascades():
    networks = how_deep.networks_of_depth(CASCADES)
    known = how_deep.describe_cascades(networks, colored_up_to=150, seed=0)
    known = known.set_index(networks["method"] + networks["stages"].astype(str))
    butterfly, clos, torus = known.loc["butterfly4"], known.loc["clos3"], known.loc["torus2"]
    assert (butterfly["fewest_paths"], butterfly["most_paths"], butterfly["narrowest"]) == ("1", "1", 16)
    assert butterfly["bound"] == butterfly["closed_form"] == butterfly["coloring"] == 128 - 3 * 16
    assert (clos["fewest_paths"], clos["bound"]) == ("4", 192 - 32)
    assert pd.isna(clos["coloring"]) and pd.isna(torus["coloring"])  # too many parameters to be coloured here
    assert known["fully_connected"].tolist() == [True, True, True, False]
    assert (torus["fewest_paths"], torus["most_paths"]) == ("0", "5")  # itself and its four neighbours, there and back
    assert known.loc["clos4", "narrowest"] == 4


def test_differences_are_paired_by_seed_and_by_number_of_weights():
    records = runs(
        {
            (1, "clos", 3): [0.9, 0.8],
            (2, "clos", 3): [0.7, 0.75],
            (1, "clos", 4): [0.88, 0.81],
            (2, "butterfly", 10): [0.7, 0.7],
        }
    )
    others = records[records["stages"] > 3]
    gaps = how_deep.clos_advantage(records, others)
    assert gaps[1, "clos-4-1"].tolist() == pytest.approx([2, -1])
    assert gaps[2, "butterfly-10-2"].tolist() == pytest.approx([0, 5])
    assert gaps.shape == (2, 2)


def test_the_best_other_family_is_chosen_by_the_other_seeds_at_each_number_of_weights():
    records = runs(
        {
            (1, "clos", 3): [0.9, 0.9],
            (1, "butterfly", 10): [0.99, 0.1],
            (1, "torus", 4): [0.6, 0.5],
            (2, "butterfly", 10): [0.8, 0.8],
            (2, "torus", 4): [0.7, 0.7],
        }
    )
    best = how_deep.best_of_other_families(records).sort_values(["target", "seed"])
    # The butterfly's lucky seed 0 chooses it for seed 1, where it fails; seed 1 chooses the torus for seed 0.
    assert best["label"].tolist() == ["torus-4-1", "butterfly-10-1", "butterfly-10-2", "butterfly-10-2"]
    assert best["accuracy"].tolist() == [0.6, 0.1, 0.8, 0.8]


def test_the_figure_shows_every_network_in_every_panel():
    table = pd.DataFrame(
        {
            "target": [1000, 1000, 1000, 5000],
            "method": ["clos", "clos", "torus", "dense"],
            "stages": [3, 10, 4, 1],
            "fewest_paths": ["8", "16777216", "0", "1"],
            "bound": [900, 850, 700, 4000],
            "accuracy": [0.98, 0.97, 0.96, 0.95],
        }
    )
    figure = depth_figure(table.assign(low=table["accuracy"] - 0.01, high=table["accuracy"] + 0.02))
    figure.canvas.draw()
    axes = np.array(figure.axes).reshape(2, 3)
    for row, target in zip(axes, (1000, 5000), strict=True):
        networks = table[table["target"] == target]
        for ax, column in zip(row, ("stages", "fewest_paths", "bound"), strict=True):
            shown = {(x, y) for line in ax.containers for x, y in zip(*line.lines[0].get_data(), strict=True)}
            assert shown == set(zip(networks[column].astype(float), 100 * networks["accuracy"], strict=True))
            left, right = ax.get_xlim()
            assert all(left <= x <= right for x, _ in shown)
        ticks = [tick.label1.get_window_extent() for tick in row[1].xaxis.get_major_ticks()]
        assert all(before.x1 < after.x0 for before, after in pairwise(ticks))
    plt.close(figure)
