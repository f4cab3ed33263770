"""Clashes: two reads of one memory in one clock cycle, and the cycles lost to them.

A memory gives out one entry per cycle (pre-defined sparsity poster, section 4), so a cycle that wants k entries of one
memory takes k cycles: k - 1 stalls. Reading the same entry twice counts too: nothing here merges reads.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fabric._checks import boolean_matrix, integers, shown
from fabric.topology.junctions import check_parallelism

_MOST_COUNTS = 1 << 27  # reads per cycle and memory, a gigabyte


@dataclass(frozen=True)
class Clash:
    """`reads` lanes, two or more, want an entry of `memory` in `cycle`."""

    cycle: int
    memory: int
    reads: int


def clashes(memories: ArrayLike) -> list[Clash]:
    """All clashes of an address sequence, by cycle and memory; empty where there is none.

    Args:
        memories: integers (cycles, lanes), the memory that each lane reads in each cycle, e.g. the first of
            `Interleaver.addresses()` or `reads_in_order`.

    Raises:
        ValueError: not a non-empty matrix of non-negative integers.
    """
    banks, counts = _reads_per_memory(memories)
    return [Clash(int(c), int(banks[b]), int(counts[c, b])) for c, b in np.argwhere(counts > 1)]


def stall_cycles(memories: ArrayLike) -> int:
    """Cycles that an address sequence loses to clashes: in each cycle the reads of its busiest memory, less one.

    Args:
        memories: as for `clashes`.

    Raises:
        ValueError: not a non-empty matrix of non-negative integers.
    """
    _, counts = _reads_per_memory(memories)
    return int((counts.max(axis=1) - 1).sum())


def reads_in_order(stage: np.ndarray, parallelism: int) -> np.ndarray:
    """The address sequence of any junction: its edges in the order of the outputs, then of the inputs, z per cycle.

    What a pattern costs that was not laid out for its memories: input a lies in memory a mod z.

    Args:
        stage: boolean (outputs, inputs).
        parallelism: z, a divisor of the inputs and of the number of edges.

    Returns:
        Memory per cycle and lane, shape (edges / z, z).

    Raises:
        ValueError: not a non-empty boolean matrix, or a parallelism that does not divide inputs and edges.
    """
    stage = boolean_matrix("stage", stage)
    lanes = check_parallelism(stage.shape[1], parallelism)
    _, inputs = np.nonzero(stage)
    if inputs.size % lanes:
        raise ValueError(f"parallelism must divide {inputs.size} edges, got {shown(parallelism)}")
    return (inputs % lanes).reshape(-1, lanes)


def _reads_per_memory(memories: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The memories that are read at all, ascending, and how often each is read in each cycle, (cycles, memories)."""
    memories = integers("memories", memories, "cycles", "lanes")
    if memories.min() < 0:
        raise ValueError(f"memories must be at least 0, got {memories.min()}")
    banks, read = np.unique(memories, return_inverse=True)
    if len(memories) * len(banks) > _MOST_COUNTS:
        raise ValueError(
            f"memories must have at most {_MOST_COUNTS:,} cycles times different memories, got {len(memories):,} times "
            f"{len(banks):,}"
        )
    counts = np.zeros((len(memories), len(banks)), np.int64)
    np.add.at(counts, (np.arange(len(memories))[:, None], read.reshape(memories.shape)), 1)
    return banks, counts
