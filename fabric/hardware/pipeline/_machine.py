"""A pipeline of tori in Verilog: all of them simulated side by side, cycle by cycle, joined by streams."""

from collections.abc import Iterator, Sequence

import numpy as np

from fabric.hardware._checks import listed
from fabric.hardware._protocol import checked_samples
from fabric.hardware.pipeline._programs import programs
from fabric.hardware.simulation.host import Counters
from fabric.hardware.simulation.packing import pack, unpack
from fabric.hardware.simulation.verilator import FINISHED, SimulationError
from fabric.hardware.torus import Machine, Program, Torus, TorusMapping
from fabric.hardware.torus._encoding import RUN, command

_PATIENCE = 4096  # cycles without a beat, and a round of each torus


class PipelineMachine:
    """Simulated tori behind each other. It equals `Pipeline` bit for bit when updates are rounded to nearest.

    All tori see the same clock. A group of beats, results forward or deltas backward, is handed on in the cycle after
    its last beat has left; the host puts it into the order of the next torus. Queues between tori have room for all.

    Args:
        mappings: cascades of each torus, as for `Pipeline`.
        tori: to build, one for each mapping; equal ones are built once. `stations` has the smallest.

    Attributes:
        counters: of each torus in the last run; those of one that waits for others go on.
        output_times: cycle in which each result of the last run was complete, int64 (samples,), the first command in 0.
        waiting: most values that stood in front of each torus in the last run, results of the torus before it and
            deltas of the torus behind it.

    Raises:
        TypeError, ValueError: mappings that cannot stand behind each other, or that do not fit the tori.
    """

    def __init__(self, mappings: Sequence[TorusMapping], tori: Sequence[Torus]) -> None:
        self._programs = programs(mappings)
        self.mappings = [program.mapping for program in self._programs]
        tori = listed("tori", tori, Torus)
        if len(tori) != len(self.mappings) or len({torus.fixed_point for torus in tori}) != 1:
            raise ValueError(f"tori must be {len(self.mappings)} of one format, got {len(tori)}: {tori!r}")
        for torus, program in zip(tori, self._programs, strict=True):
            torus.check(program.mapping, program)
        self.fixed_point = tori[0].fixed_point
        self._machines = [Machine(torus, mapping) for torus, mapping in zip(tori, self.mappings, strict=True)]
        self.output_times = np.zeros(0, np.int64)
        self.waiting = [0] * len(tori)

    @property
    def inputs(self) -> int:
        return self.mappings[0].inputs

    @property
    def outputs(self) -> int:
        return self.mappings[-1].outputs

    @property
    def trains(self) -> bool:
        return True

    @property
    def counters(self) -> list[Counters]:
        return [machine.counters for machine in self._machines]

    def reset(self) -> None:
        """Random generators start anew; weights stay."""
        for machine in self._machines:
            machine.reset()

    def load(self, weights: Sequence[Sequence[np.ndarray]]) -> None:
        """Set the stored weights of each torus, as `Machine.load` takes them.

        Raises:
            ValueError: other than one list a torus, or what `Machine.load` refuses.
        """
        if not isinstance(weights, (list, tuple)) or len(weights) != len(self._machines):
            got = len(weights) if isinstance(weights, (list, tuple)) else type(weights).__name__
            raise ValueError(f"weights must be a list for each of the {len(self._machines)} tori, got {got}")
        for machine, own in zip(self._machines, weights, strict=True):
            machine.load(own)

    def weights(self) -> list[list[np.ndarray]]:
        """The stored weights of each torus, int64."""
        return [machine.weights() for machine in self._machines]

    def run(self, inputs: np.ndarray, targets: np.ndarray, rate_exponent: int, stochastic: bool = True) -> np.ndarray:
        """Train on samples in turn, as `TrainingMachine.run`; begins and ends with an empty pipeline.

        Returns:
            Outputs before each update, activation words, int64 (samples, outputs).

        Raises:
            ValueError: samples that do not fit.
            SimulationError: no beat moves any more.
        """
        given = checked_samples(self, self.fixed_point, inputs, targets, rate_exponent, stochastic)
        assert given.targets is not None  # training has them
        count, last = len(given.inputs), len(self._machines) - 1
        row = [_Side(*pair, count) for pair in zip(self._machines, self._programs, strict=True)]
        row[0].take(given.inputs)
        row[last].learn(given.targets)
        for at, side in enumerate(row):
            side.begin(given.stochastic, given.rate, at != last)
        outputs = np.zeros((count, self.outputs), np.int64)
        self.output_times, self.waiting = np.zeros(count, np.int64), [0] * len(row)
        patience = _PATIENCE + sum(slot.cycles for program in self._programs for slot in program.slots)
        cycle, moved, done = 0, 0, 0
        over = False
        while not over:
            over = min([side.step() for side in row])  # every torus makes its cycle before any result is handed on
            for at, side in enumerate(row):
                for sample, results, deltas in side.arrived():
                    moved = cycle
                    if deltas is not None:
                        row[at - 1].learn(deltas[None])
                    elif at < last:
                        row[at + 1].take(results[None])
                    else:
                        outputs[sample], self.output_times[sample], done = results, cycle, done + 1
            self.waiting = [max(most, side.waiting) for most, side in zip(self.waiting, row, strict=True)]
            cycle += 1
            if cycle - moved > patience:
                raise SimulationError(
                    f"the pipeline hangs in cycle {cycle}, {done} of {count} results out: {self.counters}"
                )
        return outputs


class _Side:
    """A machine of the row in one run, and its streams."""

    def __init__(self, machine: Machine, program: Program, count: int) -> None:
        self._machine, self._program, self._count = machine, program, count
        torus, streams = machine.torus, machine.simulation
        self._fixed, self._columns = torus.fixed_point, torus.columns
        sends = [(at, False) for at in range(count)]
        if program.emits_deltas:  # a round sends the result of its sample, then the deltas of an earlier one
            rounds = range(count + program.drain)
            sends = [(sample, back) for at in rounds for sample, back in ((at, False), (at - program.drain, True))
                     if 0 <= sample < count]  # fmt: skip
        self._sends, self._sent = sends, 0
        length = program.mapping.phases[0].length
        beats = {"input": count * length, "target": count * torus.columns, "output": len(sends) * torus.columns}
        self._space = {name: np.zeros((number, streams.words(name)), np.uint32) for name, number in beats.items()}
        self._streams = {name: streams.stream(name, space) for name, space in self._space.items()}
        for name in ("input", "target"):
            self._streams[name].beats = 0  # until there are some
        self._queues = {"input": (length, program.inputs), "target": (torus.columns, program.outputs)}

    def begin(self, stochastic: bool, rate: int, takes_deltas: bool) -> None:
        """Offer program and command."""
        self._machine._send(self._program, {})
        word = command(
            RUN, count=self._count, last=self._program.mapping.phases[0].length - 1, stochastic=stochastic, rate=rate,
            drain=self._program.drain, emit=True, train=True, passes=takes_deltas,
        )  # fmt: skip
        self._streams["command"] = self._machine.simulation.stream("command", word)
        self._filled = [name for name in self._queues if not self._streams[name].beats]

    def take(self, values: np.ndarray) -> None:
        """Put samples into the input queue."""
        self._queue("input", self._program.mapping.place_inputs(values), self._fixed.weight)

    def learn(self, values: np.ndarray) -> None:
        """Put targets or deltas into the target queue."""
        self._queue("target", self._program.mapping.place_outputs(values), self._fixed.word)

    def step(self) -> bool:
        """One cycle; whether the run was over before it."""
        return self._machine.simulation.pump(self._streams, cycles=1) == FINISHED

    def arrived(self) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
        """Groups that are complete now: sample, results or nothing of use, deltas or None."""
        mapping = self._program.mapping
        while (self._sent + 1) * self._columns <= self._streams["output"].done:
            beats = self._space["output"][self._sent * self._columns : (self._sent + 1) * self._columns]
            placed = unpack(beats, mapping.rows, self._fixed.weight)[::-1].T[None]
            sample, is_delta = self._sends[self._sent]
            self._sent += 1
            results = mapping.collect_outputs(placed)[0]
            yield sample, results, mapping.collect_inputs(placed)[0] if is_delta else None

    @property
    def waiting(self) -> int:
        """Values in the queues that other tori fill; a sample that has begun to leave counts in full."""
        return sum(
            -((self._streams[name].done - self._streams[name].beats) // beats) * values
            for name, (beats, values) in self._queues.items()
            if name in self._filled
        )

    def _queue(self, name: str, placed: np.ndarray, bits: int) -> None:
        groups = pack(placed.transpose(0, 2, 1)[:, ::-1].reshape(-1, self._program.mapping.rows), bits)
        stream = self._streams[name]
        self._space[name][stream.beats : stream.beats + len(groups)] = groups
        stream.beats += len(groups)
