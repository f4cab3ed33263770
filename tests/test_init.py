"""Initialisation: bounds edge by edge, and what it does to signals."""

import numpy as np
import pytest
import torch
from torch import nn

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, SparseLinear
from fabric.nn.init import glorot_uniform_, sparse_glorot_normal_, sparse_glorot_uniform_
from fabric.topology import Topology


def irregular_layer():
    return SparseLinear(np.random.default_rng(3).random((40, 60)) < np.linspace(0.02, 0.9, 60))


def expected_variance(layer):
    """2 / (edges into the output neuron + edges out of the input neuron), as a matrix with zeros off the edges."""
    (stage,) = layer.topology.stages
    return stage * 2 / (stage.sum(axis=1)[:, None] + stage.sum(axis=0)[None, :])


@pytest.mark.parametrize("initialise", [sparse_glorot_uniform_, sparse_glorot_normal_])
def test_irregular_masks_use_the_counts_of_each_neuron(initialise):
    layer = irregular_layer().double()
    generator = torch.Generator().manual_seed(0)
    draws = 3000
    squares = 0
    for _ in range(draws):
        squares = squares + initialise(layer, generator=generator).dense_weight().detach().numpy() ** 2
    edges = layer.topology.stages[0]
    ratio = (squares / draws)[edges] / expected_variance(layer)[edges]
    kurtosis = 3 if initialise is sparse_glorot_normal_ else 9 / 5
    assert abs(ratio - 1).max() < 5 * np.sqrt((kurtosis - 1) / draws)


def test_uniform_draws_fill_their_bounds_and_stay_inside():
    layer = ClosLinear(1000, 600, 10, 20, 5)
    for stage in sparse_glorot_uniform_(layer, generator=torch.Generator().manual_seed(0)).stage_weights():
        bound = (6 / (stage.fan_in + stage.fan_out)) ** 0.5
        assert 0.99 < (stage.weight.abs() / bound).max().item() <= 1
    assert not layer.bias.any()


def test_counts_of_a_clos_cascade():
    counts = [(int(s.fan_in), int(s.fan_out)) for s in CascadeLinear(topology.clos(64, 32, 8, 4, 16)).stage_weights()]
    assert counts == [(8, 4), (8, 16), (4, 2)]
    layer = ClosLinear(64, 32, 8, 4, 16)
    assert [(set(s.fan_in.flatten().tolist()), set(s.fan_out.flatten().tolist())) for s in layer.stage_weights()] == [
        ({8}, {4}),
        ({8}, {16}),
        ({4}, {2}),
    ]


def test_signals_keep_their_variance_where_ordinary_glorot_loses_them():
    ring = np.eye(256, dtype=bool) | np.roll(np.eye(256, dtype=bool), 1, axis=0)
    layer = CascadeLinear(Topology([ring] * 10), dtype=torch.float64)
    x = torch.randn(64, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    variances = {}
    for initialise in (sparse_glorot_uniform_, glorot_uniform_):
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            variances[initialise] = np.mean([initialise(layer, generator=generator)(x).var() for _ in range(100)])
    assert 0.8 < variances[sparse_glorot_uniform_] < 1.25
    assert variances[glorot_uniform_] < 1e-15


def test_dense_layers_are_ordinary_glorot_under_both_names():
    ours, theirs = nn.Linear(30, 20), nn.Linear(30, 20)
    sparse_glorot_uniform_(ours, generator=torch.Generator().manual_seed(5))
    glorot_uniform_(theirs, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(ours.weight, theirs.weight)
    assert ours.weight.abs().max().item() <= (6 / 50) ** 0.5


def test_a_whole_network_is_initialised_reproducibly():
    def network():
        return nn.Sequential(ClosLinear(24, 16, 4, 3, 8), nn.ReLU(), nn.Linear(16, 10))

    states = [
        sparse_glorot_uniform_(network(), generator=torch.Generator().manual_seed(seed)).state_dict()
        for seed in (1, 1, 2)
    ]
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))
    assert not torch.equal(states[0]["0.input_weight"], states[2]["0.input_weight"])
