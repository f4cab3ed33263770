"""Mean and covariance of what enters the layers of a model, from a pass over data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric.nn.models._calls import called, evaluating
from fabric.nn.models._layers import Flat, sizes_of


@dataclass
class Moments:
    """Sums over the rows (samples, inputs) that entered a layer, float64 on the CPU."""

    count: int
    total: Tensor
    products: Tensor

    def mean(self) -> Tensor:
        """(inputs,)."""
        return self.total / self.count

    def root(self, centred: bool) -> Tensor:
        """A square root S of the covariance, or of the second moment, S Sᵀ: (inputs, inputs)."""
        moment = self.products / self.count
        if centred:
            moment = moment - torch.outer(self.mean(), self.mean())
        values, vectors = torch.linalg.eigh(moment)
        return vectors * values.clamp_min(0).sqrt()


def moments(model: nn.Module, layers: Mapping[str, Flat], data: Iterable[object]) -> dict[str, Moments]:
    """By the names of Linear and Conv2d layers, of those that the model calls.

    The model runs in evaluation mode, without gradients, and its modes are put back.

    Args:
        model: called with every entry of `data`.
        layers: by name; a convolution's inputs are the pixels of its windows, channel by channel.
        data: tensors, tuples of arguments, or dictionaries of arguments by name.

    Raises:
        ValueError: no data, some that the model does not take, numbers that are not finite, or fewer rows than a layer
            has inputs, which leave part of its weights without any effect.
    """
    found: dict[str, Moments] = {}

    def watch(name: str):
        def add(layer: Flat, args: tuple, kwargs: dict) -> None:
            rows = _rows(layer, args[0] if args else kwargs["input"]).to("cpu", torch.float64)
            if rows.shape[1] != sizes_of(layer)[0]:
                return  # the layer itself refuses these, and `called` says so
            if not torch.isfinite(rows).all():
                raise ValueError(f"data must be such that finite numbers enter {name}, got some that are not")
            new = len(rows), rows.sum(0), rows.mT @ rows
            old = found.get(name)
            found[name] = (
                Moments(*new) if old is None else Moments(old.count + new[0], old.total + new[1], old.products + new[2])
            )

        return add

    handles = [layer.register_forward_pre_hook(watch(name), with_kwargs=True) for name, layer in layers.items()]
    batches = 0
    try:
        with evaluating(model), torch.no_grad():
            for batch in data:
                batches += 1
                called(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    if batches == 0:
        raise ValueError("data must hold at least one input of the model, got none")
    for name, moment in found.items():
        inputs = len(moment.total)
        if moment.count < inputs:
            raise ValueError(
                f"data must bring layer {name!r} as many rows as its {inputs} inputs at least, got {moment.count}: "
                f"give more samples, or name it in skip"
            )
    return found


def _rows(layer: nn.Module, x: Tensor) -> Tensor:
    if not isinstance(layer, nn.Conv2d):
        return x.reshape(-1, x.shape[-1])
    images = functional.pad(x if x.ndim == 4 else x.unsqueeze(0), layer._reversed_padding_repeated_twice)
    windows = functional.unfold(images, layer.kernel_size, layer.dilation, stride=layer.stride)
    return windows.transpose(1, 2).flatten(0, 1)
