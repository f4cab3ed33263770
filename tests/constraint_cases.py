"""Cascades that the tests of constraints share."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fabric import topology
from fabric.topology import Topology

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
