"""Where the layers of a model are on a torus: cascades, the constant one that carries biases, weights there and back.

A torus has no biases. The host puts a constant one on a row of its own beside the inputs; every layer hands it on, by
routers of its own that no other value enters, to the layers that have a bias. There it is one value more for each
router of the last level, and the bias is its weight. All weights between the constant and the data are zero and stay
zero, since what either end of them would learn from is zero: so the constant depends on no input, whatever is trained.

A dense layer after rows of values takes two phases. Along the rows each PE sums its row's share of a neuron; along the
columns these shares are added, with weights that begin at one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fabric.hardware.deployment._layers import Layer
from fabric.topology import router_sizes


@dataclass(frozen=True)
class Grid:
    """Neurons on a torus.

    Attributes:
        rows, places: of each neuron, int64 (neurons,), or (copies, neurons) where each stands in several rows.
        shape: rows, and places of a row, that are in use.
        ones: rows and places where a constant one stands.
        carries: whether the last row has nothing but a constant one, for later layers.
    """

    rows: np.ndarray
    places: np.ndarray
    shape: tuple[int, int]
    ones: tuple[np.ndarray, np.ndarray]
    carries: bool

    @property
    def data_rows(self) -> int:
        """Rows with neurons."""
        return self.shape[0] - self.carries

    @property
    def carrier(self) -> int:
        """Place of the constant in the last row."""
        return int(self.ones[1][-1])

    def put(self, values: np.ndarray, empty: float) -> np.ndarray:
        """Values (samples, neurons) where they stand, `empty` where none does: (samples, rows · places)."""
        grid = np.full((len(values), *self.shape), float(empty))
        grid[:, *self.ones] = 1
        grid[:, self.rows, self.places] = values[:, None] if self.rows.ndim == 2 else values
        return grid.reshape(len(values), -1)

    def take(self, grid: np.ndarray) -> np.ndarray:
        """The inverse of `put`."""
        return grid.reshape(len(grid), *self.shape)[:, self.rows, self.places]


@dataclass(frozen=True)
class Place:
    """A layer on a torus: its levels of routers are phases.

    Attributes:
        layer: what it computes.
        before, after: where it takes its inputs and leaves its outputs.
        routers: of each level, those of the constant not counted.
    """

    layer: Layer
    before: Grid
    after: Grid
    routers: tuple[int, ...]

    @property
    def cascade(self) -> tuple[int, ...]:
        """As `TorusMapping` takes it."""
        inputs, outputs = (grid.shape[0] * grid.shape[1] for grid in (self.before, self.after))
        first, *between = self.routers
        if not between:
            return inputs, outputs, first + self.after.carries
        routed = [count + self._hands_on for count in between[:-1]]
        return inputs, outputs, first + self.before.carries, *routed, between[-1] + self.after.carries

    @property
    def _hands_on(self) -> bool:
        """Whether the constant passes through all levels."""
        return self.before.carries and len(self.routers) > 1

    def weights(self, constant: float = 1.0) -> list[np.ndarray]:
        """The weights of its phases, float64 (rings, neurons, values), for a constant that arrives as this value."""
        arrays = [np.zeros(shape) for shape in self._shapes]
        if self.layer.routers:
            for array, level in zip(arrays, self.layer.weights, strict=True):
                array[tuple(map(slice, level.shape))] = level
        else:
            (matrix,) = self.layer.weights[0]
            if self.before.rows.ndim == 2:  # all inputs in every row
                array_rings, at = self._last
                arrays[0][array_rings, at, : self.layer.inputs] = matrix
            else:
                arrays[0][self.before.rows, : self.layer.outputs, self.before.places] = matrix.T
            if len(arrays) == 2:
                arrays[1][: self.layer.outputs, 0, : self.before.data_rows] = 1
        for array, handed in zip(arrays, self._handed, strict=True):
            array[handed] = 1
        if self.layer.bias is not None:
            arrays[-1][*self._last, self._bias_value] = self.layer.bias / constant
        return arrays

    def read(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The inverse of `weights`, in the shapes of `Layer`; without the bias, see `constants`."""
        if self.layer.routers:
            pairs = zip(arrays, self.layer.weights, strict=True)
            return [array[tuple(map(slice, level.shape))] for array, level in pairs]
        if self.before.rows.ndim == 2:
            return [arrays[0][*self._last, : self.layer.inputs][None]]
        matrix = arrays[0][self.before.rows, : self.layer.outputs, self.before.places].T
        if len(arrays) == 2:  # a weight is the product of its own and of that of its row's share
            matrix = matrix * arrays[1][: self.layer.outputs, 0, :][:, self.before.rows]
        return [matrix[None]]

    @cached_property
    def _last(self) -> tuple[np.ndarray, np.ndarray]:
        """Router of the last level, and number among its outputs, of each output."""
        return dealt(self.layer.outputs, self.routers[-1])

    @property
    def _bias_value(self) -> int:
        """Which value of a router of the last level is the constant."""
        return self.layer.inputs if len(self.routers) == 1 else self.routers[-2]

    @property
    def _shapes(self) -> list[tuple[int, int, int]]:
        inputs, outputs, *routers = self.cascade
        values, neurons = (inputs // routers[0], *routers[:-1]), (*routers[1:], outputs // routers[-1])
        return list(zip(routers, neurons, values, strict=True))

    @property
    def _handed(self) -> list[tuple]:
        """Weights of each level that hand the constant on; those of the biases are not among them."""
        count, hands = len(self.routers), self.after.carries
        nothing: tuple = (slice(0), slice(0), slice(0))
        if not self.before.carries:
            return [nothing] * count
        values = (self.before.carrier, *self.routers[:-1])
        handed: list[tuple] = []
        for level, (router, value) in enumerate(zip(self.routers, values, strict=True)):
            if level == count - 1:
                neuron = self.after.shape[0] - 1 if count % 2 == 0 else 0
                handed.append((router, neuron, value) if hands else nothing)
            elif level == count - 2:  # to the routers that have a bias, and to the next layer's
                begin = 0 if self.layer.bias is not None else self.routers[-1]
                handed.append((router, slice(begin, self.routers[-1] + hands), value))
            else:
                handed.append((router, self.routers[level + 1], value))
        return handed


def put_inputs(places: Sequence[Place], x: np.ndarray) -> np.ndarray:
    """Samples (samples, inputs) as `TorusMapping` numbers the inputs of the first cascade."""
    return places[0].before.put(x, 0.0)


def put_outputs(places: Sequence[Place], y: np.ndarray) -> np.ndarray:
    """Targets (samples, outputs) as `TorusMapping` numbers the outputs of the last cascade."""
    empty = 0.5 if places[-1].layer.activation == "sigmoid" else 0.0  # what a PE without weights gives
    grid = places[-1].after.put(y, empty).reshape(len(y), *places[-1].after.shape)
    return (grid if len(places[-1].routers) % 2 else grid.transpose(0, 2, 1)).reshape(len(y), -1)


def take_outputs(places: Sequence[Place], outputs: np.ndarray) -> np.ndarray:
    """The inverse of `put_outputs`."""
    rows, columns = places[-1].after.shape
    if len(places[-1].routers) % 2 == 0:
        outputs = outputs.reshape(-1, columns, rows).transpose(0, 2, 1)
    return places[-1].after.take(outputs)


def dealt(neurons: int, routers: int) -> tuple[np.ndarray, np.ndarray]:
    """Router, and number in it, of each neuron: dealt in order and as evenly as can be."""
    sizes = router_sizes(neurons, routers)
    return np.repeat(np.arange(routers), sizes), np.concatenate([np.arange(size) for size in sizes])
