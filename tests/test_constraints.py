"""Colouring, Jacobian rank and closed form against the rules re-checked, brute force, autograd and each other."""

from functools import cache, reduce
from itertools import combinations, pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fabric import constraints, topology
from fabric.constraints import _field
from fabric.topology import Topology, skips

FAMILIES = {
    "low_rank": topology.low_rank(8, 8, 3),
    "clos": topology.clos(16, 16, 4, 4, 4),
    "clos, uneven": topology.clos(11, 9, 4, 3, 2),
    "clos, saturated blocks": topology.clos(8, 8, 2, 2, 8),
    "clos, four levels": topology.multistage_clos(12, 10, [3, 2, 3, 2]),
    "butterfly": topology.butterfly(16),
    "butterfly, radix 3": topology.butterfly(9, 3),
    "parallel butterfly": topology.parallel_butterfly(8, 2),
    "hypercube": topology.hypercube(8),
    "torus": topology.torus((3, 4)),
    "mesh": topology.mesh((3, 3), 3),
    "random": topology.random_sparse(7, 9, 20, np.random.default_rng(0)),
}
families = pytest.mark.parametrize("t", FAMILIES.values(), ids=FAMILIES.keys())


def rng(seed=0):
    return np.random.default_rng(seed)


@st.composite
def cascades(draw, widest=4, most_stages=3):
    widths = draw(st.lists(st.integers(1, widest), min_size=2, max_size=most_stages + 1))
    t = Topology([draw(hnp.arrays(bool, (o, i))) for i, o in pairwise(widths)])
    fixed = [draw(st.none() | hnp.arrays(bool, stage.shape)) for stage in t.stages]
    return t, draw(st.sampled_from([None, fixed]))


def bound(t):
    return min(t.inputs * t.outputs, t.parameters - t.hidden)


# The four rules, read literally


def edges_of(path):
    return {(level, tail, head) for level, (tail, head) in enumerate(pairwise(path))}


def intersect_in_one_piece(one, other):
    """Rule 4 by walking through the graph of the common neurons and edges."""
    common = {(level, a) for level, (a, b) in enumerate(zip(one, other, strict=True)) if a == b}
    shared = edges_of(one) & edges_of(other)
    if not common:
        return True
    piece, grown = set(), {min(common)}
    while grown:
        piece |= grown
        grown = {(level + 1, head) for level, tail, head in shared if (level, tail) in grown} - piece
    return piece == common


def verify(t, drawn, fixed=None):
    """Draw the paths again in their order and check all rules and what the colouring says about its edges."""
    trainable = [{(int(i), int(o)) for o, i in np.argwhere(stage)} for stage in t.stages]
    fixed = [set() if s is None else {(int(i), int(o)) for o, i in np.argwhere(s)} for s in fixed or [None] * t.depth]
    paths = [tuple(map(int, path)) for path in drawn.paths]
    colored_by, solved = {}, set()
    for number, path in enumerate(paths):
        assert all((tail, head) in trainable[level] | fixed[level] for level, tail, head in edges_of(path))
        own = {(level, tail, head) for level, tail, head in edges_of(path) if (tail, head) in trainable[level]}
        assert own - colored_by.keys()  # rule 2
        colored_by.update(dict.fromkeys(own - colored_by.keys(), number))  # rule 3
        assert (path[0], path[-1]) not in solved  # rule 1: another constraint each time
        solved.add((path[0], path[-1]))
    assert all(intersect_in_one_piece(*two) for two in combinations(paths, 2))  # rule 4
    assert drawn.count == len(paths)
    for level, (stage, colors) in enumerate(zip(t.stages, drawn.colored_by, strict=True)):
        assert [colored_by.get((level, i, o), -1) for o, i in np.argwhere(stage)] == list(colors)


@families
@pytest.mark.parametrize("seed", [0, 1])
def test_colorings_obey_the_four_rules_and_the_bound(t, seed):
    drawn = constraints.coloring(t, rng(seed))
    verify(t, drawn)
    assert drawn.count <= bound(t)


@families
@pytest.mark.parametrize("make", [skips.identity, skips.off_support])
def test_colorings_with_skips_obey_the_four_rules(t, make):
    if make is skips.off_support and any(stage.all() for stage in t.stages):
        return
    drawn = constraints.coloring(t, rng(), make(t))
    verify(t, drawn, make(t))
    assert drawn.count <= min(t.inputs * t.outputs, t.parameters)


def optimum_by_drawing(t, fixed):
    """Greatest number of paths over all orders of drawing: every reachable set of paths is tried."""
    fixed = fixed or [None] * t.depth
    stages = [stage if s is None else stage | s for stage, s in zip(t.stages, fixed, strict=True)]
    paths = [
        path
        for path in product(*map(range, t.widths))
        if all(stages[level][head, tail] for level, (tail, head) in enumerate(pairwise(path)))
    ]
    assume(len(paths) <= 12)
    own = {path: {e for e in edges_of(path) if t.stages[e[0]][e[2], e[1]]} for path in paths}

    @cache
    def best(drawn):
        colored = set().union(*(own[path] for path in drawn))
        options = [path for path in paths if own[path] - colored]
        options = [path for path in options if all(intersect_in_one_piece(path, other) for other in drawn)]
        return max((best(drawn | {path}) for path in options), default=len(drawn))

    return best(frozenset())


@settings(max_examples=150)
@given(cascades())
def test_brute_force_is_the_optimum_and_coloring_stays_below(case):
    t, fixed = case
    optimum = optimum_by_drawing(t, fixed)
    assert constraints.brute_force(t, fixed) == optimum
    drawn = constraints.coloring(t, rng(), fixed)
    verify(t, drawn, fixed)
    assert drawn.count <= optimum


def test_the_posters_example_solves_three_of_four():
    t = topology.low_rank(2, 2, 1)
    assert constraints.brute_force(t) == constraints.jacobian_rank(t, rng()) == constraints.closed_form(t) == 3
    assert [constraints.coloring(t, rng(seed)).count for seed in range(10)] == [3] * 10


@pytest.mark.parametrize(
    "t", [topology.butterfly(4), topology.clos(4, 4, 2, 2, 2), topology.hypercube(4), topology.mesh((3,))]
)
def test_coloring_finds_the_optimum_of_small_networks(t):
    assert constraints.coloring(t, rng()).count == constraints.brute_force(t)


def test_paths_are_the_same_for_the_same_generator():
    t = topology.hypercube(16)
    one, again, other = (constraints.coloring(t, rng(seed)) for seed in (1, 1, 2))
    assert (one.paths == again.paths).all()
    assert one.paths.shape != other.paths.shape or (one.paths != other.paths).any()


@pytest.mark.parametrize(
    ("t", "count"),
    [
        (topology.butterfly(1024), 11 * 1024),
        (topology.butterfly(81, 3), 81 * 9),
        (topology.clos(64, 64, 8, 8, 8), 1408),
        (topology.clos(16, 16, 4, 4, 4), 160),
        (topology.parallel_butterfly(64, 2), 896),
    ],
)
def test_coloring_reaches_p_minus_h_on_clos_and_butterflies(t, count):
    assert constraints.coloring(t, rng()).count == count == t.parameters - t.hidden


def test_coloring_is_an_estimate():
    over = topology.low_rank(8, 8, 3)
    assert constraints.coloring(over, rng()).count == 45 > constraints.jacobian_rank(over, rng()) == 39
    under = topology.hypercube(8)
    assert constraints.coloring(under, rng()).count < constraints.jacobian_rank(under, rng()) == 64


# The rank of the Jacobian


def rank_by_autograd(t, fixed=None, seed=0):
    """Rank of the Jacobian of the dense product at random weights, by autograd and singular values."""
    generator = torch.Generator().manual_seed(seed)
    fixed = [
        torch.zeros(s.shape) if k is None else torch.tensor(k)
        for s, k in zip(t.stages, fixed or [None] * t.depth, strict=True)
    ]
    weights = [torch.randn(s.shape, generator=generator, dtype=torch.float64) * torch.tensor(s) for s in t.stages]

    def dense(*weights):
        return reduce(lambda x, stage: stage @ x, [w + k for w, k in zip(weights, fixed, strict=True)])

    parts = torch.autograd.functional.jacobian(dense, tuple(weights))
    masked = [
        part.flatten(2)[:, :, torch.tensor(s).flatten()].flatten(0, 1) for part, s in zip(parts, t.stages, strict=True)
    ]
    return int(np.linalg.matrix_rank(torch.cat(masked, dim=1).numpy())) if t.parameters else 0


@families
@pytest.mark.parametrize("make", [lambda t: None, skips.identity, skips.off_support])
def test_jacobian_rank_equals_singular_values_of_the_explicit_jacobian(t, make):
    if make is skips.off_support and any(stage.all() for stage in t.stages):
        return
    assert constraints.jacobian_rank(t, rng(), make(t)) == rank_by_autograd(t, make(t))


@settings(max_examples=150)
@given(cascades(widest=6, most_stages=4))
def test_jacobian_rank_of_random_cascades(case):
    t, fixed = case
    found = constraints.jacobian_rank(t, rng(), fixed)
    assert found == rank_by_autograd(t, fixed)
    assert found == constraints.jacobian_rank(t, rng(1), fixed)


@pytest.mark.parametrize("t", [topology.clos(32, 32, 4, 5, 8), topology.torus((4, 6)), topology.hypercube(32)])
def test_jacobian_rank_reaches_the_bound_of_dense_enough_cascades(t):
    assert constraints.jacobian_rank(t, rng()) == bound(t)


@given(st.integers(1, 150), st.integers(1, 150), st.integers(1, 150))
@settings(max_examples=30)
def test_rank_over_the_field(rows, columns, inner):
    left, right = (
        rng(inner).integers(0, _field.PRIME, shape).astype(float) for shape in [(rows, inner), (inner, columns)]
    )
    matrix = _field.product(left, right)
    assert (matrix == left.astype(object) @ right.astype(object) % _field.PRIME).all()
    assert _field.rank(matrix) == min(rows, columns, inner)


# Skips


@pytest.mark.parametrize(
    "t", [topology.clos(16, 16, 4, 4, 4), topology.butterfly(16), topology.torus((4, 4), 2), topology.hypercube(16, 3)]
)
def test_skips_off_the_support_make_every_parameter_count(t):
    without = constraints.jacobian_rank(t, rng())
    assert without == bound(t)
    assert constraints.jacobian_rank(t, rng(), skips.off_support(t)) == min(t.inputs * t.outputs, t.parameters)


@pytest.mark.parametrize("t", [topology.butterfly(16), topology.torus((4, 4), 2), topology.hypercube(16, 3)])
def test_identity_inside_the_support_changes_nothing(t):
    assert constraints.jacobian_rank(t, rng(), skips.identity(t)) == constraints.jacobian_rank(t, rng())
    one, other = constraints.coloring(t, rng()), constraints.coloring(t, rng(), skips.identity(t))
    assert (one.paths == other.paths).all()


def test_identity_around_clos_stages_recovers_most_parameters():
    t = topology.clos(16, 16, 4, 4, 4)
    assert constraints.jacobian_rank(t, rng(), skips.identity(t)) == 184
    assert 160 < constraints.coloring(t, rng(), skips.identity(t)).count <= 184


@families
def test_skips_are_where_they_should_be(t):
    for stage, skip in zip(t.stages, skips.identity(t), strict=True):
        narrow = min(stage.shape)
        assert all(skip[o, i] == (o % narrow == i % narrow) for o, i in np.ndindex(stage.shape))
    if any(stage.all() for stage in t.stages):
        with pytest.raises(ValueError, match=r"stages\[0\] leaves no room for skips outside its 24 of 24 edges"):
            skips.off_support(t)
        return
    for stage, skip in zip(t.stages, skips.off_support(t), strict=True):
        assert not (skip & stage).any()
        wide = skip if skip.shape[0] >= skip.shape[1] else skip.T
        assert (wide.sum(axis=1) == 1).all()
        assert wide.sum(axis=0).max() <= -(-wide.shape[0] // wide.shape[1])


# The closed form


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))
@settings(max_examples=200)
def test_closed_form_of_clos_cascades_is_right_wherever_it_answers(inputs, outputs, ri, rm, ro):
    assume(ri <= inputs and ro <= outputs)
    t = topology.clos(inputs, outputs, ri, rm, ro)
    formula = constraints.closed_form(t)
    assert formula is None or formula == constraints.jacobian_rank(t, rng())


@families
def test_closed_form_of_the_families_is_right_wherever_it_answers(t):
    formula = constraints.closed_form(t)
    assert formula is None or formula == constraints.jacobian_rank(t, rng())


@given(cascades(widest=5, most_stages=3))
def test_closed_form_of_any_cascade_is_right_wherever_it_answers(case):
    t, _ = case
    formula = constraints.closed_form(t)
    assert formula is None or formula == constraints.jacobian_rank(t, rng())


def test_closed_form_answers_where_it_is_proved():
    for sizes in [(8, 8, 4, 2, 4), (16, 16, 4, 4, 4), (1024, 256, 32, 16, 32), (256, 1024, 32, 16, 32)]:
        t = topology.clos(*sizes)
        assert constraints.closed_form(t) == t.parameters - t.hidden
    assert constraints.closed_form(topology.butterfly(1024)) == 11 * 1024
    assert constraints.closed_form(topology.low_rank(8, 8, 3)) == 39
    assert constraints.closed_form(topology.dense(5, 7)) == 35
    assert constraints.closed_form(topology.clos(8, 8, 2, 2, 8)) is None
    assert constraints.jacobian_rank(topology.clos(8, 8, 2, 2, 8), rng()) == 40
    assert constraints.closed_form(topology.hypercube(8)) is None
    assert constraints.closed_form(topology.clos(8, 8, 2, 16, 2)) == 64


def test_closed_form_knows_a_clos_cascade_under_any_numbering():
    t = topology.clos(12, 10, 3, 2, 4)
    orders = [rng(level).permutation(width) for level, width in enumerate(t.widths)]
    shuffled = Topology([stage[np.ix_(o, i)] for stage, (i, o) in zip(t.stages, pairwise(orders), strict=True)])
    assert constraints.closed_form(shuffled) == constraints.closed_form(t) == t.parameters - t.hidden


def test_routers_that_are_not_wired_to_all_others_are_no_clos_cascade():
    routers = np.kron(np.eye(4, dtype=bool), np.ones((2, 2), bool))
    t = Topology([routers] * 3)
    assert constraints.closed_form(t) is None
    assert constraints.jacobian_rank(t, rng()) == 16 < bound(t)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: constraints.coloring(t, 0), r"rng must be a numpy.random.Generator, got 0"),
        (lambda t: constraints.jacobian_rank(t, None), r"rng must be a numpy.random.Generator, got None"),
        (lambda t: constraints.coloring(t, rng(), [None]), r"skips must have one entry per stage, 3, got 1"),
        (
            lambda t: constraints.jacobian_rank(t, rng(), [None, np.eye(8), None]),
            r"skips\[1\] must be None or a boolean matrix of shape \(8, 8\).*float64",
        ),
        (lambda t: constraints.brute_force(t), r"at most 100 paths to try them all, got 128"),
    ],
)
def test_bad_arguments_are_named_with_their_value(call, message):
    with pytest.raises(ValueError, match=message):
        call(topology.clos(8, 8, 4, 2, 4))
