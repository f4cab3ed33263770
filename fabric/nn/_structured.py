"""What all structured layers share: batch-last multiplication, bias, and a view of their weights stage by stage."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from fabric._checks import positive_int
from fabric.nn import kernels
from fabric.nn._batch_last import from_columns, to_columns
from fabric.nn._equivalent import EquivalentWeight
from fabric.topology import Topology

torch.fx.wrap("to_columns")  # steps of their own to `torch.fx`, which cannot follow their conditions
torch.fx.wrap("from_columns")

_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


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

    Shapes: x (*, in_features) → y (*, out_features), dtype and device of the weights, under autocast the dtype that
    `torch.nn.Linear` gives. Internally the batch is the last axis, see `fabric.nn._batch_last`.

    Attributes:
        topology: the `Topology` whose edges the weights are.
        weight: the dense matrix W, (out_features, in_features), for code that expects a `torch.nn.Linear`; it is formed
            when something computes with it, and not a parameter.
    """

    topology: Topology
    bias: nn.Parameter | None
    flat_layout: tuple[int, ...] | None = None  # the layer as a cascade that a kernel can compute (`Layout.flat`)
    __jit_unused_properties__: tuple[str, ...] = ("topology", "weight")

    def __init__(self, in_features: int, out_features: int, bias: bool, device=None, dtype=None) -> None:
        super().__init__()
        self.in_features = positive_int("in_features", in_features)
        self.out_features = positive_int("out_features", out_features)
        if not isinstance(bias, bool):
            raise ValueError(f"bias must be True or False, got {bias!r}")
        check_placement(device, dtype)
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

    @abstractmethod
    def reset_parameters(self) -> None:
        """Draw all weights anew as the constructor does (`fabric.nn.init.sparse_glorot_uniform_`)."""

    @abstractmethod
    def first_weight(self) -> Tensor:
        """The parameter of the first stage: its dtype and device are the layer's."""

    @property
    def weight(self) -> Tensor:
        if torch.compiler.is_compiling():
            return self.dense_weight()
        return EquivalentWeight(self, self.first_weight())

    def layout_weights(self) -> list[Tensor] | None:
        """The weights of the layout's stages; None where only calling the stages gives them."""
        return None

    def edge_lists(self) -> list[Tensor]:
        """Of the layout's stages of edges, the lists of `fabric.nn._edges` one after the other."""
        return []

    def forward(self, x: Tensor) -> Tensor:
        """(*, in_features) → (*, out_features).

        Raises:
            TypeError: x is not a tensor.
            ValueError: its last axis is not in_features long, or its dtype or device is not that of the weights.
        """
        if isinstance(x, Tensor) and (y := kernels.product(self, x)) is not None:
            return y
        return self.reference(x)

    def reference(self, x: Tensor) -> Tensor:
        """`forward` in PyTorch's own operators."""
        return from_columns(self.affine(to_columns(x, self.in_features, self.first_weight())), x)

    def __prepare_scriptable__(self) -> NoReturn:
        """Asked by `torch.jit.script`, whose language has neither the kernel's conditions nor the checks."""
        raise TypeError(
            f"obj must hold no {type(self).__name__} for torch.jit.script: export it by torch.export, which holds "
            "PyTorch's own operators, or trace it by torch.jit.trace"
        )

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def check_placement(device: Any, dtype: Any) -> None:
    """Raise ValueError unless layers can be made with this device and dtype; None is the default of either."""
    if dtype is not None and dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(map(str, _DTYPES))}, got {dtype!r}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ValueError(f"device must be one that PyTorch can use here, got {device!r}: {error}") from None


def check_size(entries: int, **sizes: int) -> None:
    """Raise ValueError where the sizes give more entries than any machine could hold."""
    if entries >= 2**40:
        given = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise ValueError(f"sizes must give fewer than 2**40 entries, got {given}, which give {entries}")
