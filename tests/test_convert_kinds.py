"""Recurrent layers, convolutions and the transposed linear layers of GPT-2 as products of factors."""

import pytest
import torch
from matrices import best_of_rank, linear, relative, spectrum
from torch import nn

from fabric.nn import CascadeGRU, CascadeLSTM, ClosConv2d, ClosGRU, ClosLSTM, convert, fewer, replace

pytestmark = pytest.mark.usefixtures("on_one_thread")


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_recurrent_layers_become_clos_and_one_that_is_clos_comes_back(kind):
    torch.manual_seed(13)
    made = {nn.GRU: ClosGRU, nn.LSTM: ClosLSTM}[kind]
    dense = kind(32, 32, 2, bidirectional=True, dtype=torch.float64)
    first = convert(dense, 0.2, at_least=1, sweeps=3, structures=["clos"]).model
    assert isinstance(first, made)
    again, (row,) = convert(first.to_dense(), 0.2, at_least=1, sweeps=20, structures=["clos", "low rank"])
    assert row["error"] < 1e-6 and isinstance(again, made)
    x = torch.randn(5, 3, 32, dtype=torch.float64)
    torch.testing.assert_close(again(x)[0], first(x)[0], rtol=1e-4, atol=1e-4)
    for old, new in zip(dense.all_weights, zip(first.input_layers, first.hidden_layers, strict=True), strict=True):
        assert torch.equal(old[2], new[0].bias) and torch.equal(old[3], new[1].bias)
    assert convert(dense, 0.01, at_least=1).table[0]["after"] == "kept: no structure has so few weights"


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_no_matrix_of_a_recurrent_layer_is_worse_than_low_rank_or_monarch(kind):
    """A steep spectrum from the inputs, noise from the hidden state: the best of both is of two structures."""
    torch.manual_seed(16)
    dense = kind(24, 24, dtype=torch.float64)
    gates = dense.weight_ih_l0.shape[0]
    dense.weight_ih_l0.data.copy_(spectrum(gates, 24, 1.5))
    made, (row,) = convert(dense, 0.3, at_least=1, sweeps=10)
    assert isinstance(made, {nn.GRU: CascadeGRU, nn.LSTM: CascadeLSTM}[kind])
    lost = whole = 0.0
    for layer, matrix in ((made.input_layers[0], dense.weight_ih_l0), (made.hidden_layers[0], dense.weight_hh_l0)):
        error = relative(layer.dense_weight() - matrix, matrix)
        assert error <= best_of_rank(matrix, int(0.3 * matrix.numel()) // (gates + 24)) + 1e-12
        two_levels = convert(linear(matrix), 0.3, at_least=1, structures=["two-level"]).table[0]["error"]
        assert two_levels is None or error <= two_levels + 1e-12
        assert layer.topology.parameters <= 0.3 * matrix.numel()
        lost, whole = lost + (error * matrix.norm().item()) ** 2, whole + matrix.norm().item() ** 2
    assert row["error"] == pytest.approx((lost / whole) ** 0.5)
    assert f"from inputs {made.input_layers[0].topology.name}" in row["after"]
    x = torch.randn(5, 3, 24, dtype=torch.float64)
    torch.testing.assert_close(made(x)[0], made.to_dense()(x)[0])
    assert torch.equal(made.hidden_layers[0].bias, dense.bias_hh_l0)
    low = convert(dense, 0.3, at_least=1, structures=["low rank"]).model
    assert low.input_layers[0].topology.name.startswith("low_rank")


class Conv1D(nn.Module):
    """As transformers has it for GPT-2: a linear layer whose weight is (inputs, outputs)."""

    __module__ = "transformers.pytorch_utils"

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight, self.bias = nn.Parameter(0.02 * torch.randn(nx, nf)), nn.Parameter(torch.randn(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], self.nf)


def test_the_transposed_linear_layer_of_gpt_2_is_one_like_others():
    torch.manual_seed(17)
    model = nn.Sequential(Conv1D(48, 24), nn.GELU(), Conv1D(24, 48))
    same = nn.Sequential(linear(model[0].weight.t(), True), nn.GELU(), linear(model[2].weight.t(), True))
    for mine, dense in zip(model[::2], same[::2], strict=True):
        dense.bias.data.copy_(mine.bias)
    data = [torch.randn(2, 50, 24)]
    ours, theirs = (
        convert(net, 0.4, data, at_least=1, sweeps=2, structures=["clos", "low rank"]) for net in (model, same)
    )
    for mine, dense in zip(ours.table, theirs.table, strict=True):
        assert (mine["after"], mine["weights left"]) == (dense["after"], dense["weights left"])
        assert (mine["error"], mine["on data"]) == pytest.approx((dense["error"], dense["on data"]))
    assert ours.table[0]["before"] == "Conv1D(nf=48, nx=24)" and ours.table[0]["error"] > 0
    torch.testing.assert_close(ours.model(data[0]), theirs.model(data[0]))
    fresh, table = replace(model, fewer(4, at_least=1))
    assert all(not row["after"].startswith("kept") for row in table) and fresh(data[0]).shape == data[0].shape
    assert [layer.in_features for layer in fresh[::2]] == [24, 48]
    with pytest.raises(ValueError, match="choose must return a module of in_features = 24 for 0, got 48"):
        replace(model, lambda name, layer: nn.Linear(48, 48))
    kept = type("Conv1D", (Conv1D,), {"__module__": "somewhere"})
    assert not replace(nn.Sequential(kept(8, 8)), fewer(2, at_least=1)).table


def test_convolutions_become_clos_cascades_of_the_same_pixels():
    torch.manual_seed(7)
    wanted = ClosConv2d(8, 8, 3, 4, 3, 4, padding=1, dtype=torch.float64)
    layer = nn.Conv2d(8, 8, 3, padding=1, dtype=torch.float64)
    layer.weight.data.copy_(wanted.dense_weight())
    model, (row,) = convert(layer, wanted.connections / 576, at_least=1, structures=["clos"])
    assert isinstance(model, ClosConv2d) and row["weights left"] <= wanted.connections + 8
    x = torch.randn(2, 8, 5, 5, dtype=torch.float64)
    kernel = model.dense_weight()
    torch.testing.assert_close(model(x), nn.functional.conv2d(x, kernel, layer.bias, padding=1))
