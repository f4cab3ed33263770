"""What was done to the layers of a model, as rows to print or to hand to pandas, and the weights counted in them."""

import math
from collections.abc import Mapping

from torch import nn

from fabric.nn._structured import StructuredLinear
from fabric.nn.convolution._conv import StructuredConv2d


class Table(list[dict[str, object]]):
    """Rows with the same keys; `print` and a prompt align them, `pandas.DataFrame` takes them as they are."""

    def __str__(self) -> str:
        if not self:
            return "no Linear, Conv2d, GRU or LSTM layers"
        cells = [list(self[0]), *(list(map(_text, row.values())) for row in self), _totals(self)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        numeric = [all(isinstance(row[key], int | float) for row in self) for key in self[0]]
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in cells
        ]
        return "\n".join(lines)

    __repr__ = __str__


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if isinstance(value, float) else str(value)


def _totals(rows: list[dict[str, object]]) -> list[str]:
    """Counts added up; nothing below what has no sum."""
    first: Mapping[str, object] = rows[0]
    columns = {key: [row[key] for row in rows] for key in first}
    sums = [
        _text(sum(values)) if all(isinstance(value, int) for value in values) else ""  # type: ignore[arg-type]
        for values in columns.values()
    ]
    return ["in all", *sums[1:]]


def weights(module: nn.Module) -> int:
    """Trainable numbers without the padding of uneven routers; `torch.nn.Module.parameters` counts it."""
    padding, inside = 0, set[nn.Module]()
    for part in module.modules():
        if isinstance(part, StructuredLinear | StructuredConv2d) and part not in inside:
            inside.update(part.modules())
            bias = 0 if part.bias is None else part.bias.numel()
            padding += sum(parameter.numel() for parameter in part.parameters()) - bias - _edges(part)
    return sum(parameter.numel() for parameter in module.parameters()) - padding


def _edges(layer: StructuredLinear | StructuredConv2d) -> int:
    """Of all stages, counted from the topology, for there may be no numbers on the layer's device."""
    edges = layer.topology.parameters
    if isinstance(layer, StructuredConv2d):
        area = math.prod(layer.kernel_size)
        if layer.spatial == "first":
            edges += (area - 1) * int(layer.topology.stages[0].sum())
        if layer.depthwise_weight is not None:
            edges += layer.depthwise_weight.numel()
    return edges
