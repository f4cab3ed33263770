"""Models as products of factors within a budget: what is reported, what stays dense, what is refused."""

import numpy as np
import pytest
import torch
from matrices import linear, relative, spectrum
from torch import nn

from fabric.nn import ClosLinear, convert
from fabric.nn.models import _fit, _times

pytestmark = pytest.mark.usefixtures("on_one_thread")


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
