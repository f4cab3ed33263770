"""A junction with its degree of parallelism (pre-defined sparsity, section 4).

A junction processes z edges a cycle, slot after slot in the order of its interleaver: slot c z + l is lane l of cycle c
and belongs to right neuron slot // fan-in. Everything below follows from that order.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fabric.hardware._checks import choice, instance
from fabric.hardware.torus import ACTIVATIONS
from fabric.topology.interleaver import Interleaver
from fabric.topology.junctions import divisors, nearest


@dataclass(frozen=True)
class Junction:
    """The edges between two layers, in the order in which z lanes process them.

    Attributes:
        interleaver: left neuron of every slot; its parallelism is z, the number of lanes and of memories of a bank.
        outputs: right neurons n.
        activation: function of the right neurons: "identity", "relu" or "sigmoid".

    Raises:
        TypeError: another interleaver than an `Interleaver`.
        ValueError: an edge drawn twice, an unknown activation, or a z that neither divides the fan-in nor is a multiple
            of it, so that a cycle would hold parts of neurons.
    """

    interleaver: Interleaver
    outputs: int
    activation: str = "sigmoid"

    def __post_init__(self) -> None:
        instance("interleaver", self.interleaver, Interleaver).topology(self.outputs)
        choice("activation", self.activation, ACTIVATIONS)
        if self.fan_in % self.parallelism and self.parallelism % self.fan_in:
            fitting = valid_parallelisms(self.inputs, self.fan_out, self.outputs)
            raise ValueError(
                f"parallelism must be {nearest(self.parallelism, fitting)}, got {self.parallelism}: it has to divide "
                f"the fan-in of {self.fan_in} or be a multiple of it"
            )

    @property
    def inputs(self) -> int:
        """Left neurons p."""
        return self.interleaver.inputs

    @property
    def fan_out(self) -> int:
        """Edges of a left neuron."""
        return self.interleaver.fan_out

    @property
    def fan_in(self) -> int:
        """Edges of a right neuron."""
        return self.edges // self.outputs

    @property
    def parallelism(self) -> int:
        """Degree of parallelism z."""
        return self.interleaver.parallelism

    @property
    def edges(self) -> int:
        """W, all of them weights."""
        return self.inputs * self.fan_out

    @property
    def cycles(self) -> int:
        """Cycles of a pass, W / z: rows of a weight memory."""
        return self.edges // self.parallelism

    @property
    def depth(self) -> int:
        """Rows of a memory of the left bank, p / z: cycles of a sweep."""
        return self.inputs // self.parallelism

    @property
    def group(self) -> int:
        """Right neurons that are finished in one cycle, side by side."""
        return max(1, self.parallelism // self.fan_in)

    @cached_property
    def neurons(self) -> np.ndarray:
        """Left neuron of each slot, int64 (edges,)."""
        return self.interleaver.neurons().astype(np.int64)

    @cached_property
    def dithered(self) -> bool:
        """Whether some lane reads another memory than its own: the machine then needs crossbars."""
        return bool((self.interleaver.memories != np.arange(self.parallelism)).any())

    def entries(self, wanted: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What the address generator stores.

        Args:
            wanted: entries, 1 for all sweeps, fan-out for one each sweep, cycles for one each cycle; None for as few as
                the pattern allows.

        Returns:
            Rows (entries, memories), where each memory starts to count up in every sweep, or, with an entry each cycle,
            which it reads; and memories (entries, lanes).

        Raises:
            ValueError: a number of entries that cannot hold this pattern.
        """
        lanes, memories = self.parallelism, self.interleaver.memories
        by_memory = np.empty_like(self.interleaver.rows)
        np.put_along_axis(by_memory, np.broadcast_to(memories[:, None, :], by_memory.shape), self.interleaver.rows, 2)
        counting = ((by_memory[:, :1] + np.arange(self.depth)[:, None]) % self.depth == by_memory).all()
        same = counting and (by_memory == by_memory[:1]).all() and (memories == memories[:1]).all()
        least = 1 if same else self.fan_out if counting else self.cycles
        wanted = least if wanted is None else wanted
        if wanted not in (1, self.fan_out, self.cycles) or wanted < least:
            raise ValueError(f"entries must be at least {least} for this pattern, and 1, the fan-out of {self.fan_out} "
                             f"or the {self.cycles} cycles of a pass, got {wanted}")  # fmt: skip
        if wanted == self.cycles:
            return by_memory.reshape(-1, lanes), np.repeat(memories, self.depth, axis=0)
        return by_memory[:wanted, 0], memories[:wanted]


def valid_parallelisms(inputs: int, fan_out: int, outputs: int) -> list[int]:
    """All z of a junction, ascending: divisors of the inputs that divide the fan-in or are a multiple of it."""
    fan_in = inputs * fan_out // outputs
    return [z for z in divisors(inputs) if fan_in % z == 0 or z % fan_in == 0]
