"""A convolution as a cascade of any topology."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from fabric.nn._cascade import CascadeLinear
from fabric.nn._layout import BlockLayout, block_layout
from fabric.nn._stages import BlockStage, _gather, _scatter
from fabric.nn._structured import StageWeight
from fabric.nn.convolution._conv import StructuredConv2d, seen_by_every_tap
from fabric.nn.convolution._window import Window, window
from fabric.nn.init import sparse_glorot_uniform_
from fabric.topology import Topology


class CascadeConv2d(StructuredConv2d):
    """The stages of a topology as a drop-in for `torch.nn.Conv2d`.

    Shapes, the three ways to see k × k pixels and the residual: see `StructuredConv2d`. There is exactly one weight per
    edge, k² of them per edge of the first stage for "first", and k² per channel before the cascade for "depthwise".

    Args:
        topology: what is connected to what: from in_channels to out_channels, for "im2col" from in_channels · k² pixels
            (channel by channel, each row by row).
        kernel_size, stride, padding, dilation: as for `torch.nn.Conv2d`.
        groups: 1; the routers are the groups.
        bias: whether to add a trainable bias.
        padding_mode: "zeros".
        spatial: "first", "im2col" or "depthwise"; without effect on kernels of one pixel.
        residual: whether the cascade's inputs are added to its outputs.
        device, dtype: as for `torch.nn.Conv2d`.

    Raises:
        ValueError: an argument that is not in its range, or for "im2col" a topology whose inputs are not a multiple of
            k².
    """

    def __init__(
        self,
        topology: Topology,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        spatial: str = "first",
        residual: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        if not isinstance(topology, Topology):
            raise ValueError(f"topology must be a fabric.topology.Topology, got {topology!r}")
        area = window(kernel_size, stride, padding, dilation).area
        in_channels, left = divmod(topology.inputs, area) if spatial == "im2col" else (topology.inputs, 0)
        if left or in_channels == 0:
            nearest = f"{in_channels * area} or {(in_channels + 1) * area}" if in_channels else str(area)
            raise ValueError(
                f'topology must have a multiple of {area} inputs for "im2col" with kernel_size {kernel_size} '
                f"(nearest: {nearest}), got {topology.inputs}"
            )
        super().__init__(
            in_channels,
            topology.outputs,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            padding_mode,
            spatial,
            residual,
            device,
            dtype,
        )
        self.topology = topology
        first, *later = topology.stages
        layout = block_layout(first) if self.spatial == "first" and later else None
        self.entry = None if layout is None else KernelBlocks(layout, self._inner, device, dtype)
        if layout is not None:
            cascade = Topology(later)
        elif self.spatial == "first":  # without routers to group the channels by: as edges from all pixels of a window
            cascade = Topology([np.repeat(first, self._inner.area, axis=1), *later])
        else:
            cascade = topology
        self.cascade = CascadeLinear(cascade, bias, None, device, dtype)
        sparse_glorot_uniform_(self)

    def _columns(self, images: Tensor) -> Tensor:
        return self.cascade.affine(self._inner.columns(images) if self.entry is None else self.entry(images))

    def _cascade_kernel(self) -> Tensor:
        kernel = self.cascade.dense_weight()
        return kernel if self.entry is None else kernel @ self.entry.dense()

    def _cascade_weights(self) -> list[StageWeight]:
        stages = self.cascade.stage_weights()
        if self.entry is not None:
            return [self.entry.stage_weight(), *stages]
        return [seen_by_every_tap(stages[0], self._inner.area), *stages[1:]]

    def extra_repr(self) -> str:
        return f"{self.topology.name}, {super().extra_repr()}"


class KernelBlocks(BlockStage):
    """A first stage of equal routers that see windows: `weight` (routers of all parts, outputs, inputs · taps)."""

    def __init__(self, layout: BlockLayout, window: Window, device=None, dtype=None) -> None:
        super().__init__(layout, device, dtype)
        self.window = window
        shape = *self.weight.shape[:2], layout.inputs * window.area
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

    def forward(self, images: Tensor) -> Tensor:
        """(N, inputs, H, W) → (outputs, N · windows)."""

        def convolve(weight: Tensor, x: Tensor) -> Tensor:
            kernel = weight.unflatten(2, (-1, *self.window.kernel)).flatten(0, 1)
            levels = self.window.convolve(x.flatten(0, 1).transpose(0, 1), kernel, groups=x.shape[0])
            return levels.transpose(0, 1).flatten(1).unflatten(0, weight.shape[:2])

        return self._joined(images.transpose(0, 1), convolve)

    def dense(self) -> Tensor:
        """The stage as a matrix (outputs, inputs · taps)."""

        def multiply(weight: Tensor, x: Tensor) -> Tensor:
            by_tap = weight.unflatten(2, (x.shape[1], -1)).transpose(2, 3).flatten(1, 2)  # (routers, outputs · taps, k)
            return torch.bmm(by_tap, x).unflatten(1, (-1, self.window.area)).flatten(2)

        inputs = self.layout.parts[-1].inputs.stop
        identity = torch.eye(inputs, device=self.weight.device, dtype=self.weight.dtype)
        return self._joined(identity, multiply).unflatten(1, (self.window.area, inputs)).transpose(1, 2).flatten(1)

    def stage_weight(self) -> StageWeight:
        stage, area = super().stage_weight(), self.window.area
        return seen_by_every_tap(
            replace(stage, fan_in=stage.fan_in * area, widths=(stage.widths[0] * area, stage.widths[1])), area
        )

    def _joined(self, rows: Tensor, product: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """`product` of the weights (routers, ...) and (routers, inputs, ...) part by part, put together."""
        layout = self.layout
        results = [
            _scatter(product(weight, _gather(rows[part.inputs], layout.inputs, part.input_stride)), part.output_stride)
            for part, weight in zip(layout.parts, self.weight.split(layout.routers), strict=True)
        ]
        return torch.stack(results).sum(0) if layout.adds_up and len(results) > 1 else torch.cat(results)
