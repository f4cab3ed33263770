"""Wrong arguments all over the public surface of fabric.nn and fabric.nn.init: each is refused by name and value.

A layer that took a wrong argument in silence would be a wrong answer; one that tried to hold 2**62 weights a dead
machine. Nothing here may take long or allocate much.
"""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from misuse import fault_of, limited
from torch import nn

from fabric import nn as layers
from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, LowRankLinear, PredefinedLinear, SparseLinear, init
from fabric.nn._structured import StructuredLinear

STAGE = np.eye(4, dtype=bool)

# What every constructor is called with; each test spoils one argument.
CONSTRUCTORS = {
    ClosLinear: {
        "in_features": 8, "out_features": 8, "input_routers": 4, "middle_routers": 2, "output_routers": 4,
    },
    LowRankLinear: {"in_features": 8, "out_features": 8, "rank": 2},
    PredefinedLinear: {
        "in_features": 8, "out_features": 8, "fan_out": 2, "pattern": "structured", "rng": np.random.default_rng(0),
    },
    CascadeLinear: {"topology": topology.butterfly(4), "skips": None},
    SparseLinear: {"stage": STAGE},
}  # fmt: skip

INTEGERS = [0, -1, True, False, 2.5, 8.0, math.nan, math.inf, -math.inf, "8", "", None, [8], (8, 8), {}, 1j, b"8",
            np.float64(8), np.True_, 10**30, 2**62, torch.tensor(8.0), nn.Linear, object()]  # fmt: skip
OBJECTS = [0, -1, True, 2.5, math.nan, "clos", [1, 2], {}, object(), nn.Linear, np.ones((2, 2)), torch.ones(2, 2)]
BAD = {
    "bias": [0, 1, -1, None, "yes", "", math.nan, 1.0, [True], np.bool_, torch.tensor([1.0, 2.0])],
    "device": ["nowhere", "", "cpu:x", 2.5, math.nan, [], "cuda:99", object()],
    "dtype": ["float32", "", 32, True, math.nan, np.float32, torch.int64, torch.bool, torch.complex64, float, []],
    "pattern": [0, True, math.nan, "", "clos", None, b"structured", ["structured"]],
    "rng": [0, None, math.nan, "0", True, np.random, torch.Generator(), [1]],
    "topology": [*OBJECTS, None, STAGE],
    "stage": [0, True, math.nan, "eye", None, [], np.eye(4), np.ones((2, 2, 2), bool), np.zeros((0, 4), bool)],
    "skips": [0, True, math.nan, "identity", [], [None], [None] * 3, [np.eye(4), None], [np.ones((3, 3), bool), None]],
}
CASES = [
    (constructor, name, value)
    for constructor, arguments in CONSTRUCTORS.items()
    for name in (*arguments, "bias", "device", "dtype")
    for value in BAD.get(name, INTEGERS)
]


def refused(call, name, value):
    with limited(), pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert not fault_of(caught.value, name, value), caught.value


@pytest.mark.parametrize("constructor", CONSTRUCTORS, ids=lambda constructor: constructor.__name__)
def test_constructors_refuse_wrong_arguments(constructor):
    tried = 0
    for kind, name, value in CASES:
        if kind is constructor:
            refused(
                lambda name=name, value=value: constructor(**CONSTRUCTORS[constructor] | {name: value}), name, value
            )
            tried += 1
    assert tried > 25


def test_sizes_that_no_machine_could_hold_are_refused_before_anything_is_allocated():
    for sizes in [(2**40, 2**40, 1, 2**20, 1), (2**31, 2**31, 2**20, 2**20, 2**20), (8, 8, 4, 2**40, 4)]:
        with pytest.raises(ValueError, match=r"fewer than 2\*\*40 entries, got in_features=\d+"):
            ClosLinear(*sizes)
    for sizes in [(2**40, 8, 2), (8, 2**40, 2), (8, 8, 2**40), (2**30, 2**30, 2**30)]:
        with pytest.raises(ValueError, match="got"):
            LowRankLinear(*sizes)


LAYERS = [
    ClosLinear(8, 8, 4, 2, 4),
    LowRankLinear(8, 8, 2),
    SparseLinear(np.eye(8, dtype=bool)),
    PredefinedLinear(8, 8, 2, "structured", np.random.default_rng(0)),
    CascadeLinear(topology.hypercube(8)),
]
INPUTS = [
    None, 1, 2.5, "x", [1.0] * 8, (1.0,) * 8, np.ones(8), np.ones((2, 8), np.float32), math.nan, nn.Linear, {},
    torch.tensor(1.0), torch.ones(7), torch.ones(3, 7), torch.ones(8, 9), torch.ones(8, 0), torch.ones(0, 3),
    torch.ones(2, 3, 4), torch.ones(2, 8, dtype=torch.float64), torch.ones(2, 8, dtype=torch.bfloat16),
    torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.bool), torch.ones(2, 8, dtype=torch.complex64),
    torch.ones(2, 8, device="meta"),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_layers_refuse_wrong_inputs(layer):
    for x in INPUTS:
        with pytest.raises((ValueError, TypeError)) as caught:
            layer(x)
        assert re.match(r"x must .* got ", str(caught.value)), x
    for x in (torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.complex64)):
        with torch.autocast("cpu", torch.bfloat16), pytest.raises(ValueError, match="x must have the dtype"):
            layer(x)


INITIALISERS = [getattr(init, name) for name in vars(init) if name.endswith("_") and not name.startswith("_")]


def test_every_initialiser_is_swept():
    assert len(INITIALISERS) == 8
    linear = {
        value for value in vars(layers).values() if inspect.isclass(value) and issubclass(value, StructuredLinear)
    }
    assert set(CONSTRUCTORS) == linear


@pytest.mark.parametrize("initialise", INITIALISERS, ids=lambda initialise: initialise.__name__)
def test_initialisers_refuse_wrong_modules_and_generators(initialise):
    for module in (*OBJECTS, None, topology.butterfly(4)):
        refused(lambda module=module: initialise(module), "module", module)
    for generator in (0, 1, True, 2.5, math.nan, "cpu", [], np.random.default_rng(0), np.random, torch.Generator):
        layer = ClosLinear(8, 8, 4, 2, 4)
        before = layer.input_weight.clone()
        refused(lambda layer=layer, g=generator: initialise(layer, generator=g), "generator", generator)
        assert torch.equal(layer.input_weight, before)


@pytest.mark.parametrize("function", [init.expected_variance, init.expected_variance_by_level])
def test_expected_variances_refuse_other_topologies_and_initialisations(function):
    for value in (*OBJECTS, None, STAGE):
        refused(lambda value=value: function(value, init.glorot_uniform_), "topology", value)
    for value in (*OBJECTS, None, init.orthogonal_, init.he_normal_):
        refused(lambda value=value: function(topology.butterfly(4), value), "initialise", value)


def test_weights_of_other_edges_and_of_no_edges_are_refused():
    layer = SparseLinear(np.eye(8, dtype=bool) | np.eye(8, k=2, dtype=bool))
    for state in ("", "0" * 64, None, 7, torch.zeros(32, dtype=torch.uint8), torch.zeros(3)):
        wrong = layer.state_dict() | {"stages.0._extra_state": state}
        with pytest.raises(ValueError, match="other edges"):
            layer.load_state_dict(wrong)
