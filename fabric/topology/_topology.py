"""The value that everything else is a function of."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from fabric._checks import boolean_matrix, instance, sequence, shown
from fabric.topology import _paths
from fabric.topology._stages import Edges, Matrix, Routers, Stage


class Topology:
    """Which neuron connects to which, decided before training.

    A topology is a sequence of stages. A stage is a bipartite graph between two neighbouring levels of neurons,
    a boolean array of shape (outputs, inputs): entry [o, i] is True where an edge, that is one trainable weight,
    leads from input neuron i to output neuron o. Together the stages replace one dense layer.

    Topologies are immutable, compare by their stages and can be used as dictionary keys.

    Args:
        stages: boolean arrays of shapes (w1, w0), (w2, w1), ...; copied and made read-only.
        name: how the topology was made, e.g. "clos(8, 8, 4, 2, 4)"; used in tables and figures only.

    Raises:
        ValueError: no stage, a stage that is not a non-empty boolean matrix, or neighbouring stages that do not fit.
    """

    def __init__(self, stages: Sequence[ArrayLike | Stage], name: str = "custom") -> None:
        sequence("stages", stages, "boolean matrices (outputs, inputs)")
        if len(stages) == 0:
            raise ValueError(f"stages must hold at least one stage, got none: {shown(stages)}")
        stages = list(stages)
        made: dict[int, Stage] = {}  # a stage that is repeated is held once
        for position, stage in enumerate(stages):
            if id(stage) not in made:
                if isinstance(stage, Routers | Edges | Matrix):
                    made[id(stage)] = stage
                else:
                    made[id(stage)] = Matrix(boolean_matrix(f"stages[{position}]", stage))
        self._stages = tuple(made[id(stage)] for stage in stages)
        for position, (before, after) in enumerate(pairwise(self._stages), start=1):
            if after.shape[1] != before.shape[0]:
                raise ValueError(
                    f"stages[{position}] has {after.shape[1]} inputs, but stages[{position - 1}] has "
                    f"{before.shape[0]} outputs: neighbouring stages must share a level"
                )
        self._name = instance("name", name, str)

    @property
    def stages(self) -> tuple[np.ndarray, ...]:
        """Boolean arrays (outputs, inputs), from the inputs to the outputs; built when first asked for."""
        return tuple(stage.matrix for stage in self._stages)

    @property
    def name(self) -> str:
        """How the topology was made."""
        return self._name

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons per level, inputs first, outputs last."""
        return (self._stages[0].shape[1], *(stage.shape[0] for stage in self._stages))

    @property
    def inputs(self) -> int:
        """Input neurons."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """Output neurons."""
        return self.widths[-1]

    @property
    def depth(self) -> int:
        """Number of stages."""
        return len(self._stages)

    @property
    def hidden(self) -> int:
        """Neurons between inputs and outputs."""
        return sum(self.widths[1:-1])

    @cached_property
    def parameters(self) -> int:
        """Edges of all stages: one weight and one multiply-accumulate per sample each; builds no stage."""
        return sum(stage.edges for stage in self._stages)

    @property
    def density(self) -> float:
        """Parameters divided by those of the dense layer, inputs times outputs; above 1 where nothing is saved."""
        return self.parameters / (self.inputs * self.outputs)

    def path_counts(self) -> np.ndarray:
        """Exact number of paths between every pair, shape (outputs, inputs).

        int64 where all counts are below 2**63, otherwise an object array of Python integers.
        """
        return _paths.path_counts(self.stages)

    @cached_property
    def is_fully_connected(self) -> bool:
        """Whether every input reaches every output (ClosNets, section II, requirement 1)."""
        return _paths.is_fully_connected(self.stages)

    @cached_property
    def path_diversity(self) -> tuple[int, int]:
        """Smallest and largest number of paths over all input-output pairs.

        Equal numbers mean uniform path diversity (ClosNets, section II, requirements 4 and 5).
        """
        counts = self.path_counts()
        return int(counts.min()), int(counts.max())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Topology):
            return NotImplemented
        return self.widths == other.widths and all(map(np.array_equal, self.stages, other.stages))

    def __hash__(self) -> int:
        return hash((self.widths, tuple(np.packbits(stage).tobytes() for stage in self.stages)))

    def __repr__(self) -> str:
        levels = " → ".join(map(str, self.widths))
        return f"<Topology {self.name}: {levels}, {self.parameters:,} parameters>"
