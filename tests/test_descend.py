"""Training sample by sample: the kernel's steps and autograd's lead to the same weights."""

import contextlib
import copy

import numpy as np
import pytest
import torch
from misuse import limited
from torch import nn

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, PredefinedLinear, descend, reference
from fabric.nn import _descend as module


def network(*layers):
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])


NETWORKS = {
    "dense": lambda: network(nn.Linear(21, 9), nn.Linear(9, 5)),
    "one layer": lambda: network(ClosLinear(21, 5, 4, 3, 2)),
    "uneven routers": lambda: network(ClosLinear(23, 17, 5, 3, 4), nn.Linear(17, 4, bias=False)),
    "three layers": lambda: network(
        ClosLinear(64, 48, 8, 6, 12), CascadeLinear(topology.low_rank(48, 9, 4)), nn.Linear(9, 3)
    ),
    "edges": lambda: network(PredefinedLinear(24, 16, 4, "structured", np.random.default_rng(0)), nn.Linear(16, 5)),
    "shared neurons": lambda: network(CascadeLinear(topology.parallel_butterfly(16, 3)), nn.Linear(16, 5)),
}


def samples(net, count=20):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, net[0].in_features, generator=generator)
    return x, torch.randint(net[-1].out_features, (count,), generator=generator)


def both(net, x, labels, rate=0.05):
    """Weights and losses by the kernel and by autograd."""
    other = copy.deepcopy(net)
    losses = descend(net, x, labels, rate)
    with reference():
        expected = descend(other, x, labels, rate)
    return (losses, *net.parameters()), (expected, *other.parameters())


@pytest.fixture
def kernel_only(kernel, monkeypatch):
    """Autograd serves inside `reference()` only."""
    by_autograd = module._by_autograd

    def checked(*arguments):
        assert module.kernels._dispatch._forced.get(), "the kernel does not serve"
        return by_autograd(*arguments)

    monkeypatch.setattr(module, "_by_autograd", checked)


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())
def test_the_kernel_takes_the_steps_of_autograd(kernel_only, make):
    torch.manual_seed(0)
    net = make()
    before = copy.deepcopy(net)
    for ours, theirs in zip(*both(net, *samples(net)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    for old, new in zip(before.parameters(), net.parameters(), strict=True):
        assert not torch.equal(old, new)


def test_every_sample_meets_the_weights_of_the_one_before(kernel_only):
    net = NETWORKS["dense"]()
    one_by_one = copy.deepcopy(net)
    x, labels = samples(net)
    together = descend(net, x, labels, 0.1)
    single = torch.cat([descend(one_by_one, *one, 0.1) for one in zip(x.split(1), labels.split(1), strict=True)])
    assert torch.equal(together, single)
    assert all(torch.equal(*pair) for pair in zip(net.parameters(), one_by_one.parameters(), strict=True))


def test_it_learns(kernel_only):
    torch.manual_seed(0)
    net = network(ClosLinear(16, 8, 4, 4, 4), nn.Linear(8, 3))
    x = torch.randn(600, 16)
    losses = descend(net, x, x[:, :3].argmax(1), 0.1)
    assert losses[-100:].mean() < 0.6 * losses[:100].mean()


def test_weights_that_unused_entries_hold_stay_zero(kernel_only):
    net = NETWORKS["uneven routers"]()
    descend(net, *samples(net), 0.1)
    for stage in net[0].stage_weights():
        if stage.used is not None:
            assert not stage.weight[~stage.used.expand_as(stage.weight)].any()


def test_autograd_knows_that_weights_have_changed(kernel_only):
    net = NETWORKS["dense"]()
    loss = net(torch.randn(2, 21)).square().sum()
    descend(net, *samples(net), 0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_strides_and_no_samples(kernel_only):
    net = NETWORKS["edges"]()
    x, labels = samples(net)
    for ours, theirs in zip(*both(net, x.t().contiguous().t()[::2], labels[::2]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    before = copy.deepcopy(net)
    for losses, *_ in both(net, x[:0], labels[:0]):
        assert losses.shape == (0,)
    assert all(torch.equal(*pair) for pair in zip(before.parameters(), net.parameters(), strict=True))


def shared():
    layer = nn.Linear(6, 6)
    return network(layer, layer)


def frozen():
    net = network(nn.Linear(6, 4), nn.Linear(4, 3))
    net[0].requires_grad_(False)
    return net


def watched():
    net = network(nn.Linear(6, 4), nn.Linear(4, 3))
    net[1].register_forward_hook(lambda part, inputs, output: 2 * output)
    return net


@pytest.mark.parametrize("make", [shared, frozen, watched, lambda: network(nn.Linear(6, 4)).double()])
def test_what_the_kernel_cannot_do_is_left_to_autograd(kernel, make):
    torch.manual_seed(0)
    net = make()
    x, labels = samples(net)
    x = x.to(next(net.parameters()).dtype)
    for ours, theirs in zip(*both(net, x, labels), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("served", [True, False])
def test_wrong_arguments_are_refused_and_change_nothing(kernel, served):
    net = network(nn.Linear(6, 4), nn.Linear(4, 3))
    before = copy.deepcopy(net)
    x, labels = samples(net)
    right = {
        "network": net if served else net.double(),
        "x": x if served else x.double(),
        "labels": labels,
        "rate": 0.1,
    }
    wrong = {
        "network": [None, nn.Linear(6, 4), nn.Sequential(), nn.Sequential(nn.Linear(6, 4), nn.ReLU()), list(net),
                    copy.deepcopy(net).requires_grad_(False),
                    nn.Sequential(nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 3)), nn.Sequential(nn.Conv2d(1, 1, 1))],
        "x": [None, x.numpy(), x[0], x[:, :5], x.half(), x.long(), x.to("meta"), x[None]],
        "labels": [None, labels.tolist(), labels[:3], labels.int(), labels[:, None], labels - 5, labels + 3],
        "rate": [0, -1.0, None, "0.1", True, torch.nan, torch.inf, torch.tensor(0.1), [0.1]],
    }  # fmt: skip
    for name, values in wrong.items():
        for value in values:
            with limited(), pytest.raises((ValueError, TypeError), match=name):
                descend(**(right | {name: value}))
    for old, new in zip(before.parameters(), net.parameters(), strict=True):
        assert torch.equal(old.to(new.dtype), new)


@pytest.mark.parametrize("serves", ["kernel", "reference"])
def test_a_loss_that_is_not_finite_is_named(serves):
    net = NETWORKS["dense"]()
    x, labels = samples(net)
    x[3] = torch.nan
    with (
        contextlib.nullcontext() if serves == "kernel" else reference(),
        pytest.raises(ValueError, match=r"rate must be below 0\.1, or x is not finite: the loss of sample 3 is nan"),
    ):
        descend(net, x, labels, 0.1)
