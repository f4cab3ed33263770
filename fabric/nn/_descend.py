"""Training without batches: every sample changes the weights before the next one comes."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import positive_number, shown
from fabric.nn import kernels
from fabric.nn._structured import StructuredLinear
from fabric.nn.kernels import Layout, Routers, Run


class _Parts(NamedTuple):
    """A layer as the kernel takes it."""

    weights: list[Tensor]
    bias: Tensor
    edges: list[Tensor]
    layout: tuple[int, ...]


def descend(network: nn.Sequential, x: Tensor, labels: Tensor, rate: float) -> Tensor:
    """Plain gradient descent with cross-entropy, one step for each sample, in their order.

    Where the compiled kernel serves (float32 on a processor, no hooks, nothing frozen or shared), all steps are one
    call: each weight changes as soon as its gradient is known, and no gradient is stored. Elsewhere, and inside
    `reference()`, autograd computes every step. Both give the same weights but for the rounding of sums.

    Args:
        network: layers, `nn.Linear` or structured ones of `fabric.nn`, with `nn.ReLU` between them; changed in place.
        x: (samples, inputs), in the layers' dtype and on their device.
        labels: (samples,), int64 from 0, of the last layer's outputs.
        rate: of learning, positive.

    Returns:
        (samples,) losses, each before its sample's step.

    Raises:
        TypeError: x or labels is not a tensor.
        ValueError: an argument of another kind, shape or dtype; labels out of range; a loss that is not finite, which
            spoils the network.
    """
    layers, rate = _layers(network), positive_number("rate", rate)
    _check(x, labels, layers)
    parts = _all_parts(network, layers, x)
    if parts is None:
        return _finite(_by_autograd(network, x, labels, rate), rate)
    weights = [weight for part in parts for weight in part.weights]
    biases = [part.bias for part in parts]
    edges = [values for part in parts for values in part.edges]
    layouts = list(chain.from_iterable((len(part.layout), *part.layout) for part in parts))
    with torch.no_grad():
        changed = [tensor.detach() for tensor in weights], [tensor.detach() for tensor in biases]
        losses = torch.ops.fabric.descend(x.detach().contiguous(), labels.contiguous(), *changed, edges, layouts, rate)
    torch.autograd.graph.increment_version([*weights, *(bias for bias in biases if bias.numel())])
    return _finite(losses, rate)


def _finite(losses: Tensor, rate: float) -> Tensor:
    wrong = (~torch.isfinite(losses)).nonzero()
    if len(wrong):
        raise ValueError(
            f"rate must be below {rate}, or x is not finite: the loss of sample {int(wrong[0])} is "
            f"{losses[wrong[0]].item()}, and the network is spoilt"
        )
    return losses


def _by_autograd(network: nn.Sequential, x: Tensor, labels: Tensor, rate: float) -> Tensor:
    parameters: list[Tensor] = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not parameters:
        raise ValueError("network must have parameters that are trained, got one whose parameters are all frozen")
    losses = [x.new_empty(0)]
    for i in range(len(x)):
        with torch.enable_grad():
            loss = functional.cross_entropy(network(x[i : i + 1].detach()), labels[i : i + 1])
        with torch.no_grad():
            torch._foreach_add_(parameters, torch.autograd.grad(loss, parameters), alpha=-rate)
        losses.append(loss.detach()[None])
    return torch.cat(losses)


def _layers(network: Any) -> list[Any]:
    if isinstance(network, nn.Sequential) and len(network) % 2:
        layers, between = list(network)[::2], list(network)[1::2]
        are_linear = all(isinstance(layer, nn.Linear | StructuredLinear) for layer in layers)
        if are_linear and all(type(part) is nn.ReLU for part in between):
            return layers
    raise ValueError(f"network must be a Sequential of linear layers with ReLUs between them, got {shown(network)}")


def _check(x: Any, labels: Any, layers: Sequence[Any]) -> None:
    for name, value in (("x", x), ("labels", labels)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
    inputs, classes, like = layers[0].in_features, layers[-1].out_features, next(layers[0].parameters())
    if x.ndim != 2 or x.shape[1] != inputs or x.dtype != like.dtype or x.device != like.device:
        wanted = f"(samples, {inputs}), {like.dtype} on {like.device}"
        raise ValueError(f"x must be {wanted}, got {tuple(x.shape)}, {x.dtype} on {x.device}")
    if labels.dtype != torch.int64 or labels.shape != x.shape[:1] or labels.device != x.device:
        got = f"{tuple(labels.shape)}, {labels.dtype} on {labels.device}"
        raise ValueError(f"labels must be ({len(x)},), torch.int64 on {x.device}, got {got}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"labels must be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}")


def _all_parts(network: nn.Sequential, layers: Sequence[Any], x: Tensor) -> list[_Parts] | None:
    """None where the reference must serve."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if any(getattr(module, name) for module in network.modules() for name in hooks):
        return None
    parts = [part for layer in layers if (part := _parts(layer)) is not None]
    tensors = [tensor for part in parts for tensor in (*part.weights, part.bias) if tensor.numel()]
    addresses = {tensor.data_ptr() for tensor in tensors}
    if len(parts) < len(layers) or len(addresses) < len(tensors) or not kernels.serves([x, *tensors]):
        return None
    plain = all(t.is_leaf and t.requires_grad and t.is_contiguous() and not t._backward_hooks for t in tensors)
    return parts if plain and x.dtype == torch.float32 else None


def _parts(layer: Any) -> _Parts | None:
    none = layer.bias if layer.bias is not None else torch.empty(0)
    if type(layer) is nn.Linear:
        outputs, inputs = layer.weight.shape
        one = Routers(1, outputs, inputs, ((Run(0, inputs, 1), Run(0, outputs, 1)),))
        return _Parts([layer.weight], none, [], Layout(inputs, outputs, (one,)).flat())
    if not isinstance(layer, StructuredLinear) or layer.flat_layout is None:
        return None
    weights = layer.layout_weights()
    return None if weights is None else _Parts(weights, none, layer.edge_lists(), layer.flat_layout)
