"""Butterflies: one digit of the neuron's number is mixed per stage, alone or several side by side."""

import math
from collections.abc import Iterator, Sequence
from itertools import cycle, islice, permutations

import numpy as np

from fabric._checks import buildable, positive_int, shown, size
from fabric.topology._families import family
from fabric.topology._stages import Routers
from fabric.topology._topology import Topology


@family
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
    buildable([n] * (len(radices) + 1), n=n, radix=radix)
    return Topology(_one_butterfly(radices), name=f"butterfly({n}, {radix})")


@family
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
    count = size("count", count)
    if count > 1 and len(radices) == 1:
        raise ValueError(
            f"radix must give at least two stages for count = {count}, got radix {shown(radix)} with n = {n}: "
            "one stage of several butterflies would hold the same edges several times"
        )
    name = f"parallel_butterfly({n}, {count}, {radix})"
    if count == 1:
        return Topology(_one_butterfly(radices), name)
    buildable([n, *[count * n] * (len(radices) - 1), n], n=n, count=count, radix=radix)
    orders = islice(_digit_orders(len(radices)), count)
    # Routers of butterfly b are numbered from b * n; inputs and outputs are wired to one of each butterfly.
    wires = [[b * n + own for own in _wires(radices, order)] for b, order in enumerate(orders)]
    levels = [np.stack(level) for level in zip(*wires, strict=True)]  # each (count, n)
    first, *middle, last = levels
    return Topology(
        [
            Routers(first.ravel(), first.T),
            *(Routers(level.ravel(), level.ravel()) for level in middle),
            Routers(last.T, last.ravel()),
        ],
        name,
    )


def _radices(n: int, radix: int | Sequence[int]) -> list[int]:
    """One radix per stage."""
    n = size("n", n)
    if isinstance(radix, Sequence) and not isinstance(radix, str | bytes):
        radices = [_at_least_two(f"radix[{stage}]", value) for stage, value in enumerate(radix)]
        if not radices or math.prod(radices) != n:
            product = shown(math.prod(radices))
            raise ValueError(f"radix must have the product n = {n}, got {shown(radix)} with product {product}")
        return radices
    radix = _at_least_two("radix", radix)
    stages = 1
    while radix ** (stages + 1) <= n:
        stages += 1
    if radix**stages != n:
        nearest = f"{radix**stages} or {radix ** (stages + 1)}" if n > radix else shown(radix)
        raise ValueError(f"n must be a power of the radix {shown(radix)} (nearest: {nearest}), got {n}")
    return [radix] * stages


def _at_least_two(name: str, value: object) -> int:
    number = positive_int(name, value)
    if number == 1:
        raise ValueError(f"{name} must be at least 2, got 1: no digit has one value only")
    return number


def _one_butterfly(radices: Sequence[int]) -> list[Routers]:
    return [Routers(wires, wires) for wires in _wires(radices, range(len(radices)))]


def _wires(radices: Sequence[int], order: Sequence[int]) -> list[np.ndarray]:
    """Router of every neuron in each stage of one butterfly that mixes the digits in this order; digit 0 leads.

    The neurons of a router differ in the digit that its stage mixes; the router's number is theirs with this digit 0.
    """
    n = math.prod(radices)
    numbers = np.arange(n)
    wires = []
    for digit in order:
        weight = math.prod(radices[digit + 1 :])
        wires.append(numbers - numbers // weight % radices[digit] * weight)
    return wires


def _digit_orders(digits: int) -> Iterator[tuple[int, ...]]:
    """Every order of the digits, all rotations of one after those of another, over and over again."""
    unrotated = ((0, *rest) for rest in permutations(range(1, digits)))
    return cycle(order[shift:] + order[:shift] for order in unrotated for shift in range(digits))
