"""A cascade of equal routers as the tables that the kernel reads: which router takes which neuron from where."""

import ctypes
import functools
import struct
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fabric.topology import router_sizes


class Routers(NamedTuple):
    """A stage of dense routers between two levels of neurons.

    With stride s, k neurons per router and R routers, neuron (high * k + member) * s + low is a member of router
    high * s + low: stride 1 makes neighbours members of one router, stride R deals neurons out in turn. With stride 1 the
    neurons need not divide: the first routers then have one more.

    Attributes:
        routers, outputs, inputs: how many, and the neurons of the largest.
        input_stride, output_stride: how the neurons below and above are dealt out.
    """

    routers: int
    outputs: int
    inputs: int
    input_stride: int
    output_stride: int


class Layout(NamedTuple):
    """A cascade of routers: everything that the kernel is told of a layer.

    Attributes:
        inputs, outputs: neurons of the first and the last level.
        stages: inputs first; the weights of each are (routers, outputs, inputs).
    """

    inputs: int
    outputs: int
    stages: tuple[Routers, ...]


class _Stage(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("routers", "outputs", "inputs", "transposed")),
        *((name, ctypes.c_void_p) for name in ("reads", "writes", "used_inputs", "used_outputs")),
    )


class _Cascade(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("depth", "inputs", "outputs")),
        *((name, ctypes.c_void_p) for name in ("stages", "from_x", "to_y")),
    )


class Plan:
    """The C structure `Cascade` of cascade.h, with the arrays that it points to; and the same map in PyTorch.

    Args:
        layout: the cascade.
        half: the kernel pads the neurons of a router to a multiple of this.

    Attributes:
        address: of the structure.
        outputs: neurons of the last level.
        pack_forward, pack_backward: make a `Call` of its fields.
    """

    def __init__(self, layout: Layout, half: int) -> None:
        self._layout, self._half = layout, half
        self.outputs = layout.outputs
        self._kept: list[np.ndarray] = []
        stages = layout.stages
        self._sources = [_members(s.routers, s.inputs, s.input_stride, self._width(i)) for i, s in enumerate(stages)]
        self._targets = [
            _members(s.routers, s.outputs, s.output_stride, self._width(i + 1)) for i, s in enumerate(stages)
        ]
        described = (_Stage * len(stages))()
        for i, (stage, into) in enumerate(zip(stages, described, strict=True)):
            into.routers, into.outputs, into.inputs = stage[:3]
            reads = self._lookup(self._targets[i - 1])[self._sources[i]] if i else self._places(self._sources[0])
            if i:
                in_turn = self._places(self._targets[i - 1]).T
                into.transposed = reads.shape == in_turn.shape and np.array_equal(reads, in_turn)
            last = i == len(stages) - 1
            writes = self._places(self._targets[i]) if last else self._lookup(self._sources[i + 1])[self._targets[i]]
            into.reads, into.writes = self._pointer(reads), self._pointer(writes)
            into.used_inputs = self._pointer((self._sources[i] >= 0).sum(1))
            into.used_outputs = self._pointer((self._targets[i] >= 0).sum(1))
        self._stages = described
        self._cascade = _Cascade(len(stages), layout.inputs, layout.outputs, ctypes.addressof(described))
        self._cascade.from_x = self._order(self._sources[0], layout.inputs)
        self._cascade.to_y = self._order(self._targets[-1], layout.outputs)
        self.address = ctypes.addressof(self._cascade)
        self.pack_forward = struct.Struct(f"PqqqPPPPPP{len(stages)}P").pack
        self.pack_backward = struct.Struct(f"PqqqPPPPPP{2 * len(stages)}P").pack

    def __reduce__(self):
        return plan_of, (self._layout, self._half)

    def reference(self, x: Tensor, bias: Tensor | None, *weights: Tensor) -> Tensor:
        """The map in PyTorch's operators, (batch, inputs) → (batch, outputs): slow, and differentiable any number of times."""
        columns = x.t()
        for sources, targets, weight in zip(self._sources, self._targets, weights, strict=True):
            padded = functional.pad(columns, (0, 0, 0, 1))  # index -1 finds a row of zeros
            rows = torch.bmm(weight, padded[torch.from_numpy(sources)]).flatten(0, 1)
            columns = rows[torch.from_numpy(np.argsort(np.where(targets < 0, targets.size, targets), axis=None))]
            columns = columns[: int(targets.max()) + 1]
        return columns.t() if bias is None else columns.t() + bias

    def _width(self, level: int) -> int:
        layout = self._layout
        if level == 0:
            return layout.inputs
        if level == len(layout.stages):
            return layout.outputs
        return layout.stages[level].routers * layout.stages[level].inputs

    def _places(self, neurons: np.ndarray) -> np.ndarray:
        """Where each router's neurons lie when routers follow one another, padded."""
        routers, size = neurons.shape
        return np.arange(routers)[:, None] * (-(-size // self._half) * self._half) + np.arange(size)

    def _lookup(self, neurons: np.ndarray) -> np.ndarray:
        """The place of every neuron of a level; one more entry for padding."""
        table = np.zeros(neurons.max() + 2, np.int32)
        table[neurons] = self._places(neurons)
        return table

    def _order(self, neurons: np.ndarray, count: int) -> int | None:
        """The neuron at every place, -1 for none; no table where the neurons lie in order."""
        table = np.full(len(neurons) * (-(-neurons.shape[1] // self._half) * self._half), -1, np.int32)
        table[self._places(neurons)] = neurons
        return None if np.array_equal(table, np.arange(count)) else self._pointer(table)

    def _pointer(self, values: np.ndarray) -> int:
        self._kept.append(np.ascontiguousarray(values, np.int32))
        return self._kept[-1].ctypes.data


@functools.lru_cache(maxsize=256)
def plan_of(layout: Layout, half: int) -> Plan:
    """The plan, made once."""
    return Plan(layout, half)


def _members(routers: int, size: int, stride: int, neurons: int) -> np.ndarray:
    """(routers, size) the neurons of each router, -1 where a smaller router has none."""
    if routers * size == neurons:
        router = np.arange(routers)[:, None]
        return (router // stride * size + np.arange(size)) * stride + router % stride
    sizes = np.asarray(router_sizes(neurons, routers))[:, None]
    member = np.arange(size)
    return np.where(member < sizes, np.cumsum(sizes)[:, None] - sizes + member, -1)
