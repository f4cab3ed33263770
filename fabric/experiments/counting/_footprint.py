"""What a network holds in memory while it is trained, counted tensor by tensor in a real training step."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.nn import CascadeLinear, reference


@dataclass(frozen=True)
class Footprint:
    """Bytes of a network in training.

    Attributes:
        weights: parameters, biases included.
        gradients: one for each of them, where they are kept until the update.
        optimizer: what the optimiser keeps between steps.
        activations: what the forward pass keeps for the backward pass, the batch itself included.
        indices: which weight belongs where, see `index_bytes`.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    indices: int

    @property
    def stored(self) -> int:
        """To classify: weights and indices."""
        return self.weights + self.indices

    @property
    def in_place(self) -> int:
        """To train where every gradient is applied as soon as it is formed, so that none is kept."""
        return self.stored + self.activations + self.optimizer

    @property
    def training(self) -> int:
        """To train as PyTorch does, gradients kept."""
        return self.in_place + self.gradients


def footprint(network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Footprint:
    """Carry out one training step and count what it holds.

    Args:
        network, optimizer: trained in place.
        x: a batch (samples, ...) with a storage of its own.
        y: labels int64 (samples,).

    Raises:
        ValueError: an argument of another kind, or labels that are not one for each sample.
    """
    instance("network", network, nn.Module)
    instance("optimizer", optimizer, torch.optim.Optimizer)
    for name, tensor in (("x", x), ("y", y)):
        instance(name, tensor, Tensor)
    if y.dtype != torch.int64 or y.shape != x.shape[:1] or not len(y):
        raise ValueError(
            f"y must hold int64 labels of the {x.shape[:1].numel()} samples of x, "
            f"got {y.dtype} of shape {tuple(y.shape)}"
        )
    parameters = list(network.parameters())
    known = {_storage(tensor) for tensor in (*parameters, *network.buffers(), y)}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in known:
            kept[_storage(tensor)] = tensor
        return tensor

    with reference(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):  # a kernel keeps less
        loss = functional.cross_entropy(network(x), y)
    activations = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    state = [
        entry
        for values in parameters
        for entry in optimizer.state[values].values()
        if isinstance(entry, Tensor) and entry.dim()
    ]
    return Footprint(
        weights=sum(tensor.nbytes for tensor in parameters),
        gradients=sum(tensor.grad.nbytes for tensor in parameters if tensor.grad is not None),
        optimizer=sum(tensor.nbytes for tensor in state),
        activations=activations,
        indices=index_bytes(network),
    )


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def index_bytes(network: nn.Module) -> int:
    """Bytes that a device has to store to know the edges of all irregular stages; stages of routers need none.

    Compressed sparse rows: the source of each edge and an offset for each output and the end, in the narrowest unsigned
    integers. PyTorch computes with wider ones and with the edges sorted twice.
    """
    total = 0
    for layer in instance("network", network, nn.Module).modules():
        for stage in layer.stage_weights() if isinstance(layer, CascadeLinear) else []:
            if stage.edges is not None:
                inputs, outputs = stage.widths
                edges = len(stage.edges[0])
                total += edges * _width(inputs - 1) + (outputs + 1) * _width(edges)
    return total


def _width(largest: int) -> int:
    """Bytes of the narrowest unsigned integer that holds `largest`."""
    return next(size for size in (1, 2, 4, 8) if largest < 256**size)
