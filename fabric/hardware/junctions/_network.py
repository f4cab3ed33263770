"""Junctions one after the other, and what the pipelined machine needs for them (pre-defined sparsity, section 5)."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from fabric._checks import generator, positive_int
from fabric.hardware._checks import choice, instance, listed, whole
from fabric.hardware._protocol import checked_weights
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.junctions._junction import Junction, valid_parallelisms
from fabric.topology.interleaver import clash_free
from fabric.topology.junctions import CLASH_FREE, check_fan_out

_MOST_NEURONS = 1 << 20
LATENCY = 2  # cycles of a block after its last address: multiply, then add, round and write


class JunctionNetwork:
    """Junctions one after the other, and what the pipelined machine needs for them.

    Args:
        junctions: from the inputs to the outputs.

    Two networks are equal if their edges are, in the same order, with the same lanes and activations.

    Raises:
        TypeError: junctions of another class.
        ValueError: junctions that do not follow one another, or a junction that finishes more neurons a cycle than the
            memories of the next one take side by side.
    """

    def __init__(self, junctions: Sequence[Junction]) -> None:
        self.junctions = tuple(listed("junctions", junctions, Junction))
        if not 1 <= len(self.junctions) <= 8:
            raise ValueError(f"junctions must be from 1 to 8, got {len(self.junctions)}")
        for number, (before, after) in enumerate(pairwise(self.junctions), start=1):
            if before.outputs != after.inputs:
                raise ValueError(
                    f"junction {number + 1} must have {before.outputs} inputs, as junction {number} has outputs, "
                    f"got {after.inputs}"
                )
            if after.parallelism % before.group:
                raise ValueError(
                    f"parallelism of junction {number + 1} must be a multiple of the {before.group} neurons that "
                    f"junction {number} finishes a cycle, got {after.parallelism}"
                )

    @classmethod
    def drawn(
        cls,
        widths: Sequence[int],
        fan_outs: Sequence[int],
        parallelisms: Sequence[int],
        pattern: str,
        rng: np.random.Generator,
        activations: Sequence[str] | None = None,
    ) -> "JunctionNetwork":
        """A network with random clash-free patterns.

        Args:
            widths: neurons per layer, inputs first.
            fan_outs, parallelisms: one per junction.
            pattern: one of `topology.junctions.CLASH_FREE`.
            rng: NumPy generator.
            activations: one per junction; None for sigmoids.

        Raises:
            TypeError: other than lists.
            ValueError: lists of other lengths, or what `Junction` and `topology.interleaver.clash_free` refuse.
        """
        given: dict[str, Sequence[object]] = {"fan_outs": fan_outs, "widths": widths, "parallelisms": parallelisms}
        if activations is not None:
            given["activations"] = activations
        for name, values in given.items():
            if not isinstance(values, (list, tuple)):
                raise TypeError(f"{name} must be a list, got {values!r}")
            if len(values) != len(fan_outs) + (name == "widths"):
                raise ValueError(
                    "fan_outs, parallelisms and activations must be one a junction and widths one more, got "
                    f"{ {name: len(values) for name, values in given.items()} }"
                )
        choice("pattern", pattern, CLASH_FREE)
        activations = ["sigmoid"] * len(fan_outs) if activations is None else activations
        return cls(
            [
                Junction(clash_free(p, check_fan_out(p, n, fan_out, pattern), z, pattern, rng), n, activation)
                for (p, n), fan_out, z, activation in zip(
                    pairwise(widths), fan_outs, parallelisms, activations, strict=True
                )
            ]
        )

    def __len__(self) -> int:
        return len(self.junctions)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, JunctionNetwork) or self._sizes != other._sizes:
            return False
        pairs = zip(self.junctions, other.junctions, strict=True)
        return all(np.array_equal(ours.neurons, theirs.neurons) for ours, theirs in pairs)

    def __hash__(self) -> int:
        return hash(self._sizes)

    def __repr__(self) -> str:
        return f"JunctionNetwork of (inputs, outputs, fan-out, lanes, activation) {list(self._sizes)}"

    @property
    def _sizes(self) -> tuple[object, ...]:
        return tuple((j.inputs, j.outputs, j.fan_out, j.parallelism, j.activation) for j in self.junctions)

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of the layers, inputs first."""
        return (self.junctions[0].inputs, *(junction.outputs for junction in self.junctions))

    @property
    def edges(self) -> int:
        """Weights of all junctions."""
        return sum(junction.edges for junction in self.junctions)

    def stored(self, weights: Sequence[np.ndarray], fixed: FixedPoint) -> list[np.ndarray]:
        """Stored weights as given, checked.

        Raises:
            ValueError: other than one array (edges,) a junction, floats, or weights that the format does not hold.
        """
        instance("fixed_point", fixed, FixedPoint)
        shapes = [(junction.edges,) for junction in self.junctions]
        return checked_weights(weights, shapes, [f"junction {at}" for at in range(1, len(self) + 1)], fixed)

    @property
    def useful_cycles(self) -> int:
        """Cycles of the slowest junction."""
        return max(junction.cycles for junction in self.junctions)

    @property
    def block_cycles(self) -> int:
        """Cycles of a block: in one block every junction works on one sample forward and on one backward."""
        return self.useful_cycles + LATENCY

    @property
    def multipliers(self) -> tuple[int, int, int]:
        """Multipliers of the forward, the backward and the update units.

        z forward, z update and, after the first junction, z backward; after a sigmoid layer z more for its
        derivative. (Learning rates are powers of two.)
        """
        lanes = sum(junction.parallelism for junction in self.junctions)
        backward = sum(
            junction.parallelism * (2 if before.activation == "sigmoid" else 1)
            for before, junction in pairwise(self.junctions)
        )
        return lanes, backward, lanes

    def queue(self, layer: int) -> int:
        """Banks of activations of a layer, 0 for the inputs: one is written, one read forward, one read backward, and
        between those two wait the samples under way."""
        layer = whole("layer", layer, 0, len(self))
        return 2 * (len(self) - layer) + 1

    def memory_bits(self, fixed: FixedPoint) -> dict[str, int]:
        """Bits of all memories by what they hold: weights, activations, deltas, sums of deltas, patterns."""
        instance("fixed", fixed, FixedPoint)
        bits = dict.fromkeys(("weights", "activations", "deltas", "sums", "patterns"), 0)
        for layer, junction in enumerate(self.junctions):
            bits["weights"] += junction.edges * fixed.weight
            bits["activations"] += self.queue(layer) * junction.inputs * fixed.word
            bits["deltas"] += 2 * junction.outputs * fixed.word
            bits["sums"] += junction.inputs * self.accumulator(fixed) if layer and junction.fan_out > 1 else 0
            entry = (junction.depth - 1).bit_length() + ((junction.parallelism - 1).bit_length() * junction.dithered)
            bits["patterns"] += len(junction.entries()[0]) * junction.parallelism * entry
        return bits

    def memories(self) -> dict[str, int]:
        """Memories, each with one read and one write port, by what they hold."""
        lanes = [junction.parallelism for junction in self.junctions]
        return {
            "weights": sum(lanes),
            "activations": sum(self.queue(layer) * z for layer, z in enumerate(lanes)),
            "deltas": sum(lanes[1:]) + self.junctions[-1].group,
            "sums": sum(lanes[1:]),
        }

    def accumulator(self, fixed: FixedPoint) -> int:
        """Bits of the sums, which cannot overflow."""
        return (
            instance("fixed", fixed, FixedPoint).accumulator(max(max(j.fan_in, j.fan_out) for j in self.junctions)) + 1
        )


def balanced_parallelisms(widths: Sequence[int], fan_outs: Sequence[int], cycles: int) -> tuple[int, ...]:
    """The fewest lanes with which every junction takes at most `cycles` cycles: the choice that balances them.

    Raises:
        ValueError: a junction that cannot be that fast, or whose neighbour cannot take what it finishes.
    """
    cycles = positive_int("cycles", cycles)
    for name, values in (("widths", widths), ("fan_outs", fan_outs)):
        if not isinstance(values, (list, tuple)) or not values:
            raise TypeError(f"{name} must be a list of positive integers, got {values!r}")
        for at, value in enumerate(values):
            whole(f"{name}[{at}]", value, 1, _MOST_NEURONS)
    if len(widths) != len(fan_outs) + 1:
        raise ValueError(f"widths must be one more than the {len(fan_outs)} fan_outs, got {len(widths)}")
    chosen: list[int] = []
    for (p, n), fan_out in zip(pairwise(widths), fan_outs, strict=True):
        group = max(1, chosen[-1] // (widths[len(chosen) - 1] * fan_outs[len(chosen) - 1] // p)) if chosen else 1
        valid = [z for z in valid_parallelisms(p, fan_out, n) if p * fan_out <= cycles * z and z % group == 0]
        if not valid:
            raise ValueError(f"cycles must be more than {cycles} for the junction from {p} to {n} neurons")
        chosen.append(valid[0])
    return tuple(chosen)


def drawn_weights(network: JunctionNetwork, fixed: FixedPoint, rng: np.random.Generator) -> list[np.ndarray]:
    """Normal weights of variance 2 / (fan-in + fan-out), as stored: int64 (edges,) per junction, in order of slots."""
    instance("network", network, JunctionNetwork)
    instance("fixed", fixed, FixedPoint)
    generator(rng)
    return [
        fixed.weights(rng.normal(0, math.sqrt(2 / (junction.fan_in + junction.fan_out)), junction.edges))
        for junction in network.junctions
    ]
