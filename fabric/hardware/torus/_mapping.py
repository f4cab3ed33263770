"""Cascades on a torus of processing elements: which PE computes which neuron when (ClosNets, figure 4)."""

from collections.abc import Sequence

import numpy as np

from fabric._checks import positive_int
from fabric.hardware._checks import array, instance, whole
from fabric.hardware._protocol import checked_weights
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.torus._phases import ACTIVATIONS, Phase, checked, extent, inputs_of, outputs_of, phases_of

_MOST_PLACES = 1 << 16  # of a torus, and values of a ring: what a command of the machine can count
_MOST_WEIGHTS = 1 << 27  # padding included: half a gigabyte in the golden model


class TorusMapping:
    """Cascades that run one after the other on one torus, each level of routers in a phase of its own.

    Router r of the first level is row r, router m of the second column m, router o of the third row o, and so on in
    turn: every phase finds its operands where the phase before left its results (shared ring rule: a phase takes the
    larger of the values that circulate and the places of the ring). What a cascade leaves free is padded with zero
    weights, which stay zero. A dense layer (inputs, outputs) is one router on row 0: on a torus of a single row the
    dense ring.

    Args:
        cascades: tuples (I, O, R_1, ..., R_k), mostly (I, O, R_i, R_m, R_o), or (I, O) for a dense layer; each takes
            the outputs of the one before, where they are.
        activations: one of "identity", "relu", "sigmoid" for the end of each cascade; None for identity everywhere.
        rows, columns: of the torus; None for the smallest that fits.

    Two mappings are equal if all of these are.

    Raises:
        TypeError: cascades or activations that are no sequences.
        ValueError: sizes that do not divide, do not follow one another or do not fit the torus.
    """

    def __init__(
        self,
        cascades: Sequence[tuple[int, ...]],
        activations: Sequence[str] | None = None,
        rows: int | None = None,
        columns: int | None = None,
    ) -> None:
        if not isinstance(cascades, (list, tuple)):
            raise TypeError(f"cascades must be a list of tuples, got {cascades!r}")
        if activations is not None and not isinstance(activations, (list, tuple)):
            raise TypeError(f"activations must be a list of names, got {activations!r}")
        self.cascades = tuple(checked(cascade) for cascade in cascades)
        if not self.cascades:
            raise ValueError("cascades must hold at least one cascade, got none")
        self.activations = tuple(activations) if activations is not None else ("identity",) * len(self.cascades)
        if len(self.activations) != len(self.cascades) or not all(a in ACTIVATIONS for a in self.activations):
            raise ValueError(
                f"activations must be one of {', '.join(ACTIVATIONS)} for each of the {len(self.cascades)} cascades, "
                f"got {self.activations}"
            )
        for before, after in zip(self.cascades, self.cascades[1:], strict=False):
            have, want = outputs_of(before), inputs_of(after)
            if have != want:
                raise ValueError(
                    f"cascade {after} must take its inputs as {have[0]} rows of {have[1]}, as cascade {before} leaves "
                    f"them, got {want[0]} rows of {want[1]}"
                )
        self.rows = positive_int("rows", rows) if rows is not None else max(extent(c)[0] for c in self.cascades)
        least = max(2, *(extent(c)[1] for c in self.cascades))
        self.columns = positive_int("columns", columns) if columns is not None else least
        if max(self.rows, self.columns, self.rows * self.columns) > _MOST_PLACES:
            raise ValueError(
                f"rows and columns must make at most {_MOST_PLACES} places, got {self.rows} × {self.columns}"
            )
        for cascade in self.cascades:
            need = extent(cascade)
            if need[0] > self.rows or max(need[1], 2) > self.columns:
                raise ValueError(
                    f"cascade {cascade} needs at least {need[0]} rows and at least {max(need[1], 2)} columns, the "
                    f"torus has {self.rows} × {self.columns}"
                )
        self.phases = tuple(
            phase
            for cascade, activation in zip(self.cascades, self.activations, strict=True)
            for phase in phases_of(cascade, activation, self.rows, self.columns)
        )
        if any(phase.length < 2 for phase in self.phases):
            raise ValueError(f"every ring in use must have at least two places, the torus has {self.rows} rows")
        longest, held = (
            max(p.length for p in self.phases),
            sum(p.length for p in self.phases) * self.rows * self.columns,
        )
        if longest > _MOST_PLACES or held > _MOST_WEIGHTS:
            raise ValueError(
                f"cascades must have phases of at most {_MOST_PLACES} cycles and hold at most {_MOST_WEIGHTS} weights "
                f"with padding, got {longest} cycles and {held} weights"
            )

    @property
    def layout(self) -> tuple[tuple[tuple[int, ...], ...], int, int]:
        """What says where weights are: cascades, rows, columns. Weights of one mapping are those of another of it."""
        return self.cascades, self.rows, self.columns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TorusMapping) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        cascades, rows, columns = self.layout
        return f"TorusMapping({list(cascades)}, {list(self.activations)}, rows={rows}, columns={columns})"

    @property
    def _value(self) -> tuple[object, ...]:
        return *self.layout, self.activations

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
        """Stored weights as the PEs hold them.

        Args:
            weights: for each phase integers (rings, neurons, values), as `ClosLinear` holds its stages.
            fixed_point: formats.

        Returns:
            For each phase (rows, columns, length), zero where there is no edge.

        Raises:
            ValueError: other than one array a phase, other shapes, floats, or weights that the format does not hold.
        """
        instance("fixed_point", fixed_point, FixedPoint)
        shapes = [(phase.rings, phase.neurons, phase.values) for phase in self.phases]
        parts = [f"phase {index}" for index in range(len(shapes))]
        return [
            self._memory(phase, values)
            for phase, values in zip(self.phases, checked_weights(weights, shapes, parts, fixed_point), strict=True)
        ]

    def _memory(self, phase: Phase, weights: np.ndarray) -> np.ndarray:
        held = np.zeros((self.rows, self.columns, phase.length), dtype=weights.dtype)
        on_rings = weights if phase.axis == "row" else weights.transpose(1, 0, 2)
        held[: on_rings.shape[0], : on_rings.shape[1], : phase.values] = on_rings
        return held

    def weights(self, phase: int, held: np.ndarray) -> np.ndarray:
        """The inverse of `memories`, of one phase: (rows, columns, length) to (rings, neurons, values)."""
        shape = self.phases[whole("phase", phase, 0, len(self.phases) - 1)]
        held = _shaped("held", held, (self.rows, self.columns, shape.length))
        by_ring = held if shape.axis == "row" else held.transpose(1, 0, 2)
        return by_ring[: shape.rings, : shape.neurons, : shape.values]

    def place_inputs(self, x: np.ndarray) -> np.ndarray:
        """Samples (samples, inputs) as the rows take them: (samples, rows, length of the first phase)."""
        x = _shaped("inputs", x, (None, self.inputs))
        return _padded(x.reshape(len(x), *inputs_of(self.cascades[0])), self.rows, self.phases[0].length)

    def place_outputs(self, y: np.ndarray) -> np.ndarray:
        """Targets (samples, outputs) on the PEs that compute them: (samples, rows, columns)."""
        y, last = _shaped("targets", y, (None, self.outputs)), self.phases[-1]
        by_ring = y.reshape(len(y), last.rings, last.neurons)
        return _padded(by_ring if last.axis == "row" else by_ring.transpose(0, 2, 1), self.rows, self.columns)

    def collect_outputs(self, placed: np.ndarray) -> np.ndarray:
        """The inverse of `place_outputs`."""
        rows, columns = outputs_of(self.cascades[-1])
        grid = _shaped("placed", placed, (None, self.rows, self.columns))[:, :rows, :columns]
        by_ring = grid if self.phases[-1].axis == "row" else grid.transpose(0, 2, 1)
        return by_ring.reshape(len(grid), self.outputs)

    def collect_inputs(self, placed: np.ndarray) -> np.ndarray:
        """Deltas of the inputs, (samples, rows, columns) where the PEs leave them, as (samples, inputs)."""
        rows, values = inputs_of(self.cascades[0])
        placed = _shaped("placed", placed, (None, self.rows, self.columns))
        if not len(placed):  # none are emitted where a row has more values than places
            return np.zeros((0, self.inputs), dtype=placed.dtype)
        return placed[:, :rows, :values].reshape(len(placed), self.inputs)


def _padded(grid: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """(samples, some rows, some columns) with zeros up to the wanted ones."""
    return np.pad(grid, ((0, 0), (0, rows - grid.shape[1]), (0, columns - grid.shape[2])))


def _shaped(name: str, values: np.ndarray, shape: tuple[int | None, ...]) -> np.ndarray:
    """Integers of a shape, None for any number of samples, or ValueError."""
    found = array(name, values, "iu", "integers")
    wanted = tuple(have if want is None else want for have, want in zip(found.shape, shape, strict=False))
    if found.ndim != len(shape) or found.shape != wanted:
        spelled = ", ".join("samples" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} must have shape ({spelled}), got {found.shape}")
    return found
