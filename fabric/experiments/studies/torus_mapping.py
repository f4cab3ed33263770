"""One training sample on the torus, read from a trace of the RTL: who holds which value when (12_torus_mapping)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fabric.hardware import FixedPoint, Machine, Torus, TorusMapping, program
from fabric.hardware.fixed_point import quantise
from fabric.hardware.simulation.trace import Trace

LEVELS = ("I", "R_i", "R_m", "R_o")  # the paper's names of the inputs and of what each stage computes
_RATE = 5
_LARGEST = 255


@dataclass(frozen=True)
class TracedSample:
    """A sample that has been trained in the simulated machine, every neuron with an activation of its own.

    Attributes:
        cascade: (I, O, R_i, R_m, R_o).
        mapping: of the cascade.
        values: activations of each level of `LEVELS`, from integer arithmetic in NumPy, int64 (rows, columns): those of
            a level are computed, and the inputs enter, at the processing element in that place. No two of a level are
            equal.
        trace: of the run.
    """

    cascade: tuple[int, ...]
    mapping: TorusMapping
    values: tuple[np.ndarray, ...]
    trace: Trace


def trace_sample(cascade: Sequence[int], seed: int) -> TracedSample:
    """Train one sample in the simulated machine, sequentially, and record all signals.

    Args:
        cascade: (I, O, R_i, R_m, R_o) that fills the torus: I / R_i = R_m = O / R_o and R_i = R_o.
        seed: of inputs, targets and weights.

    Raises:
        ValueError: another cascade.
    """
    inputs, outputs, r_i, r_m, r_o = cascade
    if r_i != r_o or not inputs // r_i == r_m == outputs // r_o:
        raise ValueError(f"cascade must have I / R_i = R_m = O / R_o and R_i = R_o, got {tuple(cascade)}")
    fixed, mapping = FixedPoint(), TorusMapping([tuple(cascade)])
    rng = np.random.default_rng(seed)
    weights, values = _recognisable(mapping, fixed, rng)
    targets = rng.integers(-_LARGEST, _LARGEST, (1, outputs))
    sequence = program(mapping, "sequential")
    machine = Machine(Torus.of(mapping, fixed, [sequence]), mapping, trace=True)
    machine.load(weights)
    trace = Trace.of(machine, lambda: machine.run(sequence, values[0].reshape(1, -1), targets, rate_exponent=_RATE))
    return TracedSample(tuple(cascade), mapping, values, trace)


def movement(sample: TracedSample) -> pd.DataFrame:
    """Which value every processing element works on in every cycle: operands, and activations for the update.

    Returns:
        "unit" ("forward" or "update"), "cycle" (from 0, the first in which a unit works), "phase" (from 1), "step" in
        it, "row", "column", "value" as read from the trace, and the "neuron" of the level that has this value: its
        level and the number, from 1, of the processing element that computes it, row by row, as in the paper.

    Raises:
        ValueError: a value that no neuron of the level has.
    """
    trace = sample.trace
    first = int(np.flatnonzero(trace.unsigned("mul_f_run"))[0])
    rows = []
    for unit, side, register in (("forward", "forward", "operand"), ("update", "backward", "activation")):
        held, phases, steps = trace.elements(register), trace.unsigned(f"mul_{side[0]}_bank"), _steps(trace, side)
        for at in map(int, np.flatnonzero(trace.unsigned(f"mul_{side[0]}_run"))):
            for row, column in np.ndindex(held.shape[1:]):
                rows.append(
                    {
                        "unit": unit,
                        "cycle": at - first,
                        "phase": int(phases[at]) + 1,
                        "step": int(steps[at]),
                        "row": row,
                        "column": column,
                        "value": int(held[at, row, column]),
                        "neuron": _neuron(sample, int(phases[at]), int(held[at, row, column])),
                    }
                )
    return pd.DataFrame(rows)


def expected_neurons(sample: TracedSample, moved: pd.DataFrame) -> list[str]:
    """What the mapping says of each row of `movement`: place p of a ring of length L has value (p - step) mod L."""
    names = []
    for line in moved.itertuples():
        phase = sample.mapping.phases[line.phase - 1]
        row, column = (
            (line.row, (line.column - line.step) % phase.length)
            if phase.axis == "row"
            else ((line.row - line.step) % phase.length, line.column)
        )
        names.append(_name(sample, line.phase - 1, row, column))
    return names


def computed(sample: TracedSample) -> pd.DataFrame:
    """Which neuron every processing element computes in every phase: its activation in the phase's last cycle.

    Returns:
        "row", "column", "phase" (from 1), "value" as read from the trace, "neuron" that has this value.
    """
    activated, phases = sample.trace.elements("element.activated"), sample.trace.unsigned("mul_f_bank")
    return pd.DataFrame(
        {
            "row": row,
            "column": column,
            "phase": int(phases[at]) + 1,
            "value": int(activated[at, row, column]),
            "neuron": _neuron(sample, int(phases[at]) + 1, int(activated[at, row, column])),
        }
        for at in np.flatnonzero(sample.trace.unsigned("mul_f_last"))
        for row, column in np.ndindex(activated.shape[1:])
    )


def longest_hop(sample: TracedSample, moved: pd.DataFrame) -> int:
    """The farthest that a value moves from one cycle to the next, in links of the torus."""
    size = np.array([sample.mapping.rows, sample.mapping.columns])
    farthest = 0
    for _, path in moved.sort_values("cycle").groupby(["unit", "neuron"]):
        apart = np.abs(np.diff(path[["row", "column"]].to_numpy(), axis=0))
        farthest = max(farthest, int(np.minimum(apart, size - apart).sum(axis=1).max(initial=0)))
    return farthest


def visited(moved: pd.DataFrame) -> pd.Series:
    """Different values that a processing element works on in a phase over the cycles of it: 1 where all of a ring pass.

    Args:
        moved: rows of one unit of `movement`, with "cascade".

    Returns:
        By "cascade", "phase", "row" and "column".
    """
    works = moved.groupby(["cascade", "phase", "row", "column"])["neuron"]
    return works.nunique() / works.size()


def restless_deltas(sample: TracedSample) -> int:
    """Changes of a processing element's delta within a phase of the backward pass; none, since deltas stay."""
    trace = sample.trace
    delta = trace.elements("element.delta")
    inside = (trace.unsigned("mul_b_run") == 1) & ~_begins(trace, "backward")
    return int(np.count_nonzero((delta[1:] != delta[:-1])[inside[1:]]))


def timing(sample: TracedSample) -> pd.DataFrame:
    """What is under way in every cycle of the sample, as bars.

    Returns:
        "lane", "begin" (cycle, 0 is the one in which the command is taken), "cycles", "label" (phase and axis for the
        units, else empty).
    """
    trace = sample.trace
    zero = int(np.flatnonzero(trace.unsigned("started"))[0])
    axes = [phase.axis for phase in sample.mapping.phases]
    forward, backward = trace.unsigned("mul_f_run"), trace.unsigned("mul_b_run")
    no_label = [""] * len(forward)
    streams = [
        (f"{name} stream", trace.unsigned(f"{name}_valid") & trace.unsigned(f"{name}_ready"), no_label)
        for name in ("command", "input", "target", "output")
    ]
    labels = {
        side: [f"{phase + 1}, {axes[phase % len(axes)]}s" for phase in trace.unsigned(f"mul_{side[0]}_bank")]
        for side in ("forward", "backward")
    }
    lanes = [
        *streams[:2],
        ("input chain", trace.unsigned("torus.input_shift"), no_label),
        ("load operands", trace.unsigned("load_operand"), no_label),
        ("forward unit", forward, labels["forward"]),
        streams[3],
        streams[2],
        ("error calculator", trace.unsigned("error_take"), no_label),
        ("load deltas", trace.unsigned("load_delta"), no_label),
        ("backward unit", backward, labels["backward"]),
        ("update unit", backward, labels["backward"]),
    ]
    bars = [
        {"lane": lane, "begin": begin - zero, "cycles": length, "label": label}
        for lane, active, texts in lanes
        for begin, length, label in _runs(active, texts)
        if begin + length > zero - 8
    ]
    return pd.DataFrame(bars)


def _runs(active: np.ndarray, labels: list[str]) -> list[tuple[int, int, str]]:
    """Cycles in a row that are active under one label: (first, number, label)."""
    runs: list[tuple[int, int, str]] = []
    for at in map(int, np.flatnonzero(active)):
        if runs and sum(runs[-1][:2]) == at and runs[-1][2] == labels[at]:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, labels[at])
        else:
            runs.append((at, 1, labels[at]))
    return runs


def _recognisable(
    mapping: TorusMapping, fixed: FixedPoint, rng: np.random.Generator
) -> tuple[list[np.ndarray], tuple[np.ndarray, ...]]:
    """Weights of each phase, and activations as in `TracedSample.values`, drawn anew until no two of a level agree."""
    inputs = rng.permutation(np.arange(1, _LARGEST))[: mapping.inputs].reshape(mapping.rows, mapping.columns)
    weights, values = [], [inputs]
    limit = 1 << (fixed.weight - 1)
    for phase in mapping.phases:
        on_rings = values[-1] if phase.axis == "row" else values[-1].T
        while True:
            drawn = rng.integers(-limit, limit, (phase.rings, phase.neurons, phase.values))
            sums = np.einsum("rnv,rv->rn", drawn >> fixed.guard, on_rings)
            after = quantise(sums / 2.0**fixed.operand_fraction, 0, fixed.word)
            if len(np.unique(after)) == after.size and np.abs(after).max() < _LARGEST:
                break
        weights.append(drawn)
        values.append(after if phase.axis == "row" else after.T)
    return weights, tuple(values)


def _steps(trace: Trace, side: str) -> np.ndarray:
    """Cycles since the phase of the present cycle began."""
    began = np.flatnonzero(_begins(trace, side))
    at = np.arange(len(trace.cycles))
    return at - began[np.maximum(np.searchsorted(began, at, side="right") - 1, 0)]


def _begins(trace: Trace, side: str) -> np.ndarray:
    """Where a unit works on the first value of a phase: after a cycle of rest or the last one of a phase."""
    works, ends = (trace.unsigned(f"mul_{side[0]}_{what}") == 1 for what in ("run", "last"))
    return works & ~np.append(False, works[:-1] & ~ends[:-1])


def _neuron(sample: TracedSample, level: int, value: int) -> str:
    found = np.argwhere(sample.values[level] == value)
    if len(found) != 1:
        raise ValueError(f"value must be one of {sample.values[level].tolist()}, got {value}")
    return _name(sample, level, *map(int, found[0]))


def _name(sample: TracedSample, level: int, row: int, column: int) -> str:
    return f"{LEVELS[level]}{row * sample.mapping.columns + column + 1}"
