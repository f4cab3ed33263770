"""What a sparse cascade is compared with: the dense layer, the low-rank product, a random mask."""

import numpy as np

from fabric._checks import generator, positive_int
from fabric.topology._topology import Topology


def dense(inputs: int, outputs: int) -> Topology:
    """One stage with all edges: inputs * outputs parameters.

    Raises:
        ValueError: an argument that is not a positive integer.
    """
    inputs = positive_int("inputs", inputs)
    outputs = positive_int("outputs", outputs)
    return Topology([np.ones((outputs, inputs), bool)], name=f"dense({inputs}, {outputs})")


def low_rank(inputs: int, outputs: int, rank: int) -> Topology:
    """Two complete stages through `rank` hidden neurons: rank * (inputs + outputs) parameters.

    Raises:
        ValueError: an argument that is not a positive integer.
    """
    inputs = positive_int("inputs", inputs)
    outputs = positive_int("outputs", outputs)
    rank = positive_int("rank", rank)
    return Topology(
        [np.ones((rank, inputs), bool), np.ones((outputs, rank), bool)], name=f"low_rank({inputs}, {outputs}, {rank})"
    )


def random_sparse(inputs: int, outputs: int, edges: int, rng: np.random.Generator) -> Topology:
    """One stage with `edges` edges drawn uniformly without replacement: an a priori random mask.

    Args:
        inputs, outputs: neurons on either side.
        edges: exact number of edges, from 1 to inputs * outputs.
        rng: NumPy generator; the same state gives the same edges.

    Raises:
        ValueError: an argument out of range, or an `rng` that is not a NumPy Generator.
    """
    inputs = positive_int("inputs", inputs)
    outputs = positive_int("outputs", outputs)
    edges = positive_int("edges", edges, upper=inputs * outputs)
    generator(rng)
    stage = np.zeros(outputs * inputs, bool)
    stage[rng.choice(stage.size, size=edges, replace=False)] = True
    return Topology([stage.reshape(outputs, inputs)], name=f"random_sparse({inputs}, {outputs}, {edges})")
