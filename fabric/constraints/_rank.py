"""How many entries of a dense matrix a cascade can hit exactly: the truth, from the rank of a Jacobian."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from fabric._checks import generator, instance
from fabric.constraints import _field
from fabric.constraints._graph import free_edges
from fabric.topology import Topology
from fabric.topology.skips import checked

_MOST_NUMBERS = 1 << 31  # float64, 16 GB


def jacobian_rank(topology: Topology, rng: np.random.Generator, skips: Sequence[ArrayLike | None] | None = None) -> int:
    """Generic rank of the map from the edge weights to the dense matrix (outputs, inputs).

    It is the dimension of the set of matrices that the cascade can represent: as many entries can be chosen freely, at
    least locally, and no more. It is at most min(I O, P - H), since rescaling a hidden neuron changes no entry.

    Method. The derivative with respect to the weight of edge (o, i) of one stage is the outer product of two vectors:
    column o of the product of all later stages and row i of the product of all earlier ones. The rank of all these
    derivatives is the generic one at almost every choice of weights. Floating-point weights would need a tolerance
    between "small" and "zero", and no tolerance serves deep cascades, whose singular values spread over more decades
    than float64 has. So the weights are random residues modulo the prime p = 2**22 - 3, and all arithmetic is done in
    float64 on integers below 2**53, where it is exact: the tolerance is zero.

    Error. Chance or a prime that divides minors can only lower the rank found, never raise it. By the lemma of Schwartz
    and Zippel a draw misses the generic rank modulo p with probability at most rank * (depth - 1) / p, 0.5 % for 4096
    constraints in six stages and in practice far less. A result that reaches the number of derivatives or of entries is
    certain; any other is the greater of two independent draws.

    Takes memory for inputs * outputs * (P - H) float64 numbers; a 64 × 64 layer takes seconds.

    Args:
        topology: the cascade.
        rng: NumPy generator for the weights.
        skips: fixed skip connections of weight one, see `fabric.topology.skips`.

    Raises:
        ValueError: skips that do not fit, an `rng` that is not a NumPy Generator, or a topology that takes above 16 GB.
    """
    instance("topology", topology, Topology)
    generator(rng)
    fixed = checked(topology, skips)
    free = free_edges(topology, fixed)
    numbers = topology.inputs * topology.outputs * sum(int(edges.sum()) for edges in free)
    if numbers > _MOST_NUMBERS:
        raise ValueError(
            f"topology must have a Jacobian of at most {_MOST_NUMBERS:,} numbers, got {topology}: {numbers:,}"
        )
    bound = min(topology.inputs * topology.outputs, sum(int(edges.sum()) for edges in free))
    found = _field.rank(_jacobian(topology, fixed, free, rng))
    return found if found == bound else max(found, _field.rank(_jacobian(topology, fixed, free, rng)))


def _jacobian(
    topology: Topology, skips: Sequence[np.ndarray | None], free: Sequence[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Derivatives of all entries (rows) with respect to the free edges (columns) at random weights, as residues."""
    factors = []
    for stage, skip in zip(topology.stages, skips, strict=True):
        factor = stage * rng.integers(1, _field.PRIME, stage.shape).astype(float)
        # Beside a trainable weight the skip only shifts it, and a random weight stays random.
        factors.append(factor if skip is None else factor + (skip & ~stage))
    earlier = [np.eye(topology.inputs)]
    for factor in factors[:-1]:
        earlier.append(_field.product(factor, earlier[-1]))
    later = [np.eye(topology.outputs)]
    for factor in reversed(factors[1:]):
        later.append(_field.product(later[-1], factor))
    jacobian = np.empty((topology.outputs, topology.inputs, sum(int(edges.sum()) for edges in free)))
    column = 0
    for before, after, edges in zip(earlier, reversed(later), free, strict=True):
        head, tail = np.nonzero(edges)
        columns = jacobian[:, :, column : column + len(head)]
        np.multiply(after[:, None, head], before[tail].T, out=columns)
        np.mod(columns, _field.PRIME, out=columns)
        column += len(head)
    return jacobian.reshape(topology.outputs * topology.inputs, column)
