"""Batch normalisation folded into convolutions, and convolutions by the compiled kernel."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from fabric import topology
from fabric.nn import CascadeConv2d, ClosConv2d, fold_batch_norm, reference

CLOS = {"input_routers": 3, "middle_routers": 2, "output_routers": 2}
CONVOLUTIONS = {
    "dense": lambda: nn.Conv2d(7, 5, 3, padding=1),
    "grouped": lambda: nn.Conv2d(6, 4, 3, groups=2, bias=False),
    "clos": lambda: ClosConv2d(7, 5, 1, **CLOS, bias=False),
    "clos first": lambda: ClosConv2d(7, 5, 3, **CLOS, padding=1),
    "clos im2col": lambda: ClosConv2d(7, 5, 3, **CLOS, spatial="im2col"),
    "clos depthwise": lambda: ClosConv2d(7, 5, 3, **CLOS, spatial="depthwise", stride=2, bias=False),
    "blocks": lambda: CascadeConv2d(topology.multistage_clos(8, 6, (2, 2)), 1),
    "sums": lambda: CascadeConv2d(topology.parallel_butterfly(8, 3, 2), 1, bias=False),
    "edges": lambda: CascadeConv2d(topology.random_sparse(6, 5, 11, np.random.default_rng(0)), 1),
    "single stage": lambda: CascadeConv2d(topology.dense(6, 5), 3),
    "residual": lambda: ClosConv2d(7, 5, 1, **CLOS, residual=True),
}


def trained_norm(channels: int) -> nn.BatchNorm2d:
    """A normalisation with statistics and weights of its own."""
    norm = nn.BatchNorm2d(channels, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
        values.data.uniform_(0.5, 2, generator=generator)
    return norm


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_folded_networks_compute_the_same_with_nothing_left_to_normalise(name):
    convolution = CONVOLUTIONS[name]().double()
    model = nn.Sequential(convolution, trained_norm(convolution.out_channels), nn.ReLU()).train()
    x = torch.randn(3, convolution.in_channels, 6, 6, dtype=torch.float64)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = fold_batch_norm(model)
    assert model.training and not folded.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    torch.testing.assert_close(folded(x), model.eval()(x))
    kept = name == "residual"
    assert isinstance(folded[1], nn.BatchNorm2d if kept else nn.Identity)


@pytest.mark.parametrize("name", ["dense", "clos first", "edges", "sums"])
def test_networks_are_folded_where_nothing_is_differentiated(name):
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            model = nn.Sequential(CONVOLUTIONS[name]().double())
            model.append(trained_norm(model[0].out_channels))
            x = torch.randn(3, model[0].in_channels, 6, 6, dtype=torch.float64)
            torch.testing.assert_close(fold_batch_norm(model)(x), model.eval()(x))


SQUARE = {
    "dense": lambda: nn.Conv2d(9, 9, 1),
    "clos": lambda: ClosConv2d(9, 9, 1, 4, 4, 2),
    "blocks": lambda: CascadeConv2d(topology.butterfly(9, 3), 1),
    "edges": lambda: CascadeConv2d(topology.random_sparse(9, 9, 21, np.random.default_rng(0)), 1),
}


class Branches(nn.Module):
    """A convolution and a normalisation that have two names each and are used in their sequence and alone."""

    def __init__(self, convolution):
        super().__init__()
        self.convolution, self.norm = convolution, trained_norm(9)
        self.both = nn.Sequential(self.convolution, self.norm)
        self.again = self.both

    def forward(self, x):
        return self.again(self.both(x)) + self.norm(self.convolution(x)) + 2 * self.convolution(x)


class WithSkip(nn.Sequential):
    """What its convolution computes is normalised and used as it is."""

    def forward(self, x):
        return self[0](x) + super().forward(x)


def tied(convolution):
    """Two convolutions that share all weights, and one whose stages share them."""
    other = copy.deepcopy(convolution)
    for ours, theirs in zip(convolution.modules(), other.modules(), strict=True):
        theirs._parameters.update(ours._parameters)
    square = CascadeConv2d(topology.butterfly(9, 3), 1).double()
    square.cascade.stages[0].weight = square.cascade.stages[-1].weight
    module = CascadeConv2d(topology.Topology([topology.dense(9, 9).stages[0]] * 2), 1).double()
    module.cascade.stages[0] = module.cascade.stages[-1]
    parts = [(layer, trained_norm(9)) for layer in (convolution, other, square, module)]
    return nn.Sequential(*itertools.chain(*parts))


def twice(convolution):
    norm = trained_norm(9)
    return nn.Sequential(convolution, norm, nn.ReLU(), convolution, norm)


@pytest.mark.parametrize("use", [twice, Branches, lambda layer: WithSkip(layer, trained_norm(9)), tied])
@pytest.mark.parametrize("name", SQUARE)
def test_what_is_used_elsewhere_too_computes_the_same(name, use):
    model = use(SQUARE[name]().double())
    x = torch.randn(2, 9, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(fold_batch_norm(model)(x), model.eval()(x))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_folded_parameters_are_frozen_if_they_were(name):
    convolution = CONVOLUTIONS[name]().double()
    model = nn.Sequential(convolution, trained_norm(convolution.out_channels))
    for flag in (True, False):
        folded = dict(fold_batch_norm(model.requires_grad_(flag)).named_parameters())
        assert all(folded[key].requires_grad is flag for key, _ in model.named_parameters() if key in folded)
        assert flag or not any(values.requires_grad for values in folded.values())


def weight_norm(convolution):
    parametrizations.weight_norm(convolution.cascade, "output_weight")
    return convolution


def own_forward(convolution):
    convolution.forward = lambda x: convolution.cascade.affine(x[0].flatten(1)).view(1, -1, *x.shape[2:]) ** 2
    return convolution


class Activated(ClosConv2d):
    def forward(self, x):
        return super().forward(x).relu()


@pytest.mark.parametrize(
    "make",
    [
        lambda: weight_norm(ClosConv2d(7, 5, 1, **CLOS)),
        lambda: own_forward(ClosConv2d(7, 5, 1, **CLOS)),
        lambda: Activated(7, 5, 1, **CLOS),
    ],
)
def test_a_convolution_that_computes_more_than_its_class_stays(make):
    model = nn.Sequential(make().double(), trained_norm(5)).eval()
    x = torch.randn(1, 7, 4, 4, dtype=torch.float64)
    folded = fold_batch_norm(model)
    torch.testing.assert_close(folded(x), model(x))
    assert isinstance(folded[1], nn.BatchNorm2d)


def test_what_cannot_be_folded_stays():
    convolution = CONVOLUTIONS["clos"]()
    convolution.register_forward_hook(lambda module, inputs, output: 2 * output)
    hooked = nn.Sequential(convolution, nn.BatchNorm2d(5))
    without = nn.Sequential(CONVOLUTIONS["clos"](), nn.BatchNorm2d(5, track_running_stats=False))
    apart = nn.Sequential(CONVOLUTIONS["clos"](), nn.ReLU(), nn.BatchNorm2d(5))
    for model in (hooked, without, apart):
        x = torch.randn(2, 7, 4, 4)
        folded = fold_batch_norm(model)
        assert any(isinstance(part, nn.BatchNorm2d) for part in folded)
        torch.testing.assert_close(folded(x), model.eval()(x))


def test_folding_wants_a_module():
    with pytest.raises(ValueError, match="model must be a Module, got 3"):
        fold_batch_norm(3)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("outputs", [5, 7, 12])
def test_the_kernel_and_the_reference_agree_with_gradients(memory, batch, residual, outputs):
    layer = ClosConv2d(7, outputs, 3, **CLOS, stride=2, padding=1, spatial="depthwise", residual=residual)
    pointwise = ClosConv2d(7, outputs, 1, **CLOS, stride=2, padding=1, residual=residual)
    x = torch.randn(batch, 7, 6, 5, requires_grad=True)
    for module in (layer, pointwise):
        found = []
        for forced in (False, True):
            images = x.to(memory_format=memory)
            if forced:
                with reference():
                    y = module(images)
            else:
                y = module(images)
            gradients = torch.autograd.grad(y.square().sum(), [x, *module.parameters()])
            assert y.is_contiguous(memory_format=memory)
            found.append((y, *gradients))
        for ours, wanted in zip(*found, strict=True):
            torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)
