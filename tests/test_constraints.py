"""Colouring against the four rules re-checked and against brute force."""

from functools import cache
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from constraint_cases import bound, cascades, families, rng
from hypothesis import assume, given, settings

from fabric import constraints, topology
from fabric.topology import skips


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: constraints.coloring(t, 0), r"rng must be a numpy.random.Generator, got 0"),
        (lambda t: constraints.jacobian_rank(t, None), r"rng must be a numpy.random.Generator, got None"),
        (lambda t: constraints.coloring(t, rng(), [None]), r"skips must hold one entry per stage .*, 3 in all, got 1"),
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
