"""Ways to compute a layer: dense, the Clos cascade, and others with about as many weights as the cascade."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, SparseLinear, plan
from fabric.topology import Topology

Cascade = tuple[int, int, int, int, int]
_RADIX = 4  # of butterflies: the smallest whose stages are small matrix products


class PackedLinear(nn.Linear):
    """The dense layer whose products, also those of its gradients, are oneDNN's."""

    def packed(self, batch: int) -> Callable[[Tensor], Tensor]:
        """The layer for x (batch, inputs) without gradients, its weight in the order that oneDNN wants for it."""
        weight = torch.ops.mkldnn._reorder_linear_weight(self.weight.detach(), batch)
        return partial(_product, weight=weight, bias=self.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        return _OneDnn.apply(x, self.weight, self.bias)


class _OneDnn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx, above: Tensor):
        x, weight = ctx.saved_tensors
        return _product(above, weight.t()), _product(above.t(), x.t()), above.sum(0)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (batch, inputs), weight (outputs, inputs) → (batch, outputs)."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class MaskedLinear(nn.Linear):
    """The usual way to train sparse layers: a dense weight times a mask of zeros and ones, (outputs, inputs)."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.to(self.weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight * self.mask, self.bias)


class CompressedRows(nn.Module):
    """A sparse matrix in PyTorch's CSR format times a batch; it has no gradients."""

    matrix: Tensor
    bias: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", mask.float().to_sparse_csr())
        self.register_buffer("bias", torch.zeros(len(mask)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias[:, None], self.matrix, x.t()).t()


def _random_mask(cascade: Cascade) -> np.ndarray:
    inputs, outputs, *_ = cascade
    return topology.random_sparse(inputs, outputs, edges(cascade), np.random.default_rng(0)).stages[0].copy()


def _low_rank(cascade: Cascade) -> nn.Module:
    inputs, outputs, *_ = cascade
    rank = max(1, round(edges(cascade) / (inputs + outputs)))
    return nn.Sequential(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs))


def _monarch(cascade: Cascade) -> nn.Module:
    inputs, outputs, *_ = cascade
    return plan(inputs, outputs, weights=edges(cascade), structures=["two-level"])[0].layer()


def _butterflies(cascade: Cascade) -> nn.Module:
    one = topology.butterfly(cascade[0], _RADIX)
    return CascadeLinear(Topology(list(one.stages) * max(1, round(edges(cascade) / one.parameters)), "butterflies"))


def _block_diagonal(cascade: Cascade) -> nn.Module:
    inputs, outputs, *_ = cascade
    common = math.gcd(inputs, outputs)
    wanted = inputs * outputs / edges(cascade)
    blocks = min(
        (count for count in range(1, common + 1) if common % count == 0),
        key=lambda count: abs(math.log(count / wanted)),
    )
    return CascadeLinear(Topology([block_diagonal(inputs, outputs, blocks)], "block-diagonal"))


def block_diagonal(inputs: int, outputs: int, blocks: int) -> np.ndarray:
    """Boolean (outputs, inputs): equal dense blocks along the diagonal; both sizes are multiples of `blocks`."""
    return np.kron(np.eye(blocks, dtype=bool), np.ones((outputs // blocks, inputs // blocks), bool))


DENSE, ONEDNN, CLOS, REFERENCE = "dense", "dense, oneDNN", "Clos", "Clos, no kernel"
WAYS: dict[str, Callable[[Cascade], nn.Module]] = {
    DENSE: lambda cascade: nn.Linear(*cascade[:2]),
    ONEDNN: lambda cascade: PackedLinear(*cascade[:2]),
    CLOS: lambda cascade: ClosLinear(*cascade),
    REFERENCE: lambda cascade: ClosLinear(*cascade),
    "low rank": _low_rank,
    "Monarch": _monarch,
    "butterflies": _butterflies,
    "block-diagonal": _block_diagonal,
    "CSR": lambda cascade: CompressedRows(torch.from_numpy(_random_mask(cascade))),
    "edge list": lambda cascade: SparseLinear(_random_mask(cascade)),
    "masked dense": lambda cascade: MaskedLinear(torch.from_numpy(_random_mask(cascade))),
}


def edges(cascade: Cascade) -> int:
    """Weights of the Clos cascade (I, O, R_i, R_m, R_o)."""
    inputs, outputs, first, middle, last = cascade
    return middle * (inputs + outputs + first * last)


def ways(cascade: Cascade, dtype: str, device: str = "cpu") -> tuple[str, ...]:
    """Those of `WAYS` that exist: butterflies for a power of 4, oneDNN on a processor, CSR in float32."""
    inputs, outputs, *_ = cascade
    missing = set()
    if inputs != outputs or _RADIX ** round(math.log(inputs, _RADIX)) != inputs:
        missing.add("butterflies")
    if device != "cpu" or not torch.backends.mkldnn.is_available():
        missing.add(ONEDNN)
    if dtype != "float32":
        missing |= {"CSR", "edge list"}
    return tuple(way for way in WAYS if way not in missing)


def weights(layer: nn.Module) -> int:
    """Weights of the layer without its bias; of a mask or a sparse matrix its entries."""
    if isinstance(layer, MaskedLinear):
        return int(layer.mask.sum())
    if isinstance(layer, CompressedRows):
        return layer.matrix.values().numel()
    return sum(parameter.numel() for name, parameter in layer.named_parameters() if not name.endswith("bias"))


def multiplied(layer: nn.Module) -> int:
    """Multiply-accumulates of one sample: a masked layer computes with its zeros."""
    return layer.weight.numel() if isinstance(layer, MaskedLinear) else weights(layer)


def trains(layer: nn.Module) -> bool:
    """Whether the layer has gradients."""
    return any(True for _ in layer.parameters())


def built(way: str, cascade: Cascade, **placement: Any) -> nn.Module:
    """The layer of this way; `placement`: dtype and device."""
    torch.manual_seed(0)
    return WAYS[way](cascade).to(**placement)


def inference(layer: nn.Module, batch: int) -> Callable[[Tensor], Tensor]:
    """The layer without gradients for x (batch, inputs), prepared where it can be."""
    return layer.packed(batch) if isinstance(layer, PackedLinear) else layer
