"""Growing, merging and freezing: the function stays, optimisers go on, and frozen weights keep their bits."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from misuse import faults
from torch import nn

from fabric.nn import ClosLinear, PartlyFrozenClos, freeze, grow, merge, parameter_groups

SIZES = st.tuples(st.integers(1, 13), st.integers(1, 13), st.integers(1, 4), st.integers(1, 5), st.integers(1, 4)).map(
    lambda sizes: (sizes[0] + sizes[2] - 1, sizes[1] + sizes[4] - 1, *sizes[2:])
)
OPTIMIZERS = {
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5, fused=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def integer_layer(sizes, bias=True, seed=0):
    """A layer whose weights are small integers, so that every sum is exact."""
    layer = ClosLinear(*sizes, bias=bias, dtype=torch.float64)
    draw = seeded(seed)
    with torch.no_grad():
        for stage in layer.stage_weights():
            values = torch.randint(-4, 5, stage.weight.shape, generator=draw).double()
            stage.weight.copy_(values if stage.used is None else values * stage.used)
        if bias:
            layer.bias.copy_(torch.randint(-4, 5, layer.bias.shape, generator=draw))
    return layer


def train(layer, optimizer, steps, seed=0):
    draw = seeded(seed)
    inputs = layer.trained.in_features if isinstance(layer, PartlyFrozenClos) else layer.in_features
    for _ in range(steps):
        x = torch.randn(6, inputs, generator=draw, dtype=next(layer.parameters()).dtype)
        optimizer.zero_grad()
        layer(x).square().mean().backward()
        optimizer.step()


@given(sizes=SIZES, more=st.integers(0, 4), bias=st.booleans())
@settings(max_examples=40)
def test_growth_and_freezing_change_no_output(sizes, more, bias):
    layer = integer_layer(sizes, bias)
    x = torch.randint(-5, 6, (7, sizes[0]), generator=seeded()).double()
    larger = grow(layer, sizes[3] + more, generator=seeded())
    assert larger.topology.parameters == (sizes[3] + more) * layer.topology.parameters // sizes[3]
    with torch.no_grad():  # the new weights are no integers, but zeros stand behind them
        assert torch.equal(larger(x), layer(x)) and torch.equal(larger.dense_weight(), layer.dense_weight())
    if larger.middle_routers > 1:
        parted = freeze(larger, [larger.middle_routers - 1])
        with torch.no_grad():
            assert torch.equal(parted(x), layer(x)) and torch.equal(parted.dense_weight(), layer.dense_weight())


@given(sizes=SIZES, level=st.sampled_from(["input", "middle", "output"]), bias=st.booleans(), data=st.data())
@settings(max_examples=40)
def test_merged_routers_change_no_output(sizes, level, bias, data):
    layer = integer_layer(sizes, bias)
    present = {"input": sizes[2], "middle": sizes[3], "output": sizes[4]}[level]
    left = data.draw(st.sampled_from([count for count in range(1, present + 1) if present % count == 0]))
    merged = merge(layer, level, left)
    x = torch.randint(-5, 6, (7, sizes[0]), generator=seeded()).double()
    assert torch.equal(merged(x), layer(x)) and torch.equal(merged.dense_weight(), layer.dense_weight())
    before, after = layer.topology, merged.topology
    assert before.widths == after.widths
    place = ["input", "middle", "output"].index(level)
    for number, (old, new) in enumerate(zip(before.stages, after.stages, strict=True)):
        assert (new >= old).all() and (number == place or (new == old).all())
    if all(size % routers == 0 for size, routers in ((sizes[0], sizes[2]), (sizes[1], sizes[4]))):
        assert after.stages[place].sum() == before.stages[place].sum() * present // left


@pytest.mark.parametrize("sizes", [(96, 40, 8, 3, 5), (97, 41, 8, 3, 5), (1024, 256, 32, 4, 16)])
def test_growth_of_real_weights_is_exact_to_rounding(sizes):
    layer = ClosLinear(*sizes, dtype=torch.float64)
    x = torch.randn(16, sizes[0], generator=seeded(), dtype=torch.float64)
    for changed in (grow(layer, 2 * sizes[3]), merge(layer, "middle", 1), freeze(layer, [0])):
        assert (changed(x) - layer(x)).abs().max() <= 1e-12


def test_new_edges_learn():
    layer = ClosLinear(8, 8, 4, 2, 4)
    larger = grow(layer, 4, generator=seeded())
    optimizer = torch.optim.SGD(larger.parameters(), lr=0.1)
    before = [parameter.clone() for parameter in larger.parameters()]
    train(larger, optimizer, 2)
    names = [name for name, _ in larger.named_parameters()]
    moved = {name: new != old for name, new, old in zip(names, larger.parameters(), before, strict=True)}
    assert moved["input_weight"][:, 2:].any() and moved["middle_weight"][2:].any() and moved["output_weight"].all()


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_optimiser_goes_on_with_what_it_knows(make):
    layer = ClosLinear(12, 9, 3, 2, 3, dtype=torch.float64)
    untouched = nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = make([*layer.parameters(), untouched])
    train(layer, optimizer, 5)
    known = {name: dict(optimizer.state[parameter]) for name, parameter in layer.named_parameters()}
    larger = grow(layer, 5, optimizer=optimizer, generator=seeded())
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [*map(id, larger.parameters()), id(untouched)]
    for name, parameter in larger.named_parameters():
        assert optimizer.state[parameter].keys() == known[name].keys()
        for key, value in optimizer.state[parameter].items():
            old = known[name][key]
            if value.dim() == 0:
                assert value == old
            else:
                assert value.shape == parameter.shape
                assert sorted(value[value != 0].tolist()) == sorted(old[old != 0].tolist())
    assert not any(parameter in optimizer.state for parameter in layer.parameters())
    # Old weights take the step they would have taken without growth: new ones add nothing to the outputs yet.
    small, state = copy.deepcopy((layer, known))
    alone = make(list(small.parameters()))
    for name, parameter in small.named_parameters():
        alone.state[parameter] = state[name]
    train(small, alone, 1, seed=9)
    train(larger, optimizer, 1, seed=9)
    for name, axis in (("input_weight", 1), ("middle_weight", 0), ("output_weight", 2)):
        old = larger.get_parameter(name).narrow(axis, 0, 2)
        assert torch.allclose(old, small.get_parameter(name), rtol=1e-12, atol=1e-14)


def test_merging_carries_moments_to_the_same_edges():
    layer = ClosLinear(10, 7, 4, 4, 2, dtype=torch.float64)
    optimizer = torch.optim.Adam(layer.parameters())
    train(layer, optimizer, 3)
    weights = layer.input_weight, layer.middle_weight, layer.output_weight
    used = [stage.used for stage in layer.stage_weights()]
    moments = [optimizer.state[weight]["exp_avg"] for weight in weights]
    merged = merge(layer, "input", 2, optimizer=optimizer)
    for stage, old, weight, edges in zip(merged.stages, moments, weights, used, strict=True):
        new = optimizer.state[stage.weight]["exp_avg"]
        # The same pairs of weight and moment, and zeros.
        kept = torch.ones_like(old, dtype=torch.bool) if edges is None else edges.expand_as(old)
        pairs = sorted(zip(weight[kept].tolist(), old[kept].tolist(), strict=True))
        assert sorted(pair for pair in zip(stage.weight.flatten().tolist(), new.flatten().tolist(), strict=True)
                      if pair != (0.0, 0.0)) == pairs  # fmt: skip
    train(merged, optimizer, 1)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("whole_model", [False, True])
def test_frozen_weights_keep_their_bits_while_the_others_train(make, whole_model):
    layer = ClosLinear(12, 9, 3, 5, 3)
    optimizer = make(parameter_groups(layer, 0.01, 0.1))
    train(layer, optimizer, 4)
    parted = freeze(layer, [0, 3], optimizer=optimizer)
    assert torch.equal(parted.frozen.input_weight, layer.input_weight[:, [0, 3]])
    assert torch.equal(parted.trained.output_weight, layer.output_weight[:, :, [1, 2, 4]])
    if whole_model:
        optimizer = make(list(parted.parameters()))  # which names the frozen ones, too
    frozen = [parameter.clone() for parameter in parted.frozen.parameters()]
    trained = [parameter.clone() for parameter in parted.trained.parameters()]
    train(parted, optimizer, 4)
    assert all(map(torch.equal, frozen, parted.frozen.parameters()))
    assert not any(map(torch.equal, trained, parted.trained.parameters()))
    assert not any(parameter in optimizer.state for parameter in parted.frozen.parameters())


def test_growing_and_freezing_take_turns():
    layer = ClosLinear(8, 8, 4, 2, 4, dtype=torch.float64)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    x = torch.randn(5, 8, generator=seeded(), dtype=torch.float64)
    parted = freeze(grow(layer, 4, optimizer=optimizer), [0, 1], optimizer=optimizer)
    for _ in range(2):
        train(parted, optimizer, 2)
        y = parted(x)
        parted.trained = grow(parted.trained, 4, optimizer=optimizer)
        parted = freeze(parted, [1, 0], optimizer=optimizer)
        assert (parted(x) - y).abs().max() <= 1e-12
        assert parted.trained.middle_routers == 2
    assert parted.frozen.middle_routers == 6
    assert {id(p) for group in optimizer.param_groups for p in group["params"]} == set(
        map(id, parted.trained.parameters())
    )


def test_dtype_mode_and_frozen_parameters_are_kept():
    layer = ClosLinear(8, 8, 4, 2, 4, dtype=torch.bfloat16, bias=False).eval()
    layer.input_weight.requires_grad_(False)
    for changed in (grow(layer, 3), merge(layer, "output", 2), freeze(layer, [1])):
        assert not changed.training and {p.dtype for p in changed.parameters()} == {torch.bfloat16}
    assert [p.requires_grad for p in grow(layer, 3).parameters()] == [False, True, True]
    assert [stage.weight.requires_grad for stage in merge(layer, "middle", 1).stages] == [False, True, True]
    assert [p.requires_grad for p in freeze(layer, [1]).trained.parameters()] == [False, True, True]


LAYER = ClosLinear(8, 8, 4, 2, 4)
RIGHT = {
    grow: {"layer": LAYER, "middle_routers": 3, "optimizer": None, "generator": seeded()},
    merge: {"layer": LAYER, "level": "input", "routers": 2, "optimizer": None},
    freeze: {"layer": LAYER, "middle_routers": [0], "optimizer": None},
}


@pytest.mark.parametrize("function", RIGHT, ids=lambda function: function.__name__)
def test_wrong_arguments_are_refused_by_name_and_value(function):
    right = RIGHT[function]
    for argument in right:
        accepted = {"None"} if argument in ("optimizer", "generator") else set()
        assert faults(function, right, argument, accepted=accepted) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grow(LAYER, 1), "middle_routers must be at least the 2 of the layer, got 1"),
        (lambda: grow(nn.Linear(2, 2), 3), "layer must be a ClosLinear, got Linear"),
        (lambda: merge(LAYER, "input", 3), "routers must divide the 4 input routers of the layer, got 3"),
        (lambda: merge(LAYER, "hidden", 2), "level must be one of input, middle, output, got 'hidden'"),
        (lambda: freeze(LAYER, [0, 1]), "middle_routers must be some but not all of the 2 trained ones"),
        (lambda: freeze(LAYER, []), "middle_routers must be some but not all of the 2 trained ones"),
        (lambda: freeze(LAYER, [2]), "middle_routers must be different integers from 0 to 1"),
        (lambda: freeze(LAYER, [-1]), "middle_routers must be different integers from 0 to 1"),
        (lambda: freeze(ClosLinear(8, 8, 4, 3, 4), [1, 1]), "middle_routers must be different integers from 0 to 2"),
        (
            lambda: grow(LAYER, 3, optimizer=torch.optim.SGD(nn.Linear(2, 2).parameters())),
            r"optimizer must train the parameters of layer, it has none of 4 of them",
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_lone_router_is_told_how_to_write_it():
    with pytest.raises(ValueError, match=r"sequence of integers from 0 to 3, such as \[2\], got 2"):
        freeze(ClosLinear(8, 8, 4, 4, 4), 2)


def test_optimisers_that_know_no_single_weights_are_refused():
    layer = ClosLinear(8, 8, 4, 2, 4)
    optimizer = torch.optim.Adafactor(layer.parameters())
    train(layer, optimizer, 1)
    before = {parameter: dict(state) for parameter, state in optimizer.state.items()}
    with pytest.raises(ValueError, match="optimizer must keep one number for each weight, Adafactor holds"):
        grow(layer, 3, optimizer=optimizer)
    assert optimizer.state.keys() == before.keys()  # nothing has changed


def test_what_is_refused_changes_nothing():
    optimizer = torch.optim.Adam(LAYER.parameters())
    for wrong in (lambda: grow(LAYER, 1, optimizer=optimizer), lambda: freeze(LAYER, [5], optimizer=optimizer)):
        with pytest.raises(ValueError, match="middle_routers"):
            wrong()
    assert [*map(id, optimizer.param_groups[0]["params"])] == [*map(id, LAYER.parameters())]
