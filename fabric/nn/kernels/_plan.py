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
    high * s + low: stride 1 makes neighbours members of one router, stride R deals neurons out in turn. With stride 1
    the neurons need not divide: the first routers then have one more.

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
        *((name, ctypes.c_int64) for name in ("routers", "outputs", "inputs")),
        *((name, ctypes.c_void_p) for name in ("reads", "writes", "used_inputs", "used_outputs")),
    )


class _Cascade(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("depth", "inputs", "outputs")),
        ("stages", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("inputs_in_order", "outputs_in_order")),
    )


class Plan:
    """The C structure `Cascade` of cascade.h, with the arrays that it points to; and the same map in PyTorch.

    Attributes:
        address: of the structure.
        outputs: neurons of the last level.
        pack_forward, pack_backward: make a `Call` of its fields.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout, stages = layout, layout.stages
        self.outputs = layout.outputs
        widths = [layout.inputs, *(stage.routers * stage.inputs for stage in stages[1:]), layout.outputs]
        self._sources = [_members(s.routers, s.inputs, s.input_stride, widths[i]) for i, s in enumerate(stages)]
        self._targets = [_members(s.routers, s.outputs, s.output_stride, widths[i + 1]) for i, s in enumerate(stages)]
        self._kept: list[np.ndarray] = []
        self._stages = (_Stage * len(stages))()
        for i, (stage, into) in enumerate(zip(stages, self._stages, strict=True)):
            sources, targets = self._sources[i], self._targets[i]
            into.routers, into.outputs, into.inputs = stage[:3]
            into.reads = self._pointer(_places(self._targets[i - 1])[sources] if i else sources)
            into.writes = self._pointer(_places(self._sources[i + 1])[targets] if i + 1 < len(stages) else targets)
            into.used_inputs = self._pointer((sources >= 0).sum(1))
            into.used_outputs = self._pointer((targets >= 0).sum(1))
        self._cascade = _Cascade(
            len(stages),
            layout.inputs,
            layout.outputs,
            ctypes.addressof(self._stages),
            stages[0].input_stride == 1,
            stages[-1].output_stride == 1,
        )
        self.address = ctypes.addressof(self._cascade)
        self.pack_forward = struct.Struct(f"PqqqPPPPPP{len(stages)}P").pack
        self.pack_backward = struct.Struct(f"PqqqPPPPPP{2 * len(stages)}P").pack

    def __reduce__(self):
        return plan_of, (self._layout,)

    def reference(self, x: Tensor, bias: Tensor | None, *weights: Tensor) -> Tensor:
        """The map in PyTorch's operators, (batch, inputs) → (batch, outputs): slow, but differentiable repeatedly."""
        columns = x.t()
        for sources, targets, weight in zip(self._sources, self._targets, weights, strict=True):
            padded = functional.pad(columns, (0, 0, 0, 1))  # index -1 finds a row of zeros
            rows = torch.bmm(weight, padded[torch.from_numpy(sources)]).flatten(0, 1)
            columns = rows[torch.from_numpy(np.argsort(np.where(targets < 0, targets.size, targets), axis=None))]
            columns = columns[: int(targets.max()) + 1]
        return columns.t() if bias is None else columns.t() + bias

    def _pointer(self, values: np.ndarray) -> int:
        self._kept.append(np.ascontiguousarray(values, np.int32))
        return self._kept[-1].ctypes.data


@functools.lru_cache(maxsize=256)
def plan_of(layout: Layout) -> Plan:
    """The plan, made once."""
    return Plan(layout)


def _places(neurons: np.ndarray) -> np.ndarray:
    """The inverse of a level's order by routers: where each neuron lies in it."""
    places = np.empty(neurons.size, np.int32)
    places[neurons.ravel()] = np.arange(neurons.size)
    return places


def _members(routers: int, size: int, stride: int, neurons: int) -> np.ndarray:
    """(routers, size) the neurons of each router, -1 where a smaller router has none."""
    if routers * size == neurons:
        router = np.arange(routers)[:, None]
        return (router // stride * size + np.arange(size)) * stride + router % stride
    sizes = np.asarray(router_sizes(neurons, routers))[:, None]
    member = np.arange(size)
    return np.where(member < sizes, np.cumsum(sizes)[:, None] - sizes + member, -1)
