"""One stage of a cascade as a module: blocks where the stage is made of routers, edges where it is irregular."""

import hashlib

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from fabric.nn._edges import edge_product
from fabric.nn._layout import BlockLayout, block_layout
from fabric.nn._structured import StageWeight
from fabric.nn.kernels import Edges, Routers, Run


def stage_module(stage: np.ndarray, device=None, dtype=None) -> "BlockStage | EdgeStage":
    """Blocks where the boolean stage (outputs, inputs) is made of equal routers, else edges; weights uninitialised.

    Blocks need no index. Measured on one core at 1024 neurons and batch 256, forward and backward, they are the faster
    form from routers of about 16 × 16 neurons on (32 × 32: 0.6 of the time), and 1.2 to 1.5 times slower at 2 × 2.
    """
    layout = block_layout(stage)
    return EdgeStage(stage, device, dtype) if layout is None else BlockStage(layout, device, dtype)


class BlockStage(nn.Module):
    """Equal dense routers: `weight` (routers of all parts, outputs per router, inputs per router)."""

    def __init__(self, layout: BlockLayout, device=None, dtype=None) -> None:
        super().__init__()
        self.layout = layout
        shape = (len(layout.parts) * layout.routers, layout.outputs, layout.inputs)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

    def forward(self, columns: Tensor) -> Tensor:
        """(inputs, batch) → (outputs, batch)."""
        weights = self.weight.split(self.layout.routers)
        results = []
        for number, part in enumerate(self.layout.parts):  # by number: `torch.fx` cannot walk through `weights`
            x = _gather(columns[part.inputs], self.layout.inputs, part.input_stride)
            results.append(_scatter(torch.bmm(weights[number], x), part.output_stride))
        if len(results) == 1:
            return results[0]
        return torch.stack(results).sum(0) if self.layout.adds_up else torch.cat(results)

    def dense(self) -> Tensor:
        """The stage as a matrix (outputs, inputs)."""
        parts = []
        for part, weight in zip(self.layout.parts, self.weight.split(self.layout.routers), strict=True):
            routers, outputs, inputs = weight.shape
            blocks = torch.block_diag(*weight).unflatten(1, (routers, inputs))  # (outputs in router order, routers, k)
            rows = _scatter(blocks.unflatten(0, (routers, outputs)).flatten(2), part.output_stride)
            by_router = rows.unflatten(1, (routers, inputs)).permute(1, 2, 0)
            parts.append(_scatter(by_router, part.input_stride).t())
        if self.layout.adds_up:
            return torch.cat(parts, dim=1)
        return torch.cat(parts) if self.layout.fans_out else torch.block_diag(*parts)

    def kernel_layout(self) -> Routers:
        """The stage for the kernel."""
        layout = self.layout
        runs = [
            (
                Run(part.inputs.start, part.inputs.stop - part.inputs.start, part.input_stride),
                Run(part.outputs.start, part.outputs.stop - part.outputs.start, part.output_stride),
            )
            for part in layout.parts
        ]
        return Routers(layout.routers, layout.outputs, layout.inputs, tuple(runs))

    def stage_weight(self) -> StageWeight:
        layout = self.layout
        fan_in = layout.inputs * (len(layout.parts) if layout.adds_up else 1)
        fan_out = layout.outputs * (len(layout.parts) if layout.fans_out else 1)
        device = self.weight.device
        widths = (layout.parts[-1].inputs.stop, layout.parts[-1].outputs.stop)
        return StageWeight(
            self.weight, torch.tensor(fan_in, device=device), torch.tensor(fan_out, device=device), widths
        )


def _gather(rows: Tensor, per_router: int, stride: int) -> Tensor:
    """(neurons, batch) → (routers, per_router, batch); a view wherever strides allow it, else one copy."""
    return rows.unflatten(0, (-1, per_router, stride)).transpose(1, 2).flatten(0, 1)


def _scatter(groups: Tensor, stride: int) -> Tensor:
    """Inverse of `_gather`: (routers, per_router, batch) → (neurons, batch)."""
    return groups.unflatten(0, (-1, stride)).transpose(1, 2).flatten(0, 2)


class Wiring(nn.Module):
    """The edges of any bipartite graph, sorted by output neuron and then by input neuron; they hold no weights.

    The lists are not part of the `state_dict`. They also survive the meta device: `to_empty` brings them back.
    """

    offsets: Tensor
    sources: Tensor
    source_offsets: Tensor
    targets: Tensor
    order: Tensor

    def __init__(self, stage: np.ndarray, device=None) -> None:
        super().__init__()
        self.outputs, self.inputs = stage.shape
        by_output, by_input = sparse.csr_array(stage), sparse.csr_array(stage.T)
        targets, sources = np.nonzero(stage)
        lists = {
            "offsets": by_output.indptr,
            "sources": by_output.indices,
            "source_offsets": by_input.indptr,
            "targets": by_input.indices,
            "order": np.lexsort((targets, sources)),
        }
        self._lists = {name: torch.from_numpy(values.astype(np.int32)) for name, values in lists.items()}
        device = torch.get_default_device() if device is None else torch.device(device)
        for name, values in self._lists.items():
            self.register_buffer(name, values.to(device), persistent=False)

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        for name, values in self._lists.items():
            device = self.get_buffer(name).device
            if device.type != "meta":  # `to_empty` leaves anything in a buffer
                setattr(self, name, values.to(device))
        return self

    def forward(self, weight: Tensor, columns: Tensor) -> Tensor:
        """One weight per edge, (inputs, batch) → (outputs, batch), in the dtype of the weights."""
        columns = columns.to(weight.dtype).contiguous()  # here, so that the backward pass finds it done
        if torch.onnx.is_in_onnx_export():  # operators that every runtime has
            terms = weight[:, None] * columns.index_select(0, self.sources)
            return terms.new_zeros(self.outputs, terms.shape[1]).index_add(0, self.edge_targets(), terms)
        return edge_product(weight, columns, *self.lists(), False)

    def lists(self) -> list[Tensor]:
        """The five lists of `fabric.nn._edges`."""
        return [self.offsets, self.sources, self.source_offsets, self.targets, self.order]

    def edge_targets(self) -> Tensor:
        """Output neuron of each edge, shape (edges,)."""
        return torch.empty_like(self.targets).scatter(0, self.order.long(), self.targets).long()

    def dense(self, weight: Tensor) -> Tensor:
        """The weights as a matrix (outputs, inputs)."""
        matrix = weight.new_zeros(self.outputs, self.inputs)
        return matrix.index_put((self.edge_targets(), self.sources.long()), weight)


class EdgeStage(nn.Module):
    """Any bipartite graph: `weight` (edges,), in the order of `Wiring`.

    The edge list is not part of the `state_dict`, only its fingerprint is: loading the weights of another wiring fails.
    """

    def __init__(self, stage: np.ndarray, device=None, dtype=None) -> None:
        super().__init__()
        self.wiring = Wiring(stage, device)
        fingerprint = hashlib.sha256(np.packbits(stage).tobytes() + repr(stage.shape).encode()).digest()
        self._fingerprint = torch.frombuffer(bytearray(fingerprint), dtype=torch.uint8)
        self.weight = nn.Parameter(torch.empty(self.wiring.sources.numel(), device=device, dtype=dtype))

    def forward(self, columns: Tensor) -> Tensor:
        """(inputs, batch) → (outputs, batch)."""
        return self.wiring(self.weight, columns)

    def kernel_layout(self) -> Edges:
        """The stage for the kernel."""
        return Edges(self.weight.numel(), self.wiring.outputs, self.wiring.inputs)

    def dense(self) -> Tensor:
        """The stage as a matrix (outputs, inputs)."""
        return self.wiring.dense(self.weight)

    def stage_weight(self) -> StageWeight:
        wiring = self.wiring
        edges = wiring.edge_targets(), wiring.sources.long()
        fan_in, fan_out = wiring.offsets.diff()[edges[0]], wiring.source_offsets.diff()[edges[1]]
        return StageWeight(self.weight, fan_in, fan_out, (wiring.inputs, wiring.outputs), edges=edges)

    def get_extra_state(self) -> Tensor:
        return self._fingerprint.clone()

    def set_extra_state(self, state: Tensor) -> None:
        if not isinstance(state, Tensor) or not torch.equal(state.cpu(), self._fingerprint):
            raise ValueError("the weights belong to a stage with other edges: build the layer from the same topology")


class FixedSkip(nn.Module):
    """Edges of weight one beside a stage: not trained and not part of the `state_dict`."""

    ones: Tensor

    def __init__(self, skip: np.ndarray, device=None, dtype=None) -> None:
        super().__init__()
        self.wiring = Wiring(skip, device)
        ones = torch.ones(self.wiring.sources.numel(), device=device, dtype=dtype)
        self.register_buffer("ones", ones, persistent=False)

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        if self.ones.device.type != "meta":  # `to_empty` leaves anything in a buffer
            self.ones.fill_(1)
        return self

    def forward(self, columns: Tensor) -> Tensor:
        """(inputs, batch) → (outputs, batch)."""
        return self.wiring(self.ones, columns)

    def dense(self) -> Tensor:
        """The skip as a matrix (outputs, inputs)."""
        return self.wiring.dense(self.ones)
