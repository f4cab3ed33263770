"""What the waveforms of a trained sample say: movement, neurons, times; and that the checks would notice otherwise."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import same_color

from fabric import plots
from fabric.experiments.studies import junction_pipeline, torus_mapping
from fabric.experiments.studies.junction_motion import traced_schedule
from fabric.hardware.junctions import simulate
from fabric.plots.looks import LEVELS
from fabric.plots.timing import bar_id

RTL = Path(__file__).resolve().parents[1] / "rtl"


@pytest.fixture(scope="module")
def sample():
    return torus_mapping.trace_sample((4, 4, 2, 2, 2), 0)


def test_every_element_holds_the_value_that_the_mapping_says(sample):
    moved = torus_mapping.movement(sample)
    assert len(moved) == 2 * 6 * 4
    assert list(moved["neuron"]) == torus_mapping.expected_neurons(sample, moved)
    late = moved.assign(step=moved["step"] + 1)
    assert list(moved["neuron"]) != torus_mapping.expected_neurons(sample, late)


def test_every_element_computes_the_neuron_of_its_number(sample):
    for line in torus_mapping.computed(sample).itertuples():
        assert line.value == sample.values[line.phase][line.row, line.column]
        assert line.neuron == f"{torus_mapping.LEVELS[line.phase]}{2 * line.row + line.column + 1}"


def test_values_move_one_link_a_cycle_and_deltas_stay(sample):
    moved = torus_mapping.movement(sample)
    assert torus_mapping.longest_hop(sample, moved) == 1
    assert torus_mapping.restless_deltas(sample) == 0
    forward = moved[moved["unit"] == "forward"].assign(cascade="one")
    assert (torus_mapping.visited(forward) == 1).all()
    assert (torus_mapping.visited(forward.assign(neuron="I1")) < 1).all()
    diagonal = moved.copy()
    diagonal.loc[(diagonal["cycle"] == 1), "row"] = 1 - diagonal["row"]
    assert torus_mapping.longest_hop(sample, diagonal) == 2


def test_a_value_of_no_neuron_is_an_error(sample):
    other = torus_mapping.TracedSample(
        sample.cascade, sample.mapping, tuple(level + 1000 for level in sample.values), sample.trace
    )
    with pytest.raises(ValueError, match="value must be one of"):
        torus_mapping.movement(other)


def test_signals_are_read_cycle_by_cycle_with_their_sign(sample):
    trace = sample.trace
    assert trace.elements("operand").shape == (len(trace.cycles), 2, 2)
    assert trace.elements("operand").min() < 0 <= trace.unsigned("torus.row[0].pe[0].operand").min()
    assert np.array_equal(np.diff(trace.unsigned("steps_q"))[1:], trace.unsigned("mul_go")[1:-1])
    for read in (trace.unsigned, trace.signed, trace.elements):
        with pytest.raises(KeyError, match="name must be"):
            read("no_such_signal")


def test_junctions_work_on_what_the_schedule_says():
    network = junction_pipeline.drawn((16, 8, 8, 4), (2, 2, 2), (8, 4, 4))
    traced = traced_schedule(network, 12, seed=0)
    assert traced.tasks == tuple(sorted(simulate(network, 12).tasks))


def test_cascades_that_leave_places_free_are_refused():
    with pytest.raises(ValueError, match="cascade must have"):
        torus_mapping.trace_sample((8, 4, 2, 2, 2), 0)


def test_timing_of_a_sample_agrees_with_the_cycle_model(sample):
    bars = torus_mapping.timing(sample)
    work = bars.groupby("lane")["cycles"].sum()
    assert work["forward unit"] == work["backward unit"] == work["update unit"] == 6
    ends = bars.assign(end=bars["begin"] + bars["cycles"]).groupby("lane")["end"].max()
    assert ends["backward unit"] - bars.loc[bars["lane"] == "load operands", "begin"].min() == 15


def test_committed_timing_diagram_is_that_of_the_trace(sample):
    """If it is not: run notebook 12 and copy build/quick/figures/12_torus_mapping/timing.svg to rtl/."""
    bars = torus_mapping.timing(sample)
    drawn = set(re.findall(r'id="([\w-]+-from--?\d+-for-\d+)"', (RTL / "timing.svg").read_text(encoding="utf-8")))
    assert drawn == {bar_id(bar.lane, bar.begin, bar.cycles) for bar in bars.itertuples()}


def test_animation_shows_every_cycle_in_the_colour_of_its_level(sample):
    moved = torus_mapping.movement(sample)
    frames = list(plots.movement_frames(moved))
    steps = moved[["unit", "cycle"]].drop_duplicates()
    assert len(frames) == len(steps) == 12
    for figure, (unit, cycle) in zip(frames, steps.itertuples(index=False, name=None), strict=True):
        (ax,) = figure.axes
        level = moved.loc[(moved["unit"] == unit) & (moved["cycle"] == cycle), "neuron"].iloc[0].rstrip("1234")
        assert same_color(ax.patches[0].get_facecolor(), LEVELS[level])
        assert f"cycle {cycle}: {unit}" in ax.get_title()


def test_pictures_are_drawn_from_the_tables(sample):
    moved, computed = torus_mapping.movement(sample), torus_mapping.computed(sample)
    figure = plots.timing_diagram(torus_mapping.timing(sample))
    left, middle, right = figure.subplots(1, 3)
    plots.draw_cascade(left, computed)
    plots.draw_torus(middle, computed)
    plots.draw_space_time(right, moved)
    shown = {text.get_text() for text in left.texts}
    assert {"$I_{1}$", "$R_{i4}$", "$R_{m2}$", "$R_{o3}$"} <= shown
    assert {text.get_text() for text in middle.texts} >= {f"PE {k}" for k in (11, 12, 21, 22)}
    assert len(right.texts) == len(moved)
