"""Skips from the input of a cascade: the widened topology means what it says, in layers, counts and networks."""

import numpy as np
import pytest
import torch

from fabric import constraints, topology
from fabric.experiments import Layer, LayerWithSkips
from fabric.experiments.networks import build, weights
from fabric.nn import CascadeLinear
from fabric.topology import skips

CASCADES = {
    "clos": topology.clos(16, 16, 4, 4, 4),
    "uneven clos": topology.clos(13, 9, 4, 3, 2),
    "wider after": topology.clos(5, 12, 2, 2, 3),
    "four stages": topology.multistage_clos(12, 10, [3, 2, 3, 2]),
    "butterfly": topology.butterfly(16),
    "low rank": topology.low_rank(8, 8, 3),
}
each_cascade = pytest.mark.parametrize("t", CASCADES.values(), ids=CASCADES.keys())


@each_cascade
def test_every_stage_but_the_first_sees_the_inputs_of_the_cascade(t):
    widened, fixed = skips.from_input(t)
    assert (widened.inputs, widened.outputs, widened.depth) == (t.inputs, t.outputs, t.depth)
    assert widened.parameters == t.parameters
    layer = CascadeLinear(widened, bias=False, skips=fixed, dtype=torch.float64)
    signal = inputs = np.eye(t.inputs)
    for position, (module, stage) in enumerate(zip(layer.stages, t.stages, strict=True)):
        weight = module.dense().detach().numpy()[: stage.shape[0], : stage.shape[1]]
        signal = (weight * stage) @ signal
        if position > 0:
            outputs = stage.shape[0]
            narrow = min(outputs, t.inputs)
            signal = signal + np.array([[o % narrow == i % narrow for i in range(t.inputs)] for o in range(outputs)])
    np.testing.assert_allclose(layer.dense_weight().detach(), signal, atol=1e-12)
    np.testing.assert_allclose(layer(torch.as_tensor(inputs)).detach().T, signal, atol=1e-12)


def test_a_skip_into_a_hidden_level_wins_back_its_rescalings():
    """Skips enter all hidden levels but the first, so those of the first level are all that is lost."""
    for t in (CASCADES["clos"], CASCADES["butterfly"]):
        widened, fixed = skips.from_input(t)
        rank = constraints.jacobian_rank(widened, np.random.default_rng(0), fixed)
        assert rank == t.parameters - t.widths[1]
    assert constraints.coloring(*_colored(CASCADES["clos"])).count == 176


def _colored(t):
    widened, fixed = skips.from_input(t)
    return widened, np.random.default_rng(0), fixed


def test_a_single_stage_has_no_later_one():
    t = topology.dense(4, 3)
    same, fixed = skips.from_input(t)
    assert same == t
    assert not fixed[0].any()


def test_a_network_with_them_has_no_more_weights():
    plain = Layer("clos", (16, 8, 4, 2, 4))
    network = (LayerWithSkips(plain, "from_input"), Layer("dense", (8, 3)))
    module = build(network, "sparse_glorot_uniform", 0)
    assert sum(parameter.numel() for parameter in module.parameters()) == weights(network) + 8 + 3
    assert module(torch.ones(2, 16)).shape == (2, 3)
