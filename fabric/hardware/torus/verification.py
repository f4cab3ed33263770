"""Random cases for the machine: cascades, programs, data and pauses, and whether RTL and golden model agree on them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from fabric.hardware.fixed_point import RATES, FixedPoint
from fabric.hardware.simulation.host import Stalls
from fabric.hardware.simulation.verilator import SimulationError
from fabric.hardware.torus._cycles import cycles
from fabric.hardware.torus._golden import GoldenMachine
from fabric.hardware.torus._machine import Machine
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._program import BANKS, MODES_OF, Program
from fabric.hardware.torus._schedule import program
from fabric.hardware.torus._torus import Torus

# Small tori, each with something that the others have not.
TORI = {
    "square": Torus(4, 4, depth=24, longest=8, saturations=True),
    "smallest": Torus(2, 2, depth=32, longest=4, feed=4, saturations=True),
    "wide": Torus(2, 5, FixedPoint(8, 10, 4, 6, 7, 12), depth=24, longest=9, feed=9),
    "tall": Torus(5, 3, FixedPoint(12, 16, 6, 9, 12, 12), depth=32, longest=12, feed=12),
    "all nine bits": Torus(3, 4, FixedPoint(9, 9, 5, 8, 7, 8), banks=1, depth=48, longest=8, feed=8),
    "narrow words": Torus(3, 3, FixedPoint(5, 7, 2, 4, 5, 10), depth=16, longest=6, sigmoid=False),
    "dense ring": Torus(1, 6, depth=30, longest=12, feed=12),
    "pipelined": Torus(3, 2, FixedPoint(9, 10, 5, 8, 8, 9), banks=1, depth=64, longest=7, feed=7, pipeline=1),
    "interleaving": Torus(2, 3, depth=40, longest=6, feed=6, pipeline=2, saturations=True),
    "one memory": Torus(4, 2, FixedPoint(10, 14, 5, 5, 10, 10), banks=1, depth=48, longest=8, feed=8),
}
_MOST_SAMPLES = 10  # more than the rounds that the sequencer counts
_MOST_RUNS = 3
_MOST_CYCLES = 100_000  # of a run, pauses included


@dataclass(frozen=True)
class Run:
    """A program and what the host gives it."""

    program: Program
    inputs: np.ndarray
    targets: np.ndarray | None
    rate_exponent: int | None
    stochastic: bool
    targets_are_deltas: bool
    emit_outputs: bool
    stalls: Stalls

    @property
    def lesson(self) -> tuple[Program, np.ndarray, np.ndarray | None, int | None, bool, bool]:
        """What a machine and its golden model are given alike."""
        how = (self.rate_exponent, self.stochastic, self.targets_are_deltas)
        return self.program, self.inputs, self.targets, *how

    def on(self, machine: Machine, limit: int = _MOST_CYCLES) -> np.ndarray:
        """Its results on a machine; SimulationError after `limit` cycles."""
        return machine.run(*self.lesson, self.emit_outputs, self.stalls, limit=limit)

    def __repr__(self) -> str:
        deltas = ", targets are deltas" if self.targets_are_deltas else ""
        rounding = "stochastic" if self.stochastic else "to nearest"
        return f"{len(self.inputs)} samples {self.program.mode} at rate {self.rate_exponent}, {rounding}{deltas}"


@dataclass(frozen=True)
class Case:
    """What is on a torus and what it does: runs one after the other, the weights and the random words going on.

    Attributes:
        mapping: cascades on the torus.
        weights: before the first run.
        runs: at least one.
        reset_after: the cycle in which a last run of another life is cut off by a reset, before all this.
    """

    mapping: TorusMapping
    weights: list[np.ndarray]
    runs: tuple[Run, ...]
    reset_after: int | None

    @property
    def samples(self) -> int:
        """Of all runs."""
        return sum(len(run.inputs) for run in self.runs)

    def __repr__(self) -> str:
        where = f"{self.mapping.cascades} {self.mapping.activations} on {self.mapping.rows} × {self.mapping.columns}"
        late = f"after a reset in cycle {self.reset_after}: " if self.reset_after else ""
        return f"{where}, {late}{'; '.join(map(repr, self.runs))}"


def random_case(torus: Torus, rng: np.random.Generator) -> Case:
    """A case that the torus can run, drawn from all that it can run."""
    while True:
        mapping = _mapping(torus, rng)
        if mapping is None:
            continue
        programs = [_program(torus, mapping, rng) for _ in range(int(rng.integers(1, _MOST_RUNS + 1)))]
        if all(programs):
            return _case(torus, mapping, [chosen for chosen in programs if chosen], rng)


def random_data(torus: Torus, mapping: TorusMapping, chosen: Program, rng: np.random.Generator) -> Case:
    """A case of one mapping and program, run once or several times: all else is drawn at random."""
    return _case(torus, mapping, [chosen] * int(rng.integers(1, _MOST_RUNS + 1)), rng)


def differences(machine: Machine, case: Case) -> Iterator[str]:
    """Run a case on the RTL and on the golden model and name everything in which they differ: nothing, if all is well.

    Compared are, run by run, outputs, emitted deltas, the counters of busy cycles with the cycle model, and, where the
    host never pauses, the cycles of the whole run; after the last run all weights.
    """
    golden = GoldenMachine(case.mapping, machine.torus.fixed_point)
    machine.reset()
    machine.connect(case.mapping)
    if case.reset_after:
        machine.load(case.weights)
        with suppress(SimulationError):
            case.runs[-1].on(machine, case.reset_after)
        machine.reset()
    machine.load(case.weights)
    golden.load(case.weights)
    for number, run in enumerate(case.runs, start=1):
        for what in _differences_of(machine, golden, run):
            yield f"{what} of run {number}"
    for phase, (have, want) in enumerate(zip(machine.weights(), golden.weights(), strict=True)):
        if not np.array_equal(have, want):
            yield f"weights of phase {phase}"


def _differences_of(machine: Machine, golden: GoldenMachine, run: Run) -> Iterator[str]:
    outputs, want_outputs = run.on(machine), golden.run(*run.lesson)
    counters, model, samples = machine.counters, cycles(run.program), len(run.inputs)
    if run.emit_outputs and not np.array_equal(outputs, want_outputs):
        yield "outputs"
    if not np.array_equal(machine.deltas, golden.deltas):
        yield "deltas of the inputs"
    if (counters.forward, counters.backward) != (model.forward * samples, model.backward * samples):
        yield "busy cycles"
    if machine.torus.saturations:
        have, want = machine.saturations, golden.saturations
        if have != want:
            yield f"saturations, {have} and not {want},"
    if machine.updates != model.updates * samples:
        yield "cycles of updates"
    if (
        not {"input", "target", "output"} & run.stalls.keys()
        and not run.targets_are_deltas
        and (counters.cycles, counters.waiting) != (model.total(samples), samples * run.program.waits)
    ):
        yield f"cycles, {counters} and not {model.total(samples)} with {samples * run.program.waits} waiting,"


def random_stalls(rng: np.random.Generator, *streams: str) -> Stalls:
    """Pauses of some of the streams."""
    drawn = {stream: _random_pauses(rng) for stream in streams}
    return {stream: pauses for stream, pauses in drawn.items() if pauses is not None}


def random_words(rng: np.random.Generator, bits: int, *shape: int) -> np.ndarray:
    """Words of so many bits, int64: of half the range or more, mostly with some at its ends.

    Saturation everywhere would hide what happens below it, and so would zeros. Ends of mostly one sign make sums that
    saturate.
    """
    least = -1 << (bits - 1)
    limit = 1 << int(rng.integers((bits + 1) // 2, bits))
    drawn = rng.integers(-limit, limit, shape)
    if rng.integers(4) == 0:
        return drawn
    ends = np.where(rng.random(shape) < rng.uniform(0, 1), least, ~least)
    return np.where(rng.random(shape) < rng.uniform(0, 1), ends, drawn)


def _random_pauses(rng: np.random.Generator) -> np.ndarray | None:
    """Pauses of a stream, none two times out of three."""
    if rng.integers(3):
        return None
    pattern = (rng.random(int(rng.integers(2, 40))) < rng.uniform(0.1, 0.9)).astype(np.uint8)
    pattern[rng.integers(len(pattern))] = 0  # at least one cycle in which the stream moves
    return pattern if rng.integers(2) else np.repeat(pattern, rng.integers(2, 16))  # long enough to fill every place


def _case(torus: Torus, mapping: TorusMapping, programs: list[Program], rng: np.random.Generator) -> Case:
    shapes = [(phase.rings, phase.neurons, phase.values) for phase in mapping.phases]
    return Case(
        mapping,
        [random_words(rng, torus.fixed_point.weight, *shape) for shape in shapes],
        tuple(_run(torus.fixed_point, mapping, chosen, rng) for chosen in programs),
        int(rng.integers(1, 100)) if rng.integers(4) == 0 else None,
    )


def _run(fixed: FixedPoint, mapping: TorusMapping, chosen: Program, rng: np.random.Generator) -> Run:
    samples = int(rng.integers(1, _MOST_SAMPLES + 1))
    return Run(
        chosen,
        random_words(rng, fixed.word, samples, mapping.inputs),
        random_words(rng, fixed.word, samples, mapping.outputs) if chosen.trains else None,
        fixed.slowest - int(rng.integers(RATES, size=2).max()) if chosen.trains else None,  # fast ones saturate weights
        bool(rng.integers(2)),
        chosen.trains and bool(rng.integers(4) == 0),
        bool(rng.integers(4)) or not chosen.trains,
        random_stalls(rng, "program", "command", "input", "target", "output"),
    )


def _mapping(torus: Torus, rng: np.random.Generator) -> TorusMapping | None:
    """One to three cascades, each where the one before leaves its outputs; None if they do not fit.

    Every other cascade has three levels of routers, the others any number from one to five.
    """
    cascades: list[tuple[int, ...]] = []
    rows, values = int(rng.integers(1, torus.rows + 1)), int(rng.integers(1, (torus.feed or torus.columns) + 1))
    for _ in range((1, 2, 2, 3)[int(rng.integers(4))]):
        levels = 1 if torus.rows == 1 else 3 if rng.integers(2) else int(rng.integers(1, 6))
        routers = [rows]
        for level in range(levels):
            routers.append(int(rng.integers(1, (torus.rows if level % 2 else torus.columns) + 1)))
        outputs = routers.pop()
        cascades.append((rows * values, outputs * routers[-1], *routers))
        rows, values = (outputs, routers[-1]) if levels % 2 == 0 else (routers[-1], outputs)
    # Hidden sigmoids are the rarest that a case may hold, and have the most to go wrong.
    kinds = ("identity", "relu", "sigmoid", "sigmoid") if torus.sigmoid else ("identity", "relu")
    activations = [kinds[int(rng.integers(len(kinds)))] for _ in cascades]
    try:
        return TorusMapping(cascades, activations, torus.rows, torus.columns)
    except ValueError:
        return None


def _program(torus: Torus, mapping: TorusMapping, rng: np.random.Generator) -> Program | None:
    modes = MODES_OF[torus.pipeline]
    mode = modes[int(rng.integers(len(modes) if torus.banks == BANKS else 2))]
    scales = [int(scale) for scale in rng.integers(0, 4, len(mapping.phases)) * rng.integers(2)]
    emit = mode == "sequential" and not mapping.fed and bool(rng.integers(2))
    frozen = [at for at in range(len(mapping.phases)) if mode != "inference" and not rng.integers(5)]
    try:
        chosen = program(mapping, mode, scales, torus.banks, emit_deltas=emit, frozen=frozen, pipeline=torus.pipeline)
        torus.check(mapping, chosen)
    except ValueError:
        return None
    return chosen
