"""Any topology as a trainable layer."""

from functools import reduce

import numpy as np
from torch import Tensor, nn

from fabric import topology as topologies
from fabric.nn._stages import stage_module
from fabric.nn._structured import StageWeight, StructuredLinear
from fabric.nn.init import sparse_glorot_uniform_
from fabric.topology import Topology


class CascadeLinear(StructuredLinear):
    """The stages of a topology one after the other, as a drop-in for `torch.nn.Linear`.

    Shapes: x (*, topology.inputs) → y (*, topology.outputs). Linear inside (NeuroFabric abstract, figure 1); put the
    activation behind it. Stages made of equal routers are stored as blocks, others as edge lists; either way there
    is exactly one weight per edge, no mask, and no gradient or optimiser state for absent edges.

    Args:
        topology: what is connected to what.
        bias: whether to add a trainable bias.
        device, dtype: as for `torch.nn.Linear`.

    Raises:
        ValueError: `topology` is not a `Topology`.
    """

    def __init__(self, topology: Topology, bias: bool = True, device=None, dtype=None) -> None:
        if not isinstance(topology, Topology):
            raise ValueError(f"topology must be a fabric.topology.Topology, got {topology!r}")
        super().__init__(topology.inputs, topology.outputs, bias, device, dtype)
        self.topology = topology
        self.stages = nn.ModuleList(stage_module(stage, device, dtype) for stage in topology.stages)
        sparse_glorot_uniform_(self)

    def affine(self, columns: Tensor) -> Tensor:
        for stage in self.stages:
            columns = stage(columns)
        return columns if self.bias is None else columns + self.bias[:, None]

    def dense_weight(self) -> Tensor:
        return reduce(lambda product, stage: stage.dense() @ product, self.stages[1:], self.stages[0].dense())

    def stage_weights(self) -> list[StageWeight]:
        return [stage.stage_weight() for stage in self.stages]

    def extra_repr(self) -> str:
        return f"{self.topology.name}, bias={self.bias is not None}"


class LowRankLinear(CascadeLinear):
    """W = U V with U (out_features, rank) and V (rank, in_features): rank * (in + out) parameters.

    Shapes: x (*, in_features) → y (*, out_features).

    Raises:
        ValueError: an argument that is not a positive integer.
    """

    def __init__(self, in_features: int, out_features: int, rank: int, bias: bool = True, device=None, dtype=None):
        super().__init__(topologies.low_rank(in_features, out_features, rank), bias, device, dtype)


class SparseLinear(CascadeLinear):
    """One stage with the edges that a boolean matrix names: one weight per edge.

    Shapes: x (*, inputs) → y (*, outputs).

    Args:
        stage: boolean array (outputs, inputs), True where an edge is, e.g. `topology.random_sparse(...).stages[0]`.
        bias: whether to add a trainable bias.
        device, dtype: as for `torch.nn.Linear`.

    Raises:
        ValueError: `stage` is not a non-empty boolean matrix.
    """

    def __init__(self, stage: np.ndarray, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(Topology([stage], name="sparse"), bias, device, dtype)
