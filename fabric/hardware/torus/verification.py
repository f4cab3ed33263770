"""Random cases for the machine: cascades, programs, data and pauses, and whether RTL and golden model agree on them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabric.hardware.fixed_point import RATES, FixedPoint
from fabric.hardware.simulation.host import Stalls
from fabric.hardware.simulation.verilator import SimulationError
from fabric.hardware.torus._cycles import cycles
from fabric.hardware.torus._golden import GoldenMachine
from fabric.hardware.torus._machine import Machine
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._phases import ACTIVATIONS
from fabric.hardware.torus._program import BANKS, MODES_OF, Program
from fabric.hardware.torus._schedule import program
from fabric.hardware.torus._torus import Torus

# Small tori, each with something that the others have not.
TORI = {
    "square": Torus(4, 4, depth=24, longest=8, saturations=True),
    "smallest": Torus(2, 2, depth=16, longest=4, sigmoid=False),
    "wide": Torus(2, 5, FixedPoint(8, 10, 4, 6, 7, 12), depth=24, longest=9, feed=9),
    "tall": Torus(5, 3, FixedPoint(12, 16, 6, 9, 12, 12), depth=32, longest=12, feed=12),
    "all nine bits": Torus(3, 4, FixedPoint(9, 9, 5, 8, 7, 8), banks=1, depth=48, longest=8, feed=8),
    "narrow words": Torus(3, 3, FixedPoint(5, 7, 2, 4, 5, 10), depth=16, longest=6, sigmoid=False),
    "dense ring": Torus(1, 6, depth=30, longest=12, feed=12),
    "pipelined": Torus(3, 2, FixedPoint(9, 10, 5, 8, 8, 9), banks=1, depth=40, longest=7, feed=7, pipeline=1),
    "interleaving": Torus(2, 3, depth=20, longest=6, feed=6, pipeline=2, saturations=True),
    "one memory": Torus(4, 2, FixedPoint(10, 14, 5, 5, 10, 10), banks=1, depth=48, longest=8, feed=8),
}
_MOST_SAMPLES = 6


@dataclass(frozen=True)
class Case:
    """One run of a torus: what is on it, what it does, what it is given."""

    mapping: TorusMapping
    program: Program
    weights: list[np.ndarray]
    inputs: np.ndarray
    targets: np.ndarray | None
    rate_exponent: int | None
    stochastic: bool
    targets_are_deltas: bool
    emit_outputs: bool
    stalls: Stalls
    reset_after: int | None

    def __repr__(self) -> str:
        where = f"on {self.mapping.rows} × {self.mapping.columns}"
        late = f"reset after {self.reset_after}" if self.reset_after else "no reset"
        run = (
            f"{self.program.mode}, {len(self.inputs)} samples, rate {self.rate_exponent}, stochastic {self.stochastic}"
        )
        what = f"{self.mapping.cascades} {self.mapping.activations} {where}"
        return f"{what}, {run}, deltas {self.targets_are_deltas}, {late}"


def random_case(torus: Torus, rng: np.random.Generator) -> Case:
    """A case that the torus can run, drawn from all that it can run."""
    while True:
        mapping = TorusMapping(*_cascades(torus, rng), rows=torus.rows, columns=torus.columns)
        chosen = _program(torus, mapping, rng)
        if chosen is not None:
            return random_data(torus, mapping, chosen, rng)


def random_data(torus: Torus, mapping: TorusMapping, chosen: Program, rng: np.random.Generator) -> Case:
    """A case of one mapping and program: weights, samples, rate, rounding and pauses drawn at random."""
    fixed = torus.fixed_point
    samples = int(rng.integers(1, _MOST_SAMPLES + 1))

    def words(bits: int, *shape: int) -> np.ndarray:
        # Small and full range alike: saturation everywhere would hide what happens below it.
        limit = 1 << int(rng.integers(2, bits))
        return rng.integers(-limit, limit, shape)

    return Case(
        mapping,
        chosen,
        [words(fixed.weight, p.rings, p.neurons, p.values) for p in mapping.phases],
        words(fixed.word, samples, mapping.inputs),
        words(fixed.word, samples, mapping.outputs) if chosen.trains else None,
        fixed.slowest - int(rng.integers(RATES)) if chosen.trains else None,
        bool(rng.integers(2)),
        chosen.trains and bool(rng.integers(4) == 0),
        bool(rng.integers(4)) or not chosen.trains,
        random_stalls(rng, "program", "command", "input", "target", "output"),
        int(rng.integers(1, 100)) if rng.integers(4) == 0 else None,
    )


def differences(machine: Machine, case: Case) -> Iterator[str]:
    """Run a case on the RTL and on the golden model and name everything in which they differ: nothing, if all is well.

    Compared are outputs, emitted deltas, all weights afterwards, the counters of busy cycles with the cycle model, and,
    where the host never pauses, the cycles of the whole run.
    """
    golden = GoldenMachine(case.mapping, machine.torus.fixed_point)

    def on_chip(limit: int = 2**62) -> np.ndarray:
        return machine.run(
            case.program, case.inputs, case.targets, case.rate_exponent, case.stochastic, case.targets_are_deltas,
            case.emit_outputs, case.stalls, limit=limit,
        )  # fmt: skip

    machine.reset()
    machine.connect(case.mapping)
    if case.reset_after:
        machine.load(case.weights)
        try:
            on_chip(case.reset_after)
        except SimulationError:
            machine.reset()
    machine.reset()
    machine.load(case.weights)
    golden.load(case.weights)
    outputs = on_chip()
    counters = machine.counters
    want_outputs = golden.run(
        case.program, case.inputs, case.targets, case.rate_exponent, case.stochastic, case.targets_are_deltas
    )
    if case.emit_outputs and not np.array_equal(outputs, want_outputs):
        yield "outputs"
    if not np.array_equal(machine.deltas, golden.deltas):
        yield "deltas of the inputs"
    for phase, (have, want) in enumerate(zip(machine.weights(), golden.weights(), strict=True)):
        if not np.array_equal(have, want):
            yield f"weights of phase {phase}"
    model = cycles(case.program)
    samples = len(case.inputs)
    if (counters.forward, counters.backward) != (model.forward * samples, model.backward * samples):
        yield "busy cycles"
    if machine.torus.saturations and machine.saturations != golden.saturations:
        yield f"saturations: {machine.saturations}, not {golden.saturations}"
    if machine.updates != model.updates * samples:
        yield "cycles of updates"
    if (
        not {"input", "target", "output"} & case.stalls.keys()
        and not case.targets_are_deltas
        and counters.cycles != model.total(samples)
    ):
        yield f"cycles: {counters.cycles}, not {model.total(samples)}"


def random_stalls(rng: np.random.Generator, *streams: str) -> Stalls:
    """Pauses of some of the streams."""
    drawn = {stream: _random_pauses(rng) for stream in streams}
    return {stream: pauses for stream, pauses in drawn.items() if pauses is not None}


def _random_pauses(rng: np.random.Generator) -> np.ndarray | None:
    """Pauses of a stream, none two times out of three."""
    if rng.integers(3):
        return None
    pattern = (rng.random(int(rng.integers(2, 40))) < rng.uniform(0.1, 0.9)).astype(np.uint8)
    pattern[rng.integers(len(pattern))] = 0  # at least one cycle in which the stream moves
    return pattern


def _cascades(torus: Torus, rng: np.random.Generator) -> tuple[list[tuple[int, ...]], list[str]]:
    kinds = ACTIVATIONS if torus.sigmoid else ACTIVATIONS[:2]
    count = int(rng.integers(1, 3))
    cascades: list[tuple[int, ...]] = []
    most = torus.feed or torus.columns
    for number in range(count):
        if torus.rows == 1:
            inputs = cascades[-1][1] if number else int(rng.integers(1, most + 1))
            cascades.append((inputs, int(rng.integers(1, torus.columns + 1))))
            continue
        rows, share = (
            (cascades[-1][4], cascades[-1][1] // cascades[-1][4])
            if number
            else (int(rng.integers(1, torus.rows + 1)), int(rng.integers(1, most + 1)))
        )
        middle, last = int(rng.integers(1, torus.columns + 1)), int(rng.integers(1, torus.rows + 1))
        cascades.append((rows * share, last * int(rng.integers(1, torus.columns + 1)), rows, middle, last))
    return cascades, [kinds[int(rng.integers(len(kinds)))] for _ in cascades]


def _program(torus: Torus, mapping: TorusMapping, rng: np.random.Generator) -> Program | None:
    modes = MODES_OF[torus.pipeline]
    mode = modes[int(rng.integers(len(modes) if torus.banks == BANKS else 2))]
    scales = [int(scale) for scale in rng.integers(0, 3, len(mapping.phases))]
    emit = mode == "sequential" and not mapping.fed and bool(rng.integers(2))
    frozen = [at for at in range(len(mapping.phases)) if mode != "inference" and not rng.integers(5)]
    try:
        chosen = program(mapping, mode, scales, torus.banks, emit_deltas=emit, frozen=frozen, pipeline=torus.pipeline)
        torus.check(mapping, chosen)
    except ValueError:
        return None
    return chosen
