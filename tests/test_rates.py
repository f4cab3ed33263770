"""Groups of parameters: every one in one group, factors by their blocks, edges never without decay by accident."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from fabric import topology
from fabric.nn import ClosConv2d, ClosLinear, ClosLSTM, LowRankLinear, SparseLinear, parameter_groups


def of(groups, name):
    (group,) = (group for group in groups if name in group["parameter_names"])
    return group


class Toy(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.embedding = nn.Embedding(11, width)
        self.position = nn.Parameter(torch.zeros(7, width))
        self.mixer = nn.MultiheadAttention(width, 2)
        self.norm = nn.LayerNorm(width)
        self.inner = inner
        self.head = nn.Linear(width, 11)
        self.tied = nn.Linear(width, 11, bias=False)
        self.tied.weight = self.embedding.weight
        self.frozen = nn.Parameter(torch.zeros(3), requires_grad=False)


def test_every_trained_parameter_is_in_one_group_and_an_optimiser_takes_them():
    model = Toy(16, ClosLinear(16, 16, 4, 2, 4))
    groups = parameter_groups(model, 1e-3, 0.1)
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    optimiser = torch.optim.AdamW(groups)
    assert [group["name"] for group in optimiser.param_groups] == [group["name"] for group in groups]
    assert {"frozen"}.isdisjoint(name for group in groups for name in group["parameter_names"])
    names = [group["name"] for group in groups]
    assert len(set(names)) == len(names)


def test_multipliers_and_decays_of_a_clos_cascade():
    layer = ClosLinear(64, 32, 8, 2, 4)  # blocks of 8, 8 and 2 inputs
    groups = parameter_groups(layer, 0.01, 0.1)
    kept = layer.topology.density
    for name, block in (("input_weight", 8), ("middle_weight", 8), ("output_weight", 2)):
        group, rate = of(groups, name), 64 / block / 3
        assert group["lr"] == pytest.approx(0.01 * rate)
        assert group["lr"] * group["weight_decay"] == pytest.approx(0.01 * 0.1 * kept)
    assert of(groups, "bias")["weight_decay"] == 0 and of(groups, "bias")["lr"] == 0.01
    dropped = parameter_groups(layer, 0.01, 0.1, factor_decay="dropped")
    assert {group["weight_decay"] for group in dropped} == {0}


def test_edge_weights_decay_although_they_have_one_axis():
    stage = topology.random_sparse(20, 10, 40, np.random.default_rng(0)).stages[0]
    layer = SparseLinear(stage)
    group = of(parameter_groups(layer, 1.0, 0.5), "stages.0.weight")
    counts = stage.sum(1)
    assert group["lr"] == pytest.approx(20 / ((counts**2).sum() / 40))
    assert group["lr"] * group["weight_decay"] == pytest.approx(0.5 * 40 / 200)


def test_low_rank_convolutions_and_recurrent_layers():
    rank = parameter_groups(LowRankLinear(48, 24, 6), 1.0)
    assert of(rank, "stages.0.weight")["lr"] == 1 / 2 and of(rank, "stages.1.weight")["lr"] == 48 / 6 / 2
    convolution = parameter_groups(ClosConv2d(8, 8, 3, 2, 2, 4, spatial="first"), 1.0)
    assert of(convolution, "cascade.input_weight")["lr"] == pytest.approx(72 / 36 / 3)
    assert of(convolution, "cascade.output_weight")["lr"] == pytest.approx(72 / 2 / 3)
    depthwise = parameter_groups(ClosConv2d(8, 8, 3, 2, 2, 4, spatial="depthwise"), 1.0, 1.0)
    assert of(depthwise, "depthwise_weight")["lr"] == pytest.approx(72 / 9 / 4)
    assert of(depthwise, "depthwise_weight")["weight_decay"] > 0
    assert of(depthwise, "cascade.input_weight")["lr"] == pytest.approx(72 / 4 / 4)
    recurrent = parameter_groups(ClosLSTM(8, 8, input_routers=(2, 2, 4), hidden_routers=(4, 2, 4)), 1.0)
    assert of(recurrent, "hidden_layers.0.input_weight")["lr"] == pytest.approx(8 / 2 / 3)


def test_uneven_routers_count_no_padding():
    layer = ClosLinear(7, 6, 2, 2, 3)  # routers of 4 and 3 inputs
    group = of(parameter_groups(layer, 1.0), "input_weight")
    assert group["lr"] == pytest.approx(7 / ((2 * 4 * 4 + 2 * 3 * 3) / 14) / 3)


def test_a_rate_is_carried_over_from_a_base_of_another_width():
    wide = Toy(64, ClosLinear(64, 64, 8, 4, 8))
    groups = parameter_groups(wide, 1.0, 0.1, base=Toy(16, nn.Linear(16, 16)))
    assert of(groups, "inner.input_weight")["lr"] == pytest.approx(16 / 8 / 3)  # independent of the width but for base
    for name in ("head.weight", "mixer.in_proj_weight", "mixer.out_proj.weight"):
        assert of(groups, name)["lr"] == 16 / 64
        assert of(groups, name)["lr"] * of(groups, name)["weight_decay"] == pytest.approx(0.1)
    for name in ("embedding.weight", "position", "norm.weight", "head.bias"):
        assert of(groups, name)["lr"] == 1
    assert of(groups, "position")["weight_decay"] == 0.1


def test_misuse_is_named():
    layer = ClosLinear(8, 8, 2, 2, 2)
    for lr in (0, -1, float("nan"), True, "fast"):
        with pytest.raises(ValueError, match="lr must be a positive finite number"):
            parameter_groups(layer, lr)
    with pytest.raises(ValueError, match="weight_decay must be a finite number from 0, got -1"):
        parameter_groups(layer, 1, -1)
    with pytest.raises(ValueError, match="factor_decay must be one of scaled, dropped"):
        parameter_groups(layer, 1, factor_decay="none")
    with pytest.raises(ValueError, match="base must have the modules of model, but it has no norm"):
        parameter_groups(nn.ModuleDict({"norm": nn.Linear(2, 2)}), 1, base=nn.ModuleDict())
    with pytest.raises(ValueError, match="but norm is a LayerNorm there"):
        parameter_groups(nn.ModuleDict({"norm": nn.Linear(2, 2)}), 1, base=nn.ModuleDict({"norm": nn.LayerNorm(2)}))
    parametrize.register_parametrization(layer, "middle_weight", nn.Tanh())
    with pytest.raises(ValueError, match=r"but inner is parametrized"):
        parameter_groups(Toy(8, layer), 1)
