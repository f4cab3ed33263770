"""From (*, features), which users hand in, to (features, batch), in which structured layers compute, and back.

With the batch as the last axis every slice handed to a matrix product has unit stride. The way there is a view and the
way back at most one copy of a matrix, which PyTorch transposes fast; tensors of more axes it copies 10 to 30 times more
slowly, so that copies are made before the axes are restored.
"""

import torch
from torch import Tensor

_NARROW = (torch.bfloat16, torch.float16)


def to_columns(x: Tensor, features: int, weight: Tensor) -> Tensor:
    """(*, features) → (features, batch): a view for float32 and float64, contiguous for narrower types.

    Batched products of a narrow type are several times slower on operands that are not contiguous.

    Raises:
        TypeError: x is not a tensor.
        ValueError: its last axis is not `features` long, or its dtype or device is not that of `weight`.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a tensor (*, {features}), got {type(x).__name__}")
    if not torch.jit.is_tracing():
        _check(x, features, weight)
    if x.ndim == 2 and not _is_narrow(x):
        return x.t()
    rows = x if x.ndim == 2 else x.reshape(-1, features)
    columns = _gradient_by_rows(rows, 1, features).t()
    return columns.contiguous() if _is_narrow(x) else columns


def from_columns(columns: Tensor, x: Tensor) -> Tensor:
    """(outputs, batch) → (*, outputs) with the other axes of x; under autocast of the dtype that it asks for.

    The result is contiguous, except that a matrix of float32 or float64 stays a transposed view, which the next layer
    reads as it is.
    """
    autocast = _autocast_dtype(x)
    if autocast is not None and columns.dtype != torch.float64:
        columns = columns.to(autocast)
    if _is_narrow(x):
        columns = _gradient_by_rows(columns, 0, columns.shape[0])
    elif x.ndim == 2:
        return columns.t()
    return columns.t().contiguous().view(*x.shape[:-1], columns.shape[0])


def _check(x: Tensor, features: int, weight: Tensor) -> None:
    if x.ndim == 0 or x.shape[-1] != features:
        raise ValueError(f"x must have {features} features in its last axis, got shape {tuple(x.shape)}")
    check_kind(x, weight)


def check_kind(x: Tensor, weight: Tensor) -> None:
    """Raise ValueError unless x has the dtype and the device of `weight`; under autocast any floats will do."""
    if x.dtype != weight.dtype and not (x.is_floating_point() and _autocast_dtype(x)):
        raise ValueError(f"x must have the dtype of the weights, {weight.dtype}, got {x.dtype}")
    if x.device != weight.device:
        raise ValueError(f"x must be on the device of the weights, {weight.device}, got {x.device}")


def _autocast_dtype(x: Tensor) -> torch.dtype | None:
    """What autocast makes of the products of x, None where it leaves them alone."""
    if not torch._C._is_any_autocast_enabled() or x.dtype == torch.float64:  # the first question is the cheap one
        return None
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if kind != "meta" and torch.is_autocast_enabled(kind) else None


def _is_narrow(x: Tensor) -> bool:
    """Whether products of x with the weights are computed in 16 bits."""
    return (_autocast_dtype(x) or x.dtype) in _NARROW


def _gradient_by_rows(matrix: Tensor, axis: int, size: int) -> Tensor:
    """The matrix, `size` long in `axis`, whose gradient arrives contiguous: that of a split is put together."""
    return matrix.split(size, axis)[0]
