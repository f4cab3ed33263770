"""The simulated machine: builds a torus, loads weights and programs, streams samples, reads everything back."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from tqdm.auto import tqdm

from fabric.hardware.simulation.host import CHUNK, Host, Stalls
from fabric.hardware.simulation.packing import pack, unpack
from fabric.hardware.simulation.verilator import Simulation
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._program import Program, bases, encode
from fabric.hardware.torus._torus import Torus
from fabric.hardware.verilog.rtl import RTL

_RUN, _LOAD, _DUMP = range(3)


class Machine(Host):
    """A torus in Verilog, simulated.

    Args:
        torus: what to build; a finished build is used again.
        trace: build for waveforms of all signals.

    Attributes:
        output_times: cycles of the clock in which the values of the last run's results left, int64.
        beats: of each stream, by name, that moved in the last run, its program not counted.
    """

    def __init__(self, torus: Torus, trace: bool = False) -> None:
        settings = RTL / "sim" / "shared.vlt"
        self._start(torus, Simulation.of("fabric_machine", torus.parameters, None, torus.tables(), settings, trace))

    def _start(self, torus: Torus, simulation: Simulation) -> None:
        self.torus = torus
        self.output_times = np.zeros(0, dtype=np.int64)
        self.beats: Counter[str] = Counter()
        super().__init__(simulation)

    def load(self, mapping: TorusMapping, weights: Sequence[np.ndarray]) -> None:
        """Write the stored weights of a mapping: for each phase integers (rings, neurons, values)."""
        self.torus.check(mapping)
        memories = mapping.memories(weights, self.torus.fixed_point)
        for (bank, base), held in zip(bases(mapping, self.torus.banks), memories, strict=True):
            # One group of beats an address, the last column first.
            beats = held.transpose(2, 1, 0)[:, ::-1].reshape(-1, self.torus.rows)
            command = _command(_LOAD, count=held.shape[2], bank=bank, address=base, last=self.torus.columns - 1)
            self._transfer({"command": command, "input": pack(beats, self.torus.fixed_point.weight)}, "loading weights")

    def weights(self, mapping: TorusMapping) -> list[np.ndarray]:
        """Read the stored weights back, as `load` takes them."""
        self.torus.check(mapping)
        read = []
        for index, (phase, (bank, base)) in enumerate(
            zip(mapping.phases, bases(mapping, self.torus.banks), strict=True)
        ):
            space = np.zeros((phase.length * self.torus.columns, self.simulation.words("output")), dtype=np.uint32)
            command = _command(_DUMP, count=phase.length, bank=bank, address=base)
            self._transfer({"command": command, "output": space}, "reading weights")
            beats = unpack(space, self.torus.rows, self.torus.fixed_point.weight)
            held = beats.reshape(phase.length, self.torus.columns, self.torus.rows)[:, ::-1].transpose(2, 1, 0)
            read.append(mapping.weights(index, held).copy())
        return read

    def run(
        self,
        mapping: TorusMapping,
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
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run samples through the machine; arguments and results as those of `GoldenMachine.run`.

        Args:
            emit_outputs: send the results out; without, the outputs are an array (0, outputs).
            stalls: pauses of the host by stream: program, command, input, target, output.
            progress: show a bar.
            limit: cycles after which to give up; the machine is then in mid-run and needs a reset.

        Raises:
            ValueError: shapes, values or a program that do not fit.
            SimulationError: the machine hangs or is given up; the message says where.
        """
        self.torus.check(mapping, program)
        fixed = self.torus.fixed_point
        stalls = self._pausing(stalls)
        inputs, rate = fixed.words(inputs, "inputs"), 0
        if program.trains:
            targets, rate = fixed.lesson(len(inputs), targets, rate_exponent)
        emits_deltas = any(slot.backward and slot.backward.emit for slot in program.slots)
        table = np.array(
            [
                encode(slot, self.torus.address_bits, self.torus.length_bits) << self.torus.slot_bits | at
                for at, slot in enumerate(program.slots)
            ],
            dtype=object,
        )
        words = _words(table, self.simulation.words("program"))
        self._move({"program": self.simulation.stream("program", words, stalls.get("program"))}, "loading the program")
        groups = len(inputs) * (int(emit_outputs) + int(emits_deltas))
        space = np.zeros((groups * self.torus.columns, self.simulation.words("output")), dtype=np.uint32)
        self.output_times = np.zeros(len(space), dtype=np.int64)
        sink = self.simulation.stream("output", space, stalls.get("output"), self.output_times)
        self.beats = Counter()
        command = _command(
            _RUN, count=len(inputs), last=mapping.phases[0].length - 1, stochastic=stochastic, drain=program.drain,
            rate=rate, emit=emit_outputs, train=program.trains, passes=targets_are_deltas,
        )  # fmt: skip
        with tqdm(total=len(inputs), unit="sample", disable=not progress) as bar:
            for begin in range(0, len(inputs), CHUNK):
                chunk = slice(begin, begin + CHUNK)
                streams = {"input": self._input(mapping, inputs[chunk], stalls.get("input")), "output": sink}
                if begin == 0:
                    streams["command"] = self.simulation.stream("command", command, stalls.get("command"))
                if program.trains:
                    streams["target"] = self._target(mapping, targets[chunk], stalls.get("target"))
                self._move(streams, "running", begin + CHUNK >= len(inputs), limit)
                self.beats.update({name: stream.done for name, stream in streams.items() if stream is not sink})
                bar.update(len(inputs[chunk]))
        self.beats["output"] = sink.done
        placed = unpack(space, self.torus.rows, fixed.weight).reshape(groups, self.torus.columns, self.torus.rows)
        placed = placed[:, ::-1].transpose(0, 2, 1)
        results = placed[:: 1 + emits_deltas] if emit_outputs else placed[:0]
        deltas = placed[int(emit_outputs) :: 1 + emit_outputs] if emits_deltas else placed[:0]
        rings, values = mapping.phases[0].rings, mapping.phases[0].values
        return mapping.collect_outputs(results), deltas[:, :rings, :values].reshape(len(deltas), rings * values)

    def _input(self, mapping: TorusMapping, inputs: np.ndarray, stalls: np.ndarray | None):
        placed = mapping.place_inputs(inputs)
        beats = placed.transpose(0, 2, 1)[:, ::-1].reshape(-1, self.torus.rows)
        return self.simulation.stream("input", pack(beats, self.torus.fixed_point.weight), stalls)

    def _target(self, mapping: TorusMapping, targets: np.ndarray, stalls: np.ndarray | None):
        placed = mapping.place_outputs(targets)
        beats = placed.transpose(0, 2, 1)[:, ::-1].reshape(-1, self.torus.rows)
        return self.simulation.stream("target", pack(beats, self.torus.fixed_point.word), stalls)

    def _position(self) -> str:
        return f", instruction {int(self.simulation.io.count_slot)}"


def _command(
    kind: int,
    count: int,
    bank: int = 0,
    address: int = 0,
    last: int = 0,
    stochastic: bool = False,
    rate: int = 0,
    drain: int = 0,
    emit: bool = False,
    train: bool = False,
    passes: bool = False,
) -> np.ndarray:
    """A command word as a beat, fields from the least significant bit as rtl/README.md lists them."""
    word = kind | bank << 2 | int(stochastic) << 4 | rate << 5 | drain << 8
    word |= int(emit) << 10 | int(train) << 11 | int(passes) << 12
    return _words(np.array([word | last << 16 | address << 32 | count << 48], dtype=object), 3)


def _words(values: np.ndarray, words: int) -> np.ndarray:
    """Python integers as beats of 32-bit words, least significant first."""
    return np.array(
        [[int(value) >> (32 * at) & 0xFFFFFFFF for at in range(words)] for value in values], dtype=np.uint32
    )
