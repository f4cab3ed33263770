"""Jacobian rank against singular values by autograd, with and without skips; the closed form against the rank."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
import torch
from constraint_cases import bound, cascades, families, rng
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fabric import constraints, topology
from fabric.constraints import _field
from fabric.topology import Topology, skips

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
