"""The host's side of `fabric_axi`: what it writes into the registers and moves through the streams (rtl/AXI.md)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fabric.hardware._checks import instance
from fabric.hardware._protocol import checked_samples
from fabric.hardware.torus._encoding import DUMP, LOAD, RUN, command, encode
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._program import Program
from fabric.hardware.torus._schedule import bases
from fabric.hardware.torus._torus import Torus

IDENTITY = 0x46414252  # what the register at address 0 holds
CONTROL, STATUS, PACKET, COMMAND, PROGRAM = 0x08, 0x0C, 0x10, 0x80, 0xA0  # addresses
BUSY, INPUT_FAULT, TARGET_FAULT = 1, 4, 8  # bits of STATUS


@dataclass(frozen=True)
class Exchange:
    """What a host does for one command, or to write one program; `print` shows it.

    Attributes:
        what: it is for.
        writes: registers to write, in order: address in bytes, word. Each must answer OKAY before the next is sent.
        input, target: bytes of one packet on each stream, its last beat marked; empty if there is none.
        output: bytes of the one packet that comes back.
    """

    what: str
    writes: tuple[tuple[int, int], ...]
    input: bytes = b""
    target: bytes = b""
    output: int = 0

    def __str__(self) -> str:
        lines = [f"# {self.what}", *(f"write 0x{address:02x} 0x{word:08x}" for address, word in self.writes)]
        lines += [f"send {name} {len(sent)} bytes" for name in ("input", "target") if (sent := getattr(self, name))]
        return "\n".join(lines + [f"receive output {self.output} bytes"] * bool(self.output))


class AxiHost:
    """Turns programs, weights and samples into exchanges with a torus on AXI buses, and what comes back into arrays.

    It drives nothing: whoever has a bus does what the exchanges say, in a simulation or on a board.

    Args:
        torus: as it is built.
        mapping: cascades on the torus.

    Raises:
        TypeError: another class.
        ValueError: a mapping that the torus cannot hold.
    """

    def __init__(self, torus: Torus, mapping: TorusMapping) -> None:
        instance("torus", torus, Torus).check(mapping)
        self.torus, self.mapping = torus, mapping
        self._wide, self._narrow = lane(torus.fixed_point.weight), lane(torus.fixed_point.word)

    def program(self, program: Program) -> Exchange:
        """Write the instructions of a program.

        Raises:
            TypeError, ValueError: a program that the torus cannot hold.
        """
        self._check(program)
        torus = self.torus
        bits = torus.slot_bits + 2 * torus.address_bits + 5 * torus.length_bits + 51
        writes: list[tuple[int, int]] = []
        for at, slot in enumerate(program.slots):
            beat = encode(slot, torus.address_bits, torus.length_bits) << torus.slot_bits | at
            writes += _words(PROGRAM, beat, -(-bits // 32))
        return Exchange(f"program: {program.mode}, {len(program.slots)} instructions", tuple(writes))

    def load(self, weights: Sequence[np.ndarray]) -> list[Exchange]:
        """Load stored weights as `Machine.load` takes them; an exchange for each phase.

        Raises:
            ValueError: as `TrainingMachine.load`.
        """
        exchanges = []
        memories = self.mapping.memories(weights, self.torus.fixed_point)
        for index, ((bank, base), held) in enumerate(zip(self._places, memories, strict=True)):
            word = command(LOAD, count=held.shape[2], bank=bank, address=base, last=self.torus.columns - 1)
            sent = _beats(held.transpose(2, 0, 1), self._wide)
            exchanges.append(Exchange(f"load the weights of phase {index}", _command(word), sent))
        return exchanges

    def read(self) -> list[Exchange]:
        """Read stored weights; an exchange for each phase, whose packets `weights` takes."""
        exchanges = []
        for index, ((bank, base), phase) in enumerate(zip(self._places, self.mapping.phases, strict=True)):
            word = command(DUMP, count=phase.length, bank=bank, address=base)
            come = self._size(phase.length)
            told = f"read the weights of phase {index}"
            exchanges.append(Exchange(told, ((PACKET, phase.length), *_command(word)), output=come))
        return exchanges

    def weights(self, packets: Sequence[bytes]) -> list[np.ndarray]:
        """Stored weights, as `load` takes them, of the packets that `read` brings.

        Raises:
            ValueError: packets of another number or size.
        """
        phases = self.mapping.phases
        if not isinstance(packets, (list, tuple)) or len(packets) != len(phases):
            raise ValueError(f"packets must be a list of {len(phases)}, one a phase, got {packets!r:.60}")
        held = [self._groups(packet, phase.length) for packet, phase in zip(packets, phases, strict=True)]
        return [self.mapping.weights(index, groups.transpose(1, 2, 0)).copy() for index, groups in enumerate(held)]

    def run(
        self,
        program: Program,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
        targets_are_deltas: bool = False,
    ) -> Exchange:
        """Run samples as `Machine.run` does; the packet that comes back is for `outputs`.

        Raises:
            TypeError, ValueError: as `Machine.run`.
        """
        self._check(program)
        samples = checked_samples(program, self.torus.fixed_point, inputs, targets, rate_exponent, stochastic)
        count, mapping = len(samples.inputs), program.mapping
        word = command(
            RUN, count=count, last=mapping.phases[0].length - 1, stochastic=samples.stochastic, drain=program.drain,
            rate=samples.rate, emit=True, train=program.trains, passes=program.takes_deltas(targets_are_deltas),
        )  # fmt: skip
        groups = count * (1 + program.emits_deltas)
        return Exchange(
            f"run {program.mode} on {count} samples",
            ((PACKET, groups), *_command(word)),
            _beats(mapping.place_inputs(samples.inputs), self._wide),
            b"" if samples.targets is None else _beats(mapping.place_outputs(samples.targets), self._narrow),
            self._size(groups),
        )

    def outputs(self, program: Program, packet: bytes) -> np.ndarray:
        """Outputs, activation words, int64 (samples, outputs), of the packet that a run brings.

        Raises:
            TypeError, ValueError: a program that the torus cannot hold, or a packet that is not of whole samples.
        """
        self._check(program)
        return program.mapping.collect_outputs(self._groups(packet)[:: 1 + program.emits_deltas])

    @property
    def _places(self) -> list[tuple[int, int]]:
        return list(bases(self.mapping, self.torus.banks))

    def _check(self, program: Program) -> None:
        self.torus.check(instance("program", program, Program).mapping, program)
        program.check_layout(self.mapping)

    def _size(self, groups: int) -> int:
        return groups * self.torus.columns * self.torus.rows * self._wide.itemsize

    def _groups(self, packet: bytes, groups: int | None = None) -> np.ndarray:
        """Words (groups, rows, columns) of a packet."""
        if not isinstance(packet, (bytes, bytearray)):
            raise TypeError(f"packet must be bytes, got {packet!r:.60}")
        wanted = self._size(1) if groups is None else self._size(groups)
        if not packet or len(packet) % wanted or (groups is not None and len(packet) != wanted):
            told = "a multiple of " if groups is None else ""
            raise ValueError(f"packet must have {told}{wanted} bytes, got {len(packet)}")
        beats = np.frombuffer(packet, dtype=self._wide).astype(np.int64)
        return beats.reshape(-1, self.torus.columns, self.torus.rows)[:, ::-1].transpose(0, 2, 1)


def lane(bits: int) -> np.dtype:
    """The integer that holds a word of so many bits on a stream: of 8, 16 or 32 bits, little-endian."""
    return np.dtype("<i1" if bits <= 8 else "<i2" if bits <= 16 else "<i4")


def _beats(placed: np.ndarray, kind: np.dtype) -> bytes:
    """Groups (groups, rows, places), the last place first, a beat for each place."""
    return placed.transpose(0, 2, 1)[:, ::-1].astype(kind).tobytes()


def _command(beat: np.ndarray) -> tuple[tuple[int, int], ...]:
    return tuple((COMMAND + 4 * at, int(word)) for at, word in enumerate(beat[0]))


def _words(address: int, value: int, count: int) -> list[tuple[int, int]]:
    return [(address + 4 * at, value >> 32 * at & 0xFFFFFFFF) for at in range(count)]
