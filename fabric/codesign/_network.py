"""Networks that a search may choose: a sparse hidden layer of one of four families, a dense layer behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod

import numpy as np

from fabric._checks import one_of, positive_int, sequence, shown, size
from fabric.hardware._checks import array
from fabric.hardware.torus import TorusMapping
from fabric.hardware.torus._phases import extent, outputs_of
from fabric.hardware.torus.rings import butterfly_rings
from fabric.topology import Topology, butterfly, clos, multistage_clos, parallel_butterfly
from fabric.topology.skips import off_support

CLOS, TWO_LEVEL, BUTTERFLY, PARALLEL = "clos", "two-level", "butterfly", "parallel butterflies with skips"
FAMILIES = (CLOS, TWO_LEVEL, BUTTERFLY, PARALLEL)
_LEVELS = {CLOS: 3, TWO_LEVEL: 2}


@dataclass(frozen=True)
class Network:
    """A cascade, ReLU, a dense layer, sigmoids; no biases.

    The dense layer is two stages, as on a torus: every row that holds hidden values adds its own to a sum for each
    output, and an output adds up the sums of the rows, by weights that begin at one and are trained too.

    Attributes:
        family: one of `FAMILIES`; "two-level" is a Clos cascade without a middle.
        inputs, hidden, outputs: neurons. Butterflies have as many hidden neurons as inputs.
        routers: of each level of a Clos cascade, where the first divides `inputs` and the last `hidden`; of butterflies
            the radix of each stage, whose product is `inputs`.
        count: butterflies whose outputs are added, each with fixed skips around its stages; otherwise 1.

    Raises:
        ValueError: sizes that do not go together.
    """

    family: str
    inputs: int
    hidden: int
    outputs: int
    routers: tuple[int, ...]
    count: int = 1

    def __post_init__(self) -> None:
        one_of("family", self.family, FAMILIES)
        for name in ("inputs", "hidden", "outputs"):
            size(name, getattr(self, name))
        routers = tuple(size("routers", each) for each in sequence("routers", self.routers, "positive integers"))
        object.__setattr__(self, "routers", routers)
        positive_int("count", self.count)
        levels = _LEVELS.get(self.family)
        if levels is not None:
            if len(routers) != levels or self.inputs % routers[0] or self.hidden % routers[-1]:
                raise ValueError(
                    f"routers of a {self.family} network must be {levels} numbers, the first dividing {self.inputs} "
                    f"inputs and the last {self.hidden} hidden neurons, got {shown(routers)}"
                )
        elif prod(routers) != self.inputs or self.hidden != self.inputs or min(routers, default=0) < 2:
            raise ValueError(
                f"routers of a {self.family} network must be radices from 2 whose product is its inputs and its hidden "
                f"neurons, got {shown(routers)} for {self.inputs} and {self.hidden}"
            )
        if self.family != PARALLEL and self.count != 1:
            raise ValueError(f"count must be 1 but for {PARALLEL}, got {shown(self.count)}")
        if self.family == PARALLEL and len(routers) < 2:
            raise ValueError(f"routers of {PARALLEL} must be at least two radices: one leaves skips no room")

    @property
    def label(self) -> str:
        """For tables: "clos 256-256 (16, 8, 16)"."""
        copies = f"{self.count} × " if self.family == PARALLEL else ""
        return f"{copies}{self.family} {self.inputs}-{self.hidden} ({', '.join(map(str, self.routers))})"

    @property
    def is_built(self) -> bool:
        """Whether a torus here runs it: `deploy` takes Clos cascades of any number of levels, and no butterflies."""
        return self.family in _LEVELS

    @cached_property
    def topology(self) -> Topology:
        """Of the cascade alone."""
        if self.family == CLOS:
            return clos(self.inputs, self.hidden, *self.routers)
        if self.family == TWO_LEVEL:
            return multistage_clos(self.inputs, self.hidden, self.routers)
        if self.count == 1:
            return butterfly(self.inputs, self.routers)
        return parallel_butterfly(self.inputs, self.count, self.routers)

    @property
    def skips(self) -> Sequence[np.ndarray | None]:
        """Fixed edges of weight one beside the stages of the cascade."""
        return off_support(self.topology) if self.family == PARALLEL else (None,) * self.topology.depth

    @cached_property
    def cascade_weights(self) -> int:
        """Of the cascade, by arithmetic."""
        if self.family in _LEVELS:
            values = (self.inputs // self.routers[0], *self.routers[:-1])
            neurons = (*self.routers[1:], self.hidden // self.routers[-1])
            return sum(map(prod, zip(self.routers, values, neurons, strict=True)))
        return self.count * self.inputs * sum(self.routers)

    @property
    def weights(self) -> int:
        """All that are trained."""
        return self.cascade_weights + self.outputs * (self.hidden + self.rows_of_hidden)

    @property
    def depth(self) -> int:
        """Stages of the cascade; those of parallel butterflies are side by side."""
        return len(self.routers)

    @property
    def paths(self) -> float:
        """Between an input and a hidden neuron: equally many for all pairs."""
        if self.family in _LEVELS:
            return float(prod(self.routers[1:-1]))
        return float(self.count)

    @property
    def bandwidth(self) -> int:
        """Neurons of the narrowest level: independent signals that pass through the cascade."""
        inner = (before * after for before, after in pairwise(self.routers)) if self.is_built else ()
        return min(self.inputs, self.hidden, *inner)

    @property
    def rows_of_hidden(self) -> int:
        """Rows of a torus that hold the hidden values."""
        if self.is_built:
            return outputs_of((self.inputs, self.hidden, *self.routers))[0]
        return butterfly_rings(self.routers, self.count).rows

    def padded(self, samples: np.ndarray) -> np.ndarray:
        """Samples (samples, features) with zeros for the inputs that they lack: float64 (samples, inputs).

        Raises:
            ValueError: another shape, or more features than inputs.
        """
        x = array("samples", samples, "biuf", "real numbers").astype(np.float64)
        if x.ndim != 2 or x.shape[1] > self.inputs:
            raise ValueError(
                f"samples must have shape (samples, features), at most {self.inputs} of them, got {x.shape}"
            )
        return np.pad(x, ((0, 0), (0, self.inputs - x.shape[1])))

    @property
    def cascades(self) -> list[tuple[int, ...]]:
        """As `TorusMapping` takes them; only of networks that a torus here runs."""
        if not self.is_built:
            raise ValueError(f"network must be of family {CLOS} or {TWO_LEVEL} to be placed, got {self.label}")
        return [
            (self.inputs, self.hidden, *self.routers),
            (self.hidden, self.outputs, self.rows_of_hidden, self.outputs),
        ]

    @cached_property
    def mapping(self) -> TorusMapping:
        """On the smallest torus that holds it, the one that `fabric.hardware.deploy` chooses."""
        rows = max(2, *(extent(cascade)[0] for cascade in self.cascades))
        return TorusMapping(self.cascades, ["relu", "sigmoid"], rows)
