"""Clos cascades on a torus of processing elements: which PE computes which neuron when (ClosNets, figure 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fabric._checks import positive_int
from fabric.hardware.fixed_point import FixedPoint

Axis = Literal["row", "column"]
ACTIVATIONS = ("identity", "relu", "sigmoid")


@dataclass(frozen=True)
class Phase:
    """One stage of a cascade on the torus.

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


class TorusMapping:
    """Cascades that run one after the other on one torus, each Clos cascade in three phases.

    Router r of the input stage is row r, router m of the middle stage column m, router o of the output stage row o:
    every phase finds its operands where the phase before left its results (shared ring rule: a phase takes the larger
    of the values that circulate and the places of the ring). What a cascade leaves free is padded with zero weights,
    which stay zero. A dense layer (inputs, outputs) is one phase on a torus of a single row: the dense ring.

    Args:
        cascades: tuples (I, O, R_i, R_m, R_o), or (I, O) for a dense layer; each takes the outputs of the one before.
        activations: one of "identity", "relu", "sigmoid" for the end of each cascade; None for identity everywhere.
        rows, columns: of the torus; None for the smallest that fits.

    Raises:
        ValueError: sizes that do not divide, do not follow one another or do not fit the torus.
    """

    def __init__(
        self,
        cascades: Sequence[tuple[int, ...]],
        activations: Sequence[str] | None = None,
        rows: int | None = None,
        columns: int | None = None,
    ) -> None:
        self.cascades = tuple(_checked(cascade) for cascade in cascades)
        if not self.cascades:
            raise ValueError("cascades must hold at least one cascade, got none")
        self.activations = tuple(activations) if activations is not None else ("identity",) * len(self.cascades)
        if len(self.activations) != len(self.cascades) or not set(self.activations) <= set(ACTIVATIONS):
            raise ValueError(
                f"activations must be one of {', '.join(ACTIVATIONS)} for each of the {len(self.cascades)} cascades, "
                f"got {self.activations}"
            )
        for before, after in zip(self.cascades, self.cascades[1:], strict=False):
            have, want = _ends(before)[1], _ends(after)[0]
            if have != want:
                raise ValueError(
                    f"cascade {after} must take its inputs as {have[0]} rows of {have[1]}, as cascade {before} leaves "
                    f"them, got {want[0]} rows of {want[1]}"
                )
        self.rows = positive_int("rows", rows) if rows is not None else max(_extent(c)[0] for c in self.cascades)
        least = max(2, *(_extent(c)[1] for c in self.cascades))
        self.columns = positive_int("columns", columns) if columns is not None else least
        for cascade in self.cascades:
            need = _extent(cascade)
            if need[0] > self.rows or need[1] > self.columns or self.columns < 2 or (len(cascade) == 2 < self.rows + 1):
                raise ValueError(
                    f"cascade {cascade} needs {'exactly one row' if len(cascade) == 2 else f'at least {need[0]} rows'} "
                    f"and at least {max(need[1], 2)} columns, the torus has {self.rows} × {self.columns}"
                )
        self.phases = tuple(
            phase
            for cascade, activation in zip(self.cascades, self.activations, strict=True)
            for phase in self._phases(cascade, activation)
        )
        if any(phase.length < 2 for phase in self.phases):
            raise ValueError(f"every ring in use must have at least two places, the torus has {self.rows} rows")

    def _phases(self, cascade: tuple[int, ...], activation: str) -> tuple[Phase, ...]:
        if len(cascade) == 2:
            inputs, outputs = cascade
            return (Phase("row", 1, inputs, outputs, max(inputs, self.columns), activation),)
        i, o, r_i, r_m, r_o = cascade
        return (
            Phase("row", r_i, i // r_i, r_m, max(i // r_i, self.columns), "identity"),
            Phase("column", r_m, r_i, r_o, self.rows, "identity"),
            Phase("row", r_o, r_m, o // r_o, self.columns, activation),
        )

    @property
    def inputs(self) -> int:
        """Inputs of the first cascade."""
        return self.cascades[0][0]

    @property
    def outputs(self) -> int:
        """Outputs of the last cascade."""
        return self.cascades[-1][1]

    @property
    def edges(self) -> int:
        """Weights that are not padding."""
        return sum(phase.edges for phase in self.phases)

    @property
    def fed(self) -> bool:
        """Whether the first phase has more values than the ring has places."""
        return self.phases[0].length > self.columns

    def memories(self, weights: Sequence[np.ndarray], fixed_point: FixedPoint) -> list[np.ndarray]:
        """The stored weights of all phases as `memory` gives them.

        Raises:
            ValueError: other than one array a phase, floats, or weights that the format does not hold.
        """
        if len(weights) != len(self.phases):
            raise ValueError(f"weights must be {len(self.phases)} arrays, one a phase, got {len(weights)}")
        return [
            self.memory(index, fixed_point.stored(values, f"weights of phase {index}"))
            for index, values in enumerate(weights)
        ]

    def memory(self, phase: int, weights: np.ndarray) -> np.ndarray:
        """Weights of a phase as its PEs hold them.

        Args:
            phase: index into `phases`.
            weights: (rings, neurons, values), as `ClosLinear` holds its stages.

        Returns:
            (rows, columns, length), zero where there is no edge.
        """
        shape = self.phases[phase]
        if weights.shape != (shape.rings, shape.neurons, shape.values):
            raise ValueError(
                f"weights of phase {phase} must have shape {(shape.rings, shape.neurons, shape.values)}, "
                f"got {weights.shape}"
            )
        held = np.zeros((self.rows, self.columns, shape.length), dtype=weights.dtype)
        on_rings = weights if shape.axis == "row" else weights.transpose(1, 0, 2)
        held[: on_rings.shape[0], : on_rings.shape[1], : shape.values] = on_rings
        return held

    def weights(self, phase: int, held: np.ndarray) -> np.ndarray:
        """The inverse of `memory`: (rows, columns, length) to (rings, neurons, values)."""
        shape = self.phases[phase]
        by_ring = held if shape.axis == "row" else held.transpose(1, 0, 2)
        return by_ring[: shape.rings, : shape.neurons, : shape.values]

    def place_inputs(self, x: np.ndarray) -> np.ndarray:
        """Samples (samples, inputs) as the rows take them: (samples, rows, length of the first phase)."""
        (rings, values), _ = _ends(self.cascades[0])
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(f"inputs must have shape (samples, {self.inputs}), got {x.shape}")
        return self._placed(x, rings, values, self.phases[0].length)

    def place_outputs(self, y: np.ndarray) -> np.ndarray:
        """Targets (samples, outputs) on the PEs that compute them: (samples, rows, columns)."""
        _, (rings, values) = _ends(self.cascades[-1])
        if y.ndim != 2 or y.shape[1] != self.outputs:
            raise ValueError(f"targets must have shape (samples, {self.outputs}), got {y.shape}")
        return self._placed(y, rings, values, self.columns)

    def collect_outputs(self, placed: np.ndarray) -> np.ndarray:
        """The inverse of `place_outputs`."""
        _, (rings, values) = _ends(self.cascades[-1])
        return placed[:, :rings, :values].reshape(len(placed), self.outputs)

    def _placed(self, x: np.ndarray, rings: int, values: int, length: int) -> np.ndarray:
        placed = np.zeros((len(x), self.rows, length), dtype=x.dtype)
        placed[:, :rings, :values] = x.reshape(len(x), rings, values)
        return placed


def _checked(cascade: tuple[int, ...]) -> tuple[int, ...]:
    if not isinstance(cascade, Sequence) or len(cascade) not in (2, 5):
        raise ValueError(f"a cascade must be (I, O, R_i, R_m, R_o) or (I, O), got {cascade!r}")
    names = ("inputs", "outputs", "input_routers", "middle_routers", "output_routers")
    sizes = tuple(positive_int(name, size) for name, size in zip(names, cascade, strict=False))
    if len(sizes) == 5 and (sizes[0] % sizes[2] or sizes[1] % sizes[4]):
        raise ValueError(f"R_i must divide I and R_o must divide O, got {sizes}")
    return sizes


def _ends(cascade: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and values a row of the inputs and of the outputs."""
    if len(cascade) == 2:
        return (1, cascade[0]), (1, cascade[1])
    i, o, r_i, _, r_o = cascade
    return (r_i, i // r_i), (r_o, o // r_o)


def _extent(cascade: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns that a cascade needs."""
    if len(cascade) == 2:
        return 1, cascade[1]
    _, o, r_i, r_m, r_o = cascade
    return max(r_i, r_o), max(r_m, o // r_o)
