"""Initialisation: bounds edge by edge, and what it does to signals."""

import numpy as np
import pytest
import torch
from torch import nn

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, SparseLinear
from fabric.nn.init import (
    end_to_end_glorot_uniform_,
    expected_variance,
    glorot_uniform_,
    orthogonal_,
    skip_scaled_glorot_uniform_,
    sparse_glorot_normal_,
    sparse_glorot_uniform_,
)
from fabric.topology import Topology, skips


def irregular_layer():
    return SparseLinear(np.random.default_rng(3).random((40, 60)) < np.linspace(0.02, 0.9, 60))


def weight_variance(layer):
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
    ratio = (squares / draws)[edges] / weight_variance(layer)[edges]
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


@pytest.mark.parametrize("t", [topology.torus((8, 8), 16), topology.butterfly(64)], ids=lambda t: t.name)
def test_cascades_with_skips_multiply_the_variance_by_less_than_e(t):
    layer = CascadeLinear(t, skips=skips.off_support(t))
    x = torch.randn(t.inputs, 500, generator=torch.Generator().manual_seed(0)).t()
    generator = torch.Generator().manual_seed(1)
    gains = {}
    for initialise in (sparse_glorot_uniform_, skip_scaled_glorot_uniform_):
        with torch.no_grad():
            gains[initialise] = np.mean([initialise(layer, generator=generator)(x).var() for _ in range(60)])
    assert gains[skip_scaled_glorot_uniform_] == pytest.approx((1 + 1 / t.depth) ** t.depth, rel=0.1)
    assert gains[sparse_glorot_uniform_] == pytest.approx(2**t.depth, rel=0.2)


def test_without_skips_the_scaling_for_skips_changes_nothing():
    layer = CascadeLinear(topology.torus((4, 4)))
    plain = sparse_glorot_uniform_(layer, generator=torch.Generator().manual_seed(2)).dense_weight()
    assert torch.equal(
        skip_scaled_glorot_uniform_(layer, generator=torch.Generator().manual_seed(2)).dense_weight(), plain
    )


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


REGULAR = [
    topology.clos(64, 64, 8, 8, 8),
    topology.butterfly(1024),
    topology.butterfly(243, 3),
    topology.hypercube(1024),
    topology.hypercube(64, 32),
    topology.torus((32, 32), 32),
    topology.torus((5, 7, 3), 20),
    topology.multistage_clos(81, 81, [9, 9, 9, 9, 9]),
    topology.dense(20, 20),
]


@pytest.mark.parametrize("t", REGULAR, ids=lambda t: t.name)
def test_expected_variance_of_regular_square_cascades_is_one_at_any_depth(t):
    for initialise in (sparse_glorot_uniform_, sparse_glorot_normal_, end_to_end_glorot_uniform_):
        for side in expected_variance(t, initialise):
            assert side.shape == (t.inputs,)
            assert abs(side - 1).max() < 1e-12


@pytest.mark.parametrize("t", [topology.butterfly(1024), topology.hypercube(1024), topology.torus((32, 32))])
def test_expected_variance_of_ordinary_glorot_vanishes_in_deep_cascades(t):
    assert all(0 < side.max() < 1e-15 for side in expected_variance(t, glorot_uniform_))


IRREGULAR = {
    "random": Topology([irregular_layer().topology.stages[0], np.random.default_rng(1).random((30, 40)) < 0.2]),
    "clos, rectangular": topology.clos(20, 12, 4, 6, 3),
    "clos, uneven": topology.clos(23, 17, 5, 3, 4),
    "low-rank": topology.low_rank(20, 10, 3),
    "mesh": topology.mesh((4, 5), 4),
    "parallel butterflies": topology.parallel_butterfly(16, 3),
}
irregular = pytest.mark.parametrize("t", IRREGULAR.values(), ids=IRREGULAR.keys())


@irregular
@pytest.mark.parametrize("initialise", [sparse_glorot_normal_, glorot_uniform_, end_to_end_glorot_uniform_])
def test_expected_variance_equals_the_mean_over_draws_neuron_by_neuron(t, initialise):
    layer = CascadeLinear(t, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([initialise(layer, generator=generator).dense_weight().detach() ** 2 for _ in range(800)])
    for expected, axis in zip(expected_variance(t, initialise), (2, 1), strict=True):
        seen = draws.sum(axis).numpy()  # mean squares for independent inputs of variance one, draw by draw
        deviation = 6 * seen.std(axis=0) / np.sqrt(len(seen)) + 1e-15
        assert (abs(seen.mean(axis=0) - expected) < deviation).all()


@irregular
def test_end_to_end_scaling_gives_the_entries_the_variance_of_dense_glorot(t):
    entries = expected_variance(t, end_to_end_glorot_uniform_).forward.mean() / t.inputs
    assert entries == pytest.approx(2 / (t.inputs + t.outputs), rel=1e-12)


def test_end_to_end_scaling_is_one_factor_for_all_stages():
    layer = ClosLinear(64, 24, 8, 4, 6, dtype=torch.float64)
    plain = [s.weight.detach().clone() for s in sparse_glorot_uniform_(layer, generator=seeded(2)).stage_weights()]
    scaled = [s.weight for s in end_to_end_glorot_uniform_(layer, generator=seeded(2)).stage_weights()]
    ratios = [(a / b).unique() for a, b in zip(scaled, plain, strict=True)]
    assert torch.allclose(torch.cat(ratios), ratios[0][0].detach())
    wanted = expected_variance(layer.topology, sparse_glorot_uniform_).forward.mean() / 64 * ratios[0][0].item() ** 6
    assert wanted == pytest.approx(2 / 88)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "t", [topology.butterfly(64), topology.butterfly(30, (2, 3, 5)), topology.clos(16, 16, 4, 4, 4)]
)
def test_cascades_of_square_routers_become_orthogonal_matrices(t):
    dense = orthogonal_(CascadeLinear(t, dtype=torch.float64), generator=seeded(0)).dense_weight().detach()
    assert torch.allclose(dense @ dense.t(), torch.eye(t.outputs, dtype=torch.float64), atol=1e-12)


def test_rectangular_and_uneven_routers_become_semi_orthogonal_with_sparse_glorots_mean_square():
    layer = orthogonal_(ClosLinear(23, 17, 5, 3, 4, dtype=torch.float64), generator=seeded(0))
    for stage in layer.stage_weights():
        used = torch.ones(()) if stage.used is None else stage.used
        for router, mask in zip(stage.weight.detach(), used.expand_as(stage.weight) > 0, strict=True):
            block = router[mask.any(1)][:, mask.any(0)]
            gram = block @ block.t() if block.shape[0] <= block.shape[1] else block.t() @ block
            assert torch.allclose(gram, gram[0, 0] * torch.eye(len(gram), dtype=torch.float64))
            assert block.square().mean().item() == pytest.approx(2 / sum(block.shape))
            assert not router[~mask].any()


@pytest.mark.parametrize("t", [topology.torus((8, 8), 1), topology.hypercube(32, 1), topology.mesh((5, 6), 1)])
def test_irregular_stages_come_near_to_orthogonal(t):
    layer = CascadeLinear(t, dtype=torch.float64)
    spread = {}
    for initialise in (sparse_glorot_normal_, orthogonal_):
        values = torch.linalg.svdvals(initialise(layer, generator=seeded(0)).dense_weight().detach())
        spread[initialise] = values.std().item()
    assert spread[orthogonal_] < 0.6 * spread[sparse_glorot_normal_]
    assert (layer.dense_weight() != 0).numpy().sum() == t.parameters


def test_the_expected_variance_of_other_initialisations_is_refused():
    with pytest.raises(ValueError, match=r"initialise must be a Glorot initialisation .*, got <function orthogonal_"):
        expected_variance(topology.butterfly(4), orthogonal_)
