"""A convolution as a Clos cascade."""

from dataclasses import replace

import torch
from torch import Tensor

from fabric import topology
from fabric._checks import positive_int, shown
from fabric.nn._clos import ClosLinear
from fabric.nn._structured import StageWeight
from fabric.nn.convolution._conv import StructuredConv2d, seen_by_every_tap
from fabric.nn.init import sparse_glorot_uniform_


class ClosConv2d(StructuredConv2d):
    """Clos cascade (I, O, R_i, R_m, R_o) of ClosNets, section II, as a drop-in for `torch.nn.Conv2d`.

    Shapes, the three ways to see k × k pixels and the residual: see `StructuredConv2d`. With C and O channels there are
    R_m (C + O + R_i R_o) weights for a kernel of one pixel, R_m (k² C + O + R_i R_o) for "first" and "im2col", and
    k² C + R_m (C + O + R_i R_o) for "depthwise". Where R_i divides C, "first" and "im2col" are the same layer but
    "first" computes it as a grouped convolution, which holds no copy of every window: training is about five times
    faster. Where it does not, "im2col" deals the pixels of a channel out to two routers, "first" never does.

    Args:
        in_channels, out_channels: C and O, any numbers.
        kernel_size, stride, padding, dilation: as for `torch.nn.Conv2d`.
        input_routers, middle_routers, output_routers: R_i from 1 to C (to C k² for "im2col"), R_m from 1, R_o from 1
            to O.
        groups: 1; the routers are the groups.
        bias: whether to add a trainable bias.
        padding_mode: "zeros".
        spatial: "first", "im2col" or "depthwise"; without effect on kernels of one pixel.
        residual: whether the cascade's inputs are added to its outputs.
        device, dtype: as for `torch.nn.Conv2d`.

    Raises:
        ValueError: an argument that is not in its range.
    """

    cascade: ClosLinear

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        input_routers: int,
        middle_routers: int,
        output_routers: int,
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
        super().__init__(
            in_channels,
            out_channels,
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
        inputs = self.in_channels * (self._inner.area if self.spatial == "im2col" else 1)
        routers = positive_int("input_routers", input_routers)
        if routers > inputs:
            more = f'; up to {inputs * self._inner.area} with spatial="im2col"' if self.spatial == "first" else ""
            raise ValueError(
                f"input_routers must be an integer from 1 to {inputs}, got {shown(input_routers)} "
                f"(nearest: {inputs}{more})"
            )
        if self.spatial == "first":  # channels that fill up the smaller routers see zeros only
            inputs = routers * -(-inputs // routers) * self._inner.area
        self.cascade = ClosLinear(
            inputs, self.out_channels, routers, middle_routers, output_routers, bias, device, dtype
        )
        sparse_glorot_uniform_(self)

    @property
    def topology(self) -> topology.Topology:  # type: ignore[override] # made when asked for, never set
        """The cascade's `Topology`, made anew at each call."""
        inputs = self.in_channels * (self._inner.area if self.spatial == "im2col" else 1)
        return topology.clos(inputs, self.out_channels, *self._routers)

    @property
    def _routers(self) -> tuple[int, int, int]:
        return self.cascade.input_routers, self.cascade.middle_routers, self.cascade.output_routers

    def _columns(self, images: Tensor) -> Tensor:
        if self.spatial != "first":
            return self.cascade.affine(self._inner.columns(images))
        routers, hidden, _ = self._routers
        kernel = self.cascade.input_weight.unflatten(2, (-1, *self.kernel_size)).flatten(0, 1)
        images = self._filled(images.transpose(0, 1)).transpose(0, 1)
        levels = self._inner.convolve(images, kernel, groups=routers)
        return self.cascade.after_inputs(levels.transpose(0, 1).flatten(1).unflatten(0, (routers, hidden)))

    def _cascade_kernel(self) -> Tensor:
        kernel = self.cascade.dense_weight()
        return kernel if self.spatial != "first" else self._emptied(kernel)

    def _cascade_weights(self) -> list[StageWeight]:
        first, *later = self.cascade.stage_weights()
        if self.spatial == "first":
            area, routers = self._inner.area, self.cascade.input_routers
            sizes = topology.router_sizes(self.in_channels, routers)
            pixels = area * torch.tensor(sizes, device=first.weight.device)[:, None, None]
            used = torch.arange(first.weight.shape[2], device=first.weight.device) < pixels
            widths = self.in_channels * area, first.widths[1]
            first = replace(first, fan_in=pixels, widths=widths, used=used)
        return [seen_by_every_tap(first, self._inner.area), *later]

    def _filled(self, channels: Tensor) -> Tensor:
        """Channels of zeros added to the routers that have one fewer than the largest: (C, ...) → (more, ...)."""
        share, more = divmod(self.in_channels, self.cascade.input_routers)
        if more == 0:
            return channels
        large, small = channels.split((more * (share + 1), self.in_channels - more * (share + 1)))
        by_router = small.unflatten(0, (-1, share))
        zeros = by_router.new_zeros(by_router.shape[0], 1, *by_router.shape[2:])
        return torch.cat((large, torch.cat((by_router, zeros), 1).flatten(0, 1)))

    def _emptied(self, kernel: Tensor) -> Tensor:
        """The kernel without the channels of `_filled`: (O, more · area) → (O, C · area)."""
        used = self._filled(torch.ones(self.in_channels, device="cpu")).nonzero().squeeze(1).to(kernel.device)
        return kernel.unflatten(1, (-1, self._inner.area)).index_select(1, used).flatten(1)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, routers={self._routers}"
