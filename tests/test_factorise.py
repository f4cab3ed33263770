"""Dense matrices as Clos cascades: exact where they are, never worse than low rank where that is contained."""

import pytest
import torch
from torch import nn

from fabric.nn import ClosLinear


def dense(weight, bias=False):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias, dtype=weight.dtype)
    layer.weight.data.copy_(weight)
    return layer


def error(weight, layer):
    return ((layer.dense_weight() - weight).norm() / weight.norm()).item()


@pytest.mark.parametrize(
    "sizes",
    [
        (64, 64, 8, 8, 8),
        (60, 36, 5, 4, 3),
        (50, 33, 5, 4, 4),
        (12, 8, 2, 2, 2),
        (9, 9, 3, 1, 3),
        (256, 256, 16, 16, 16),
    ],
)
def test_a_product_of_a_cascade_is_recovered(sizes):
    torch.manual_seed(0)
    weight = ClosLinear(*sizes, dtype=torch.float64).dense_weight().detach()
    assert error(weight, ClosLinear.from_dense(dense(weight), *sizes[2:])) < 1e-6


def test_one_router_is_low_rank_and_as_good_as_the_singular_values_allow():
    torch.manual_seed(1)
    weight = torch.randn(20, 30, dtype=torch.float64)
    best = (torch.linalg.svdvals(weight)[4:].norm() / weight.norm()).item()
    assert error(weight, ClosLinear.from_dense(dense(weight), 1, 4, 1, sweeps=500)) == pytest.approx(best, rel=1e-3)


def test_flat_spectra_favour_clos_over_low_rank_of_equal_weights():
    torch.manual_seed(2)
    weight = torch.randn(64, 64, dtype=torch.float64)
    clos = ClosLinear.from_dense(dense(weight), 8, 8, 8)
    rank = clos.topology.parameters // 128
    assert error(weight, clos) < torch.linalg.svdvals(weight)[rank:].norm() / weight.norm() - 0.02


def test_more_sweeps_never_hurt_and_equal_calls_are_equal():
    torch.manual_seed(3)
    linear = dense(torch.randn(24, 36, dtype=torch.float64), bias=True)
    layers = [ClosLinear.from_dense(linear, 6, 3, 4, sweeps=sweeps) for sweeps in (10, 50, 50, 200)]
    errors = [error(linear.weight, layer) for layer in layers]
    assert errors[0] >= errors[1] == errors[2] >= errors[3]
    assert torch.equal(layers[0].bias, linear.bias)


def test_padding_stays_zero_and_dtypes_stay():
    torch.manual_seed(4)
    layer = ClosLinear.from_dense(nn.Linear(50, 33, dtype=torch.bfloat16), 8, 4, 5)
    assert layer.input_weight.dtype == torch.bfloat16
    for stage in layer.stage_weights():
        if stage.used is not None:
            assert stage.weight.masked_select(~stage.used.expand_as(stage.weight)).abs().max() == 0


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"linear must be a torch\.nn\.Linear, got Conv2d"):
        ClosLinear.from_dense(nn.Conv2d(1, 1, 1), 1, 1, 1)
    with pytest.raises(ValueError, match="linear must have finite weights"):
        ClosLinear.from_dense(dense(torch.full((4, 4), float("nan"))), 2, 2, 2)
    with pytest.raises(ValueError, match="sweeps must be a positive integer, got 0"):
        ClosLinear.from_dense(nn.Linear(4, 4), 2, 2, 2, sweeps=0)
    with pytest.raises(ValueError, match="input_routers must be an integer from 1 to 4, got 5"):
        ClosLinear.from_dense(nn.Linear(4, 4), 5, 2, 2)


@pytest.mark.parametrize("sizes", [(24, 36, 6, 4, 4), (50, 33, 5, 3, 4)])
def test_weights_into_hidden_neurons_are_as_large_as_those_out_of_them(sizes):
    torch.manual_seed(5)
    linear = dense(torch.randn(sizes[1], sizes[0], dtype=torch.float64))
    layer = ClosLinear.from_dense(linear, *sizes[2:], sweeps=20)
    squares = [weight.detach().square() for weight in (layer.input_weight, layer.middle_weight, layer.output_weight)]
    torch.testing.assert_close(squares[0].sum(2), squares[1].sum(1).T, rtol=1e-3, atol=0)
    torch.testing.assert_close(squares[1].sum(2).T, squares[2].sum(1), rtol=1e-3, atol=0)
