"""The simulated machine: builds a torus, loads weights and programs, streams samples, reads everything back."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from fabric._checks import positive_int
from fabric.hardware._checks import flag, instance
from fabric.hardware._protocol import Samples, Saturations, checked_samples
from fabric.hardware.simulation.host import CHUNK, Host, Stalls, progress_bar
from fabric.hardware.simulation.packing import pack, unpack
from fabric.hardware.simulation.verilator import Simulation, Stream
from fabric.hardware.torus._encoding import DUMP, LOAD, RUN, beats, command, encode
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._program import Program
from fabric.hardware.torus._schedule import bases
from fabric.hardware.torus._torus import Torus
from fabric.hardware.verilog.rtl import RTL


class Machine(Host):
    """A torus in Verilog, simulated: a `TrainingMachine`.

    Args:
        torus: what to build; a finished build is used again.
        mapping: cascades on the torus; None to `connect` them later.
        trace: build for waveforms of all signals; otherwise they have the ports only.

    Attributes:
        deltas: of the inputs in the last run, int64 (samples, inputs), or (0, inputs) where its program emits none.
        output_times: cycles of the clock in which the values of the last run's results left, int64.
        beats: of each stream, by name, that moved in the last run, its program not counted.
    """

    def __init__(self, torus: Torus, mapping: TorusMapping | None = None, trace: bool = False) -> None:
        instance("torus", torus, Torus)
        if mapping is not None:
            torus.check(mapping)
        design = ("fabric_machine", torus.parameters, None, torus.tables())
        self._start(torus, mapping, Simulation.of(*design, RTL / "sim" / "shared.vlt", flag("trace", trace)))

    def _start(self, torus: Torus, mapping: TorusMapping | None, simulation: Simulation) -> None:
        self.torus = torus
        self._mapping: TorusMapping | None = None
        self.deltas = np.zeros((0, 0), dtype=np.int64)
        self.output_times = np.zeros(0, dtype=np.int64)
        self.beats: Counter[str] = Counter()
        super().__init__(simulation)
        if mapping is not None:
            self.connect(mapping)

    @property
    def mapping(self) -> TorusMapping:
        """The cascades on the torus.

        Raises:
            ValueError: none are connected.
        """
        if self._mapping is None:
            raise ValueError("mapping must be connected first, Machine(torus, mapping) or connect(mapping), got None")
        return self._mapping

    @property
    def updates(self) -> int:
        """Cycles of the last run in which weights were written: those of the backward unit but for frozen phases."""
        return int(self.simulation.io.count_updates)

    @property
    def saturations(self) -> Saturations:
        """How often the last run has clipped what its formats do not hold.

        Where the first phase is fed (more inputs on a row than places), it has no deltas of its inputs and counts none.

        Raises:
            ValueError: the torus does not count it.
        """
        if not self.torus.saturations:
            raise ValueError("saturations must be True in the torus of a machine that counts them, got False")
        return Saturations(
            *(int(getattr(self.simulation.io, f"count_clipped_{field.name}")) for field in fields(Saturations))
        )

    def connect(self, mapping: TorusMapping) -> None:
        """Put cascades on the torus; their weights are zero until they are loaded.

        Raises:
            TypeError: another mapping than a `TorusMapping`.
            ValueError: a mapping that the torus cannot hold.
        """
        self.torus.check(mapping)
        self._mapping = mapping
        self.load([np.zeros((p.rings, p.neurons, p.values), dtype=np.int64) for p in mapping.phases])

    def load(self, weights: Sequence[np.ndarray]) -> None:
        """Write the stored weights: for each phase integers (rings, neurons, values)."""
        memories = self.mapping.memories(weights, self.torus.fixed_point)
        for (bank, base), held in zip(bases(self.mapping, self.torus.banks), memories, strict=True):
            # One group of beats an address, the last column first.
            groups = held.transpose(2, 1, 0)[:, ::-1].reshape(-1, self.torus.rows)
            word = command(LOAD, count=held.shape[2], bank=bank, address=base, last=self.torus.columns - 1)
            self._transfer({"command": word, "input": pack(groups, self.torus.fixed_point.weight)}, "loading weights")

    def weights(self) -> list[np.ndarray]:
        """Read the stored weights back, as `load` takes them, int64."""
        mapping, read = self.mapping, []
        places = bases(mapping, self.torus.banks)
        for index, (phase, (bank, base)) in enumerate(zip(mapping.phases, places, strict=True)):
            space = np.zeros((phase.length * self.torus.columns, self.simulation.words("output")), dtype=np.uint32)
            word = command(DUMP, count=phase.length, bank=bank, address=base)
            self._transfer({"command": word, "output": space}, "reading weights")
            groups = unpack(space, self.torus.rows, self.torus.fixed_point.weight)
            held = groups.reshape(phase.length, self.torus.columns, self.torus.rows)[:, ::-1].transpose(2, 1, 0)
            read.append(mapping.weights(index, held).copy())
        return read

    def run(
        self,
        program: Program,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
        targets_are_deltas: bool = False,
        emit_outputs: bool = True,
        stalls: Stalls | None = None,
        progress: bool = False,
        limit: int = 2**62,
        trace: str | os.PathLike | None = None,
    ) -> np.ndarray:
        """Run samples through the machine as `TrainingMachine.run` says.

        Args:
            targets_are_deltas: the targets are deltas of the outputs already.
            emit_outputs: send the results out; without, the outputs are an array (0, outputs).
            stalls: pauses of the host by stream: program, command, input, target, output.
            progress: show a bar.
            limit: cycles after which to give up; the machine is then in mid-run and needs a reset.
            trace: a file for the waveforms of the run, a value change dump: cycle t is at time 2 t.

        Raises:
            TypeError, ValueError: as `TrainingMachine.run`, or a program that the torus cannot hold.
            SimulationError: the machine hangs or is given up; the message says where.
        """
        self._check(program)
        samples = checked_samples(program, self.torus.fixed_point, inputs, targets, rate_exponent, stochastic)
        deltas_given = program.takes_deltas(targets_are_deltas)
        emits, emits_deltas = flag("emit_outputs", emit_outputs), program.emits_deltas
        stalls, limit, progress = self._pausing(stalls), positive_int("limit", limit), flag("progress", progress)
        self._send(program, stalls)
        count = len(samples.inputs)
        groups = count * (emits + emits_deltas)
        space = np.zeros((groups * self.torus.columns, self.simulation.words("output")), dtype=np.uint32)
        self.output_times = np.zeros(len(space), dtype=np.int64)
        sink = self.simulation.stream("output", space, stalls.get("output"), self.output_times)
        self.beats = Counter()
        word = command(
            RUN, count=count, last=program.mapping.phases[0].length - 1, stochastic=samples.stochastic,
            drain=program.drain, rate=samples.rate, emit=emits, train=program.trains, passes=deltas_given,
        )  # fmt: skip
        with self._recording(trace), progress_bar(count, progress) as bar:
            for begin in range(0, count, CHUNK):
                streams = {**self._streams(program, samples, slice(begin, begin + CHUNK), stalls), "output": sink}
                if begin == 0:
                    streams["command"] = self.simulation.stream("command", word, stalls.get("command"))
                self._move(streams, "running", begin + CHUNK >= count, limit)
                self.beats.update({name: stream.done for name, stream in streams.items() if stream is not sink})
                bar.update(min(CHUNK, count - begin))
        self.beats["output"] = sink.done
        placed = unpack(space, self.torus.rows, self.torus.fixed_point.weight)
        placed = placed.reshape(groups, self.torus.columns, self.torus.rows)[:, ::-1].transpose(0, 2, 1)
        self.deltas = program.mapping.collect_inputs(placed[emits :: 1 + emits] if emits_deltas else placed[:0])
        return program.mapping.collect_outputs(placed[:: 1 + emits_deltas] if emits else placed[:0])

    def _check(self, program: Program) -> None:
        self.torus.check(instance("program", program, Program).mapping, program)
        program.check_layout(self.mapping)

    def _send(self, program: Program, stalls: Stalls) -> None:
        """Write the instructions into the machine's table."""
        torus = self.torus
        table = [
            encode(slot, torus.address_bits, torus.length_bits) << torus.slot_bits | at
            for at, slot in enumerate(program.slots)
        ]
        words = beats(table, self.simulation.words("program"))
        self._move({"program": self.simulation.stream("program", words, stalls.get("program"))}, "loading the program")

    def _streams(self, program: Program, samples: Samples, part: slice, stalls: Stalls) -> dict[str, Stream]:
        """Inputs and targets of some of the samples."""
        mapping, fixed = program.mapping, self.torus.fixed_point
        placed = {"input": (mapping.place_inputs(samples.inputs[part]), fixed.weight)}
        if samples.targets is not None:
            placed["target"] = (mapping.place_outputs(samples.targets[part]), fixed.word)
        streams = {}
        for name, (values, bits) in placed.items():
            groups = values.transpose(0, 2, 1)[:, ::-1].reshape(-1, self.torus.rows)
            streams[name] = self.simulation.stream(name, pack(groups, bits), stalls.get(name))
        return streams

    def _position(self) -> str:
        return f", instruction {int(self.simulation.io.count_slot)}"
