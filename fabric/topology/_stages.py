"""Stages told by what made them: their edges are counted at once, their matrices built when somebody asks."""

from functools import cached_property

import numpy as np

MOST_STAGES = 1 << 16  # of a cascade


class Routers:
    """Neurons wired to routers: an edge joins an input to an output wherever both are wired to the same router.

    Either every input or every output must be wired to one router only, so that no edge is told twice.

    Args:
        outputs: integers from 0, (outputs,) or (outputs, wires): the routers that each output is wired to.
        inputs: the same for the inputs.
    """

    def __init__(self, outputs: np.ndarray, inputs: np.ndarray) -> None:
        self._outputs = outputs.reshape(len(outputs), -1)
        self._inputs = inputs.reshape(len(inputs), -1)
        self.shape = (len(outputs), len(inputs))

    @property
    def edges(self) -> int:
        """Edges: for each router its outputs times its inputs."""
        routers = 1 + max(int(self._outputs.max()), int(self._inputs.max()))
        leaving, entering = (np.bincount(side.ravel(), minlength=routers) for side in (self._outputs, self._inputs))
        return int(leaving @ entering)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Boolean (outputs, inputs), read-only."""
        matrix = np.zeros(self.shape, bool)
        for leaving in self._outputs.T:
            for entering in self._inputs.T:
                matrix |= leaving[:, None] == entering
        matrix.setflags(write=False)
        return matrix


class Edges:
    """A list of edges, none twice.

    Args:
        shape: outputs and inputs.
        outputs, inputs: integers (edges,), the ends of every edge.
    """

    def __init__(self, shape: tuple[int, int], outputs: np.ndarray, inputs: np.ndarray) -> None:
        self.shape = shape
        self._outputs, self._inputs = outputs, inputs

    @property
    def edges(self) -> int:
        """Edges."""
        return len(self._outputs)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Boolean (outputs, inputs), read-only."""
        matrix = np.zeros(self.shape, bool)
        matrix[self._outputs, self._inputs] = True
        matrix.setflags(write=False)
        return matrix


class Matrix:
    """A stage given as its matrix, boolean (outputs, inputs) and read-only."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix
        self.shape = matrix.shape

    @cached_property
    def edges(self) -> int:
        """Edges: entries that are True."""
        return int(np.count_nonzero(self.matrix))


Stage = Routers | Edges | Matrix
