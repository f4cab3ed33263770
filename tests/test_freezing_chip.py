"""Phases frozen on the machine: the simulated Verilog and its golden model keep those weights bit for bit."""

import numpy as np
import pytest

from fabric.experiments.batchless import FixedPointConfig, OneTorus, samples
from fabric.experiments.data import load
from fabric.experiments.machines import freezing
from fabric.experiments.machines.freezing import FreezingConfig, train_freezing
from fabric.experiments.studies.growing_machine import FORMAT
from fabric.hardware import Machine, Torus, cycles, program
from fabric.hardware.torus import MODES_OF

CASCADES = ((64, 16, 4, 4, 4), (16, 12, 4, 4, 4))  # one build with the tests of training on chip


def config(*frozen, mode="sequential"):
    training = FixedPointConfig("digits-8x8", CASCADES, FORMAT, (0,) * 6, (4,) * len(frozen), 0, mode=mode)
    return FreezingConfig(training, frozen, 40, "these")


@pytest.mark.parametrize("mode", ["sequential", "overlapped"])
def test_frozen_phases_keep_their_bits_in_the_verilog_and_no_others_do(mode):
    torus = OneTorus(config(()).training)
    every = [program(torus.mapping, each, (0,) * 6) for each in MODES_OF[0]]
    machine = Machine(Torus.of(torus.mapping, FORMAT, every), torus.mapping)
    machine.load(torus.weights())
    inputs, wanted, _ = samples(load("digits-8x8"), CASCADES, FORMAT)
    lengths = [phase.length for phase in torus.mapping.phases]
    for epoch, frozen in enumerate(((), (0, 4), (0, 1, 2, 4), tuple(range(6)))):
        way = program(torus.mapping, mode, (0,) * 6, frozen=frozen)
        x, targets = inputs[30 * epoch :][:30], wanted[30 * epoch :][:30]
        before = machine.weights()
        assert np.array_equal(machine.run(way, x, targets, 4), torus.golden.run(way, x, targets, 4))
        after = machine.weights()
        assert all(np.array_equal(ours, golden) for ours, golden in zip(after, torus.weights(), strict=True))
        assert {phase for phase in range(6) if np.array_equal(before[phase], after[phase])} == set(frozen)
        assert machine.updates == 30 * cycles(way).updates
        assert cycles(way).updates == sum(length for phase, length in enumerate(lengths) if phase not in frozen)


def test_updates_and_writes_of_what_is_not_frozen_are_counted():
    ours = train_freezing(config((), (0, 1, 2)))
    phases = OneTorus(config(()).training).mapping.phases
    edges, lengths = [phase.edges for phase in phases], [phase.length for phase in phases]
    assert ours["updates"] == 40 * (sum(edges) + sum(edges[3:]))
    assert ours["update_cycles"] == ours["predicted_cycles"] == 40 * (sum(lengths) + sum(lengths[3:]))
    assert ours["writes"] == 16 * ours["update_cycles"]
    assert ours["changed"] == 0 and ours["identical"]
    assert ours == train_freezing(config((), (0, 1, 2)))
    assert ours["cycles"] == train_freezing(config((), ()))["cycles"]


def test_a_machine_that_writes_frozen_weights_would_be_noticed(monkeypatch):
    monkeypatch.setattr(freezing, "program", lambda *given, frozen=(): program(*given))
    ours = train_freezing(config((), (0,)))
    assert ours["changed"] > 0 and ours["identical"]


@pytest.mark.parametrize("frozen", [((),), ((0,), ()), ((), (6,))])
def test_phases_that_do_not_fit_the_training_are_refused(frozen):
    training = FixedPointConfig("digits-8x8", CASCADES, FORMAT, (0,) * 6, (4, 4), 0)
    with pytest.raises(ValueError, match="frozen must be 2 tuples, one an epoch, of phases from 0 to 5 that stay"):
        FreezingConfig(training, frozen, 40, "these")
