"""The arithmetic of pre-defined sparse junctions: which fan-outs and parallelisms exist, and the densities they give.

A junction joins p left neurons (inputs) to n right neurons (outputs). With fan-out fo and fan-in fi it has
W = p fo = n fi edges and density W / (p n) = fo / n = fi / p (pre-defined sparsity poster, section 2).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real

from fabric._checks import integer, one_of, positive_int, sequence, shown, size

CLASH_FREE = (
    "clash-free-1",
    "clash-free-2",
    "clash-free-3",
    "clash-free-1+MD",
    "clash-free-2+MD",
    "clash-free-3+MD",
)
MOST = 1 << 18  # neurons on a side of a junction that is drawn: seconds and a few gigabytes at the very most
PATTERNS = ("random", "structured", *CLASH_FREE)


@dataclass(frozen=True)
class Densities:
    """Densities of a network of junctions, as fractions.

    Attributes:
        junctions: density of each junction, inputs first.
        overall: all edges divided by all those of the dense network.
        edges: edges of each junction.
        dense_edges: edges that each junction would have if it were dense.
    """

    junctions: tuple[float, ...]
    overall: float
    edges: tuple[int, ...]
    dense_edges: tuple[int, ...]


def densities(widths: Sequence[int], fan_outs: Sequence[int]) -> Densities:
    """Densities of the junctions between layers of the given widths, and overall: sum of p fo over sum of p n.

    Fan-ins need not be whole here, as those of "random" patterns; `valid_fan_outs` tells which are.

    Args:
        widths: neurons per layer, inputs first; at least two layers.
        fan_outs: one per junction, from 1 to the neurons on its right.

    Raises:
        ValueError: a width or fan-out out of range, or a number of fan-outs that is not one less than that of widths.
    """
    sequence("widths", widths, "neurons per layer, one for each of at least two layers")
    sequence("fan_outs", fan_outs, "fan-outs, one per junction")
    given = shown(widths)
    widths = [size(f"widths[{i}]", width) for i, width in enumerate(widths)]
    if len(widths) < 2 or len(fan_outs) != len(widths) - 1:
        raise ValueError(
            f"fan_outs must hold one fan-out per junction of at least two layers, got {len(fan_outs)} fan-outs, "
            f"{shown(fan_outs)}, for {len(widths)} widths, {given}"
        )
    edges = [
        inputs * positive_int(f"fan_outs[{i}]", fan_out, upper=outputs)
        for i, ((inputs, outputs), fan_out) in enumerate(zip(pairwise(widths), fan_outs, strict=True))
    ]
    dense = [inputs * outputs for inputs, outputs in pairwise(widths)]
    return Densities(
        junctions=tuple(some / every for some, every in zip(edges, dense, strict=True)),
        overall=sum(edges) / sum(dense),
        edges=tuple(edges),
        dense_edges=tuple(dense),
    )


def valid_fan_outs(inputs: int, outputs: int, pattern: str = "structured") -> list[int]:
    """All fan-outs that a pattern allows between `inputs` and `outputs` neurons, ascending.

    "random" takes any. "structured" and "clash-free-3" need an integer fan-in: n divides p fo. "clash-free-1" and
    "clash-free-2" address the memories anew in every sweep, so a right neuron whose edges come from two sweeps could
    get one of them twice; none has edges from two sweeps if the fan-in divides p, that is if fo = n / q for a common
    divisor q of p and n.

    Raises:
        ValueError: a size that is not a positive integer, or an unknown pattern.
    """
    inputs = size("inputs", inputs, MOST)
    outputs = size("outputs", outputs, MOST)
    check_pattern(pattern)
    common = math.gcd(inputs, outputs)
    if pattern == "random":
        return list(range(1, outputs + 1))
    if pattern in CLASH_FREE and clash_free_type(pattern)[0] < 3:
        return sorted(outputs // divisor for divisor in divisors(common))
    return list(range(outputs // common, outputs + 1, outputs // common))


def nearest_fan_out(inputs: int, outputs: int, density: float, pattern: str = "structured") -> int:
    """The fan-out that a pattern allows whose density, fo / n, comes closest to `density`; the smaller one of two.

    Raises:
        ValueError: a size that is not a positive integer, an unknown pattern, or a density outside 0 ... 1.
    """
    if isinstance(density, bool) or not isinstance(density, Real) or not 0 <= density <= 1:
        raise ValueError(f"density must be from 0 to 1, got {shown(density)}")
    return min(valid_fan_outs(inputs, outputs, pattern), key=lambda fan_out: abs(fan_out - density * outputs))


def check_pattern(pattern: str) -> None:
    """Raise ValueError unless `pattern` is one of `PATTERNS`."""
    one_of("pattern", pattern, PATTERNS)


def clash_free_type(pattern: str) -> tuple[int, bool]:
    """The type of a clash-free pattern, 1, 2 or 3, and whether it has memory dither.

    Raises:
        ValueError: not one of `CLASH_FREE`.
    """
    one_of("pattern", pattern, CLASH_FREE)
    name, _, dither = pattern.partition("+")
    return int(name[-1]), dither == "MD"


def check_fan_out(inputs: int, outputs: int, fan_out: object, pattern: str) -> int:
    """`fan_out` as an int that `pattern` allows between `inputs` and `outputs` neurons.

    Raises:
        ValueError: another fan-out; the message names the nearest valid ones.
    """
    fan_out = positive_int("fan_out", fan_out)
    valid = valid_fan_outs(inputs, outputs, pattern)
    if fan_out in valid:
        return fan_out
    if fan_out > outputs:
        reason = f"an input has at most one edge to each of {outputs} outputs"
    elif inputs * fan_out % outputs:
        reason = f"{inputs} * {fan_out} edges do not divide evenly among {outputs} outputs"
    else:
        reason = (
            f"a fan-in of {inputs * fan_out // outputs} does not divide {inputs} inputs, so {pattern} could draw an "
            "edge twice (clash-free-3 could not)"
        )
    raise ValueError(f"fan_out must be {nearest(fan_out, valid)}, got {shown(fan_out)}: {reason}")


def check_parallelism(inputs: int, parallelism: object) -> int:
    """`parallelism` as an int that divides `inputs`: z memories of p / z rows hold the p activations.

    Raises:
        ValueError: another parallelism; the message names the nearest valid ones.
    """
    inputs = size("inputs", inputs)
    parallelism = positive_int("parallelism", parallelism)
    if inputs % parallelism:
        raise ValueError(
            f"parallelism must be {nearest(parallelism, divisors(inputs))}, got {shown(parallelism)}: "
            f"it has to divide {inputs} inputs"
        )
    return parallelism


def default_parallelism(inputs: int, outputs: int, fan_out: int) -> int:
    """The greatest common divisor of inputs and fan-in: the largest z whose cycles each read for one output.

    Raises:
        ValueError: an argument that is not a positive integer.
    """
    inputs, outputs = positive_int("inputs", inputs), positive_int("outputs", outputs)
    return math.gcd(inputs, inputs * positive_int("fan_out", fan_out) // outputs)


def divisors(number: int) -> list[int]:
    """All positive divisors, ascending.

    Raises:
        ValueError: not a positive integer, or one above 2**40, whose divisors would take seconds to find.
    """
    number = size("number", number, 1 << 40)
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})


def nearest(value: int, valid: Sequence[int]) -> str:
    """The neighbours of `value` in the ascending `valid`, for a message: "40 or 48".

    Raises:
        ValueError: a `value` that is no integer, or a `valid` that is not a sequence of integers.
    """
    value = integer("value", value)
    valid = [integer(f"valid[{i}]", entry) for i, entry in enumerate(sequence("valid", valid, "integers"))]
    position = bisect_left(valid, value)
    return " or ".join(str(neighbour) for neighbour in valid[max(position - 1, 0) : position + 1])
