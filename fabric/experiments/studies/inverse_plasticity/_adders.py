"""Products of one operand with many constants as a graph of adders: canonical signed digits, and what is shared.

Only odd values above one need an adder; a shift is a wire. A value that one adder makes of two present ones is taken at
once. Where there is none, the value is split so that what is left has the fewest signed digits (a greedy form of the
graph algorithms of Dempster and Macleod 1995), so that no constant takes more adders than its digits less one.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Adder(NamedTuple):
    """`value` = ± (`left` << `shift`) ± `right`, with the values of other adders, or one, on the right.

    Attributes:
        value, left, right: odd and positive.
        shift: of the left one, at least 1.
        signs: of both.
    """

    value: int
    left: int
    shift: int
    right: int
    signs: tuple[int, int]


def digits(value: int) -> int:
    """Digits of a positive integer that are not zero in its canonical signed form, the fewest of any."""
    count = 0
    while value:
        if value & 1:
            count += 1
            value -= 2 - (value & 3)
        value >>= 1
    return count


def odd(value: int) -> tuple[int, int]:
    """The odd part of a positive integer and its shift."""
    shift = (value & -value).bit_length() - 1
    return value >> shift, shift


def plan(constants: Iterable[int]) -> list[Adder]:
    """Adders that make the odd parts of all constants, each after those that it needs.

    Args:
        constants: integers from 0.
    """
    wanted = sorted({odd(constant)[0] for constant in constants if constant}, key=lambda value: (digits(value), value))
    known, adders = {1}, []
    wanted = [value for value in wanted if value != 1]
    while wanted:
        made = next((adder for value in wanted if (adder := _best(value, known)).right in known), None)
        if made is None:
            wanted.insert(0, _best(wanted[0], known).right)
        else:
            adders.append(made)
            known.add(made.value)
            wanted.remove(made.value)
    return adders


def _best(value: int, known: set[int]) -> Adder:
    """The adder for a value whose left part is known and whose right part is known or has the fewest digits."""
    choices = []
    for left in known:
        for shift in range(1, value.bit_length() + 1):
            term = left << shift
            choices.append(Adder(value, left, shift, value + term, (-1, 1)))
            if term != value:
                choices.append(Adder(value, left, shift, abs(value - term), (1, 1 if value > term else -1)))
    return min(choices, key=lambda adder: (adder.right not in known, digits(adder.right), adder))
