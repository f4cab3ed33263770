"""Mean squares of signals and gradients in a linear cascade with independent random weights."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from fabric.topology import Topology


class Variance(NamedTuple):
    """Expected mean squares, averaged over the draws of the weights.

    Attributes:
        forward: float64, of each neuron of a level (the outputs if none is named) for inputs of variance one.
        backward: float64, of the gradient at each neuron of a level (the inputs if none is named) for output gradients
            of variance one.
    """

    forward: np.ndarray
    backward: np.ndarray


def edge_variances(topology: Topology, counted: bool) -> list[sparse.csr_array]:
    """Glorot's variance of every edge, (outputs, inputs) per stage: from counted connections, or from level widths."""
    result = []
    for stage in topology.stages:
        edges = sparse.csr_array(stage, dtype=np.float64)
        targets, sources = edges.tocoo().coords
        if counted:
            neighbours = stage.sum(axis=1)[targets] + stage.sum(axis=0)[sources]
        else:
            neighbours = np.full(len(targets), sum(stage.shape))
        edges.data = 2 / neighbours
        result.append(edges)
    return result


def propagate(topology: Topology, counted: bool, factor: float = 1.0) -> list[Variance]:
    """Mean squares at every level, inputs first; `factor` multiplies the variance of every weight."""
    stages = edge_variances(topology, counted)
    forward, backward = [np.ones(topology.inputs)], [np.ones(topology.outputs)]
    for stage in stages:
        forward.append(factor * (stage @ forward[-1]))
    for stage in reversed(stages):
        backward.append(factor * (stage.T @ backward[-1]))
    return list(map(Variance, forward, reversed(backward)))


def end_to_end_factor(topology: Topology) -> float:
    """Factor on every variance of Sparse Glorot that gives the cascade's entries the mean variance of dense Glorot.

    One where no input reaches any output: there is nothing to match.
    """
    found = propagate(topology, counted=True)[-1].forward.mean() / topology.inputs
    wanted = 2 / (topology.inputs + topology.outputs)
    return float((wanted / found) ** (1 / topology.depth)) if found else 1.0
