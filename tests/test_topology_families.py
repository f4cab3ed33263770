"""Butterflies, grids and Clos cascades of any depth: counts, wiring and connectivity."""

import math
from functools import reduce
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric import topology

radices = st.lists(st.integers(2, 5), min_size=1, max_size=4).map(tuple)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


def brute_force_counts(t):
    return reduce(lambda counts, stage: stage.astype(object) @ counts, t.stages[1:], t.stages[0].astype(object))


@given(st.integers(2, 7), st.integers(1, 4))
def test_butterfly_has_one_path_per_pair_and_the_closed_form_counts(radix, depth):
    n = radix**depth
    if n > 300:
        return
    t = topology.butterfly(n, radix)
    assert (t.parameters, t.hidden, t.depth) == (n * radix * depth, n * (depth - 1), depth)
    assert t.is_fully_connected
    assert t.path_diversity == (1, 1)
    assert all((stage == stage.T).all() and stage.diagonal().all() for stage in t.stages)


@given(radices)
def test_mixed_radix_butterfly_mixes_one_digit_per_stage(sizes):
    n = math.prod(sizes)
    t = topology.butterfly(n, sizes)
    assert (t.parameters, t.path_diversity) == (n * sum(sizes), (1, 1))
    assert [set(stage.sum(axis=1)) for stage in t.stages] == [{radix} for radix in sizes]


def test_radix_2_butterfly_pairs_halves_first():
    pairs = [sorted({tuple(np.flatnonzero(row)) for row in stage}) for stage in topology.butterfly(8).stages]
    assert pairs[0] == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert pairs[1] == [(0, 2), (1, 3), (4, 6), (5, 7)]
    assert pairs[2] == [(0, 1), (2, 3), (4, 5), (6, 7)]


@given(radices.filter(lambda sizes: len(sizes) > 1 and math.prod(sizes) <= 64), st.integers(1, 7))
def test_parallel_butterflies_add_up_several_whole_butterflies(sizes, count):
    n, depth = math.prod(sizes), len(sizes)
    t = topology.parallel_butterfly(n, count, sizes)
    assert t.parameters == count * n * sum(sizes)
    assert t.hidden == count * n * (depth - 1)
    assert t.path_diversity == (count, count)
    for middle in t.stages[1:-1]:
        off_diagonal = np.kron(~np.eye(count, dtype=bool), np.ones((n, n), bool))
        assert not (middle & off_diagonal).any()
    assert topology.parallel_butterfly(n, 1, sizes) == topology.butterfly(n, sizes)


def test_parallel_butterflies_are_not_copies_until_the_digit_orders_are_used_up():
    n, depth = 8, 3
    t = topology.parallel_butterfly(n, math.factorial(depth) + 1)
    first, middle, last = t.stages
    blocks = [slice(b * n, b * n + n) for b in range(math.factorial(depth) + 1)]
    butterflies = [(first[b].tobytes(), middle[b, b].tobytes(), last[:, b].tobytes()) for b in blocks]
    assert len(set(butterflies)) == math.factorial(depth)
    assert butterflies[-1] == butterflies[0]
    for one, other in product(range(depth), repeat=2):  # the first rotations differ at every stage
        assert one == other or not set(enumerate(butterflies[one])) & set(enumerate(butterflies[other]))


@given(st.integers(1, 6), st.integers(1, 8))
def test_hypercube_is_fully_connected_exactly_from_log2_n_stages(dimensions, depth):
    n = 2**dimensions
    t = topology.hypercube(n, depth)
    assert (t.parameters, t.hidden) == (n * (dimensions + 1) * depth, n * (depth - 1))
    assert t.is_fully_connected == (depth >= dimensions)
    distance = np.array([[(a ^ b).bit_count() for a in range(n)] for b in range(n)])
    assert all(((distance <= 1) == stage).all() for stage in t.stages)
    assert (t.path_counts() == brute_force_counts(t)).all()
    assert topology.hypercube(n).depth == dimensions


def steps_apart(a, b, shape, wrap):
    apart = [abs(x - y) for x, y in zip(a, b, strict=True)]
    return sum(min(d, side - d) if wrap else d for d, side in zip(apart, shape, strict=True))


@given(shapes, st.sampled_from(["torus", "mesh"]))
def test_grids_join_neighbours_and_are_connected_exactly_from_the_diameter(shape, kind):
    make = getattr(topology, kind)
    t = make(shape)
    places = list(product(*map(range, shape)))
    distance = np.array([[steps_apart(a, b, shape, kind == "torus") for a in places] for b in places])
    diameter = int(distance.max())
    assert t.depth == max(1, diameter)
    assert all(((distance <= 1) == stage).all() for stage in t.stages)
    assert t.is_fully_connected
    assert (t.path_counts() == brute_force_counts(t)).all()
    if diameter > 1:
        assert not make(shape, diameter - 1).is_fully_connected
    if kind == "torus" and min(shape) >= 3:
        assert t.parameters == (2 * len(shape) + 1) * math.prod(shape) * t.depth


def test_cascades_of_a_thousand_neurons_have_exact_counts_past_63_bits():
    counts = topology.torus((32, 32)).path_counts()
    assert counts.dtype == object
    # A torus is homogeneous: every input starts 5**32 walks, and the furthest pair is reached by 32 single steps,
    # 16 along each side, in one of two directions each.
    assert set(counts.sum(axis=0)) == {5**32}
    assert counts.min() == counts[16 * 32 + 16, 0] == 4 * math.comb(32, 16)


@st.composite
def multistage_sizes(draw):
    inputs, outputs = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    inner = draw(st.lists(st.integers(1, 5), max_size=4))
    return inputs, outputs, [draw(st.integers(1, inputs)), *inner, draw(st.integers(1, outputs))]


@given(multistage_sizes())
def test_multistage_clos_has_its_closed_form_counts(sizes):
    inputs, outputs, routers = sizes
    t = topology.multistage_clos(*sizes)
    assert t.widths == (inputs, *(a * b for a, b in pairwise(routers)), outputs)
    inner = sum(a * b * c for a, b, c in zip(routers, routers[1:], routers[2:], strict=False))
    assert t.parameters == inputs * routers[1] + inner + routers[-2] * outputs
    assert t.path_diversity == (math.prod(routers[1:-1]),) * 2
    assert t.is_fully_connected
    if len(routers) == 3:
        assert t == topology.clos(inputs, outputs, *routers)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: topology.butterfly(12), r"n must be a power of the radix 2 \(nearest: 8 or 16\), got 12"),
        (lambda: topology.butterfly(2, 3), r"n must be a power of the radix 3 \(nearest: 3\), got 2"),
        (lambda: topology.butterfly(8, 1), r"radix must be at least 2, got 1"),
        (lambda: topology.butterfly(8, 2.0), r"radix must be a positive integer, got 2.0"),
        (lambda: topology.butterfly(12, (3, 5)), r"radix must have the product n = 12, got .* with product 15"),
        (lambda: topology.butterfly(12, (12, 1)), r"radix\[1\] must be at least 2, got 1"),
        (lambda: topology.parallel_butterfly(8, 0), r"count must be a positive integer, got 0"),
        (lambda: topology.parallel_butterfly(8, 2, 8), r"at least two stages for count = 2, got radix 8 with n = 8"),
        (lambda: topology.hypercube(1), r"n must be a power of two, at least 2 \(nearest: 2\), got 1"),
        (lambda: topology.hypercube(12), r"\(nearest: 8 or 16\), got 12"),
        (lambda: topology.hypercube(8, 0), r"depth must be a positive integer, got 0"),
        (lambda: topology.torus(()), r"shape must be a non-empty sequence of positive integers, got \(\)"),
        (lambda: topology.torus(16), r"shape must be a sequence of sides, positive integers, got 16"),
        (lambda: topology.mesh((4, 0)), r"shape\[1\] must be a positive integer, got 0"),
        (lambda: topology.mesh((4, 4), True), r"depth must be a positive integer, got True"),
        (lambda: topology.multistage_clos(8, 8, [4]), r"routers must be a sequence of at least two .*got \[4\]"),
        (lambda: topology.multistage_clos(8, 8, [9, 2, 4]), r"routers\[0\] must be an integer from 1 to 8, got 9"),
        (lambda: topology.multistage_clos(8, 8, [4, 0, 4]), r"routers\[1\] must be a positive integer, got 0"),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@given(
    st.sampled_from(["dense", "low_rank", "clos", "multistage", "butterfly", "parallel", "cube", "torus", "mesh"]),
    st.data(),
)
def test_edges_are_counted_without_building_what_they_are_built_to(kind, data):
    draw = data.draw
    i, o, a, b = (draw(st.integers(1, 12)) for _ in range(4))
    digits = draw(radices)
    n = math.prod(digits)
    make = {
        "dense": lambda: topology.dense(i, o),
        "low_rank": lambda: topology.low_rank(i, o, a),
        "clos": lambda: topology.clos(i, o, min(a, i), b, min(b, o)),
        "multistage": lambda: topology.multistage_clos(i, o, [min(a, i), b, a, min(b, o)]),
        "butterfly": lambda: topology.butterfly(n, digits),
        "parallel": lambda: topology.parallel_butterfly(n, 1 if len(digits) == 1 else 3, digits),
        "cube": lambda: topology.hypercube(16, a),
        "torus": lambda: topology.torus(draw(shapes), a),
        "mesh": lambda: topology.mesh(draw(shapes), a),
    }
    t = make[kind]()
    counted = t.parameters
    assert not any("matrix" in vars(stage) for stage in t._stages), "a stage was built to count its edges"
    assert counted == sum(int(np.count_nonzero(stage)) for stage in t.stages)
    assert t == topology.Topology(t.stages)


def test_a_large_layer_is_counted_by_its_routers():
    t = topology.clos(16384, 16384, 128, 128, 128)
    assert t.parameters == 128 * (2 * 16384 + 128 * 128)
    assert t.widths == (16384,) * 4
