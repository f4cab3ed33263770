"""Where a convolution looks: kernel size, stride, padding and dilation as `torch.nn.Conv2d` takes them."""

import operator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A window that moves over images, vertical before horizontal in every pair.

    Attributes:
        kernel: height and width.
        stride, dilation: steps between windows and between the pixels of one.
        padding: rows and columns of zeros on either side, or "same" or "valid".
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair | str = (0, 0)
    dilation: Pair = (1, 1)

    @property
    def area(self) -> int:
        """Pixels of a channel that one window sees, its taps."""
        return self.kernel[0] * self.kernel[1]

    @property
    def centre(self) -> int | None:
        """Number of the middle tap, None where a side is even."""
        return self.area // 2 if all(side % 2 for side in self.kernel) else None

    def output_size(self, height: int, width: int) -> Pair:
        """Windows below each other and side by side.

        Raises:
            ValueError: images smaller than one window.
        """
        top, bottom, left, right = self._margins()
        spans = self._spans()
        rows, columns = height + top + bottom - spans[0], width + left + right - spans[1]
        if not torch.jit.is_tracing() and (rows < 0 or columns < 0):
            raise ValueError(
                f"x must hold images of at least {spans[0] - top - bottom} × {spans[1] - left - right} pixels for "
                f"kernel {self.kernel}, dilation {self.dilation} and padding {self.padding!r}, got {height} × {width}"
            )
        return rows // self.stride[0] + 1, columns // self.stride[1] + 1

    def columns(self, images: Tensor) -> Tensor:
        """What every window sees: (N, C, H, W) → (C · area, N · windows), channel by channel and tap by tap.

        A view where the window is one pixel and the memory of the images allows it, as one image or channels-last ones
        do; otherwise one copy.
        """
        if self.area == 1:
            return self.flattened(self.tap(images, 0).transpose(0, 1), 1)
        batch, channels, height, width = images.shape
        rows, columns = self.output_size(height, width)
        seen = functional.unfold(self._padded(images), self.kernel, self.dilation, 0, self.stride)
        return seen.transpose(0, 1).reshape(channels * self.area, batch * rows * columns)

    def tap(self, images: Tensor, number: int) -> Tensor:
        """The pixel that one tap of every window sees: (N, C, H, W) → (N, C, rows, columns); a view but for padding."""
        seen = self._padded(images)
        places = zip(self._spans(), self.stride, self.dilation, divmod(number, self.kernel[1]), strict=True)
        for axis, (span, stride, dilation, at) in enumerate(places, start=2):
            seen = seen.narrow(axis, dilation * at, seen.shape[axis] - span + 1)
            if stride > 1:  # of a slice the exporter cannot prove that it leaves as many rows as convolutions have
                seen = seen.unfold(axis, 1, stride).squeeze(-1)
        return seen

    def flattened(self, view: Tensor, start: int) -> Tensor:
        """A view of what `tap` sees, its axes from `start` on as one."""
        if self.stride != (1, 1):  # pixels apart are copied anyway, and the exporter cannot prove that they must be
            view = view.clone(memory_format=torch.contiguous_format)
        return view.flatten(start)

    def convolve(self, images: Tensor, weight: Tensor, groups: int) -> Tensor:
        """The grouped convolution with a dense kernel (outputs, inputs per group, height, width)."""
        top, bottom, left, right = self._margins()
        if (top, left) != (bottom, right):  # PyTorch would pad too, and warn
            return functional.conv2d(self._padded(images), weight, None, self.stride, 0, self.dilation, groups)
        return functional.conv2d(images, weight, None, self.stride, (top, left), self.dilation, groups)

    def _spans(self) -> Pair:
        """Rows and columns from the first pixel of a window to its last."""
        height, width = (step * (side - 1) + 1 for step, side in zip(self.dilation, self.kernel, strict=True))
        return height, width

    def _margins(self) -> tuple[int, int, int, int]:
        """Zeros above, below, left and right."""
        if isinstance(self.padding, str):
            total = [
                step * (side - 1) if self.padding == "same" else 0
                for step, side in zip(self.dilation, self.kernel, strict=True)
            ]
            return total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2
        return self.padding[0], self.padding[0], self.padding[1], self.padding[1]

    def _padded(self, images: Tensor) -> Tensor:
        top, bottom, left, right = self._margins()
        return functional.pad(images, (left, right, top, bottom)) if any((top, bottom, left, right)) else images


def window(kernel_size: object, stride: object, padding: object, dilation: object) -> Window:
    """The `Window` of arguments as `torch.nn.Conv2d` takes them: integers or pairs, padding also "same" or "valid".

    Raises:
        ValueError: an argument of another form, or padding "same" with a stride above 1.
    """
    kernel, strides, dilations = (
        _pair(name, value, least=1)
        for name, value in (("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation))
    )
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f'padding must be an integer, a pair, "same" or "valid", got {padding!r}')
        if padding == "same" and strides != (1, 1):
            raise ValueError(f'stride must be 1 for padding "same", got {stride!r}: the sizes could not stay the same')
        return Window(kernel, strides, padding, dilations)
    return Window(kernel, strides, _pair("padding", padding, least=0), dilations)


def is_channels_last(images: Tensor) -> bool:
    """Whether the channels of a pixel are neighbours in memory; no where both readings are possible."""
    return 1 == images.stride(1) < images.stride(3)


def _pair(name: str, value: object, least: int) -> Pair:
    parts = tuple(value) if isinstance(value, tuple | list) else (value, value)
    try:
        vertical, horizontal = map(operator.index, parts)
    except (TypeError, ValueError):
        parts = ()
    if not parts or any(isinstance(part, bool) for part in parts) or min(vertical, horizontal) < least:
        raise ValueError(
            f"{name} must be an integer of at least {least} or a pair (vertical, horizontal) of such, got {value!r}"
        )
    return vertical, horizontal
