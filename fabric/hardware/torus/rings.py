"""Cycles of cascades of any depth on a torus of processing elements, one neuron to a place (ClosNets, section III)."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np


class Rings(NamedTuple):
    """A cascade on the smallest torus that it fits.

    Attributes:
        rows, columns: of the torus.
        cycles: of one forward pass, the same for a backward pass; stages one after the other.
    """

    rows: int
    columns: int
    cycles: int


def clos_rings(inputs: int, outputs: int, routers: Sequence[int]) -> Rings:
    """A Clos cascade of any number of router levels; three levels take the cycles of `TorusMapping`.

    The routers of the first level are rows, of the second columns, of the third rows again, and so on: every stage
    finds its operands where the stage before left its results. A stage takes as many cycles as values circulate on a
    ring or as the ring has places, whichever are more.

    Args:
        inputs, outputs: of the cascade.
        routers: per level, at least two levels.
    """
    per_router = [-(-inputs // routers[0]), *routers[:-1]]  # values that circulate for a router of each level
    last = -(-outputs // routers[-1])
    on_rows, on_columns = list(routers[::2]), list(routers[1::2])
    (on_columns if len(routers) % 2 else on_rows).append(last)
    rows, columns = max(on_rows), max(on_columns)
    rings = [rows if level % 2 else columns for level in range(len(routers))]
    return Rings(rows, columns, sum(map(max, per_router, rings)))


def butterfly_rings(radices: Sequence[int], count: int = 1) -> Rings:
    """`count` butterflies of the same sizes, one after the other on one torus of as many places as neurons in a level.

    Every digit of a neuron's number belongs to its row or to its column. A stage mixes one digit, so its values stay
    in their rows or columns and take one round; two digits need no other cycles than two levels of routers. The digits
    are dealt out such that the sum of all rounds is least.

    Args:
        radices: per stage; their product is the number of neurons.
        count: butterflies that are added up.
    """
    sizes = np.array(radices)
    places = np.array(list(product([False, True], repeat=len(sizes))))  # of each digit: column or not
    columns = np.where(places, sizes, 1).prod(axis=1)
    rows = sizes.prod() // columns
    cycles = np.where(places, columns[:, None], rows[:, None]).sum(axis=1)
    best = int(cycles.argmin())
    return Rings(int(rows[best]), int(columns[best]), count * int(cycles[best]))
