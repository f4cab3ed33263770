"""What all structured convolutions share: the geometry, the image format, the dense kernel they stand for."""

from abc import ABC, abstractmethod
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import positive_int
from fabric.nn import kernels
from fabric.nn._batch_last import check_kind
from fabric.nn._structured import StageWeight, StructuredLinear
from fabric.nn.convolution._window import Window, is_channels_last, window
from fabric.topology import Topology

SPATIAL = ("first", "im2col", "depthwise")
_PIXEL = Window((1, 1))


class StructuredConv2d(nn.Module, ABC):
    """A convolution whose kernel, seen as a matrix, is a cascade; drop-in for `torch.nn.Conv2d`.

    Shapes: x (N, in_channels, H, W) or (in_channels, H, W) → y (N, out_channels, rows, columns) or the same without N,
    dtype and device of the weights. As with `torch.nn.Conv2d`, y is channels-last where x is.

    A kernel of one pixel applies the cascade to every pixel. Larger kernels have `spatial`:

    - "first": only the first stage sees k × k pixels, each of its edges is a k × k kernel;
    - "im2col": the cascade leads from all in_channels · k² pixels of a window (channel by channel, each row by row);
    - "depthwise": a k × k kernel of its own on every channel, then a cascade from pixel to pixel.

    With `residual` the cascade's inputs are added to its outputs, as in Butterfly Transform (CVPR 2020): the channels
    themselves, for "first" and "im2col" at the middle pixel of the window. Where the channels differ in number, channel
    k of the larger side is joined to channel k modulo the smaller. Initialisation does not count it.

    The cascade works on columns (channels, N · rows · columns). One image is that already, a batch in the contiguous
    format is copied into it and back.

    Attributes:
        topology: the cascade's `Topology`; from the pixels of a window for "im2col", else from the channels.
    """

    topology: Topology
    cascade: StructuredLinear

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int],
        padding: int | tuple[int, int] | str,
        dilation: int | tuple[int, int],
        groups: int,
        padding_mode: str,
        spatial: str,
        residual: bool,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.in_channels = positive_int("in_channels", in_channels)
        self.out_channels = positive_int("out_channels", out_channels)
        if groups != 1 or isinstance(groups, bool):
            raise ValueError(f"groups must be 1, got {groups!r}: the routers of the cascade are its groups")
        if padding_mode != "zeros":
            raise ValueError(
                f'padding_mode must be "zeros", got {padding_mode!r}: pad with torch.nn.functional.pad before the layer'
            )
        if spatial not in SPATIAL:
            raise ValueError(f"spatial must be one of {', '.join(SPATIAL)}, got {spatial!r}")
        self._outer = window(kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.dilation = self._outer.kernel, self._outer.stride, self._outer.dilation
        self.padding, self.groups, self.padding_mode = self._outer.padding, 1, padding_mode
        self.spatial = spatial if self._outer.area > 1 else "pointwise"
        self.residual = residual
        self._inner = self._outer
        if self.spatial == "depthwise":
            self._inner = Window((1, 1))
            shape = self.in_channels, 1, *self.kernel_size
            self.depthwise_weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        else:
            self.register_parameter("depthwise_weight", None)
        if residual and self._inner.centre is None:
            raise ValueError(
                f"kernel_size must be odd with residual=True, got {self.kernel_size}: an even window has no middle "
                'pixel; spatial="depthwise" needs none'
            )

    @property
    def bias(self) -> nn.Parameter | None:
        """(out_channels,) or None; the parameter of the cascade."""
        return self.cascade.bias

    @abstractmethod
    def _columns(self, images: Tensor) -> Tensor:
        """The cascade with bias: (N, in_channels, H, W) → (out_channels, N · rows · columns)."""

    @abstractmethod
    def _cascade_kernel(self) -> Tensor:
        """The kernel of the cascade alone, (out_channels, in_channels · taps of the inner window); differentiable."""

    @abstractmethod
    def _cascade_weights(self) -> list[StageWeight]:
        """The weights of the cascade alone, stage by stage."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, out_channels, rows, columns), or both without N.

        Raises:
            TypeError: x is not a tensor.
            ValueError: an x of another shape, dtype or device, or images smaller than the window.
        """
        if isinstance(x, torch.fx.Proxy) and x.tracer.root is not self:  # a step of its own, as torch.nn.Conv2d is
            return x.tracer.create_proxy("call_module", x.tracer.path_of_module(self), (x,), {})
        if not isinstance(x, Tensor):
            raise TypeError(f"x must be a tensor (N, {self.in_channels}, H, W), got {type(x).__name__}")
        if not torch.jit.is_tracing():
            self._check(x)
        if x.ndim == 3:
            return self.forward(x.unsqueeze(0)).squeeze(0)
        channels_last = is_channels_last(x)
        images = x
        if self.depthwise_weight is not None:
            images = self._outer.convolve(x, self.depthwise_weight, groups=self.in_channels)
        if self._inner.area == 1 and (y := self._by_kernel(images, channels_last)) is not None:
            return y
        rows, columns = self._inner.output_size(*images.shape[2:])
        y = self._columns(images)
        if self.residual and (centre := self._inner.centre) is not None:
            middle = self._inner.flattened(self._inner.tap(images, centre).transpose(0, 1), 1)
            y = y + _repeated(middle, self.in_channels, self.out_channels).to(y.dtype)
        if channels_last:  # the transposed copy of a matrix is many times faster than that of images
            return y.t().contiguous().view(x.shape[0], rows, columns, self.out_channels).permute(0, 3, 1, 2)
        return y.view(self.out_channels, x.shape[0], rows, columns).transpose(0, 1).contiguous()

    def _check(self, x: Tensor) -> None:
        if x.ndim not in (3, 4) or x.shape[-3] != self.in_channels:
            raise ValueError(
                f"x must have shape (N, {self.in_channels}, H, W) or ({self.in_channels}, H, W), got {tuple(x.shape)}"
            )
        check_kind(x, self.cascade.first_weight())
        self._outer.output_size(*x.shape[-2:])

    def _by_kernel(self, images: Tensor, channels_last: bool) -> Tensor | None:
        """(N, in_channels, H, W) → (N, out_channels, rows, columns) by the compiled kernel, None where it cannot serve.

        The kernel reads pixels, (N, rows, columns, channels), which channels-last images are already.
        """
        seen = images if self._inner == _PIXEL else self._inner.tap(images, 0)
        # Copies of images as matrices, transposed, are many times faster than those of images.
        pixels = seen.permute(0, 2, 3, 1) if channels_last else self._inner.flattened(seen, 2).transpose(1, 2)
        y = kernels.product(self.cascade, pixels)
        if y is None:
            return None
        if self.residual:
            y = y + _repeated(pixels.flatten(0, -2).t(), self.in_channels, self.out_channels).t().view(y.shape)
        if channels_last:
            return y.permute(0, 3, 1, 2)
        return y.transpose(1, 2).contiguous().view(y.shape[0], self.out_channels, *seen.shape[2:])

    def dense_weight(self) -> Tensor:
        """The equivalent kernel for `torch.nn.functional.conv2d`, (out_channels, in_channels, *kernel_size).

        It includes the residual; differentiable.
        """
        kernel = self._cascade_kernel().unflatten(1, (self.in_channels, self._inner.area))
        if self.residual:
            identity = torch.eye(self.in_channels, device=kernel.device, dtype=kernel.dtype)
            middle = functional.one_hot(torch.tensor(self._inner.centre), self._inner.area).to(kernel)
            kernel = kernel + _repeated(identity, self.in_channels, self.out_channels)[..., None] * middle
        if self.depthwise_weight is not None:
            kernel = kernel * self.depthwise_weight.flatten(1)
        return kernel.unflatten(2, self.kernel_size)

    def stage_weights(self) -> list[StageWeight]:
        """The weights stage by stage, inputs first, a depthwise stage before the cascade's.

        Connections are those of one position: whatever sees k² pixels has k² times as many on either side.
        """
        stages = self._cascade_weights()
        if self.depthwise_weight is None:
            return stages
        taps = torch.tensor(self._outer.area, device=self.depthwise_weight.device)
        width = self.in_channels * self._outer.area
        return [StageWeight(self.depthwise_weight.flatten(2), taps, taps, (width, width)), *stages]

    @property
    def connections(self) -> int:
        """Weights that stand for edges: all trainable numbers but the bias and the padding of uneven routers."""
        return sum(stage.connections for stage in self.stage_weights())

    def end_to_end_factor(self) -> float:
        """Factor on every variance of Sparse Glorot that gives the kernel the mean variance of dense Glorot.

        Exact: with every weight replaced by its variance, the kernel is the sum over paths of their products.
        """
        stages = self.stage_weights()
        residual, self.residual = self.residual, False
        kept = [stage.weight.clone() for stage in stages]
        with torch.no_grad():
            for stage in stages:
                variance = 2 / (stage.fan_in + stage.fan_out).to(stage.weight.dtype).expand_as(stage.weight)
                stage.weight.copy_(variance if stage.used is None else variance * stage.used)
            found = self.dense_weight().double().mean().item()
            for stage, values in zip(stages, kept, strict=True):
                stage.weight.copy_(values)
        self.residual = residual
        wanted = 2 / (self._outer.area * (self.in_channels + self.out_channels))
        return (wanted / found) ** (1 / len(stages)) if found else 1.0

    def extra_repr(self) -> str:
        residual = ", residual=True" if self.residual else ""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, spatial={self.spatial!r}{residual}"
        )


def seen_by_every_tap(stage: StageWeight, area: int) -> StageWeight:
    """A first stage over the pixels of a window, whose inputs are counted once per pixel, as a stage of a convolution.

    A pixel lies in `area` windows. So `area` times as many edges leave it and reach `area` times as many outputs.
    """
    inputs, outputs = stage.widths
    return replace(stage, fan_out=stage.fan_out * area, widths=(inputs, outputs * area))


def _repeated(rows: Tensor, present: int, size: int) -> Tensor:
    """The identity between levels of any size, (present, B) → (size, B): the narrower side is repeated."""
    if size >= present:
        return rows if size == present else rows.repeat(-(-size // present), 1)[:size]
    return functional.pad(rows, (0, 0, 0, -present % size)).unflatten(0, (-1, size)).sum(0)
