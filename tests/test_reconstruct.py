"""Reconstruction: the descent against PyTorch, what must hold of any count, and runs that are reproducible."""

import dataclasses

import numpy as np
import pytest
import torch

from fabric.constraints import jacobian_rank
from fabric.experiments import Layer, LayerWithSkips, ReconstructConfig, reconstruct
from fabric.experiments.runs import run_key
from fabric.experiments.training import LOSSES, TARGETS, initial_weights, random_matrix
from fabric.experiments.training._descent import descend, flatten

CLOS = Layer("clos", (16, 16, 4, 4, 4))
BUTTERFLY = Layer("butterfly", (16,))
LAYERS = {
    "clos": CLOS,
    "uneven clos": Layer("clos", (13, 9, 4, 3, 2)),
    "low rank": Layer("low_rank", (12, 10, 3)),
    "butterfly": BUTTERFLY,
    "torus": Layer("torus", ((4, 4), 2)),
    "random": Layer("random_sparse", (16, 16, 90)),
    "clos, skips off the support": LayerWithSkips(CLOS, "off_support"),
    "clos, identity": LayerWithSkips(CLOS, "identity"),
    "butterfly, skips from the input": LayerWithSkips(BUTTERFLY, "from_input"),
}
each_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
CONFIG = ReconstructConfig(CLOS, "gaussian", "l1", steps=1500, learning_rate=0.1, seeds=(3, 0, 7))


def wired(layer):
    topology, skips = layer.wired(np.random.default_rng(0))
    edges = flatten(topology, skips)
    return topology, skips, edges, initial_weights(topology, edges, torch.Generator().manual_seed(0))


def factors(topology, skips, weights):
    """Dense matrices of the stages, from trained weights only, stage after stage."""
    start = 0
    for level, stage in enumerate(topology.stages):
        places = torch.as_tensor(np.argwhere(stage).T)
        part = weights[start : start + places.shape[1]]
        start += places.shape[1]
        matrix = torch.zeros(stage.shape).index_put(tuple(places), part)
        yield matrix if skips is None or skips[level] is None else matrix + torch.as_tensor(skips[level]).float()


@each_layer
@pytest.mark.parametrize("loss", LOSSES)
def test_the_descent_is_adam_on_the_product_of_the_stages(layer, loss):
    topology, skips, edges, weights = wired(layer)
    target = random_matrix("gaussian", (topology.outputs, topology.inputs), torch.Generator().manual_seed(1))
    rates = np.geomspace(0.1, 0.01, 12)
    parameter = torch.tensor(weights[edges.trained], requires_grad=True)
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        errors = _product(topology, skips, parameter) - target
        (errors.abs() if loss == "l1" else errors.square()).sum().backward()
        optimizer.step()
    left = descend(edges, weights, target.numpy(), rates, loss == "l1")
    with torch.no_grad():
        np.testing.assert_allclose(left, _product(topology, skips, parameter) - target, atol=1e-4)
    np.testing.assert_allclose(weights[edges.trained], parameter.detach(), atol=1e-4)
    assert (weights[~edges.trained] == 1).all()


def _product(topology, skips, weights):
    first, *others = factors(topology, skips, weights)
    for factor in others:
        first = factor @ first
    return first


@pytest.mark.parametrize("layer", [CLOS, BUTTERFLY, LAYERS["low rank"], LAYERS["torus"]])
def test_initial_products_have_entries_of_mean_square_one(layer):
    squares = []
    for seed in range(16):
        topology = layer.build(np.random.default_rng(0))
        edges = flatten(topology, None)
        weights = initial_weights(topology, edges, torch.Generator().manual_seed(seed))
        zeros = np.zeros((topology.outputs, topology.inputs), np.float32)
        squares.append(np.square(descend(edges, weights, zeros, np.empty(0), False)).mean())
    assert abs(np.mean(squares) - 1) < 5 * np.std(squares) / 4


@pytest.mark.parametrize("kind", [kind for kind in TARGETS if kind != "product"])
def test_targets_have_the_distribution_of_their_name(kind):
    matrix = random_matrix(kind, (60, 40), torch.Generator().manual_seed(0)).double()
    assert abs(matrix.square().mean() - 1) < 0.1
    if kind == "uniform":
        assert 1.7 < matrix.abs().max() <= 3**0.5
    if kind == "orthogonal":
        np.testing.assert_allclose(matrix.T @ matrix, 60 * np.eye(40), atol=1e-4)


@pytest.mark.parametrize(
    "layer", [Layer("clos", (16, 16, 4, 2, 4)), BUTTERFLY, LAYERS["low rank"]], ids=lambda layer: layer.topology
)
def test_a_target_that_the_cascade_can_make_is_recovered_completely(layer):
    config = dataclasses.replace(CONFIG, layer=layer, target="product", learning_rate=0.3, seeds=tuple(range(6)))
    record = reconstruct(config)
    outputs, inputs = (16, 16) if layer.topology != "low_rank" else (10, 12)
    # A start may end in a local minimum; a random target is never recovered.
    assert record["hits"].count(outputs * inputs) >= 5
    assert max(reconstruct(dataclasses.replace(config, target="gaussian"))["hits"]) < outputs * inputs


@each_layer
@pytest.mark.parametrize("target", ["gaussian", "uniform", "orthogonal"])
def test_no_more_is_hit_than_the_rank_allows_and_chance_explains(layer, target):
    """With a tolerance of 1e-4 chance hits 0.02 of 256 entries, so more than two beyond the rank mean an error."""
    wiring, skips = layer.wired(np.random.default_rng(0))
    rank = jacobian_rank(wiring, np.random.default_rng(0), skips)
    record = reconstruct(dataclasses.replace(CONFIG, layer=layer, target=target, tolerance=1e-4, steps=3000))
    assert 0.5 * rank < min(record["hits"])
    assert max(record["hits"]) <= rank + 2


@pytest.mark.parametrize("loss", LOSSES)
def test_a_single_stage_hits_the_entries_on_its_edges(loss):
    record = reconstruct(dataclasses.replace(CONFIG, layer=LAYERS["random"], loss=loss))
    assert all(90 <= hits <= 93 for hits in record["hits"])
    exact = dataclasses.replace(CONFIG, layer=Layer("dense", (8, 8)), loss=loss)
    assert reconstruct(exact)["hits"] == [64, 64, 64]


def test_l1_makes_entries_exact_and_l2_does_not():
    l1, l2 = (reconstruct(dataclasses.replace(CONFIG, loss=loss)) for loss in LOSSES)
    assert min(l1["hits"]) > 120
    assert max(l2["hits"]) < 6


def test_a_batch_is_its_seeds_one_by_one_and_repeats_itself():
    together = reconstruct(CONFIG)
    assert reconstruct(CONFIG) == together
    for place, seed in enumerate(CONFIG.seeds):
        alone = reconstruct(dataclasses.replace(CONFIG, seeds=(seed,)))
        for column in ("hits", "near", "mean_error"):
            assert alone[column] == [together[column][place]]
    assert len(set(together["mean_error"])) == 3
    assert together["parameters"] == 192
    assert together["label"] == "clos(16, 16, 4, 4, 4)"


def test_a_descent_that_diverges_has_no_mean_error_and_hits_nothing():
    record = reconstruct(dataclasses.replace(CONFIG, learning_rate=1e30, final_learning_rate=1e30, steps=5))
    assert record["hits"] == [0, 0, 0]
    assert record["mean_error"] == [None, None, None]


def test_every_field_is_part_of_the_key():
    others = {
        "layer": LayerWithSkips(CLOS, "identity"),
        "target": "uniform",
        "loss": "l2",
        "steps": 2,
        "learning_rate": 0.2,
        "seeds": (3, 0),
        "final_learning_rate": 1e-4,
        "tolerance": 1e-2,
    }
    assert set(others) == {field.name for field in dataclasses.fields(ReconstructConfig)}
    keys = {run_key(dataclasses.replace(CONFIG, **{name: value})) for name, value in others.items()}
    assert len(keys | {run_key(CONFIG)}) == len(others) + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer": "clos"}, "layer must be a Layer or a LayerWithSkips, got 'clos'"),
        ({"layer": Layer("star", (4, 4))}, "registered by topology.family, got 'star'"),
        ({"layer": LayerWithSkips(Layer("dense", (4, 4)), "off_support")}, r"stages\[0\] leaves no room for skips"),
        ({"target": "cauchy"}, "target must be one of gaussian, uniform, orthogonal, product, got 'cauchy'"),
        ({"loss": "huber"}, "loss must be one of l1, l2, got 'huber'"),
        ({"steps": 0}, "steps must be a positive integer, got 0"),
        ({"learning_rate": 1}, "learning_rate must be a positive float, got 1"),
        ({"learning_rate": 1e-6}, "final_learning_rate must be at most the learning_rate 1e-06, got 1e-05"),
        ({"tolerance": float("nan")}, "tolerance must be a positive float, got nan"),
        ({"seeds": ()}, r"seeds must be a tuple of different integers from 0, got \(\)"),
        ({"seeds": (1, 1)}, r"seeds must be a tuple of different integers from 0, got \(1, 1\)"),
        ({"seeds": [0]}, r"seeds must be a tuple of different integers from 0, got \[0\]"),
        ({"seeds": (-1,)}, r"seeds must be a tuple of different integers from 0, got \(-1,\)"),
    ],
)
def test_bad_configurations_are_named_with_their_value(change, message):
    with pytest.raises(ValueError, match=message):
        reconstruct(dataclasses.replace(CONFIG, **change))
