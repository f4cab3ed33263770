"""One stage of a cascade as a module: blocks where the stage is made of routers, edges where it is irregular."""

import hashlib

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from fabric.nn._edges import edge_multiply
from fabric.nn._structured import StageWeight


def stage_module(stage: np.ndarray, device=None, dtype=None) -> "BlockStage | EdgeStage":
    """The fastest module for a boolean stage (outputs, inputs); weights are left uninitialised."""
    layout = block_layout(stage)
    if layout is None:
        return EdgeStage(stage, device, dtype)
    routers, interleaved = layout
    outputs, inputs = stage.shape
    return BlockStage(routers, outputs // routers, inputs // routers, interleaved, device, dtype)


def block_layout(stage: np.ndarray) -> tuple[int, bool] | None:
    """(routers, interleaved) if the stage consists of equal dense routers whose neurons lie regularly, else None.

    The outputs of router g must be the g-th run of neighbouring neurons. Its inputs are either the g-th run too
    (interleaved False) or every routers-th neuron from g on (True): the pattern that a previous stage leaves behind.
    """
    outputs, inputs = stage.shape
    routers = outputs // int(np.count_nonzero((stage == stage[0]).all(axis=1)))
    if outputs % routers or inputs % routers:
        return None
    router_of_output = np.arange(outputs) // (outputs // routers)
    for interleaved in (False, True):
        inputs_in_order = np.arange(inputs)
        router_of_input = inputs_in_order % routers if interleaved else inputs_in_order // (inputs // routers)
        if np.array_equal(stage, router_of_output[:, None] == router_of_input[None, :]):
            return routers, interleaved
    return None


class BlockStage(nn.Module):
    """Equal dense routers side by side: `weight` (routers, outputs per router, inputs per router)."""

    def __init__(self, routers: int, outputs: int, inputs: int, interleaved: bool, device=None, dtype=None) -> None:
        super().__init__()
        self.interleaved = interleaved
        self.weight = nn.Parameter(torch.empty(routers, outputs, inputs, device=device, dtype=dtype))

    def forward(self, columns: Tensor) -> Tensor:
        """(inputs, batch) → (outputs, batch)."""
        routers, _, inputs = self.weight.shape
        if self.interleaved:
            x = columns.unflatten(0, (inputs, routers)).transpose(0, 1)
        else:
            x = columns.unflatten(0, (routers, inputs))
        return torch.bmm(self.weight, x).flatten(0, 1)

    def dense(self) -> Tensor:
        """The stage as a matrix (outputs, inputs)."""
        routers, _, inputs = self.weight.shape
        matrix = torch.block_diag(*self.weight)
        if self.interleaved:
            matrix = matrix.unflatten(1, (routers, inputs)).transpose(1, 2).flatten(1)
        return matrix

    def stage_weight(self) -> StageWeight:
        routers, outputs, inputs = self.weight.shape
        fan_in = torch.tensor(inputs, device=self.weight.device)
        fan_out = torch.tensor(outputs, device=self.weight.device)
        return StageWeight(self.weight, fan_in, fan_out, (routers * inputs, routers * outputs))


class EdgeStage(nn.Module):
    """Any bipartite graph: `weight` (edges,), sorted by output neuron and then by input neuron.

    The edge list is not part of the `state_dict`, only its fingerprint is: loading the weights of another wiring fails.
    """

    def __init__(self, stage: np.ndarray, device=None, dtype=None) -> None:
        super().__init__()
        self.outputs, self.inputs = stage.shape
        by_output, by_input = sparse.csr_array(stage), sparse.csr_array(stage.T)
        targets, sources = np.nonzero(stage)
        order = np.lexsort((targets, sources))
        buffers = {
            "offsets": by_output.indptr,
            "sources": by_output.indices,
            "source_offsets": by_input.indptr,
            "targets": by_input.indices,
            "order": order,
        }
        for name, values in buffers.items():
            self.register_buffer(name, torch.as_tensor(values.astype(np.int32), device=device), persistent=False)
        self._fingerprint = hashlib.sha256(np.packbits(stage).tobytes() + repr(stage.shape).encode()).hexdigest()
        self.weight = nn.Parameter(torch.empty(len(sources), device=device, dtype=dtype))

    def forward(self, columns: Tensor) -> Tensor:
        """(inputs, batch) → (outputs, batch)."""
        columns = columns.contiguous()  # here, so that the backward pass finds it done
        return edge_multiply(
            self.weight, columns, self.offsets, self.sources, self.source_offsets, self.targets, self.order
        )

    def edge_targets(self) -> Tensor:
        """Output neuron of each edge, shape (edges,)."""
        counts = self.offsets.diff()
        return torch.repeat_interleave(torch.arange(self.outputs, device=counts.device), counts)

    def dense(self) -> Tensor:
        """The stage as a matrix (outputs, inputs)."""
        matrix = self.weight.new_zeros(self.outputs, self.inputs)
        return matrix.index_put((self.edge_targets(), self.sources.long()), self.weight)

    def stage_weight(self) -> StageWeight:
        fan_in = self.offsets.diff()[self.edge_targets()]
        fan_out = self.source_offsets.diff()[self.sources.long()]
        return StageWeight(self.weight, fan_in, fan_out, (self.inputs, self.outputs))

    def get_extra_state(self) -> str:
        return self._fingerprint

    def set_extra_state(self, state: str) -> None:
        if state != self._fingerprint:
            raise ValueError("the weights belong to a stage with other edges: build the layer from the same topology")
