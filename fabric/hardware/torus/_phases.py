"""A cascade level by level: its rings, where it takes its inputs and where it leaves its outputs on a torus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fabric._checks import positive_int

Axis = Literal["row", "column"]
ACTIVATIONS = ("identity", "relu", "sigmoid")


@dataclass(frozen=True)
class Phase:
    """One level of routers of a cascade on the torus.

    Attributes:
        axis: values circulate along the rows or along the columns.
        rings: rows or columns in use.
        values: values that circulate on a ring.
        neurons: PEs of a ring that compute.
        length: cycles, one for each place of the ring or value, whichever are more.
        activation: function at the end: "identity" inside a cascade.
    """

    axis: Axis
    rings: int
    values: int
    neurons: int
    length: int
    activation: str

    @property
    def edges(self) -> int:
        """Multiply-accumulates of the phase: weights that are not padding."""
        return self.rings * self.values * self.neurons

    def addresses(self, places: int) -> np.ndarray:
        """Where a pass reads the weights of this phase: the address in its memory that each place of a ring uses in
        each cycle, int64 (places, length), counted from the phase's first.
        """
        return (np.arange(places)[:, None] - np.arange(self.length)) % self.length


def checked(cascade: tuple[int, ...]) -> tuple[int, ...]:
    """A cascade (I, O, R_1, ..., R_k) or (I, O), or ValueError."""
    if not isinstance(cascade, Sequence) or isinstance(cascade, (str, bytes)) or len(cascade) < 2:
        raise ValueError(f"a cascade must be (I, O), (I, O, R_i, R_m, R_o) or of other levels, got {cascade!r}")
    names = ("inputs", "outputs", *(f"routers of level {level}" for level in range(1, len(cascade) - 1)))
    sizes = tuple(positive_int(f"{name} of a cascade", size) for name, size in zip(names, cascade, strict=True))
    routers = _routers(sizes)
    if sizes[0] % routers[0] or sizes[1] % routers[-1]:
        raise ValueError(f"R_1 must divide I and R_k must divide O, got cascade {sizes}")
    return sizes


def phases_of(cascade: tuple[int, ...], activation: str, rows: int, columns: int) -> Iterator[Phase]:
    """The phases of a cascade on a torus, in turn along the rows and along the columns."""
    levels = list(_levels(cascade))
    for number, (rings, values, neurons) in enumerate(levels):
        axis: Axis = "column" if number % 2 else "row"
        length = max(values, columns if axis == "row" else rows)
        kind = activation if number == len(levels) - 1 else "identity"
        yield Phase(axis, rings, values, neurons, length, kind)


def inputs_of(cascade: tuple[int, ...]) -> tuple[int, int]:
    """Rows, and values of a row, in which a cascade takes its inputs."""
    rings, values, _ = next(_levels(cascade))
    return rings, values


def outputs_of(cascade: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of the PEs in which a cascade leaves its outputs."""
    *before, (rings, _, neurons) = _levels(cascade)
    return (neurons, rings) if len(before) % 2 else (rings, neurons)


def extent(cascade: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns that a cascade needs."""
    rows, columns = 1, 1
    for number, (rings, values, neurons) in enumerate(_levels(cascade)):
        if number % 2:
            rows, columns = max(rows, values, neurons), max(columns, rings)
        else:
            places = max(values, neurons) if number else neurons  # the first values may be fed
            rows, columns = max(rows, rings), max(columns, places)
    return rows, columns


def _routers(cascade: tuple[int, ...]) -> tuple[int, ...]:
    return cascade[2:] or (1,)


def _levels(cascade: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Routers of each level, with the inputs and the outputs of one: rings, values, neurons."""
    inputs, outputs = cascade[:2]
    routers = _routers(cascade)
    values = (inputs // routers[0], *routers[:-1])
    neurons = (*routers[1:], outputs // routers[-1])
    yield from zip(routers, values, neurons, strict=True)
