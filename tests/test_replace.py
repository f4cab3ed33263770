"""Layers exchanged in whole models: shapes, devices, hooks and state stay; what cannot be kept is refused."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from fabric import nn as structured
from fabric.nn import ClosConv2d, ClosGRU, ClosLinear, ClosLSTM, fewer, plan, replace


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1, stride=2),
        )  # fmt: skip
        self.aside = nn.Conv2d(channels, 2 * channels, 1, stride=2)
        self.grouped = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=4)

    def forward(self, x):
        return self.grouped(self.body(x) + self.aside(x))


class Vision(nn.Module):
    """Patches, two blocks with their own attention, a head."""

    def __init__(self, width=32):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.out(nn.functional.scaled_dot_product_attention(*self.qkv(x).chunk(3, -1)))
        return self.head((x + self.mlp(x)).mean(1))


def tagger(kind):
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells = kind(24, 32, num_layers=2, batch_first=True, bidirectional=True)
            self.head = nn.Linear(64, 3)

        def forward(self, x):
            return self.head(self.cells(x)[0])

    return Tagger()


def encoder():
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 96, batch_first=True), 2)


MODELS = [
    (encoder, (2, 5, 32), 4),
    (Vision, (2, 3, 16, 16), 4),
    (lambda: Residual(16), (2, 16, 8, 8), 3),
    (lambda: tagger(nn.GRU), (2, 5, 24), 1),
    (lambda: tagger(nn.LSTM), (2, 5, 24), 1),
]


@pytest.mark.parametrize(("make", "shape", "count"), MODELS)
def test_models_keep_their_shapes_and_their_state(make, shape, count):
    torch.manual_seed(0)
    model = make()
    before, x = copy.deepcopy(model.state_dict()), torch.randn(shape)
    new, table = replace(model, fewer(3, at_least=500))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    changed = [row for row in table if not row["after"].startswith("kept")]
    assert len(changed) == count
    for row in changed:
        layer = new.get_submodule(row["layer"])
        assert type(layer).__module__.startswith("fabric.nn")
        old = model.get_submodule(row["layer"])
        assert row["weights"] == sum(p.numel() for p in old.parameters())
        biases = sum(p.numel() for name, p in old.named_parameters() if "bias" in name)
        assert row["weights left"] - biases <= (row["weights"] - biases) / 3
    y = new(x)
    assert y.shape == model(x).shape
    y.sum().backward()
    again = replace(model, fewer(3, at_least=500)).model
    again.load_state_dict(new.state_dict())
    assert torch.equal(again.eval()(x), new.eval()(x))  # for the encoder without its shortcut, in inference too
    with torch.inference_mode():
        torch.testing.assert_close(again(x), new(x))


def test_padded_sequences_reach_an_encoder_without_its_shortcut():
    new = replace(encoder(), fewer(3, at_least=500)).model.eval()
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    with torch.inference_mode():
        y = new(torch.randn(2, 5, 32), src_key_padding_mask=padding)
    assert y.shape == (2, 5, 32)


def test_a_copy_shares_nothing_and_in_place_is_in_place():
    model = Vision()
    kept = model.out
    assert replace(model, fewer(3, at_least=500)).model is not model and model.out is kept
    assert replace(model, fewer(3, at_least=500), in_place=True).model is model
    assert isinstance(model.out, ClosLinear)
    lone = replace(nn.Linear(32, 32), lambda name, layer: plan(32, 32, fewer=2)[0])
    assert isinstance(lone.model, ClosLinear) and lone.table[0]["layer"] == ""


def test_device_dtype_mode_and_frozen_state_stay():
    model = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 32, bias=False, dtype=torch.float64))
    model[0].eval().requires_grad_(False)
    new = replace(model, lambda name, layer: ClosLinear(32, 32, 4, 2, 4, bias=False)).model
    assert not new[0].training and new[1].training
    assert [p.requires_grad for p in new[0].parameters()] == [False] * 3
    assert {p.dtype for p in new[1].parameters()} == {torch.float64}
    with torch.device("meta"):
        model = Vision()
    assert {p.device.type for p in replace(model, fewer(3, at_least=500)).model.parameters()} == {"meta"}


def test_hooks_on_calls_move_with_their_handles():
    model, seen = nn.Sequential(nn.Linear(32, 32)), []
    handle = model[0].register_forward_hook(lambda module, args, y: seen.append(type(module)))
    model[0].register_forward_pre_hook(lambda module, args, kwargs: (args, kwargs), with_kwargs=True)
    model[0].register_full_backward_hook(lambda module, above, below: seen.append("back"))
    model = replace(model, lambda name, layer: plan(32, 32, fewer=2)[0], in_place=True).model
    model(torch.randn(2, 32, requires_grad=True)).sum().backward()
    handle.remove()
    model(torch.randn(2, 32))
    assert seen == [ClosLinear, "back"]


def test_a_layer_of_two_names_is_exchanged_under_both():
    layer = nn.Linear(32, 32)
    new, table = replace(nn.Sequential(layer, nn.ReLU(), layer), fewer(2, at_least=1))
    assert new[0] is new[2] and isinstance(new[0], ClosLinear) and len(table) == 1


def test_every_structure_takes_the_place_of_a_convolution():
    convolution = nn.Conv2d(16, 16, 3, padding=1, stride=2, dilation=2)
    for entry in plan(144, 16, fewer=4, taps=9):
        new, table = replace(nn.Sequential(convolution), lambda name, layer, entry=entry: entry)
        x = torch.randn(2, 16, 9, 9)
        assert new(x).shape == convolution(x).shape
        assert table[0]["weights left"] == entry.weights + 16
        assert isinstance(new[0], ClosConv2d) == (entry.structure == "clos")


def test_rules_by_size_and_name():
    chosen = {
        row["layer"]
        for row in replace(Vision(), fewer(2, at_least=1100, skip=["mlp.*"])).table
        if not row["after"].startswith("kept")
    }
    assert chosen == {"qkv"}
    assert isinstance(replace(tagger(nn.GRU), fewer(3, at_least=1000)).model.cells, ClosGRU)
    cells, (row,) = replace(nn.GRU(32, 32, 2), fewer(3, at_least=1000))
    for layer in (*cells.input_layers, *cells.hidden_layers):
        assert isinstance(layer, ClosLinear) and str(tuple(layer.routers)) in row["after"]
    rank = replace(nn.LSTM(32, 32), fewer(3, at_least=1, structures=["low rank"])).model
    assert type(rank) is structured.CascadeLSTM and rank.hidden_layers[0].topology.name == "low_rank(32, 128, 8)"
    low = replace(Vision(), fewer(2, at_least=1, structures=["low rank"])).model
    assert type(low.out) is structured.LowRankLinear


def test_the_table_prints_in_columns_with_a_sum():
    table = replace(encoder(), fewer(3, at_least=500)).table
    lines = str(table).splitlines()
    assert len(lines) == len(table) + 2 and lines[0].startswith("layer")
    assert lines[-1].split() == ["in", "all", *(f"{sum(r[k] for r in table):,}" for k in ("weights", "weights left"))]
    assert "kept: it is a NonDynamicallyQuantizableLinear" in lines[1]
    assert str(replace(nn.ReLU(), fewer(2)).table) == "no Linear, Conv2d, GRU or LSTM layers"


def test_what_a_prompt_shows_is_the_table():
    found = replace(encoder(), fewer(3, at_least=500))
    assert (
        repr(found) == repr(found.table) == str(found.table) and len(repr(found).splitlines()) == len(found.table) + 2
    )


def shared():
    model = nn.Sequential(nn.Embedding(32, 32), nn.Linear(32, 32, bias=False))
    model[1].weight = model[0].weight
    return model


def with_hooks(register):
    model = nn.Sequential(nn.Linear(32, 32))
    register(model[0])
    return model


def frozen_in_part():
    model = nn.Sequential(nn.Linear(32, 32))
    model[0].bias.requires_grad_(False)
    return model


REFUSED = [
    (shared, r"None for 1, which shares a weight with 0\.weight"),
    (lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(32, 32))), "0, which is parametrized"),
    (lambda: nn.MultiheadAttention(32, 2), "out_proj, which is a NonDynamicallyQuantizableLinear"),
    (
        lambda: nn.Sequential(prune.random_unstructured(nn.Linear(32, 32), "weight", 0.5)),
        "holds weight_mask, weight_or",
    ),
    (lambda: with_hooks(lambda layer: setattr(layer, "forward", layer.forward)), "has a forward of its own"),
    (lambda: with_hooks(lambda layer: layer._register_state_dict_hook(lambda *_: None)), "has hooks on its state"),
    (lambda: with_hooks(lambda layer: layer.weight.register_hook(lambda g: g)), "has hooks on its weights"),
    (frozen_in_part, "is frozen in part"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_what_cannot_be_kept_is_refused_by_name(make, message):
    model = make()
    before = list(model.modules())
    with pytest.raises(ValueError, match=message):
        replace(model, lambda name, layer: ClosLinear(32, 32, 4, 2, 4), in_place=True)
    assert list(model.modules()) == before
    if make is not shared:  # a rule leaves alone what it sees to be so
        assert replace(model, fewer(2, at_least=1), in_place=True).table[0]["after"].startswith("kept: it ")
    else:
        assert replace(model, fewer(2, at_least=1, skip=["1"])).table[0]["after"] == "kept: skip names it"


def test_misuse_is_named():
    model, same = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 32)), ClosLinear(32, 32, 4, 2, 4)
    for answer, message in (
        (ClosLinear(32, 16, 4, 2, 4), "a module of out_features = 32 for 0, got 16"),
        (same, "a new module for 1, got one that has a place"),
        ("clos", "a module, an entry of a plan or None for 0, got str"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(model, lambda name, layer, answer=answer: answer)
    with pytest.raises(ValueError, match=r"entry of a plan"):
        replace(tagger(nn.GRU), lambda name, layer: plan(32, 32, fewer=2)[0])
    with pytest.raises(ValueError, match="plan from 36 to 4 features with taps = 9 for a convolution, got one from 36"):
        replace(nn.Sequential(nn.Conv2d(4, 4, 3)), lambda name, layer: plan(36, 4, fewer=1.5)[0])
    with pytest.raises(ValueError, match="taps must be 1 for a linear layer"):
        replace(nn.Sequential(nn.Linear(36, 4)), lambda name, layer: plan(36, 4, fewer=1.5, taps=9)[0])
    with pytest.raises(ValueError, match="module of proj_size = 8 for cells"):
        replace(nn.ModuleDict({"cells": nn.LSTM(16, 16, proj_size=8)}), lambda name, layer: ClosLSTM(16, 16))
    model[1].weight.register_hook(lambda gradient: gradient)
    with pytest.raises(ValueError, match=r"in_place must be True, as copies lose hooks on parameters: 1\.weight"):
        replace(model, fewer(2))
    with pytest.raises(ValueError, match="in_place must be False where the model itself is a layer"):
        replace(nn.Linear(2, 2), fewer(2), in_place=True)
    with pytest.raises(ValueError, match="model must be a Module, got <class"):
        replace(nn.Linear, fewer(2))
    with pytest.raises(ValueError, match="choose must be a function of name and module, got int"):
        replace(model, 10)
    with pytest.raises(ValueError, match="factor must be a finite number above 1, got 1"):
        fewer(1)
    with pytest.raises(ValueError, match="structures must be one of"):
        fewer(2, structures=["dense"])
    with pytest.raises(ValueError, match=r"skip must be a sequence of names of layers, such as \['head'\], got 'head'"):
        fewer(2, skip="head")
    with pytest.raises(ValueError, match="skip must hold names of layers of model, none matches 'typo'"):
        replace(model, fewer(2, skip=["typo"]))


def test_weights_count_no_padding():
    for spatial in ("first", "im2col", "depthwise"):
        layer = ClosConv2d(7, 10, 3, 3, 2, 4, spatial=spatial)
        model = replace(nn.Sequential(nn.Conv2d(7, 10, 3)), lambda name, old, layer=layer: layer)
        assert model.table[0]["weights left"] == layer.connections + 10 < sum(p.numel() for p in layer.parameters())
