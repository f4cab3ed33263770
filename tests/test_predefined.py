"""Pre-defined sparse junctions: exact fan-in and fan-out, densities, refusals that name what would be right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junction_sizes import EXACT, junction_sizes

from fabric import topology
from fabric.topology import junctions


@given(junction_sizes(EXACT))
def test_fan_in_and_fan_out_are_exact_and_no_edge_is_drawn_twice(arguments):
    inputs, outputs, fan_out, *_ = arguments
    (stage,) = topology.predefined(*arguments).stages
    assert stage.shape == (outputs, inputs)
    assert (stage.sum(axis=0) == fan_out).all()
    assert (stage.sum(axis=1) == inputs * fan_out / outputs).all()


@given(junction_sizes(["random"]))
def test_random_patterns_have_the_exact_total(arguments):
    inputs, _, fan_out, *_ = arguments
    assert topology.predefined(*arguments).parameters == inputs * fan_out


@given(junction_sizes())
def test_the_same_seed_gives_the_same_pattern(arguments):
    *sizes, _, parallelism = arguments
    once, again = (topology.predefined(*sizes, np.random.default_rng(7), parallelism) for _ in range(2))
    assert once == again
    assert sizes[-1] in once.name


def test_structured_patterns_differ_by_seed_and_use_every_place():
    drawn = sum(topology.predefined(6, 4, 2, "structured", np.random.default_rng(s)).stages[0] for s in range(300))
    assert drawn.min() > 90
    assert drawn.max() < 210


def test_densities_of_the_networks_on_the_poster():
    network = junctions.densities([4096, 512, 256, 16], [1, 2, 16])
    assert network.edges == (4096, 1024, 4096)
    assert network.dense_edges == (2097152, 131072, 4096)
    assert network.junctions == (1 / 512, 2 / 256, 1)
    assert network.overall == 9216 / 2232320


@given(junction_sizes())
def test_densities_are_those_of_the_topology(arguments):
    inputs, outputs, fan_out, *_ = arguments
    t = topology.predefined(*arguments)
    result = junctions.densities([inputs, outputs], [fan_out])
    assert result.junctions == (result.overall,)
    assert result.overall == pytest.approx(t.density)


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(junctions.PATTERNS), st.floats(0, 1))
def test_every_fan_out_is_either_listed_or_refused(inputs, outputs, pattern, density):
    valid = junctions.valid_fan_outs(inputs, outputs, pattern)
    for fan_out in range(1, outputs + 1):
        if fan_out in valid:
            topology.predefined(inputs, outputs, fan_out, pattern, np.random.default_rng(0))
        else:
            below, above = max(f for f in [0, *valid] if f < fan_out), min(f for f in valid if f > fan_out)
            named = f"{below} or {above}" if below else f"{above}"
            with pytest.raises(ValueError, match=f"fan_out must be {named}, got {fan_out}:"):
                topology.predefined(inputs, outputs, fan_out, pattern, np.random.default_rng(0))
    best = junctions.nearest_fan_out(inputs, outputs, density, pattern)
    assert abs(best / outputs - density) == pytest.approx(min(abs(f / outputs - density) for f in valid))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda rng: topology.predefined(784, 112, 0, "random", rng),
            r"fan_out must be a positive integer, got 0",
        ),
        (
            lambda rng: topology.predefined(7, 10, 11, "structured", rng),
            r"fan_out must be 10, got 11: an input has at most one edge to each of 10 outputs",
        ),
        (lambda rng: topology.predefined(10, 4, 3, "structured", rng), r"fan_out must be 2 or 4, got 3: 10 \* 3 edges"),
        (
            lambda rng: topology.predefined(784, 112, 42, "clash-free-1", rng, 98),
            r"fan_out must be 28 or 56, got 42: a fan-in of 294 .* 784 .* edge twice \(clash-free-3 could not\)",
        ),
        (
            lambda rng: topology.predefined(784, 112, 2, "clash-free-1", rng, 100),
            r"parallelism must be 98 or 112, got 100: it has to divide 784 inputs",
        ),
        (lambda rng: topology.predefined(8, 4, 2, "structured", rng, 16), r"parallelism must be 8, got 16"),
        (lambda rng: topology.predefined(8, 4, 2, "regular", rng), r"pattern must be one of random, .*, got 'regular'"),
        (lambda rng: topology.predefined(8, 4, 2, "structured", 7), r"rng must be a numpy.random.Generator, got 7"),
        (lambda rng: junctions.densities([8], []), r"fan_outs must hold one fan-out per junction"),
        (lambda rng: junctions.densities([8, 4], [5]), r"fan_outs\[0\] must be an integer from 1 to 4, got 5"),
        (lambda rng: junctions.nearest_fan_out(8, 4, 1.5), r"density must be from 0 to 1, got 1.5"),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make(np.random.default_rng(0))
