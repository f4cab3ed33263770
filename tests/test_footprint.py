"""Bytes of networks in training, recounted by other means: shapes, SciPy's arrays and the autograd graph."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch import nn
from torch.nn import functional

from fabric.experiments.counting import footprint, index_bytes
from fabric.experiments.networks import Layer, ResNet18, build, one_hidden_layer, weights
from fabric.nn import reference

NETWORKS = {
    "dense": Layer("dense", (784, 32)),
    "clos": Layer("clos", (1024, 256, 16, 5, 16)),
    "low_rank": Layer("low_rank", (784, 256, 7)),
    "random_sparse": Layer("random_sparse", (784, 256, 7680)),
}
OPTIMIZERS = {"batchless": (torch.optim.SGD, 0), "Adam": (torch.optim.Adam, 2)}


def batch(network: nn.Module, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(samples, network[0].in_features), torch.zeros(samples, dtype=torch.long)


def saved_in_graph(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> int:
    """Bytes that the nodes of the autograd graph name as saved, parameters and labels left out, without kernels."""
    known = {tensor.untyped_storage().data_ptr() for tensor in (*network.parameters(), *network.buffers(), y)}
    with reference():
        loss = functional.cross_entropy(network(x), y)
    found, seen, waiting = {}, set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [after for after, _ in node.next_functions]
        named = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        for tensor in (*named, *getattr(node, "saved_tensors", ())):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage().data_ptr() not in known:
                found[tensor.untyped_storage().data_ptr()] = tensor
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


@pytest.mark.parametrize("training", OPTIMIZERS)
@pytest.mark.parametrize("method", NETWORKS)
def test_bytes_are_those_of_the_tensors(method, training):
    network = one_hidden_layer(NETWORKS[method])
    module = build(network, "sparse_glorot_uniform", seed=0)
    x, y = batch(module, 3)
    saved = saved_in_graph(module, x, y)
    optimizer, moments = OPTIMIZERS[training]
    held = footprint(module, optimizer(module.parameters()), x, y)
    biases = module[0].out_features + 10
    assert held.weights == held.gradients == 4 * (weights(network) + biases)
    assert held.optimizer == moments * held.weights
    assert held.activations == saved
    assert held.stored == held.weights + held.indices
    assert held.training == held.stored + held.activations + held.optimizer + held.gradients
    assert held.in_place == held.training - held.gradients


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(2, 40), st.integers(1, 9))
def test_activations_of_a_dense_network_are_inputs_hidden_neurons_and_outputs(inputs, hidden, samples):
    module = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    x, y = torch.rand(samples, inputs), torch.zeros(samples, dtype=torch.long)
    held = footprint(module, torch.optim.SGD(module.parameters()), x, y)
    divisor = 1  # the loss keeps the sum of its samples' weights
    assert held.activations == 4 * (samples * (inputs + hidden + 10) + divisor)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 300), st.integers(1, 300), st.data())
def test_indices_are_those_of_compressed_rows(inputs, outputs, data):
    edges = data.draw(st.integers(1, inputs * outputs))
    network = build((Layer("random_sparse", (inputs, outputs, edges)),), "sparse_glorot_uniform", seed=0)
    (stage,) = network[0].topology.stages
    rows = sparse.csr_array(stage)
    arrays = (rows.indices.astype(np.min_scalar_type(inputs - 1)), rows.indptr.astype(np.min_scalar_type(edges)))
    routers = network[0].stage_weights()[0].edges is None
    assert index_bytes(network) == (0 if routers else sum(array.nbytes for array in arrays))


def test_clos_and_low_rank_networks_need_no_indices():
    for method in ("dense", "clos", "low_rank"):
        assert index_bytes(build(one_hidden_layer(NETWORKS[method]), "sparse_glorot_uniform", seed=0)) == 0


def test_resnet_has_eighteen_layers_and_halves_its_images_three_times():
    network = ResNet18(3, 10, 64, torch.Generator().manual_seed(0))
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len([layer for layer in convolutions if layer.kernel_size == (3, 3)]) + 1 == 18
    shapes = [(3, 64)] + 4 * [(64, 64)]
    for inputs in (64, 128, 256):
        shapes += [(inputs, 2 * inputs)] + 3 * [(2 * inputs, 2 * inputs)]
    kernels = sum(9 * a * b for a, b in shapes) + sum(2 * a * a for a in (64, 128, 256))
    normalised = sum(b for _, b in shapes) + 128 + 256 + 512
    assert sum(p.numel() for p in network.parameters()) == kernels + 2 * normalised + 512 * 10 + 10
    features = network.blocks(network.stem(torch.rand(2, 3, 32, 32)))
    assert features.shape == (2, 512, 4, 4)
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 10)
