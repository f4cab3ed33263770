"""What a sparse cascade is compared with: the dense layer, the low-rank product, a random mask."""

import numpy as np

from fabric._checks import buildable, generator, positive_int, size
from fabric.topology._families import family
from fabric.topology._stages import Routers
from fabric.topology._topology import Topology


@family
def dense(inputs: int, outputs: int) -> Topology:
    """One stage with all edges: inputs * outputs parameters.

    Raises:
        ValueError: an argument that is not a positive integer, or more edges than fit into memory.
    """
    inputs = size("inputs", inputs)
    outputs = size("outputs", outputs)
    buildable((inputs, outputs), inputs=inputs, outputs=outputs)
    return Topology([_complete(outputs, inputs)], name=f"dense({inputs}, {outputs})")


@family
def low_rank(inputs: int, outputs: int, rank: int) -> Topology:
    """Two complete stages through `rank` hidden neurons: rank * (inputs + outputs) parameters.

    Raises:
        ValueError: an argument that is not a positive integer, or more edges than fit into memory.
    """
    inputs = size("inputs", inputs)
    outputs = size("outputs", outputs)
    rank = size("rank", rank)
    buildable((inputs, rank, outputs), inputs=inputs, outputs=outputs, rank=rank)
    stages = [_complete(rank, inputs), _complete(outputs, rank)]
    return Topology(stages, name=f"low_rank({inputs}, {outputs}, {rank})")


@family
def random_sparse(inputs: int, outputs: int, edges: int, rng: np.random.Generator) -> Topology:
    """One stage with `edges` edges drawn uniformly without replacement: an a priori random mask.

    Args:
        inputs, outputs: neurons on either side.
        edges: exact number of edges, from 1 to inputs * outputs.
        rng: NumPy generator; the same state gives the same edges.

    Raises:
        ValueError: an argument out of range, or an `rng` that is not a NumPy Generator.
    """
    inputs = size("inputs", inputs)
    outputs = size("outputs", outputs)
    edges = positive_int("edges", edges, upper=inputs * outputs)
    buildable((inputs, outputs), most=1 << 28, inputs=inputs, outputs=outputs)
    generator(rng)
    stage = np.zeros(outputs * inputs, bool)
    stage[rng.choice(stage.size, size=edges, replace=False)] = True
    return Topology([stage.reshape(outputs, inputs)], name=f"random_sparse({inputs}, {outputs}, {edges})")


def _complete(outputs: int, inputs: int) -> Routers:
    """All edges: one router."""
    return Routers(np.zeros(outputs, np.int64), np.zeros(inputs, np.int64))
