"""Counts and connectivity of topologies against brute force and closed forms."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fabric import topology
from fabric.topology import Topology


@st.composite
def clos_sizes(draw):
    inputs, outputs = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return (inputs, outputs, draw(st.integers(1, inputs)), draw(st.integers(1, 12)), draw(st.integers(1, outputs)))


@st.composite
def cascades(draw):
    widths = draw(st.lists(st.integers(1, 9), min_size=2, max_size=6))
    return Topology([draw(hnp.arrays(bool, (o, i))) for i, o in pairwise(widths)])


def brute_force_counts(t: Topology) -> np.ndarray:
    return reduce(lambda counts, stage: stage.astype(object) @ counts, t.stages[1:], t.stages[0].astype(object))


@given(clos_sizes())
def test_clos_has_the_published_counts_for_any_sizes(sizes):
    i, o, ri, rm, ro = sizes
    t = topology.clos(*sizes)
    assert t.widths == (i, ri * rm, rm * ro, o)
    assert (t.inputs, t.outputs, t.depth, t.hidden) == (i, o, 3, rm * (ri + ro))
    assert t.parameters == rm * (i + o + ri * ro)
    assert t.density == t.parameters / (i * o)
    assert (t.path_counts() == rm).all()
    assert t.path_diversity == (rm, rm)
    assert t.is_fully_connected


@given(clos_sizes())
def test_clos_routers_are_dense_and_differ_in_size_by_at_most_one(sizes):
    _, _, ri, rm, ro = sizes
    first, middle, last = topology.clos(*sizes).stages
    assert (first.sum(axis=0) == rm).all()
    assert set(middle.sum(axis=1)) == {ri}
    assert set(middle.sum(axis=0)) == {ro}
    assert (last.sum(axis=1) == rm).all()
    assert np.ptp(first.sum(axis=1)) <= 1
    assert np.ptp(last.sum(axis=0)) <= 1


def test_figure_2_of_closnets():
    t = topology.clos(8, 8, 4, 2, 4)
    assert (t.parameters, t.path_diversity, t.widths) == (64, (2, 2), (8, 8, 8, 8))


@given(cascades())
def test_path_counts_connectivity_and_parameters_equal_brute_force(t):
    counts = brute_force_counts(t)
    assert (t.path_counts() == counts).all()
    assert t.path_diversity == (counts.min(), counts.max())
    assert t.is_fully_connected == (counts > 0).all()
    assert t.parameters == sum(int(stage.sum()) for stage in t.stages)


@pytest.mark.parametrize("depth", [1, 6, 7, 11, 12, 13, 14, 15, 24])
def test_path_counts_stay_exact_past_63_bits(depth):
    width = 48  # 48**11 < 2**63 < 48**12: the largest count passes the limit at depth 13
    rng = np.random.default_rng(depth)
    stages = [np.ones((width, width), bool) for _ in range(depth - 1)] + [rng.random((width, width)) < 0.5]
    t = Topology(stages)
    counts = t.path_counts()
    assert (counts == brute_force_counts(t)).all()
    assert (counts.dtype == np.int64) == (max(brute_force_counts(t).flat) < 2**63)
    assert all(isinstance(value, int) for value in t.path_diversity)


def test_baselines():
    assert topology.dense(5, 3).parameters == 15
    assert topology.dense(5, 3).path_diversity == (1, 1)
    low_rank = topology.low_rank(5, 3, 2)
    assert (low_rank.parameters, low_rank.path_diversity, low_rank.widths) == (16, (2, 2), (5, 2, 3))


@given(st.integers(1, 20), st.integers(1, 20), st.data())
def test_random_sparse_has_exactly_the_edges_asked_for(inputs, outputs, data):
    edges = data.draw(st.integers(1, inputs * outputs))
    t, again, other = (topology.random_sparse(inputs, outputs, edges, np.random.default_rng(s)) for s in (1, 1, 2))
    assert t.parameters == edges
    assert t == again
    assert hash(t) == hash(again)
    assert (t == other) == bool((t.stages[0] == other.stages[0]).all())


def test_random_sparse_draws_every_edge_equally_often():
    rng = np.random.default_rng(0)
    drawn = sum(topology.random_sparse(4, 5, 6, rng).stages[0].astype(int) for _ in range(4000))
    assert abs(drawn - 1200).max() < 5 * np.sqrt(4000 * 0.3 * 0.7)


def test_topologies_are_values():
    stage = np.ones((2, 3), bool)
    t = Topology([stage])
    stage[0, 0] = False
    assert t.stages[0].all()
    with pytest.raises(ValueError, match="read-only"):
        t.stages[0][0, 0] = False
    assert t != Topology([stage])
    assert t != "dense(3, 2)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: topology.clos(8, 8, 9, 2, 4), r"input_routers must be an integer from 1 to 8, got 9"),
        (lambda: topology.clos(8, 8, 4, 0, 4), r"middle_routers must be a positive integer, got 0"),
        (lambda: topology.clos(8, 8, 4, 2, 4.0), r"output_routers must be an integer from 1 to 8, got 4.0"),
        (lambda: topology.clos(-1, 8, 4, 2, 4), r"inputs must be a positive integer, got -1"),
        (lambda: topology.dense(True, 3), r"inputs must be a positive integer, got True"),
        (lambda: topology.low_rank(4, 4, "2"), r"rank must be a positive integer, got '2'"),
        (lambda: topology.random_sparse(3, 3, 10, np.random.default_rng(0)), r"edges must be .* 1 to 9, got 10"),
        (lambda: topology.random_sparse(3, 3, 4, 7), r"rng must be a numpy.random.Generator, got 7"),
        (lambda: Topology([]), r"at least one stage"),
        (lambda: Topology([np.ones((2, 2))]), r"stages\[0\] must be a non-empty boolean matrix.*float64"),
        (lambda: Topology([np.ones((2, 2), bool), np.ones((2, 3), bool)]), r"stages\[1\] has 3 inputs.*2 outputs"),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
