"""The simulated junction machine: builds it, loads patterns and weights, streams samples, reads everything back."""

import os
from collections.abc import Sequence

import numpy as np

from fabric._checks import positive_int
from fabric.hardware._checks import flag, instance
from fabric.hardware._protocol import checked_samples
from fabric.hardware.junctions._build import JunctionBuild, entry_bits, table_files
from fabric.hardware.junctions._network import JunctionNetwork
from fabric.hardware.junctions._program import JunctionProgram
from fabric.hardware.simulation.host import CHUNK, Host, Stalls, progress_bar
from fabric.hardware.simulation.packing import pack, unpack
from fabric.hardware.simulation.verilator import Simulation


class JunctionMachine(Host):
    """The machine in Verilog, simulated: a `TrainingMachine`.

    Args:
        build: what to build; a finished build is used again.
        trace: build for waveforms of all signals; otherwise they have the ports only.

    Attributes:
        network: whose patterns it holds; that of the build, until another is connected.
    """

    def __init__(self, build: JunctionBuild, trace: bool = False) -> None:
        self.build = instance("build", build, JunctionBuild)
        tables = table_files(build.fixed_point)
        super().__init__(Simulation.of("fabric_junctions", build.parameters, None, tables, None, flag("trace", trace)))
        self.connect(build.network)

    def connect(self, network: JunctionNetwork) -> None:
        """Load the patterns of a network of the build's sizes; its weights are zero until they are loaded.

        Raises:
            TypeError: another network than a `JunctionNetwork`.
            ValueError: sizes or patterns that do not fit.
        """
        for number, (rows, memories) in enumerate(self.build.patterns(network)):
            junction = network.junctions[number]
            row_bits, memory_bits = entry_bits(junction)
            self._write("pattern", number, np.hstack([_bits(rows, row_bits), _bits(memories, memory_bits)]))
        self.network = network
        self.load([np.zeros(junction.edges, dtype=np.int64) for junction in network.junctions])

    def load(self, weights: Sequence[np.ndarray]) -> None:
        """Write the stored weights: for each junction integers (edges,) in the order of its slots."""
        bits = self.build.fixed_point.weight
        checked = self.network.stored(weights, self.build.fixed_point)
        for number, (junction, values) in enumerate(zip(self.network.junctions, checked, strict=True)):
            self._write("weight", number, _bits(values.reshape(junction.cycles, junction.parallelism), bits))

    def weights(self) -> list[np.ndarray]:
        """Read the stored weights back, as `load` takes them, int64."""
        bits, read = self.build.fixed_point.weight, []
        for number, junction in enumerate(self.network.junctions):
            space = np.zeros((junction.cycles, self.simulation.words("dump")), dtype=np.uint32)
            self._transfer(
                {"command": _command(1 | number << 8 | junction.cycles << 16), "dump": space}, "reading weights"
            )
            read.append(unpack(space, junction.parallelism, bits).reshape(-1))
        return read

    def run(
        self,
        program: JunctionProgram,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
        stalls: Stalls | None = None,
        progress: bool = False,
        trace: str | os.PathLike | None = None,
        limit: int = 2**62,
    ) -> np.ndarray:
        """Run samples through the machine as `TrainingMachine.run` says.

        Args:
            stalls: pauses of the host by stream: command, input, target, output.
            progress: show a bar.
            trace: a file for the waveforms of the run, a value change dump: cycle t is at time 2 t.
            limit: cycles after which to give up; the machine is then in mid-run and needs a reset.

        Raises:
            TypeError, ValueError: as `TrainingMachine.run`.
            SimulationError: the machine hangs or is given up; the message says where.
        """
        instance("program", program, JunctionProgram).check_network(self.network)
        fixed, first, last = self.build.fixed_point, self.network.junctions[0], self.network.junctions[-1]
        samples = checked_samples(program, fixed, inputs, targets, rate_exponent, stochastic)
        stalls, progress, count = self._pausing(stalls), flag("progress", progress), len(samples.inputs)
        limit = positive_int("limit", limit)
        how = program.trains << 1 | samples.stochastic << 2 | program.sequential << 3 | samples.rate << 4
        command = _command(how | count << 16)
        space = np.zeros((count * last.outputs // last.group, self.simulation.words("output")), dtype=np.uint32)
        sink = self.simulation.stream("output", space, stalls.get("output"))
        with self._recording(trace), progress_bar(count, progress) as bar:
            for begin in range(0, count, CHUNK):
                chunk = slice(begin, begin + CHUNK)
                beats = {"input": samples.inputs[chunk].reshape(-1, first.parallelism)}
                if samples.targets is not None:
                    beats["target"] = samples.targets[chunk].reshape(-1, last.group)
                streams = {name: self.simulation.stream(name, pack(values, fixed.word), stalls.get(name))
                           for name, values in beats.items()}  # fmt: skip
                streams["output"] = sink
                if begin == 0:
                    streams["command"] = self.simulation.stream("command", command, stalls.get("command"))
                self._move(streams, "running", begin + CHUNK >= count, limit)
                bar.update(min(CHUNK, count - begin))
        return unpack(space, last.group, fixed.word).reshape(count, last.outputs)

    def _write(self, stream: str, junction: int, rows: np.ndarray) -> None:
        """Rows of bits to the host's `stream`: the junction's number, that of the row, the row."""
        numbers = np.arange(len(rows))[:, None]
        flat = np.hstack([_bits(np.full((len(rows), 1), junction), 4), _bits(numbers, 16), rows])
        words = self.simulation.words(stream)
        padded = np.zeros((len(rows), 32 * words), dtype=np.uint8)
        padded[:, : flat.shape[1]] = flat
        self._transfer(
            {stream: np.packbits(padded, axis=1, bitorder="little").view(np.uint32)}, f"writing the {stream}s"
        )


def _bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Integers (rows, words) as single bits (rows, words * bits), least significant first."""
    return ((np.asarray(values)[:, :, None] >> np.arange(bits)) & 1).astype(np.uint8).reshape(len(values), -1)


def _command(word: int) -> np.ndarray:
    """A command of 48 bits as a beat."""
    return np.array([[word & 0xFFFFFFFF, word >> 32]], dtype=np.uint32)
