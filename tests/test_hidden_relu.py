"""ReLU between the stages of a cascade: the same wires, and the difference that was planted."""

import numpy as np
import pandas as pd
import pytest
import torch

from fabric.experiments.networks import build
from fabric.experiments.studies import hidden_relu


def test_both_have_the_same_wires_and_the_linear_one_is_linear_up_to_its_last_level():
    frame = hidden_relu.networks([["hypercube", [16], 3], ["torus", [[4, 4]], 2]])
    assert frame["weights"].tolist() == [3 * 16 * 5 + 160] * 2 + [2 * 16 * 5 + 160] * 2
    linear, relu = (build(network, "he_normal", 0) for network in frame["network"][:2])
    assert [type(part).__name__ for part in relu].count("ReLU") == 3 and len(linear) == 3
    wires = [stage for part in relu[:-1:2] for stage in part.topology.stages]
    assert all(np.array_equal(*pair) for pair in zip(wires, linear[0].topology.stages, strict=True))
    x = torch.randn(8, 16)
    with torch.no_grad():
        assert not torch.allclose(relu[:-1](x) - relu[:-1](-x), 2 * relu[:-1](x))
        torch.testing.assert_close(linear[0](x) + linear[0](-x), 2 * linear[0](torch.zeros(8, 16)))


def test_stages_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"alike, got random_sparse\(16, 16, 40\)"):
        hidden_relu.networks([["random_sparse", [16, 16], 40]])


def test_gains_are_paired_by_seed():
    rows = [
        ("torus", 2, hidden, seed, 0.9 + 0.05 * seed + 0.01 * (hidden == "ReLU") * (1 + seed))
        for hidden in ("linear", "ReLU")
        for seed in range(2)
    ]
    records = pd.DataFrame(rows, columns=["cascade", "stages", "hidden", "seed", "accuracy"])
    (row,) = hidden_relu.gains(records.assign(weights=9, learning_rate=0.1)).itertuples()
    assert (row.points, row.linear, row.relu, row.seeds) == pytest.approx((1.5, 0.925, 0.94, 2))
    assert row.low < 1.5 < row.high
