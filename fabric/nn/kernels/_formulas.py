"""The operators of the kernel written with PyTorch's own: on every device, in every dtype, differentiable to any order."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from fabric.nn._edges import edge_gradient, edge_product
from fabric.nn.kernels._layout import Edges, Members, members

Lists = tuple[Tensor, ...]


def cascade(
    x: Tensor, bias: Tensor | None, weights: Sequence[Tensor], edges: Sequence[Tensor], layout: Sequence[int]
) -> Tensor:
    """(*, inputs) → (*, outputs)."""
    columns = x.reshape(-1, layout[0]).t()
    for stage, weight, lists in _stages(weights, edges, layout):
        columns = _up(stage, weight, lists, columns)
    rows = columns[: layout[1]].t() if bias is None else columns[: layout[1]].t() + bias
    return rows.contiguous().view(*x.shape[:-1], layout[1])


def cascade_backward(
    above: Tensor,
    x: Tensor,
    weights: Sequence[Tensor],
    edges: Sequence[Tensor],
    layout: Sequence[int],
    for_x: bool,
    for_bias: bool,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The gradients of x and bias, empty where they are not wanted, and of the weights."""
    stages = list(_stages(weights, edges, layout))
    levels = [x.reshape(-1, layout[0]).t()]
    for stage in stages[:-1]:
        levels.append(_up(*stage, levels[-1]))
    rows = above.reshape(-1, layout[1])
    gradient, for_weights = rows.t(), []
    for (stage, weight, lists), below in zip(reversed(stages), reversed(levels), strict=True):
        if isinstance(stage, Edges):
            gradient = gradient.contiguous()
            for_weights.append(edge_gradient(gradient, below.contiguous(), *lists))
            gradient = edge_product(weight, gradient, *lists, True)
        else:
            at_routers = _gather(gradient, stage.above)
            for_weights.append(torch.bmm(at_routers, _gather(below, stage.below).transpose(1, 2)))
            gradient = _scatter(torch.bmm(weight.transpose(1, 2), at_routers), stage.below)
    nothing = x.new_empty(0)
    into_x = gradient.t().contiguous().view(x.shape) if for_x else nothing
    return into_x, rows.sum(0) if for_bias else nothing, for_weights[::-1]


def _stages(
    weights: Sequence[Tensor], edges: Sequence[Tensor], layout: Sequence[int]
) -> Iterator[tuple[Members | Edges, Tensor, Lists]]:
    lists = iter(edges)
    for stage, weight in zip(members(tuple(layout)), weights, strict=True):
        yield stage, weight, tuple(next(lists) for _ in range(5)) if isinstance(stage, Edges) else ()


def _up(stage: Members | Edges, weight: Tensor, lists: Lists, columns: Tensor) -> Tensor:
    if isinstance(stage, Edges):
        return edge_product(weight, columns.contiguous(), *lists, False)
    return _scatter(torch.bmm(weight, _gather(columns, stage.below)), stage.above)


def _gather(columns: Tensor, neurons: np.ndarray) -> Tensor:
    """(level, batch) → (routers, size, batch); zeros where a router has no neuron."""
    index = torch.from_numpy(np.maximum(neurons, 0)).to(columns.device)
    rows = columns[index]
    return rows if neurons.min() >= 0 else rows.where(torch.from_numpy(neurons >= 0).to(rows.device)[..., None], 0)


def _scatter(routers: Tensor, neurons: np.ndarray) -> Tensor:
    """(routers, size, batch) → (level, batch); what several routers give a neuron adds up."""
    present = torch.from_numpy(np.flatnonzero(neurons >= 0)).to(routers.device)
    rows = routers.flatten(0, 1)[present]
    targets = torch.from_numpy(neurons[neurons >= 0]).to(routers.device)
    return rows.new_zeros(int(neurons.max()) + 1, rows.shape[1]).index_add(0, targets, rows)
