"""How many clash-free junctions there are: as address sequences, and as adjacency matrices.

Both counts are exact Python integers and factor over sweeps and memories. What couples them is the order in which a
lane serves the right neurons: lane l gives neuron j a number c[l, j] of its rows in a sweep.

- An address sequence is the row order t of every lane. Of the dealings v of memories to lanes (memory dither) only
  those are told apart that change which memory serves which neurons: lanes with equal c are interchangeable, which
  leaves z! / (product of the sizes of their groups, each factorial) = k dealings. This is the published count,
  (k (d!)^z)^fo, (k d^z)^fo and k d^z for types 1, 2 and 3 with d = p / z rows; k is published for fan-ins that divide z
  or that z divides, and holds for all others as well.
- An adjacency matrix forgets in which order a lane reads the rows that go to the same neuron. That merges address
  sequences of type 1 wherever some c[l, j] > 1, hence a count below the published one for fan-ins above z.
"""

import math
from collections import Counter

import numpy as np

from fabric._checks import size
from fabric.topology.junctions import MOST, check_fan_out, check_parallelism, clash_free_type, default_parallelism

_MOST_ENTRIES = 1 << 24  # a count is an integer of about as many bits


def address_sequences(inputs: int, outputs: int, fan_out: int, pattern: str, parallelism: int | None = None) -> int:
    """Number of address sequences of a clash-free pattern: the published count, see above.

    Dealings of the memories that cannot be told apart count once. The integer is exact and may be long: `math.log10`
    tells its digits where Python refuses to print them.

    Args:
        inputs, outputs, fan_out, parallelism: as for `topology.predefined`.
        pattern: one of `junctions.CLASH_FREE`.

    Raises:
        ValueError: arguments that `topology.predefined` refuses.
    """
    shares = _shares(inputs, outputs, fan_out, pattern, parallelism)
    lanes, depth = len(shares), inputs // len(shares)
    orders = math.factorial(depth) if clash_free_type(pattern)[0] == 1 else depth
    return (_dealings(shares, pattern) * orders**lanes) ** _drawn_sweeps(fan_out, pattern)


def adjacency_matrices(inputs: int, outputs: int, fan_out: int, pattern: str, parallelism: int | None = None) -> int:
    """Number of different adjacency matrices of a clash-free pattern, see above.

    Args:
        inputs, outputs, fan_out, pattern, parallelism: as for `address_sequences`.

    Raises:
        ValueError: arguments that `topology.predefined` refuses.
    """
    shares = _shares(inputs, outputs, fan_out, pattern, parallelism)
    if fan_out == outputs:
        return 1
    lanes, depth = len(shares), inputs // len(shares)
    if clash_free_type(pattern)[0] == 1:
        per_sweep = math.prod(_deals(depth, share) for share in shares)
    else:
        per_sweep = depth**lanes  # below full fan-in every lane has a neuron with some but not all rows: starts show
    return (_dealings(shares, pattern) * per_sweep) ** _drawn_sweeps(fan_out, pattern)


def _shares(inputs: int, outputs: int, fan_out: int, pattern: str, parallelism: int | None) -> list[tuple[int, ...]]:
    """Rows that each lane gives to each right neuron of a drawn sweep: c[l, j] as one tuple per lane.

    Type 3 draws once for all sweeps, whose neurons then all count; in types 1 and 2 every sweep has neurons of its own
    and the first one stands for all.
    """
    inputs, outputs = size("inputs", inputs, MOST), size("outputs", outputs, MOST)
    clash_free_type(pattern)
    fan_out = check_fan_out(inputs, outputs, fan_out, pattern)
    if inputs * outputs > _MOST_ENTRIES:
        raise ValueError(
            f"inputs, outputs must have a product of at most {_MOST_ENTRIES:,} to be counted, got inputs = {inputs}, "
            f"outputs = {outputs}"
        )
    if parallelism is None:
        parallelism = default_parallelism(inputs, outputs, fan_out)
    lanes = check_parallelism(inputs, parallelism)
    slots = np.arange(inputs * fan_out // _drawn_sweeps(fan_out, pattern))
    counts = np.zeros((lanes, outputs), int)
    np.add.at(counts, (slots % lanes, slots // (inputs * fan_out // outputs)), 1)
    return [tuple(map(int, row)) for row in counts]


def _drawn_sweeps(fan_out: int, pattern: str) -> int:
    return 1 if clash_free_type(pattern)[0] == 3 else fan_out


def _dealings(shares: list[tuple[int, ...]], pattern: str) -> int:
    """k: dealings of the memories to the lanes that can be told apart; 1 without memory dither."""
    _, dithered = clash_free_type(pattern)
    if not dithered:
        return 1
    return math.factorial(len(shares)) // math.prod(math.factorial(group) for group in Counter(shares).values())


def _deals(rows: int, share: tuple[int, ...]) -> int:
    """Ways to deal a memory's rows to neurons that get `share` of them: a multinomial coefficient."""
    return math.factorial(rows) // math.prod(math.factorial(count) for count in share)
