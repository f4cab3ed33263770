"""The study of the junction pipeline: tables that must hold by arithmetic, runs that repeat, pictures that draw."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fabric import plots
from fabric.experiments.machines.junctions import (
    JunctionSynthesis,
    JunctionTraining,
    Lessons,
    TorusTraining,
    synthesize,
    synthesize_whole,
    train_junctions,
    train_torus,
)
from fabric.experiments.studies import junction_pipeline as study
from fabric.hardware import FixedPoint
from fabric.hardware.junctions import simulate

LESSONS = Lessons("digits", 300, 2, ((0, 3), (400, 4)), (12, 12, 8, 8, 8, 8), 0)
TRAINING = JunctionTraining(LESSONS, (784, 32, 16), (4, 8), (14, 2), "clash-free-2")


def test_lessons_change_their_rate_where_they_say():
    parts = list(LESSONS.parts(784, 16))
    assert [(len(x), len(y), exponent) for x, y, exponent in parts] == [(300, 300, 3), (100, 100, 3), (200, 200, 4)]
    assert all((y.sum(axis=1) == 256).all() for _, y, _ in parts)


def test_training_repeats_and_learns():
    record = train_junctions(TRAINING)
    assert record == train_junctions(TRAINING)
    assert record["weights"] == 784 * 4 + 32 * 8
    assert train_junctions(replace(TRAINING, lessons=replace(LESSONS, epochs=6)))["accuracy"] > 0.7


def test_torus_learns_the_same_lessons():
    config = TorusTraining(replace(LESSONS, epochs=1), ((784, 32, 16, 2, 16), (32, 16, 16, 4, 16)))
    assert 0 < train_torus(config)["accuracy"] <= 1


def test_features_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="at least the 784 features of the data, its first layer has 512"):
        next(LESSONS.parts(512, 16))


def test_balanced_junctions_trade_cycles_for_multipliers_one_for_one():
    table = study.compare_parallelisms([1024, 64, 32], [4, 16], [32, 64, 128], FixedPoint())
    balanced = table.iloc[:-1]
    assert (balanced["useful_cycles"] * balanced["multipliers"]).nunique() == 1
    assert table["idle"].iloc[-1] > balanced["idle"].max()


def test_only_clash_free_patterns_keep_the_pace():
    taken = study.compare_clashes([64, 32, 16], [4, 4], [8, 4], 2).set_index("pattern")["cycles"]
    assert taken["clash-free-2"] == 34
    assert (taken.drop("clash-free-2") > 34).all()


def test_synthesis_has_the_multipliers_that_the_network_counts():
    cells = synthesize(JunctionSynthesis(16, 8, 4, 4, "clash-free-2", LESSONS.fixed_point, ""))
    assert cells["multipliers"] == 4 * 4  # forward, backward, derivative, update
    weights, deltas, activations, sums, starts = 64 * 12, 2 * 8 * 12, 3 * 16 * 12, 16 * 28, 4 * 4 * 2
    assert cells["memory_bits"] == weights + deltas + activations + sums + starts


def test_whole_machines_are_told_apart_by_their_content():
    configs = study.machine_configs([16, 8, 4], [2, 2], [[4, 2], [8, 4]], LESSONS.fixed_point)
    assert len({config.content for config in configs}) == 2
    assert configs == study.machine_configs([16, 8, 4], [2, 2], [[4, 2], [8, 4]], LESSONS.fixed_point)


def test_a_whole_machine_has_the_multipliers_of_its_network():
    (config,) = study.machine_configs([16, 8, 4], [2, 2], [[4, 2]], LESSONS.fixed_point)
    record = synthesize_whole(config)
    assert record["multipliers"] == 2 * sum(config.build().network.multipliers)  # of 12 bits: two of 9 bits each
    assert record["cycles"] == 10
    assert record["memory_blocks"] >= sum(config.build().network.memories().values())


def test_the_least_step_of_whole_machines_decides():
    records = pd.DataFrame({"parallelisms": [[8, 4], [4, 2]], "cycles": [10, 18], "logic_elements": [300, 200]})
    for name in ("registers", "memory_bits", "memory_blocks", "multipliers"):
        records[name] = [20, 10]
    table = study.machine_table(records)
    assert list(table["parallelisms"]) == ["4, 2", "8, 4"]
    assert study.machine_trade_off(table) == 1.5
    figure, axes = plt.subplots(1, 2)
    plots.draw_machines(axes, table)
    figure.canvas.draw()
    plt.close(figure)


def test_pictures_draw():
    figure, axes = plt.subplots(1, 5)
    plots.draw_pipeline(axes[0], simulate(study.drawn([16, 8, 4], [2, 2], [4, 2]), 8), 6, "")
    plots.draw_speed_up(axes[1], study.compare_sharing([1, 2]))
    cells = pd.DataFrame({"pattern": ["clash-free-2", "clash-free-2+MD"], "parallelism": [2, 2], "cycles": [8, 8],
                          "lookup_tables": [100, 120], "flip_flops": [20, 20], "multipliers": [8, 8]})  # fmt: skip
    balance = study.compare_parallelisms([1024, 64, 32], [4, 16], [32, 64], FixedPoint())
    plots.draw_trade_off((axes[2], axes[3]), balance, cells)
    gains = np.array([0.01, -0.02])
    plots.draw_staleness(axes[4], pd.DataFrame({"junctions": [2, 4], "rate_exponent": [3, 3],
                         "pipelined_minus_sequential": gains, "low": gains - 0.01, "high": gains + 0.01}))  # fmt: skip
    figure.canvas.draw()
    assert len(axes[0].patches) == len(
        [t for t in simulate(study.drawn([16, 8, 4], [2, 2], [4, 2]), 8).tasks if t.block < 6]
    )
    plt.close(figure)
