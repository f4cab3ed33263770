"""Connections stay on rings, units do not rest, weights are read address by address; where not, it is found out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric import topology
from fabric.experiments.studies import edge_budget, neighbours
from fabric.hardware import FixedPoint, GoldenMachine, Phase, TorusMapping

SQUARE = st.integers(2, 6).map(lambda n: (n * n, n * n, n, n, n))
OTHERS = st.tuples(*[st.integers(1, 4)] * 5).map(lambda c: (c[0] * c[2], c[1] * c[4], *c[2:]))


@given(SQUARE | OTHERS)
def test_no_connection_leaves_its_ring(cascade):
    assert neighbours.across_rings(cascade) == 0


def test_a_connection_that_leaves_its_ring_is_counted(monkeypatch):
    stages = [stage.copy() for stage in topology.clos(8, 8, 4, 2, 4).stages]
    stages[0][0, :2], stages[0][2, :2] = False, True  # to a router of another row
    monkeypatch.setattr(neighbours.topology, "clos", lambda *_: topology.Topology(stages, "crossed"))
    assert neighbours.across_rings((8, 8, 4, 2, 4)) == 2


@given(SQUARE, OTHERS)
def test_units_of_square_cascades_never_rest(square, other):
    assert neighbours.busy(square) == 1
    assert 0 < neighbours.busy(other) <= 1


@pytest.mark.parametrize("cascade", [(9, 9, 3, 3, 3), (16, 8, 2, 4, 2), (1024, 256, 32, 16, 32)])
def test_weights_are_read_address_by_address(cascade, monkeypatch):
    assert edge_budget.leaps(cascade) == 0
    monkeypatch.setattr(Phase, "addresses", lambda self, places: np.zeros((places, self.length)))
    assert edge_budget.leaps(cascade) > 0


def test_the_addresses_are_those_of_the_golden_machine():
    mapping = TorusMapping([(9, 9, 3, 3, 3)])
    machine = GoldenMachine(mapping, FixedPoint())
    words = [np.broadcast_to(np.arange(p.values), (p.rings, p.neurons, p.values)) for p in mapping.phases]
    machine.load(words)  # each word is its address
    used = machine._weights.reshape(len(mapping.phases), 3, 9)
    for phase, cycles in zip(mapping.phases, used, strict=True):
        assert np.array_equal(cycles.T, np.repeat(phase.addresses(phase.neurons), phase.rings, axis=0))
        assert (np.diff(cycles, axis=0) % phase.length == phase.length - 1).all()
