"""Plans: their counts are those of the topologies, they keep to the budget, and a budget too small is told how much."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric import constraints, topology
from fabric.nn import ClosLinear, Plan, plan
from fabric.nn.models._project import project

FEW = settings(max_examples=40, deadline=None)


@FEW
@given(st.integers(4, 40), st.integers(4, 40), st.floats(1.05, 6))
def test_counts_are_those_of_the_topology_within_the_budget(inputs, outputs, fewer):
    try:
        entries = plan(inputs, outputs, fewer=fewer)
    except ValueError as error:
        assert int(inputs * outputs / fewer) < inputs + outputs
        assert f"at least {inputs + outputs} weights" in str(error)
        return
    assert {"low rank"} <= {entry.structure for entry in entries}
    for entry in entries:
        made = entry.topology()
        assert entry.weights == made.parameters <= inputs * outputs / fewer
        assert (entry.paths, entry.paths) == made.path_diversity
        layer = entry.layer(bias=False)
        assert (layer.in_features, layer.out_features) == (inputs, outputs)
        assert entry.operations == sum(parameter.numel() for parameter in layer.parameters()) < inputs * outputs


def test_every_structure_and_the_preferred_sizes():
    entries = plan(256, 256, weights=12288)
    assert entries[0].counts == (16, 16, 16) and isinstance(entries[0].layer(), ClosLinear)
    assert [entry.structure for entry in entries[-3:]] == ["two-level", "low rank", "butterfly"]
    assert entries[-1].topology() == topology.butterfly(256, 16)
    assert all(entry.padding == 0 for entry in entries)
    assert plan(1024, 1024, fewer=10)[0].counts == (32, 32, 32)
    assert plan(36, 36, fewer=1.2, structures=["butterfly"])[0].counts == (2, 6)


def test_preferred_is_no_padding_where_it_costs_little_and_padding_where_sizes_are_prime():
    assert plan(96, 60, fewer=4)[0].padding == 0
    (first, *_) = plan(97, 61, fewer=4, structures=["clos"])
    assert first.padding > 0 and first.weights > 0.9 * 97 * 61 / 4


def test_padding_never_costs_more_than_the_dense_layer():
    (entry,) = plan(7, 5, weights=34, structures=["clos"])
    assert (entry.weights, entry.operations) == (16, 18)


def test_constraints_where_a_formula_is_proved():
    for entry in plan(64, 64, fewer=4):
        assert entry.constraints == constraints.closed_form(entry.topology())
    rank = plan(64, 64, fewer=4, structures=["low rank"])[0]
    assert rank.constraints == 8 * (128 - 8)


@pytest.mark.parametrize("shape", [(16, 16), (15, 22)])
def test_the_error_of_a_fit_lies_within_the_bounds_and_is_the_optimum_where_there_is_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for entry in plan(shape[1], shape[0], fewer=2):
        bounds = entry.error_bounds(matrix.float())
        if entry.structure == "butterfly":
            assert bounds is None
            continue
        layer = entry.layer(bias=False, dtype=torch.float64)
        for stage, values in zip(layer.stage_weights(), project(matrix, entry, None, 0.0, 20, None), strict=True):
            stage.weight.data.copy_(values)
        error = ((layer.dense_weight() - matrix).norm() / matrix.norm()).item()
        least, greatest = bounds
        assert least - 1e-6 <= error <= greatest + 1e-6 < 1
        assert (least < greatest) == (entry.structure == "clos")
    for wrong in (matrix.t()[:, 1:], matrix * torch.nan, 3):
        with pytest.raises(ValueError, match=r"matrix must be a tensor .* of finite numbers, got (one of shape|int)"):
            entry.error_bounds(wrong)


def test_bounds_of_a_cascade_that_is_given():
    entry = Plan(12, 12, "clos", (3, 2, 4), 72, 2, 0)
    least, greatest = entry.error_bounds(ClosLinear(12, 12, 3, 2, 4).dense_weight())
    assert least < 1e-6 < greatest
    assert entry.error_bounds(torch.zeros(12, 12)) == (0, 0)


def test_cycles_and_memory_on_a_torus():
    clos = plan(1024, 1024, fewer=10)[0].on_torus()
    assert (clos.rows, clos.columns, clos.cycles) == (32, 32, 96)  # of ClosNets, as notebook 14 has it
    assert clos.memory_bits == 32 * 32 * 3 * 32 * 12  # a bank for each stage of 32 weights of 12 bits a place
    for entry in plan(16, 16, fewer=2):
        found = entry.on_torus()
        assert (found is None) == (entry.structure == "butterfly")
        if found:
            assert found.memory_bits >= 12 * entry.weights
            assert found.rows * found.columns * found.cycles >= entry.weights
    odd = plan(97, 61, fewer=4, structures=["clos"])[0]
    assert odd.padding > 0 and odd.on_torus().cycles > 0
    assert plan(36, 16, fewer=2, taps=9)[0].on_torus() is None


def test_routers_of_a_convolution_share_out_channels():
    for entry in plan(12 * 9, 20, fewer=3, taps=9, structures=["clos"]):
        first, middle, last = entry.counts
        assert first <= 6 and entry.weights == middle * (12 * 9 + 20 + first * last)
    assert {entry.counts[0] for entry in plan(4 * 9, 32, fewer=2, taps=9, structures=["clos", "two-level"])} == {2}


def test_errors_name_the_nearest_budget():
    with pytest.raises(ValueError, match=r"weights = 500 must leave at least 512 weights .* \(128 times fewer .*500"):
        plan(256, 256, weights=500)
    with pytest.raises(ValueError, match=r"fewer = 100 must leave at least 4096 weights for butterfly .* leaves 655"):
        plan(256, 256, fewer=100, structures=["butterfly"])
    assert plan(256, 256, weights=4096, structures=["butterfly"]) and plan(256, 256, weights=512)
    with pytest.raises(ValueError, match="structures must hold one that exists for 255 inputs and 256 outputs"):
        plan(255, 256, fewer=2, structures=["butterfly"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of weights, fewer and seconds must be given, got weights=None, fewer=None and seconds=None"),
        ({"fewer": 2, "seconds": 1.0}, "one of weights, fewer and seconds must be given"),
        ({"seconds": 0}, "seconds must be a positive finite number, got 0"),
        ({"seconds": 1e-12}, "seconds must be at least .* from 8 to 8 with 256 rows on this machine, got 1e-12"),
        ({"seconds": 1.0, "rows": 0}, "rows must be a positive integer, got 0"),
        ({"seconds": 1.0, "taps": 4}, "taps must be 1 where seconds are the budget, got 4"),
        ({"weights": 20, "fewer": 2}, "one of weights, fewer and seconds must be given, got weights=20, fewer=2"),
        ({"weights": 64}, "weights must be below the dense layer's 64, got 64"),
        ({"weights": 2.5}, r"weights must be a positive integer, got 2\.5"),
        ({"fewer": 1}, "fewer must be a finite number above 1, got 1"),
        ({"fewer": float("nan")}, "fewer must be a finite number above 1, got nan"),
        ({"fewer": 2, "structures": ["monarch"]}, "structures must be one of clos, two-level, low rank, butterfly"),
        ({"fewer": 2, "structures": "clos"}, "structures must be a sequence of names"),
        ({"fewer": 2, "taps": 3}, "in_features must be a multiple of taps = 3, got 8"),
    ],
)
def test_misuse_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        plan(8, 8, **arguments)
