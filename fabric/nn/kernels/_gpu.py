"""When the Triton kernel serves a `ClosLinear`; nothing of Triton is imported before it does."""

import functools
import importlib
import importlib.util
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

if TYPE_CHECKING:
    from fabric.nn._clos import ClosLinear

_without_room: set[tuple] = set()  # routers and dtypes that the compiler found no room for
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@functools.cache
def _kernel() -> ModuleType | None:
    if importlib.util.find_spec("triton") is None:
        return None
    return importlib.import_module("fabric.nn.kernels._triton")


def clos_product(layer: "ClosLinear", x: Tensor) -> Tensor | None:
    """x (*, inputs) on a GPU → (*, outputs), None where the reference must serve.

    It does for other dtypes, under autocast, tracing, `torch.compile` and `torch.func`, for tensors of other classes,
    for routers too large for the chip, and where Triton is not installed.
    """
    weights = layer.input_weight, layer.middle_weight, layer.output_weight
    tensors = (x, *weights) if layer.bias is None else (x, *weights, layer.bias)
    if (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
        or torch.is_autocast_enabled(x.device.type)
        or forward_ad._current_level >= 0
        or x.dtype not in _DTYPES
        or x.ndim == 0
        or x.shape[-1] != layer.in_features
        or x.numel() == 0
        or any(type(t) not in (Tensor, nn.Parameter) or t.dtype != x.dtype or t.device != x.device for t in tensors)
        or (layer.routers, x.dtype) in _without_room
        or (kernel := _kernel()) is None
        or kernel.tile(layer.routers, x.element_size()) is None
    ):
        return None
    try:
        rows = kernel.ClosProduct.apply(x.reshape(-1, layer.in_features), layer.bias, *weights, layer.routers)
    except kernel.OutOfResources:  # only the compiler knows what a program needs
        _without_room.add((layer.routers, x.dtype))
        return None
    return rows.view(*x.shape[:-1], layer.out_features)
