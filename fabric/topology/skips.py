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

from fabric._checks import boolean_matrix, instance, sequence
from fabric.topology._topology import Topology


def checked(topology: Topology, skips: Sequence[ArrayLike | None] | None) -> tuple[np.ndarray | None, ...]:
    """Skips in their checked form: one entry per stage, read-only boolean copies; all None where `skips` is None.

    Raises:
        ValueError: not one entry per stage, or an entry that is not a boolean matrix of its stage's shape.
    """
    instance("topology", topology, Topology)
    if skips is None:
        return (None,) * topology.depth
    wanted = f"one entry per stage of topology {topology}, None or a boolean matrix"
    sequence("skips", skips, wanted, length=topology.depth)
    return tuple(
        None if skip is None else boolean_matrix(f"skips[{position}]", skip, stage.shape)
        for position, (skip, stage) in enumerate(zip(skips, topology.stages, strict=True))
    )


def identity(topology: Topology) -> tuple[np.ndarray, ...]:
    """A residual connection around every stage: neuron k to neuron k.

    Between levels of different widths the narrower one is repeated: neuron k of the wider level is joined to neuron
    k modulo the width of the narrower.
    """
    skips = []
    for stage in instance("topology", topology, Topology).stages:
        skips.append(_repeated_identity(*stage.shape))
    return tuple(skips)


def off_support(topology: Topology) -> tuple[np.ndarray, ...]:
    """A fixed permutation around every stage, none of whose edges is an edge of the stage.

    Between levels of different widths every neuron of the wider level gets one edge and those of the narrower share
    them out. The same topology always gets the same skips.

    Raises:
        ValueError: a stage with too many edges: no such permutation exists.
    """
    skips = []
    for position, stage in enumerate(instance("topology", topology, Topology).stages):
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


def from_input(topology: Topology) -> tuple[Topology, tuple[np.ndarray, ...]]:
    """A residual connection from the inputs of the cascade to the outputs of every stage but the first.

    Input k is joined to neuron k, repeated between levels of different widths as in `identity`. Such a skip passes over
    stages, which a skip beside a stage cannot. So the inputs are carried along: every hidden level gets as many more
    neurons as there are inputs, with no edge that is trained, only fixed ones from one level's copy to the next. The
    widened cascade has the parameters of the given one and takes its place in everything that knows skips.

    Returns:
        The widened topology, the copies numbered after the neurons of their level, and its skips. Where there is one
        stage only, the topology itself and no skip.
    """
    if instance("topology", topology, Topology).depth == 1:
        return topology, (np.zeros_like(topology.stages[0]),)
    inputs = topology.inputs
    stages, skips = [], []
    for position, stage in enumerate(topology.stages):
        outputs, width = stage.shape
        carried_in = inputs if position > 0 else 0
        carried_out = inputs if position < topology.depth - 1 else 0
        stages.append(np.pad(stage, ((0, carried_out), (0, carried_in))))
        skip = np.zeros(stages[-1].shape, bool)
        skip[outputs:, -inputs:] = np.eye(inputs, dtype=bool)[:carried_out]
        if position > 0:
            skip[:outputs, width:] = _repeated_identity(outputs, inputs)
        skips.append(skip)
    return Topology(stages, name=f"{topology.name}, inputs carried along"), tuple(skips)


def _repeated_identity(outputs: int, inputs: int) -> np.ndarray:
    narrow = min(outputs, inputs)
    return np.arange(outputs)[:, None] % narrow == np.arange(inputs)[None, :] % narrow
