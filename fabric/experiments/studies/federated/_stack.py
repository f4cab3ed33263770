"""The networks of many clients as one: every stage is a single batched product over clients and routers.

The gradients are written out, so that plain gradient descent changes the weights in place and no gradient is stored:
five times as fast here as automatic differentiation, for ten clients and batches of ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fabric._checks import shown
from fabric.experiments.networks import Network, build
from fabric.nn import ClosLinear
from fabric.nn._structured import StructuredLinear


@dataclass(frozen=True)
class _Stage:
    """Equal dense routers of one stage.

    Attributes:
        weight, bias: places of its weight, and of its bias or None, among the tensors.
        crosses: whether output o of router g is input g of router o of the next stage, as between stages of a Clos.
        rectified: whether ReLU comes after it.
    """

    weight: int
    bias: int | None
    crosses: bool
    rectified: bool


class Stack:
    """A network that every client has its own weights of.

    Args:
        network: dense and Clos layers; the routers of these divide inputs and outputs.
        seed: of the weights that all clients begin with.

    Attributes:
        initial: weights (routers, outputs of each, inputs of each) and biases (outputs,), float32.

    Raises:
        ValueError: other layers, or neighbours that do not fit.
    """

    def __init__(self, network: Network, seed: int) -> None:
        layers = [
            layer for layer in build(network, "sparse_glorot_uniform", seed) if isinstance(layer, StructuredLinear)
        ]
        self.initial: list[Tensor] = []
        self._stages: list[_Stage] = []
        for layer in layers:
            weights = [stage.weight.detach().clone() for stage in layer.stage_weights()]
            if any(weight.dim() != 3 for weight in weights) or not (isinstance(layer, ClosLinear) or len(weights) == 1):
                raise ValueError(f"network must hold dense and Clos layers, got {shown(layer)}")
            if any(stage.used is not None and not stage.used.all() for stage in layer.stage_weights()):
                raise ValueError(f"network must have routers that divide its layers, got {shown(layer)}")
            for number, weight in enumerate(weights):
                last = number == len(weights) - 1
                place = len(self.initial)
                self.initial.append(weight)
                if last and layer.bias is not None:
                    self.initial.append(layer.bias.detach().clone())
                rectified = last and layer is not layers[-1]
                self._stages.append(_Stage(place, place + 1 if last else None, not last, rectified))

    def outputs(self, tensors: Sequence[Tensor], x: Tensor) -> Tensor:
        """Logits (clients, classes, samples).

        Args:
            tensors: as `initial`, each with a first axis of clients.
            x: float32 (clients, inputs, samples).
        """
        for stage in self._stages:
            _, x = self._forward(stage, tensors, x)
        return x

    def descend(
        self, tensors: Sequence[Tensor], x: Tensor, y: Tensor, rate: float, masks: Sequence[Tensor | None]
    ) -> None:
        """One step of gradient descent of the mean cross-entropy, each client on its own batch, in place.

        Args:
            tensors: as for `outputs`.
            x: float32 (clients, inputs, samples).
            y: labels int64 (clients, samples).
            rate: of learning.
            masks: for each tensor None, or what its gradient is multiplied by.
        """
        seen, reached = [], []
        for stage in self._stages:
            entered, x = self._forward(stage, tensors, x)
            seen.append(entered)
            reached.append(x)
        delta = x.softmax(1).scatter_add_(1, y[:, None], torch.full_like(y[:, None], -1, dtype=x.dtype)) / y.shape[1]
        for stage, entered, left in zip(reversed(self._stages), reversed(seen), reversed(reached), strict=True):
            weight = tensors[stage.weight]
            clients, routers, outputs, _ = weight.shape
            if stage.rectified:
                delta = delta * (left > 0)
            if stage.bias is not None:
                tensors[stage.bias].sub_(delta.sum(2), alpha=rate)
            sizes = (outputs, routers) if stage.crosses else (routers, outputs)
            delta = delta.unflatten(1, sizes)
            delta = (delta.transpose(1, 2) if stage.crosses else delta).reshape(clients * routers, outputs, -1)
            flat, mask = weight.flatten(0, 1), masks[stage.weight]
            below = torch.bmm(flat.transpose(1, 2), delta) if stage.weight else delta  # the inputs need none
            if mask is None:
                flat.baddbmm_(delta, entered.transpose(1, 2), alpha=-rate)
            else:
                gradient = torch.bmm(delta, entered.transpose(1, 2)).view_as(weight)
                weight.addcmul_(gradient, mask, value=-rate)
            delta = below.reshape(clients, -1, delta.shape[2])

    def _forward(self, stage: _Stage, tensors: Sequence[Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        """What enters the routers, (clients · routers, inputs of each, samples), and what leaves the stage."""
        weight = tensors[stage.weight]
        clients, routers, _, inputs = weight.shape
        entered = x.reshape(clients * routers, inputs, -1)
        y = torch.bmm(weight.flatten(0, 1), entered).unflatten(0, (clients, routers))
        y = (y.transpose(1, 2) if stage.crosses else y).flatten(1, 2)
        if stage.bias is not None:
            y = y + tensors[stage.bias][:, :, None]
        return entered, functional.relu(y) if stage.rectified else y
