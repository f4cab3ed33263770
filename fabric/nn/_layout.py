"""Recognising stages that are made of equal dense routers, so that their layers need no index."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
    """Equal dense routers between a run of inputs and a run of outputs.

    With stride s, k neurons per router and R routers, neuron (high * k + member) * s + low of the run is a member of
    router high * s + low. Stride 1: each router's neurons are neighbours. Stride R: they are dealt out in turn.

    Attributes:
        inputs, outputs: the runs.
        input_stride, output_stride: how the neurons of each run are dealt out to the routers.
    """

    inputs: slice
    outputs: slice
    input_stride: int
    output_stride: int


@dataclass(frozen=True)
class BlockLayout:
    """A stage as one or several parts of equally many routers of equal size.

    Several parts lie side by side (own inputs, own outputs), fan out (the same inputs, own outputs) or add up (own
    inputs, the same outputs).

    Attributes:
        parts: the parts.
        routers: routers per part.
        outputs, inputs: neurons per router.
    """

    parts: tuple[Part, ...]
    routers: int
    outputs: int
    inputs: int

    @property
    def fans_out(self) -> bool:
        """Whether all parts read the same inputs."""
        return self.parts[0].inputs == self.parts[-1].inputs

    @property
    def adds_up(self) -> bool:
        """Whether all parts write to the same outputs."""
        return self.parts[0].outputs == self.parts[-1].outputs


def block_layout(stage: np.ndarray) -> BlockLayout | None:
    """How a stage consists of equal dense routers at regular strides, None if it does not."""
    outputs, inputs = stage.shape
    splits = [(1, 1)]
    if outputs % inputs == 0:
        splits.append((outputs // inputs, 1))
    if inputs % outputs == 0:
        splits.append((1, inputs // outputs))
    splits += [(count, count) for count in range(2, min(stage.shape) + 1) if _is_block_diagonal(stage, count)]
    return next(filter(None, (_split_layout(stage, *split) for split in splits)), None)


def _is_block_diagonal(stage: np.ndarray, count: int) -> bool:
    outputs, inputs = stage.shape
    if outputs % count or inputs % count:
        return False
    height, width = outputs // count, inputs // count
    first_row = np.flatnonzero(stage[0])  # the cheap test first: most counts fail it
    if len(first_row) and first_row[-1] >= width:
        return False
    blocks = stage.reshape(count, height, count, width)
    used = np.asarray(blocks.any(axis=(1, 3)))
    return not used[~np.eye(count, dtype=bool)].any()


def _split_layout(stage: np.ndarray, row_runs: int, column_runs: int) -> BlockLayout | None:
    """The layout as max(row_runs, column_runs) parts."""
    count = max(row_runs, column_runs)
    parts, shapes = [], set()
    for position in range(count):
        height, width = stage.shape[0] // row_runs, stage.shape[1] // column_runs
        row = position * height if row_runs > 1 else 0
        column = position * width if column_runs > 1 else 0
        rows, columns = slice(row, row + height), slice(column, column + width)
        found = _routers(stage[rows, columns])
        if found is None:
            return None
        shape, input_stride, output_stride = found
        shapes.add(shape)
        parts.append(Part(columns, rows, input_stride, output_stride))
    return BlockLayout(tuple(parts), *shapes.pop()) if len(shapes) == 1 else None


def _routers(stage: np.ndarray) -> tuple[tuple[int, int, int], int, int] | None:
    """((routers, outputs per router, inputs per router), input stride, output stride), or None."""
    outputs, inputs = stage.shape
    first_inputs, first_outputs = np.flatnonzero(stage[0]), np.flatnonzero(stage[:, 0])
    if len(first_inputs) == 0 or len(first_outputs) == 0:
        return None
    routers = outputs // len(first_outputs)
    if routers * len(first_outputs) != outputs or routers * len(first_inputs) != inputs:
        return None
    strides = [int(members[1] - members[0]) if len(members) > 1 else 1 for members in (first_inputs, first_outputs)]
    if any(routers % stride for stride in strides):
        return None
    of_input, of_output = (
        np.arange(neurons) // (len(members) * stride) * stride + np.arange(neurons) % stride
        for neurons, members, stride in zip((inputs, outputs), (first_inputs, first_outputs), strides, strict=True)
    )
    if not np.array_equal(stage, of_output[:, None] == of_input[None, :]):
        return None
    return (routers, len(first_outputs), len(first_inputs)), strides[0], strides[1]
