"""What all structured layers share: batch-last multiplication, bias, and a view of their weights stage by stage."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fabric._checks import positive_int
from fabric.topology import Topology


@dataclass(frozen=True)
class StageWeight:
    """One stage's weights with the connection counts that initialisation needs.

    Attributes:
        weight: trainable tensor with one entry per edge (and, where routers differ in size, unused entries).
        fan_in: edges into the output neuron of each edge; broadcasts against `weight`.
        fan_out: edges out of the input neuron of each edge; broadcasts against `weight`.
        widths: neurons (inputs, outputs) of the stage, which is what ordinary Glorot counts.
        used: boolean, broadcasts against `weight`; False marks entries that stand for no edge. None: all are used.
        edges: (targets, sources), the neurons that each weight joins, where `weight` is a list of edges. None: it holds
            dense routers (..., outputs, inputs).
    """

    weight: Tensor
    fan_in: Tensor
    fan_out: Tensor
    widths: tuple[int, int]
    used: Tensor | None = None
    edges: tuple[Tensor, Tensor] | None = None

    @property
    def connections(self) -> int:
        """Weights that stand for edges."""
        return self.weight.numel() if self.used is None else int(self.used.expand_as(self.weight).sum())


class StructuredLinear(nn.Module, ABC):
    """A linear map y = W x + b whose W is structured; drop-in for `torch.nn.Linear`.

    Shapes: x (*, in_features) → y (*, out_features), dtype and device of the weights. Internally the batch is the last
    axis, so that every slice handed to a matrix product has unit stride and no permutation is ever copied; the result
    is therefore a transposed view.

    Attributes:
        topology: the `Topology` whose edges the weights are.
    """

    topology: Topology
    bias: nn.Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool, device=None, dtype=None) -> None:
        super().__init__()
        self.in_features = positive_int("in_features", in_features)
        self.out_features = positive_int("out_features", out_features)
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)

    @abstractmethod
    def affine(self, columns: Tensor) -> Tensor:
        """W @ columns + bias: (in_features, batch) → (out_features, batch)."""

    @abstractmethod
    def dense_weight(self) -> Tensor:
        """The equivalent dense matrix W, shape (out_features, in_features); differentiable."""

    @abstractmethod
    def stage_weights(self) -> list[StageWeight]:
        """The weights stage by stage, inputs first."""

    def forward(self, x: Tensor) -> Tensor:
        """(*, in_features) → (*, out_features).

        Raises:
            ValueError: the last axis of x is not in_features long.
        """
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ValueError(f"x must have {self.in_features} features in its last axis, got shape {tuple(x.shape)}")
        if x.ndim == 2:
            return self.affine(x.t()).t()
        batch = x.shape[:-1]
        return self.affine(x.reshape(math.prod(batch), self.in_features).t()).t().view(*batch, self.out_features)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
