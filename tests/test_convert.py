"""Trained layers as products of factors: never worse than the optimum of low rank or Monarch within the same budget."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from fabric.nn import (
    CascadeGRU,
    CascadeLSTM,
    ClosConv2d,
    ClosGRU,
    ClosLinear,
    ClosLSTM,
    LowRankLinear,
    Plan,
    convert,
    fewer,
    plan,
    replace,
)
from fabric.nn._clos import router_blocks
from fabric.nn._factorise import Factors
from fabric.nn.models import _fit, _times
from fabric.nn.models._factorise_on_data import _behind, _own_inverse, _sweep, two_level_on_data
from fabric.nn.models._project import low_rank, project, two_level, usual_sweeps


@pytest.fixture(autouse=True)
def one_thread():
    """Small products in many steps: several threads wait for each other more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def linear(weight, bias=False):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias, dtype=weight.dtype)
    layer.weight.data.copy_(weight)
    return layer


def spectrum(outputs, inputs, power):
    left, _, right = torch.linalg.svd(torch.randn(outputs, inputs, dtype=torch.float64), full_matrices=False)
    return left @ torch.diag(torch.arange(1, len(right) + 1, dtype=torch.float64) ** -power) @ right


def best_of_rank(matrix, rank):
    return (torch.linalg.svdvals(matrix)[rank:].norm() / matrix.norm()).item()


def relative(lost, whole):
    return (lost.norm() / whole.norm()).item()


@pytest.mark.parametrize("shape", [(12, 12), (12, 20), (20, 12)])
def test_two_level_is_the_optimum_block_by_block(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64)
    for into, out in itertools.product((2, 4), (2, 4)):
        first, last = two_level(matrix, into, out)
        least = 0.0
        for rows in matrix.chunk(out):
            least += sum(torch.linalg.svdvals(block)[1:].square().sum().item() for block in rows.chunk(into, 1))
        layer = convert(linear(matrix), (first.numel() + last.numel()) / matrix.numel(), structures=["two-level"],
                        at_least=1).table[0]  # fmt: skip
        assert (layer["error"] * matrix.norm().item()) ** 2 <= least + 1e-9
        product = torch.einsum("oqi,iop->oqip", last, first).flatten(2).flatten(0, 1)
        assert (product - matrix).square().sum().item() == pytest.approx(least)


def test_two_level_is_no_worse_than_descent_from_anywhere():
    torch.manual_seed(1)
    matrix = torch.randn(6, 6, dtype=torch.float64)
    first, last = two_level(matrix, 2, 3)
    least = (torch.einsum("oqi,iop->oqip", last, first).flatten(2).flatten(0, 1) - matrix).norm().item()
    for _ in range(3):
        factors = [torch.randn_like(factor).requires_grad_() for factor in (first, last)]
        optimiser = torch.optim.LBFGS(factors, max_iter=100, line_search_fn="strong_wolfe")

        def loss(factors=factors, optimiser=optimiser):
            optimiser.zero_grad()
            value = (torch.einsum("oqi,iop->oqip", factors[1], factors[0]).flatten(2).flatten(0, 1) - matrix).norm()
            value.backward()
            return value

        assert optimiser.step(loss) is not None and loss().item() >= least - 1e-6


def test_low_rank_is_the_optimum_on_data_too():
    torch.manual_seed(2)
    matrix, root = torch.randn(9, 7, dtype=torch.float64), torch.randn(7, 7, dtype=torch.float64)
    first, last = low_rank(matrix, 3, root)
    assert relative((last[0] @ first[0] - matrix) @ root, matrix @ root) == pytest.approx(
        best_of_rank(matrix @ root, 3)
    )
    first, last = low_rank(matrix, 3)
    torch.testing.assert_close(first[0].norm(dim=1), last[0].norm(dim=0))  # neither factor trains at another scale
    assert relative(last[0] @ first[0] - matrix, matrix) == pytest.approx(best_of_rank(matrix, 3))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.5])
@pytest.mark.parametrize(("outputs", "inputs"), [(48, 48), (64, 24), (31, 53)])
def test_no_layer_is_worse_than_low_rank_or_monarch_of_its_weights(outputs, inputs, power):
    torch.manual_seed(3)
    matrix = spectrum(outputs, inputs, power)
    model, (row,) = convert(linear(matrix), 0.3, at_least=1, sweeps=30)
    assert row["weights left"] <= 0.3 * matrix.numel()
    assert relative(model.dense_weight() - matrix, matrix) == pytest.approx(row["error"])
    assert row["error"] <= best_of_rank(matrix, int(0.3 * matrix.numel()) // (inputs + outputs)) + 1e-12
    alone = convert(linear(matrix), 0.3, at_least=1, structures=["two-level"]).table[0]["error"]
    assert alone is None or row["error"] <= alone
    if power == 1.5:
        assert isinstance(model, LowRankLinear)
    if power == 0:
        assert not isinstance(model, LowRankLinear)


def test_clos_on_data_is_where_no_factor_alone_can_do_better():
    torch.manual_seed(10)
    matrix, mixing = torch.randn(10, 11, dtype=torch.float64), torch.randn(11, 11, dtype=torch.float64)
    layer, root = ClosLinear(11, 10, 3, 2, 3, bias=False, dtype=torch.float64), mixing
    plan = Plan(11, 10, "clos", (3, 2, 3), 60, 2, 0)
    for stage, value in zip(layer.stage_weights(), project(matrix, plan, root, 0.0, 250, None), strict=True):
        stage.weight.data.copy_(value)
    error = ((layer.dense_weight() - matrix) @ root).square().sum() / (matrix @ root).square().sum()
    error.backward()
    assert max(parameter.grad.abs().max().item() for parameter in layer.parameters()) < 1e-5
    plain = ClosLinear.from_dense(linear(matrix), 3, 2, 3, sweeps=250)
    assert error < ((plain.dense_weight() - matrix) @ root).square().sum() / (matrix @ root).square().sum() - 0.01


def test_large_cascades_get_as_many_sweeps_as_a_minute_holds():
    small, large, huge = (
        plan(inputs, outputs, fewer=4, structures=["clos"])[0]
        for inputs, outputs in ((128, 512), (768, 3072), (4096, 4096))
    )
    assert usual_sweeps(small) == 100 and 10 < usual_sweeps(large) < 100 and usual_sweeps(huge) == 10
    first, middle, last = large.counts
    tried = usual_sweeps(large) + 3 * (usual_sweeps(large) // 10)  # one for each of three starts
    assert tried * first * last * middle**2 < 7e8


def test_every_sweep_on_data_comes_nearer():
    torch.manual_seed(11)
    matrix, mixing = torch.randn(16, 24, dtype=torch.float64), torch.randn(24, 24, dtype=torch.float64)
    blocks, covariance = router_blocks(matrix, 6, 4), router_blocks(mixing @ mixing.T, 6, 6)
    shapes = (6, 3, 4), (3, 4, 6), (4, 4, 3)
    factors = Factors(*(torch.randn(shape, dtype=torch.float64) for shape in shapes))
    wanted, inverse, errors = _behind(blocks, covariance), _own_inverse(covariance), []
    for _ in range(25):
        factors = _sweep(wanted, covariance, inverse, factors)
        lost = (factors.blocks() - blocks).transpose(1, 2).flatten(2).flatten(0, 1) @ mixing
        errors.append(lost.square().sum().item())
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(errors))


def test_two_levels_on_data_come_to_where_no_factor_alone_can_do_better():
    torch.manual_seed(12)
    matrix, mixing = torch.randn(12, 20, dtype=torch.float64), torch.randn(20, 20, dtype=torch.float64)
    blocks, covariance = router_blocks(matrix, 5, 3), router_blocks(mixing @ mixing.T, 5, 5)

    def lost(factors):
        first, last = factors
        return torch.einsum("oqr,rop->oqrp", last, first).flatten(2).flatten(0, 1) - matrix

    factors, errors = two_level(matrix, 5, 3), []
    for _ in range(4):
        errors.append((lost(factors) @ mixing).square().sum().item())
        factors = two_level_on_data(blocks, covariance, factors, 100)
    assert errors[0] > errors[1] >= errors[2] * (1 - 1e-9)
    leaves = [factor.clone().requires_grad_() for factor in factors]
    (lost(leaves) @ mixing).square().sum().backward()
    assert max(leaf.grad.abs().max().item() for leaf in leaves) < 1e-4 * errors[-1]


@pytest.mark.parametrize("structure", ["clos", "two-level"])
def test_inputs_that_move_together_get_no_large_weights(structure):
    """Differences of equal inputs are rounding errors, by which no weight may be divided."""
    torch.manual_seed(15)
    x = torch.randn(200, 8).repeat_interleave(4, 1) + 1e-8 * torch.randn(200, 32)
    small, _ = convert(linear(torch.randn(24, 32)), 0.5, [x], at_least=1, structures=[structure])
    assert max(weight.abs().max().item() for weight in small.parameters()) < 10


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


def test_seconds_are_a_budget_too(monkeypatch):
    """Time is counted in weights here, so that nothing depends on the machine."""
    monkeypatch.setattr(_times, "plan_seconds", lambda entry, rows: rows * entry.operations / 1e6)
    monkeypatch.setattr(_fit, "dense_seconds", lambda inputs, outputs, rows: rows * inputs * outputs / 1e6)
    torch.manual_seed(14)
    net = nn.Sequential(linear(torch.randn(32, 32)), linear(torch.randn(64, 32)))
    small, table = convert(net, seconds=3072 / 3 / 1e6, rows=1, at_least=1, sweeps=3)
    assert 3072 / 6 < sum(row["weights left"] for row in table) <= 3072 / 3
    assert small[0].in_features == 32
    assert convert(net, seconds=1.0, rows=1, at_least=1).table[0]["after"] == "kept: it is fast enough"
    with pytest.raises(ValueError, match=r"seconds must be at least .* from 32 to 32 with 1 rows .*1e-06"):
        convert(net, seconds=3e-6, rows=1, at_least=1)
    with pytest.raises(ValueError, match="skip must hold 'conv', a Conv2d: seconds are for Linear layers only"):
        convert(nn.ModuleDict({"conv": nn.Conv2d(8, 8, 3)}), seconds=1.0, at_least=1)
    with pytest.raises(ValueError, match="one of budget and seconds must be given, got budget=0"):
        convert(net, 0.5, seconds=1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(8, 16, 3, padding=1, stride=2)
        self.hidden = nn.Linear(64, 48)
        self.head = nn.Linear(48, 5)

    def forward(self, x):
        return self.head(torch.relu(self.hidden(torch.relu(self.convolution(x)).flatten(2).mean(2).repeat(1, 4))))


def test_a_model_is_converted_on_data_and_what_is_lost_is_reported():
    torch.manual_seed(4)
    net = Net().eval()
    net.hidden.train()
    data = [torch.randn(40, 8, 6, 6) + 0.5 for _ in range(3)]
    model, table = convert(net, 0.4, data, at_least=1000, sweeps=15)
    assert {row["layer"]: row["after"].startswith("kept") for row in table} == {
        "convolution": False,
        "hidden": False,
        "head": True,
    }
    assert net.hidden.training and not net.training and model.hidden.training and not model.training
    kinds = {"convolution": lambda x: x, "hidden": lambda x: x}
    inputs = {}
    for name in kinds:
        handle = net.get_submodule(name).register_forward_hook(
            lambda layer, args, y, name=name: inputs.setdefault(name, []).append(args[0].detach())
        )
        for batch in data:
            net(batch)
        handle.remove()
    for row in table[:2]:
        old, new = net.get_submodule(row["layer"]), model.get_submodule(row["layer"])
        x = torch.cat(inputs[row["layer"]])
        lost, whole = old(x) - new(x), old(x)
        if whole.ndim == 4:
            lost, whole = (y.transpose(0, 1).flatten(1).t() for y in (lost, whole))
        torch.testing.assert_close(lost.mean(0), torch.zeros_like(lost[0]), atol=1e-4, rtol=0)
        assert relative(lost, whole - whole.mean(0)) == pytest.approx(row["on data"], rel=1e-3, abs=1e-5)
    blind = convert(net, 0.4, at_least=1000, sweeps=20).table
    assert blind[1]["error"] <= table[1]["error"] and blind[1]["on data"] is None
    assert table[2]["error"] is None


def test_low_rank_on_data_is_the_whitened_optimum_and_others_are_no_worse():
    torch.manual_seed(5)
    layer = linear(torch.randn(20, 30, dtype=torch.float64))
    x = torch.randn(200, 30, dtype=torch.float64) @ torch.randn(30, 30, dtype=torch.float64)
    best = best_of_rank(layer(x).detach(), 4)
    model, (row,) = convert(layer, 200 / 600, [x], at_least=1, structures=["low rank"])
    assert row["on data"] == pytest.approx(best)
    assert relative((model(x) - layer(x)).detach(), layer(x).detach()) == pytest.approx(best)
    assert convert(layer, 200 / 600, [x], at_least=1, sweeps=20).table[0]["on data"] <= best + 1e-12


def test_more_sweeps_on_data_lose_less():
    torch.manual_seed(6)
    layer = linear(torch.randn(24, 24))
    x = torch.randn(100, 24) * torch.arange(1, 25)
    for structure in ("clos", "two-level"):
        errors = [
            convert(layer, 0.4, [x], at_least=1, structures=[structure], sweeps=sweeps).table[0]["on data"]
            for sweeps in (1, 10, 60)
        ]
        assert errors[0] > errors[1] > errors[2]


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


def test_modes_dtypes_and_biases_stay_and_equal_calls_are_equal():
    torch.manual_seed(8)
    net = nn.Sequential(nn.Linear(32, 32, dtype=torch.bfloat16).eval(), nn.Linear(32, 32, bias=False))
    first, second = (convert(net, 0.5, at_least=1, sweeps=5, structures=["clos"]).model for _ in range(2))
    assert isinstance(first[0], ClosLinear) and first[0].input_weight.dtype == torch.bfloat16
    assert not first[0].training and torch.equal(first[0].bias, net[0].bias) and first[1].bias is None
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    assert isinstance(net[0], nn.Linear)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in first.parameters())


def test_a_pattern_that_skips_nothing_is_refused():
    with pytest.raises(ValueError, match="skip must hold names of layers of model, none matches 'heads'"):
        convert(nn.Sequential(nn.Linear(8, 8)), 0.5, at_least=1, skip=["heads"])


def test_what_is_lost_too_much_or_skipped_stays_dense():
    torch.manual_seed(9)
    net = nn.Sequential(linear(spectrum(32, 32, 3)), linear(torch.randn(32, 32)), nn.Linear(32, 32))
    net = net.to(torch.float64)
    table = convert(net, 0.3, at_least=1, sweeps=5, tolerance=0.2, skip=["2"]).table
    assert table[0]["after"].startswith("LowRankLinear")
    assert [row["after"].rstrip("0123456789.") for row in table[1:]] == [
        "kept: its error would be ",
        "kept: skip names it",
    ]
    assert "error" in str(table).splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0,), r"budget must be a number between 0 and 1, got 1\.0"),
        ((0.5, []), "data must hold at least one input of the model, got none"),
        ((0.5, [torch.randn(7, 8)]), "data must bring layer '0' as many rows as its 8 inputs at least, got 7: give"),
        ((0.5, [torch.full((9, 8), torch.nan)]), "data must be such that finite numbers enter 0"),
        ((0.5, np.zeros((9, 8))), "a batch must be a tensor, .* got ndarray"),
        ((0.5, [(torch.randn(9, 8), torch.zeros(9))]), "no labels either: too many positional arguments"),
        ((0.5, [{}]), "a batch must hold the arguments of the model and nothing else"),
    ],
)
def test_misuse_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        convert(nn.Sequential(nn.Linear(8, 8)), *arguments, at_least=1)


def test_misuse_of_options_is_named():
    net = nn.Sequential(linear(torch.full((8, 8), torch.inf)))
    with pytest.raises(ValueError, match="model must have finite weights, got some in 0 that are not"):
        convert(net, 0.5, at_least=1)
    for option, message in (
        ({"structures": ["dense"]}, "structures must be one of clos, two-level, low rank"),
        ({"sweeps": 0}, "sweeps must be a positive integer"),
        ({"tolerance": float("nan")}, "tolerance must be a number from 0"),
        ({"ridge": -0.1}, "ridge must be a finite number of at least 0, got -0.1"),
    ):
        with pytest.raises(ValueError, match=message):
            convert(net, 0.5, **option)
    with pytest.raises(ValueError, match="model must be a Module, got <class"):
        convert(nn.Linear, 0.5)
    tied = nn.Sequential(nn.Embedding(8, 8), nn.Linear(8, 8, bias=False))
    tied[1].weight = tied[0].weight
    with pytest.raises(ValueError, match=r"skip must hold '1', a layer that shares a weight with 0\.weight"):
        convert(tied, 0.5, at_least=1)
    assert convert(tied, 0.5, at_least=1, skip=["1"]).table[0]["after"] == "kept: skip names it"
