"""Layers that the compiled kernel computes, and what their results are compared with."""

import copy

import numpy as np
import torch

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, PredefinedLinear, SparseLinear, reference

TOLERANCES = {torch.float32: 2e-6, torch.bfloat16: 2e-2}


def random_stage(outputs, inputs):
    """A few edges; some neurons have none."""
    return np.random.default_rng(0).random((outputs, inputs)) < 0.2


def mixed():
    """Routers, then edges, then routers."""
    first, *_, last = topology.butterfly(16, 4).stages
    return topology.Topology([first, random_stage(16, 16), last], name="mixed")


LAYERS = {
    "clos": lambda **k: ClosLinear(64, 96, 8, 6, 12, **k),
    "clos, one middle router": lambda **k: ClosLinear(20, 12, 4, 1, 3, **k),
    "clos, uneven routers": lambda **k: ClosLinear(23, 17, 5, 3, 4, **k),
    "clos, narrow uneven routers": lambda **k: ClosLinear(200, 150, 67, 3, 49, **k),
    "clos, paper": lambda **k: ClosLinear(784, 256, 32, 16, 32, **k),
    "clos, large routers": lambda **k: ClosLinear(150, 203, 2, 70, 3, **k),
    "clos, without bias": lambda **k: ClosLinear(24, 16, 4, 3, 8, bias=False, **k),
    "butterfly": lambda **k: CascadeLinear(topology.butterfly(64, 4), **k),
    "butterfly, mixed radix": lambda **k: CascadeLinear(topology.butterfly(24, (3, 2, 4)), **k),
    "multistage": lambda **k: CascadeLinear(topology.multistage_clos(48, 32, [8, 4, 4, 4, 8]), **k),
    "low rank": lambda **k: CascadeLinear(topology.low_rank(23, 17, 5), **k),
    "dense": lambda **k: CascadeLinear(topology.dense(13, 9), **k),
    "parallel butterflies": lambda **k: CascadeLinear(topology.parallel_butterfly(16, 3), **k),
    "sparse": lambda **k: SparseLinear(random_stage(17, 23), **k),
    "predefined": lambda **k: PredefinedLinear(24, 16, 4, "structured", np.random.default_rng(0), **k),
    "hypercube": lambda **k: CascadeLinear(topology.hypercube(16), **k),
    "torus": lambda **k: CascadeLinear(topology.torus((3, 5), 2), **k),
    "routers, edges, routers": lambda **k: CascadeLinear(mixed(), **k),
}


def randomised(layer):
    generator = torch.Generator().manual_seed(0)
    if layer.bias is not None:
        with torch.no_grad():
            layer.bias.uniform_(-1, 1, generator=generator)
    return layer


def exact(layer, x, above):
    """Result and gradients in float64 by the reference: y, x, weights."""
    twin = copy.deepcopy(layer).double()
    x = x.detach().double().requires_grad_()
    with reference():
        y = twin(x)
    return y, *torch.autograd.grad(y, [x, *twin.parameters()], above.double())


def absolute(layer):
    """The layer with the size of every weight: with sizes as inputs its sums have no terms that cancel."""
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        for values in twin.parameters():
            values.abs_()
    return twin


def compare(layer, x):
    """Rounding is held against the size of the terms of each sum, whatever the sum is."""
    dtype = x.dtype
    x = x.requires_grad_()
    y = layer(x)
    above = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).to(dtype)
    gradients = torch.autograd.grad(y, [x, *layer.parameters()], above)
    with torch.no_grad():
        assert torch.equal(layer(x), y)
    wanted, sizes = exact(layer, x, above), exact(absolute(layer), x.detach().abs(), above.abs())
    for mine, exactly, size in zip((y, *gradients), wanted, sizes, strict=True):
        assert mine.dtype == dtype and mine.shape == exactly.shape
        assert torch.linalg.norm(mine.double() - exactly) <= TOLERANCES[dtype] * torch.linalg.norm(size)
