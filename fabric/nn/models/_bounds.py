"""How near the nearest matrix of a structure is to a given one, as far as theorems say it without a fit."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fabric.topology import router_sizes

if TYPE_CHECKING:
    from fabric.nn.models._entries import Plan


def error_bounds(plan: "Plan", matrix: object) -> tuple[float, float] | None:
    """What `Plan.error_bounds` says."""
    shape = plan.out_features, plan.in_features
    if not isinstance(matrix, Tensor) or matrix.shape != shape or not torch.isfinite(matrix).all():
        given = f"one of shape {tuple(matrix.shape)}" if isinstance(matrix, Tensor) else type(matrix).__name__
        raise ValueError(f"matrix must be a tensor {shape} (outputs, inputs) of finite numbers, got {given}")
    values = matrix.detach().to("cpu", torch.float64)
    whole = float(values.norm()) or 1.0
    if plan.structure == "low rank":
        optimum = _beyond(values, plan.counts[0]) ** 0.5 / whole
        return optimum, optimum
    if plan.structure not in ("clos", "two-level"):
        return None
    first, last = plan.counts[0], plan.counts[-1]
    columns = [plan.taps * size for size in router_sizes(plan.in_features // plan.taps, first)]
    blocks = [part for rows in values.split(router_sizes(plan.out_features, last)) for part in rows.split(columns, 1)]
    rank = plan.counts[1] if plan.structure == "clos" else 1
    least = sum(_beyond(block, rank) for block in blocks) ** 0.5 / whole
    return least, _beyond(values, rank) ** 0.5 / whole if plan.structure == "clos" else least


def _beyond(matrix: Tensor, rank: int) -> float:
    """Sum of squares that the nearest matrix of this rank leaves."""
    return float(torch.linalg.svdvals(matrix)[rank:].square().sum())
