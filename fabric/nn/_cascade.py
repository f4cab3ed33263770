"""Any topology as a trainable layer."""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fabric import topology as topologies
from fabric._checks import positive_int
from fabric.nn._stages import BlockStage, EdgeStage, FixedSkip, stage_module
from fabric.nn._structured import StageWeight, StructuredLinear, check_size
from fabric.nn.init import sparse_glorot_uniform_
from fabric.nn.kernels import Layout
from fabric.topology import Topology
from fabric.topology.skips import checked

KNOWN = (BlockStage, EdgeStage)  # kinds of stages that the kernel computes


class CascadeLinear(StructuredLinear):
    """The stages of a topology one after the other, as a drop-in for `torch.nn.Linear`.

    Shapes: x (*, topology.inputs) → y (*, topology.outputs). Linear inside (NeuroFabric abstract, figure 1); put the
    activation after it. Stages made of equal routers are stored as blocks, others as edge lists; either way there
    is exactly one weight per edge, no mask, and no gradient or optimiser state for absent edges.

    Fixed skips (see `fabric.topology.skips`) are added to their stages with weight one: stage l computes
    (A_l + S_l) x. They are neither trained nor part of the `state_dict`. Initialisation does not count them, so every
    skip adds the variance of its source to that of its target.

    Args:
        topology: what is connected to what.
        bias: whether to add a trainable bias.
        skips: one entry per stage, None or a boolean matrix of the stage's shape (outputs, inputs); no skips if None.
        device, dtype: as for `torch.nn.Linear`.

    Raises:
        ValueError: `topology` is not a `Topology`, or the skips do not fit its stages.
    """

    def __init__(
        self,
        topology: Topology,
        bias: bool = True,
        skips: Sequence[ArrayLike | None] | None = None,
        device=None,
        dtype=None,
    ) -> None:
        if not isinstance(topology, Topology):
            raise ValueError(f"topology must be a fabric.topology.Topology, got {topology!r}")
        super().__init__(topology.inputs, topology.outputs, bias, device, dtype)
        self.topology = topology
        self.stages = nn.ModuleList(stage_module(stage, device, dtype) for stage in topology.stages)
        fixed = checked(topology, skips)
        beside: list[Any] = [None if skip is None else FixedSkip(skip, device, dtype) for skip in fixed]
        self.skips = nn.ModuleList(beside)
        if type(self).affine is CascadeLinear.affine and not any(beside):
            stages: Any = self.stages
            layouts = tuple(stage.kernel_layout() for stage in stages)
            self.flat_layout = Layout(self.in_features, self.out_features, layouts).flat()
        self.reset_parameters()

    def affine(self, columns: Tensor) -> Tensor:
        for stage, skip in self._wired():
            columns = stage(columns) if skip is None else stage(columns) + skip(columns)
        return columns if self.bias is None else columns + self.bias[:, None]

    def dense_weight(self) -> Tensor:
        factors = [stage.dense() if skip is None else stage.dense() + skip.dense() for stage, skip in self._wired()]
        return reduce(lambda product, factor: factor @ product, factors)

    def stage_weights(self) -> list[StageWeight]:
        return [stage.stage_weight() for stage, _ in self._wired()]

    def _wired(self) -> Iterator[tuple[Any, Any]]:
        """Each stage with its skip, None where it has none."""
        return zip(self.stages, self.skips, strict=True)

    def reset_parameters(self) -> None:
        sparse_glorot_uniform_(self)

    def first_weight(self) -> Tensor:
        stage, _ = next(self._wired())
        return stage.weight

    def layout_weights(self) -> list[Tensor] | None:
        stages: Any = self.stages
        if any(type(stage) not in KNOWN or stage._forward_pre_hooks or stage._forward_hooks for stage in stages):
            return None
        return [stage.weight for stage in stages]

    def edge_lists(self) -> list[Tensor]:
        stages: Any = self.stages
        return [values for stage in stages if type(stage) is EdgeStage for values in stage.wiring.lists()]

    def extra_repr(self) -> str:
        return f"{self.topology.name}, bias={self.bias is not None}"


class LowRankLinear(CascadeLinear):
    """W = U V with U (out_features, rank) and V (rank, in_features): rank * (in + out) parameters.

    Shapes: x (*, in_features) → y (*, out_features).

    Raises:
        ValueError: an argument that is not a positive integer.
    """

    def __init__(self, in_features: int, out_features: int, rank: int, bias: bool = True, device=None, dtype=None):
        sizes = {"in_features": in_features, "out_features": out_features, "rank": rank}
        sizes = {name: positive_int(name, size) for name, size in sizes.items()}
        check_size(rank * (in_features + out_features), **sizes)
        super().__init__(topologies.low_rank(in_features, out_features, rank), bias, None, device, dtype)


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
        edges = np.asarray(stage) if isinstance(stage, np.ndarray | list | tuple) else np.empty(0)
        if edges.ndim != 2 or edges.size == 0 or edges.dtype != bool:
            raise ValueError(f"stage must be a non-empty boolean matrix (outputs, inputs), got {stage!r}")
        super().__init__(Topology([edges], name="sparse"), bias, None, device, dtype)
