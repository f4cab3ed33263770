"""Fixed skip connections: edges of weight one that are never trained, beside the stages of a topology.

Skips are a sequence with one entry per stage: None, or a boolean matrix (outputs, inputs) of the stage's shape. The
stage then computes (A + S) x with the trainable A on the topology's edges and the fixed 0/1 matrix S. An edge of S
inside the support of A adds nothing that training could not: A absorbs it. An edge outside the support is a path that
uses up no weight.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching

from fabric.topology._topology import Topology


def checked(topology: Topology, skips: Sequence[ArrayLike | None] | None) -> tuple[np.ndarray | None, ...]:
    """Skips in their checked form: one entry per stage, read-only boolean copies; all None where `skips` is None.

    Raises:
        ValueError: not one entry per stage, or an entry that is not a boolean matrix of its stage's shape.
    """
    if skips is None:
        return (None,) * topology.depth
    if len(skips) != topology.depth:
        raise ValueError(f"skips must have one entry per stage, {topology.depth}, got {len(skips)}")
    result: list[np.ndarray | None] = []
    for position, (skip, stage) in enumerate(zip(skips, topology.stages, strict=True)):
        if skip is None:
            result.append(None)
            continue
        matrix = np.array(skip)
        if matrix.dtype != bool or matrix.shape != stage.shape:
            raise ValueError(
                f"skips[{position}] must be None or a boolean matrix of shape {stage.shape} (outputs, inputs), "
                f"got dtype {matrix.dtype} and shape {matrix.shape}"
            )
        matrix.setflags(write=False)
        result.append(matrix)
    return tuple(result)


def identity(topology: Topology) -> tuple[np.ndarray, ...]:
    """A residual connection around every stage: neuron k to neuron k.

    Between levels of different widths the narrower one is repeated: neuron k of the wider level is joined to neuron
    k modulo the width of the narrower.
    """
    skips = []
    for stage in topology.stages:
        outputs, inputs = stage.shape
        narrow = min(outputs, inputs)
        skips.append(np.arange(outputs)[:, None] % narrow == np.arange(inputs)[None, :] % narrow)
    return tuple(skips)


def off_support(topology: Topology) -> tuple[np.ndarray, ...]:
    """A fixed permutation around every stage, none of whose edges is an edge of the stage.

    Between levels of different widths every neuron of the wider level gets one edge and those of the narrower share
    them out. The same topology always gets the same skips.

    Raises:
        ValueError: a stage that has so many edges that no such permutation exists.
    """
    skips = []
    for position, stage in enumerate(topology.stages):
        wide = stage if stage.shape[0] >= stage.shape[1] else stage.T
        rows, columns = wide.shape
        repeats = -(-rows // columns)
        free = sparse.csr_array(np.tile(~wide, (1, repeats)))
        partner = maximum_bipartite_matching(free, perm_type="column")
        if (partner < 0).any():
            raise ValueError(
                f"stages[{position}] leaves no room for skips outside its {int(stage.sum())} of {stage.size} edges: "
                "no permutation avoids them"
            )
        skip = np.zeros(wide.shape, bool)
        skip[np.arange(rows), partner % columns] = True
        skips.append(skip if wide is stage else skip.T)
    return tuple(skips)
