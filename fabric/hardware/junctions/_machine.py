"""The simulated junction machine: builds it, loads patterns and weights, streams samples, reads everything back."""

import numpy as np
from tqdm.auto import tqdm

from fabric.hardware.junctions._build import JunctionBuild, entry_bits, table_files
from fabric.hardware.junctions._golden import Mode
from fabric.hardware.junctions._network import JunctionNetwork
from fabric.hardware.simulation.host import CHUNK, Host, Stalls
from fabric.hardware.simulation.packing import pack, unpack
from fabric.hardware.simulation.verilator import Simulation


class JunctionMachine(Host):
    """The machine in Verilog, simulated.

    Args:
        build: what to build; a finished build is used again.
    """

    def __init__(self, build: JunctionBuild) -> None:
        self.build = build
        self.network = build.network
        super().__init__(Simulation.of("fabric_junctions", build.parameters, tables=table_files(build.fixed_point)))
        self.connect(build.network)

    def connect(self, network: JunctionNetwork) -> None:
        """Load the patterns of a network of the build's sizes into the address generators.

        Raises:
            ValueError: sizes or patterns that do not fit.
        """
        for number, (rows, memories) in enumerate(self.build.patterns(network)):
            junction = network.junctions[number]
            row_bits, memory_bits = entry_bits(junction)
            self._write("pattern", number, np.hstack([_bits(rows, row_bits), _bits(memories, memory_bits)]))
        self.network = network

    def load(self, weights: list[np.ndarray]) -> None:
        """Write the stored weights: for each junction integers (edges,) in the order of its slots."""
        bits = self.build.fixed_point.weight
        checked = self.network.stored(weights, self.build.fixed_point)
        for number, (junction, values) in enumerate(zip(self.network.junctions, checked, strict=True)):
            self._write("weight", number, _bits(values.reshape(junction.cycles, junction.parallelism), bits))

    def weights(self) -> list[np.ndarray]:
        """Read the stored weights back, as `load` takes them."""
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
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
        mode: Mode = "pipelined",
        stalls: Stalls | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Run samples through the machine; arguments and result as those of `GoldenJunctions.run`.

        Args:
            stalls: pauses of the host by stream: command, input, target, output.
            progress: show a bar.

        Raises:
            ValueError: shapes or values that do not fit.
            SimulationError: the machine hangs.
        """
        fixed, stalls = self.build.fixed_point, self._pausing(stalls)
        first, last = self.network.junctions[0], self.network.junctions[-1]
        trains, rate = targets is not None, 0
        if trains:
            targets, rate = fixed.lesson(len(inputs), targets, rate_exponent)
        command = _command(trains << 1 | stochastic << 2 | (mode == "sequential") << 3 | rate << 4 | len(inputs) << 16)
        space = np.zeros((len(inputs) * last.outputs // last.group, self.simulation.words("output")), dtype=np.uint32)
        sink = self.simulation.stream("output", space, stalls.get("output"))
        with tqdm(total=len(inputs), unit="sample", disable=not progress) as bar:
            for begin in range(0, len(inputs), CHUNK):
                chunk = slice(begin, begin + CHUNK)
                beats = self._checked(inputs[chunk], first.inputs, "inputs").reshape(-1, first.parallelism)
                streams = {"input": self.simulation.stream("input", pack(beats, fixed.word), stalls.get("input")),
                           "output": sink}  # fmt: skip
                if begin == 0:
                    streams["command"] = self.simulation.stream("command", command, stalls.get("command"))
                if trains:
                    beats = self._checked(targets[chunk], last.outputs, "targets").reshape(-1, last.group)
                    streams["target"] = self.simulation.stream("target", pack(beats, fixed.word), stalls.get("target"))
                self._move(streams, "running", begin + CHUNK >= len(inputs))
                bar.update(len(inputs[chunk]))
        return unpack(space, last.group, fixed.word).reshape(len(inputs), last.outputs)

    def _checked(self, values: np.ndarray, width: int, name: str) -> np.ndarray:
        if values.ndim != 2 or values.shape[1] != width:
            raise ValueError(f"{name} must have shape (samples, {width}), got {values.shape}")
        return self.build.fixed_point.words(values, name)

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
