"""A dense layer as a Clos cascade: three batched matrix products and not one index."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric import topology
from fabric._checks import positive_int
from fabric.nn._structured import StageWeight, StructuredLinear
from fabric.nn.init import sparse_glorot_uniform_
from fabric.nn.kernels import Layout, Routers


class ClosLinear(StructuredLinear):
    """Clos cascade (I, O, R_i, R_m, R_o) of ClosNets, section II, as a drop-in for `torch.nn.Linear`.

    Shapes: x (*, in_features) → y (*, out_features). Linear inside; put the activation behind it. The wires between the
    routers are a swap of two axes, seen as a view and never copied, so the layer holds no index.

    The weights are `input_weight` (R_i, R_m, ceil(I / R_i)), `middle_weight` (R_m, R_o, R_i) and `output_weight`
    (R_o, ceil(O / R_o), R_m). Where I or O do not divide by their routers, the smaller routers are padded with entries
    that stay zero: `layer.topology.parameters` = R_m (I + O + R_i R_o) counts edges, the tensors hold slightly more.

    Args:
        in_features, out_features: I and O, any sizes.
        input_routers, middle_routers, output_routers: R_i from 1 to I, R_m from 1, R_o from 1 to O.
        bias: whether to add a trainable bias.
        device, dtype: as for `torch.nn.Linear`.

    Raises:
        ValueError: an argument that is not an integer in its range.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        input_routers: int,
        middle_routers: int,
        output_routers: int,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device, dtype)
        self.input_routers = positive_int("input_routers", input_routers, upper=self.in_features)
        self.middle_routers = positive_int("middle_routers", middle_routers)
        self.output_routers = positive_int("output_routers", output_routers, upper=self.out_features)
        largest_in = -(-self.in_features // self.input_routers)
        largest_out = -(-self.out_features // self.output_routers)
        shapes = {
            "input_weight": (self.input_routers, self.middle_routers, largest_in),
            "middle_weight": (self.middle_routers, self.output_routers, self.input_routers),
            "output_weight": (self.output_routers, largest_out, self.middle_routers),
        }
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        sparse_glorot_uniform_(self)

    @property
    def topology(self) -> topology.Topology:
        """The layer's `Topology`, made anew at each call."""
        return topology.clos(
            self.in_features, self.out_features, self.input_routers, self.middle_routers, self.output_routers
        )

    def affine(self, columns: Tensor) -> Tensor:
        x = torch.bmm(self.input_weight, _deal(columns, self.input_routers))  # (Ri, Rm, B)
        x = torch.bmm(self.middle_weight, x.transpose(0, 1))  # (Rm, Ro, B)
        if self.bias is None:
            x = torch.bmm(self.output_weight, x.transpose(0, 1))  # (Ro, O/Ro, B)
        else:
            bias = _deal(self.bias.unsqueeze(1), self.output_routers)
            x = torch.baddbmm(bias, self.output_weight, x.transpose(0, 1))  # (Ro, O/Ro, B)
        return _collect(x, self.out_features)  # (O, B)

    def dense_weight(self) -> Tensor:
        # W[(o, j), (r, k)] = sum over middle routers m of output[o, j, m] middle[m, o, r] input[r, m, k]
        blocks = torch.einsum("ojm,mor,rmk->ojrk", self.output_weight, self.middle_weight, self.input_weight)
        rows = _collect(blocks.flatten(2), self.out_features).unflatten(1, blocks.shape[2:])  # (O, Ri, I/Ri)
        return _collect(rows.permute(1, 2, 0), self.in_features).t()

    def stage_weights(self) -> list[StageWeight]:
        def count(neurons: int) -> Tensor:
            return torch.tensor(neurons, device=self.input_weight.device)

        ri, rm, ro = self.input_routers, self.middle_routers, self.output_routers
        into = torch.tensor(topology.router_sizes(self.in_features, ri), device=self.input_weight.device)[:, None, None]
        out = torch.tensor(topology.router_sizes(self.out_features, ro), device=self.input_weight.device)[:, None, None]
        columns = torch.arange(self.input_weight.shape[2], device=into.device)
        rows = torch.arange(self.output_weight.shape[1], device=into.device)[:, None]
        return [
            StageWeight(self.input_weight, into, count(rm), (self.in_features, ri * rm), used=columns < into),
            StageWeight(self.middle_weight, count(ri), count(ro), (ri * rm, rm * ro)),
            StageWeight(self.output_weight, count(rm), out, (rm * ro, self.out_features), used=rows < out),
        ]

    def layout(self) -> Layout | None:
        if type(self).affine is not ClosLinear.affine:
            return None
        ri, rm, ro = self.input_routers, self.middle_routers, self.output_routers
        largest_in, largest_out = -(-self.in_features // ri), -(-self.out_features // ro)
        stages = Routers(ri, rm, largest_in, 1, ri), Routers(rm, ro, ri, 1, rm), Routers(ro, largest_out, rm, 1, 1)
        return Layout(self.in_features, self.out_features, stages)

    def layout_weights(self) -> list[Tensor] | None:
        own = self._parameters  # ten times as fast as attributes of a module
        if "input_weight" in own and "middle_weight" in own and "output_weight" in own:
            return [own["input_weight"], own["middle_weight"], own["output_weight"]]
        return [self.input_weight, self.middle_weight, self.output_weight]

    def extra_repr(self) -> str:
        routers = f"routers=({self.input_routers}, {self.middle_routers}, {self.output_routers})"
        return f"{super().extra_repr()}, {routers}"


def _deal(rows: Tensor, routers: int) -> Tensor:
    """(n, B) → (routers, ceil(n / routers), B), dealt out as `topology.router_sizes` says; padded with zeros."""
    share, more = divmod(rows.shape[0], routers)
    batch = rows.shape[1]
    if more == 0:
        return rows.view(routers, share, batch)
    large, small = rows.split((more * (share + 1), (routers - more) * share))
    padded = functional.pad(small.view(routers - more, share, batch), (0, 0, 0, 1))
    return torch.cat((large.view(more, share + 1, batch), padded))


def _collect(groups: Tensor, size: int) -> Tensor:
    """Inverse of `_deal`: (routers, ceil(n / routers), B) → (n, B), leaving the padding out."""
    routers, largest, batch = groups.shape
    more = size % routers
    if more == 0:
        return groups.reshape(size, batch)
    return torch.cat((groups[:more].flatten(0, 1), groups[more:, : largest - 1].flatten(0, 1)))
