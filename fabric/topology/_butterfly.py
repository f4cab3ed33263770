"""Butterflies: one digit of the neuron's number is mixed per stage, alone or several side by side."""

import math
from collections.abc import Iterator, Sequence
from itertools import cycle, islice, permutations

import numpy as np

from fabric._checks import positive_int
from fabric.topology._topology import Topology


def butterfly(n: int, radix: int | Sequence[int] = 2) -> Topology:
    """Butterfly of n inputs, n outputs and L stages, where n = radix**L.

    Neuron numbers are written with L digits. Stage s joins the neurons whose numbers differ in digit s at most, the
    most significant digit first, so radix 2 starts with the pairs n / 2 apart. There are n * radix * L parameters,
    n (L - 1) hidden neurons, and exactly one path from every input to every output.

    Args:
        n: inputs and outputs.
        radix: neurons that each neuron is joined to, at least 2; or one radix per stage, whose product must be n
            (mixed radix: n * sum(radix) parameters).

    Raises:
        ValueError: a radix below 2, or an n that is not a power of the radix or not the product of the radices.
    """
    radices = _radices(n, radix)
    return Topology(_stages(radices, range(len(radices))), name=f"butterfly({n}, {radix})")


def parallel_butterfly(n: int, count: int, radix: int | Sequence[int] = 2) -> Topology:
    """`count` butterflies side by side: the inputs fan out to all of them and the outputs add them up.

    P = count * n * radix * L parameters, H = count * n (L - 1) hidden neurons and exactly `count` paths between every
    pair. Neuron j of butterfly b is number b * n + j of its level. The butterflies mix the digits in different orders,
    so that they are not copies of each other: first all rotations of the natural order, which differ at every stage,
    then the rotations of other orders; after L! butterflies the orders repeat.

    Args:
        n: inputs and outputs.
        count: butterflies; 1 is `butterfly(n, radix)`.
        radix: as for `butterfly`; there must be at least two stages if `count` is above 1.

    Raises:
        ValueError: an argument out of range, or several butterflies of a single stage (they would share their edges).
    """
    radices = _radices(n, radix)
    count = positive_int("count", count)
    if count > 1 and len(radices) == 1:
        raise ValueError(
            f"radix must give at least two stages for count = {count}, got radix {radix!r} with n = {n}: "
            "one stage of several butterflies would hold the same edges several times"
        )
    butterflies = [_stages(radices, order) for order in islice(_digit_orders(len(radices)), count)]
    first, *middle, last = zip(*butterflies, strict=True) if count > 1 else ((stage,) for stage in butterflies[0])
    return Topology(
        [np.concatenate(first), *map(_block_diagonal, middle), np.concatenate(last, axis=1)],
        name=f"parallel_butterfly({n}, {count}, {radix})",
    )


def _radices(n: int, radix: int | Sequence[int]) -> list[int]:
    """One radix per stage."""
    n = positive_int("n", n)
    if isinstance(radix, Sequence) and not isinstance(radix, str):
        radices = [_at_least_two(f"radix[{stage}]", value) for stage, value in enumerate(radix)]
        if not radices or math.prod(radices) != n:
            raise ValueError(f"n must be the product of the radices {tuple(radix)}, {math.prod(radices)}, got {n}")
        return radices
    radix = _at_least_two("radix", radix)
    stages = 1
    while radix ** (stages + 1) <= n:
        stages += 1
    if radix**stages != n:
        nearest = f"{radix**stages} or {radix ** (stages + 1)}" if n > radix else str(radix)
        raise ValueError(f"n must be a power of the radix {radix} (nearest: {nearest}), got {n}")
    return [radix] * stages


def _at_least_two(name: str, value: int) -> int:
    number = positive_int(name, value)
    if number == 1:
        raise ValueError(f"{name} must be at least 2, got 1: no digit has one value only")
    return number


def _stages(radices: Sequence[int], order: Sequence[int]) -> list[np.ndarray]:
    """The stages of one butterfly that mixes the digits in the given order; digit 0 is the most significant."""
    n = math.prod(radices)
    numbers = np.arange(n)
    stages = []
    for digit in order:
        weight = math.prod(radices[digit + 1 :])
        others = numbers - numbers // weight % radices[digit] * weight  # the number with this digit set to 0
        stages.append(others[:, None] == others[None, :])
    return stages


def _digit_orders(digits: int) -> Iterator[tuple[int, ...]]:
    """Every order of the digits, all rotations of one after those of another, over and over again."""
    unrotated = ((0, *rest) for rest in permutations(range(1, digits)))
    return cycle(order[shift:] + order[:shift] for order in unrotated for shift in range(digits))


def _block_diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    n = blocks[0].shape[0]
    stage = np.zeros((len(blocks) * n, len(blocks) * n), bool)
    for position, block in enumerate(blocks):
        stage[position * n : (position + 1) * n, position * n : (position + 1) * n] = block
    return stage
