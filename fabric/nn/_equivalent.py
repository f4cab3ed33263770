"""The `weight` of a structured layer: what code that was written for `torch.nn.Linear` finds there."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

_METADATA = {
    getattr(Tensor, name).__get__ for name in ("shape", "dtype", "device", "ndim", "layout", "requires_grad")
} | {Tensor.size, Tensor.dim, Tensor.numel, Tensor.is_floating_point, Tensor.__len__}
_DETACHED = {Tensor.detach, Tensor.data.__get__}  # type: ignore[attr-defined]


class EquivalentWeight(Tensor):
    """The matrix W of y = W x + b, shape (out_features, in_features), formed anew whenever something computes with it.

    It is differentiable, so that training through it trains the layer. Asking for its shape, dtype or device costs
    nothing. It can't be written to. PyTorch's fused Transformer kernels decline it and call the layer instead.
    """

    @staticmethod
    def __new__(cls, layer: Any, like: Tensor, detached: bool = False) -> "EquivalentWeight":
        shape = (layer.out_features, layer.in_features)
        trained = like.requires_grad and not detached
        return torch.Tensor._make_wrapper_subclass(
            cls, shape, dtype=like.dtype, device=like.device, requires_grad=trained
        )

    def __init__(self, layer: Any, like: Tensor, detached: bool = False) -> None:
        self._layer, self._like, self._detached = layer, like, detached

    def __repr__(self) -> str:  # type: ignore[override]
        return f"EquivalentWeight({self._formed()!r})"

    def _formed(self) -> Tensor:
        dense = self._layer.dense_weight()
        return dense.detach() if self._detached else dense

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if func in _METADATA:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if func in _DETACHED:
            return cls(args[0]._layer, args[0]._like, detached=True)
        name = getattr(func, "__name__", "")
        if name in ("__set__", "__setitem__") or (name.endswith("_") and not name.endswith("__")):
            raise TypeError(
                f"weight can't be written to (by {name}): it is computed from the layer's parameters; "
                "draw those with fabric.nn.init"
            )
        args, kwargs = tree_map(lambda value: value._formed() if isinstance(value, cls) else value, (args, kwargs))
        return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise TypeError(f"weight is computed from the layer's parameters, {func} can't reach it: use dense_weight()")
