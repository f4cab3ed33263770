"""The order in which a clash-free junction reads its left neurons, and how to draw one.

The p activations of a junction's left layer lie in z memories: neuron a is row a // z of memory a % z. In each clock
cycle the z lanes of the hardware read z activations, one from each memory. p / z cycles, a sweep, read every
activation once; fan-out sweeps read all edges, in the order of the right neurons. Slot i, that is lane i mod z of
cycle i // z, belongs to right neuron i // fi and reads left neuron t z + v, whose edge has number

    pi(i) = (t[i] z + v[i]) fo + i // p

when the edges are counted along the left neurons; t is the row, v the memory. (Interleaver Design for Deep Neural
Networks, Asilomar 2017; the same formula stands in the authors' public Verilog.)
"""

import numpy as np
from numpy.typing import ArrayLike

from fabric._checks import buildable, generator, integers, one_of, size
from fabric.topology._topology import Topology
from fabric.topology.junctions import MOST, check_parallelism, clash_free_type, divisors, nearest

VARIANTS = ("Basic", "MD", "SS", "SS+MD", "SV", "SV+MD", "SV+SS", "SV+SS+MD")
_MOST_EDGES = 1 << 26


class Interleaver:
    """Which row of which memory each lane reads in each cycle; clash-free by construction, immutable.

    Args:
        rows: integers (sweeps, cycles per sweep, lanes): t. Every lane goes through all rows in every sweep.
        memories: integers (sweeps, lanes): v. Every sweep deals the memories to the lanes.

    Raises:
        ValueError: no integers, shapes that do not fit, or a sweep that does not read every activation exactly once.
    """

    def __init__(self, rows: ArrayLike, memories: ArrayLike) -> None:
        rows = integers("rows", rows, "sweeps", "cycles", "lanes")
        memories = integers("memories", memories, "sweeps", "lanes")
        if memories.shape != (rows.shape[0], rows.shape[2]):
            raise ValueError(
                "rows must be (sweeps, cycles, lanes) and memories (sweeps, lanes), "
                f"got shapes {rows.shape} and {memories.shape}"
            )
        _check_orders("rows", rows, "sweep and lane")
        _check_orders("memories", memories, "sweep")
        self._rows, self._memories = rows, memories

    @property
    def rows(self) -> np.ndarray:
        """t: row read by (sweep, cycle of the sweep, lane)."""
        return self._rows

    @property
    def memories(self) -> np.ndarray:
        """v: memory read by (sweep, lane)."""
        return self._memories

    @property
    def inputs(self) -> int:
        """Left neurons p."""
        return self._rows.shape[1] * self._rows.shape[2]

    @property
    def fan_out(self) -> int:
        """Edges per left neuron: one per sweep."""
        return self._rows.shape[0]

    @property
    def parallelism(self) -> int:
        """Memories, lanes and edges per cycle: z."""
        return self._rows.shape[2]

    def addresses(self) -> tuple[np.ndarray, np.ndarray]:
        """What the address generator puts out: memory and row for each cycle and lane, both (fo p / z, z)."""
        memories = np.broadcast_to(self._memories[:, None, :], self._rows.shape)
        return memories.reshape(-1, self.parallelism), self._rows.reshape(-1, self.parallelism)

    def neurons(self) -> np.ndarray:
        """Left neuron read in each slot, shape (p fo,)."""
        memories, rows = self.addresses()
        return (rows * self.parallelism + memories).ravel()

    def weights(self) -> np.ndarray:
        """pi: number of the edge of each slot, counted along the left neurons; a permutation, shape (p fo,)."""
        slots = np.arange(self.inputs * self.fan_out)
        return self.neurons() * self.fan_out + slots // self.inputs

    def topology(self, outputs: int, name: str = "interleaver") -> Topology:
        """The junction to `outputs` right neurons: slot i is an edge into right neuron i // fan-in.

        Raises:
            ValueError: the slots do not divide by `outputs`, or a right neuron would get the same edge twice.
        """
        outputs = size("outputs", outputs, MOST)
        buildable((self.inputs, outputs), outputs=outputs)
        slots = self.inputs * self.fan_out
        safe = sorted(slots // fan_in for fan_in in divisors(self.inputs))
        if slots % outputs:
            raise ValueError(
                f"outputs must be {nearest(outputs, safe)} to be safe, got {outputs}: it has to divide {self.inputs} "
                f"inputs * {self.fan_out} fan-out"
            )
        stage = np.zeros((outputs, self.inputs), bool)
        stage[np.arange(slots) // (slots // outputs), self.neurons()] = True
        twice = slots - np.count_nonzero(stage)
        if twice:
            raise ValueError(
                f"outputs must be {nearest(outputs, safe)} to be safe, got {outputs}: a fan-in of {slots // outputs} "
                f"does not divide {self.inputs} inputs, and draws {twice} edges twice"
            )
        return Topology([stage], name=name)


def clash_free(inputs: int, fan_out: int, parallelism: int, pattern: str, rng: np.random.Generator) -> Interleaver:
    """A random interleaver of one of three types, as the authors' public code draws them.

    "clash-free-1": each lane's row order is any permutation, new in each sweep. "clash-free-2": each lane starts at
    any row and counts up modulo p / z, new starts in each sweep. "clash-free-3": as 2, the same starts in all sweeps.
    With "+MD" (memory dither) the memories are dealt to the lanes at random, anew in each sweep except in type 3.

    Args:
        inputs: left neurons p.
        fan_out: sweeps.
        parallelism: z, a divisor of `inputs`.
        pattern: one of `junctions.CLASH_FREE`.
        rng: NumPy generator; the same state gives the same interleaver.

    Raises:
        ValueError: an argument out of range; the message names the nearest valid values.
    """
    inputs, fan_out = _checked_edges(inputs, fan_out)
    lanes = check_parallelism(inputs, parallelism)
    kind, dithered = clash_free_type(pattern)
    generator(rng)
    depth = inputs // lanes
    sweeps = 1 if kind == 3 else fan_out
    if kind == 1:
        in_order = np.broadcast_to(np.arange(depth)[:, None], (sweeps, depth, lanes))
        rows = rng.permuted(in_order, axis=1)
    else:
        rows = _counting_from(rng.integers(depth, size=(sweeps, lanes)), depth)
    memories = _memories(sweeps, lanes, rng if dithered else None)
    repeats = fan_out // sweeps
    return Interleaver(np.tile(rows, (repeats, 1, 1)), np.tile(memories, (repeats, 1)))


def start_vector(inputs: int, fan_out: int, parallelism: int, variant: str, rng: np.random.Generator) -> Interleaver:
    """The Asilomar construction: all starts of all sweeps from one short vector of rows, the start vector.

    Lane l of sweep k has place j = k z + l. It starts at row r[j mod d] + c[j // d mod d] modulo d = p / z and counts
    up: the start vector r is replicated (or, where z < d, dealt out) over lanes and sweeps, each replica moved on by
    one of the sweep starters c. Unshuffled, both are 0 ... d - 1: "Basic". "SV" shuffles the start vector r, "SS" the
    sweep starters c, "MD" deals the memories to the lanes at random in each sweep. The construction is read off the
    published worked example (p = 32, fo = 2, z = 8: slot 45 reads row 1, neuron 13, edge 27) and off the default
    starts in the authors' Verilog, both of which it meets.

    Args:
        inputs, fan_out, parallelism, rng: as for `clash_free`.
        variant: one of `VARIANTS`, named as in the published comparison.

    Raises:
        ValueError: an argument out of range; the message names the nearest valid values.
    """
    inputs, fan_out = _checked_edges(inputs, fan_out)
    lanes = check_parallelism(inputs, parallelism)
    one_of("variant", variant, VARIANTS)
    generator(rng)
    shuffles = variant.split("+")
    depth = inputs // lanes
    vector = rng.permutation(depth) if "SV" in shuffles else np.arange(depth)
    starters = rng.permutation(depth) if "SS" in shuffles else np.arange(depth)
    place = np.arange(fan_out * lanes).reshape(fan_out, lanes)
    starts = vector[place % depth] + starters[place // depth % depth]
    return Interleaver(_counting_from(starts, depth), _memories(fan_out, lanes, rng if "MD" in shuffles else None))


def _checked_edges(inputs: object, fan_out: object) -> tuple[int, int]:
    """Both as positive ints, if an interleaver of as many edges fits into half a gigabyte."""
    inputs, fan_out = size("inputs", inputs), size("fan_out", fan_out)
    if inputs * fan_out > _MOST_EDGES:
        raise ValueError(
            f"inputs, fan_out must give at most {_MOST_EDGES:,} edges to be built, got inputs = {inputs}, "
            f"fan_out = {fan_out}: {inputs * fan_out:,}"
        )
    return inputs, fan_out


def _counting_from(starts: np.ndarray, depth: int) -> np.ndarray:
    """Rows (sweeps, depth, lanes) of counters that begin at `starts` (sweeps, lanes) and wrap around."""
    return (starts[:, None, :] + np.arange(depth)[:, None]) % depth


def _memories(sweeps: int, lanes: int, rng: np.random.Generator | None) -> np.ndarray:
    """Memory of each lane, (sweeps, lanes): its own, or where `rng` is given dealt at random in each sweep."""
    own = np.tile(np.arange(lanes), (sweeps, 1))
    return own if rng is None else rng.permuted(own, axis=1)


def _check_orders(name: str, array: np.ndarray, unit: str) -> None:
    """Raise ValueError unless axis 1 runs through 0 ... its length - 1 in some order everywhere; make it read-only."""
    wanted = np.arange(array.shape[1]).reshape(-1, *[1] * (array.ndim - 2))
    if not (np.sort(array, axis=1) == wanted).all():
        raise ValueError(
            f"{name} must hold each of 0 ... {array.shape[1] - 1} once per {unit}, got {array.min()} ... {array.max()} "
            f"in shape {array.shape}"
        )
    array.setflags(write=False)
