"""A dense layer as a Clos cascade: three batched matrix products and not one index."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric import topology
from fabric._checks import positive_int
from fabric.nn import kernels
from fabric.nn._factorise import factorise
from fabric.nn._structured import StageWeight, StructuredLinear, check_size
from fabric.nn.init import sparse_glorot_uniform_
from fabric.nn.kernels import Layout, Routers, Run
from fabric.nn.kernels import _gpu as gpu


class ClosRouters(NamedTuple):
    """(I, O, R_i, R_m, R_o): neurons and routers of a Clos cascade."""

    inputs: int
    outputs: int
    input_routers: int
    middle_routers: int
    output_routers: int


class ClosLinear(StructuredLinear):
    """Clos cascade (I, O, R_i, R_m, R_o) of ClosNets, section II, as a drop-in for `torch.nn.Linear`.

    Shapes: x (*, in_features) → y (*, out_features). Linear inside; put the activation after it. The wires between the
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

    input_weight: nn.Parameter
    middle_weight: nn.Parameter
    output_weight: nn.Parameter

    __jit_unused_properties__ = (*StructuredLinear.__jit_unused_properties__, "routers")

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
        sizes = {
            "in_features": positive_int("in_features", in_features),
            "out_features": positive_int("out_features", out_features),
            "input_routers": positive_int("input_routers", input_routers, upper=in_features),
            "middle_routers": positive_int("middle_routers", middle_routers),
            "output_routers": positive_int("output_routers", output_routers, upper=out_features),
        }
        check_size(middle_routers * (in_features + out_features + input_routers * output_routers), **sizes)
        super().__init__(in_features, out_features, bias, device, dtype)
        self.input_routers = sizes["input_routers"]
        self.middle_routers = sizes["middle_routers"]
        self.output_routers = sizes["output_routers"]
        largest_in = -(-self.in_features // self.input_routers)
        largest_out = -(-self.out_features // self.output_routers)
        shapes = {
            "input_weight": (self.input_routers, self.middle_routers, largest_in),
            "middle_weight": (self.middle_routers, self.output_routers, self.input_routers),
            "output_weight": (self.output_routers, largest_out, self.middle_routers),
        }
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        if type(self).affine is ClosLinear.affine:
            self.flat_layout = self._layout().flat()
        self.reset_parameters()

    @classmethod
    def from_dense(
        cls,
        linear: nn.Linear,
        input_routers: int,
        middle_routers: int,
        output_routers: int,
        *,
        sweeps: int = 100,
        starts: int = 3,
        generator: torch.Generator | None = None,
    ) -> "ClosLinear":
        """The layer whose `dense_weight` is nearest to a trained layer's weight in the Frobenius norm.

        Alternating least squares with every step in closed form, from the best of several starts. A matrix that is the
        product of such a cascade is found exactly where every router has at least R_m inputs or outputs; for others
        nothing better is known than that the result is no worse than its starts. The bias is copied.

        Args:
            linear: any sizes, dtype and device, which the layer keeps; it is not changed.
            input_routers, middle_routers, output_routers: as for the class.
            sweeps: over the three factors.
            starts: random ones.
            generator: of the starts, on the CPU; one of seed 0 if None, so that equal calls give equal layers.

        Raises:
            ValueError: `linear` is not a `torch.nn.Linear`, holds numbers that are not finite, or an argument is out
                of its range.
        """
        if not isinstance(linear, nn.Linear):
            raise ValueError(f"linear must be a torch.nn.Linear, got {type(linear).__name__}")
        if not torch.isfinite(linear.weight).all():
            raise ValueError("linear must have finite weights, got some that are not")
        weight = linear.weight
        layer = cls(
            linear.in_features,
            linear.out_features,
            input_routers,
            middle_routers,
            output_routers,
            bias=linear.bias is not None,
            device=weight.device,
            dtype=weight.dtype,
        )
        chance = torch.Generator().manual_seed(0) if generator is None else generator
        with torch.no_grad():
            matrix = weight.detach().to("cpu", torch.float64)
            blocks = router_blocks(matrix, layer.input_routers, layer.output_routers)
            sweeps, starts = positive_int("sweeps", sweeps), positive_int("starts", starts)
            for name, value in factorise(blocks, layer.middle_routers, sweeps, starts, chance)._asdict().items():
                getattr(layer, name).copy_(value)
            if layer.bias is not None:
                layer.bias.copy_(linear.bias)
        return layer

    @property
    def topology(self) -> topology.Topology:  # type: ignore[override] # made when asked for, never set
        """The layer's `Topology`, made anew at each call."""
        return topology.clos(*self.routers)

    @property
    def routers(self) -> ClosRouters:
        """(I, O, R_i, R_m, R_o)."""
        sizes = self.in_features, self.out_features, self.input_routers, self.middle_routers, self.output_routers
        return ClosRouters(*sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(*, in_features) → (*, out_features); on a GPU by the Triton kernel where it can. Errors as for the base."""
        if isinstance(x, Tensor):
            y = gpu.clos_product(self, x) if x.is_cuda else kernels.product(self, x)
            if y is not None:
                return y
        return self.reference(x)

    def affine(self, columns: Tensor) -> Tensor:
        weights = self.input_weight, self.middle_weight, self.output_weight
        return clos_columns(columns, self.bias, *weights, self.routers)

    def after_inputs(self, x: Tensor) -> Tensor:
        """The layer after its input routers: their outputs (R_i, R_m, batch) → (out_features, batch)."""
        return _after_inputs(x, self.bias, self.middle_weight, self.output_weight, self.routers)

    def dense_weight(self) -> Tensor:
        return clos_matrix(self.input_weight, self.middle_weight, self.output_weight, self.routers)

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

    def reset_parameters(self) -> None:
        sparse_glorot_uniform_(self)

    def first_weight(self) -> Tensor:
        return self.input_weight

    def _layout(self) -> Layout:
        ri, rm, ro = self.input_routers, self.middle_routers, self.output_routers
        whole = Run(0, self.in_features, 1), Run(0, self.out_features, 1)
        return Layout(
            self.in_features,
            self.out_features,
            (
                Routers(ri, rm, self.input_weight.shape[2], ((whole[0], Run(0, ri * rm, ri)),)),
                Routers(rm, ro, ri, ((Run(0, ri * rm, 1), Run(0, rm * ro, rm)),)),
                Routers(ro, self.output_weight.shape[1], rm, ((Run(0, rm * ro, 1), whole[1]),)),
            ),
        )

    def layout_weights(self) -> list[Tensor] | None:
        own: dict[str, Any] = self._parameters  # ten times as fast as attributes of a module
        if "input_weight" in own and "middle_weight" in own and "output_weight" in own:
            return [own["input_weight"], own["middle_weight"], own["output_weight"]]
        return [self.input_weight, self.middle_weight, self.output_weight]

    def extra_repr(self) -> str:
        routers = f"routers=({self.input_routers}, {self.middle_routers}, {self.output_routers})"
        return f"{super().extra_repr()}, {routers}"


def router_blocks(matrix: Tensor, input_routers: int, output_routers: int) -> Tensor:
    """(O, I) → (R_o, R_i, ceil(O / R_o), ceil(I / R_i)), padded with zeros where routers are smaller."""
    by_output = _deal(matrix, matrix.shape[0], output_routers)  # (Ro, O/Ro, I)
    blocks = _deal(by_output.flatten(0, 1).t(), matrix.shape[1], input_routers)  # (Ri, I/Ri, Ro · O/Ro)
    return blocks.unflatten(2, by_output.shape[:2]).permute(2, 0, 3, 1)


def clos_matrix(first: Tensor, middle: Tensor, last: Tensor, routers: ClosRouters) -> Tensor:
    """The product of the three stages, (O, I)."""
    # W[(o, j), (r, k)] = sum over middle routers m of output[o, j, m] middle[m, o, r] input[r, m, k]
    blocks = torch.einsum("ojm,mor,rmk->ojrk", last, middle, first)
    rows = _collect(blocks.flatten(2), routers.outputs, routers.output_routers)
    by_router = rows.unflatten(1, blocks.shape[2:]).permute(1, 2, 0)  # (Ri, I/Ri, O)
    return _collect(by_router, routers.inputs, routers.input_routers).t()


def scaled_outputs(scale: Tensor, routers: ClosRouters) -> Tensor:
    """Factors of all outputs (O,) as factors of the weights of the output routers, (R_o, ceil(O / R_o), 1)."""
    return _deal(scale[:, None], routers.outputs, routers.output_routers)


def clos_columns(
    columns: Tensor, bias: Tensor | None, first: Tensor, middle: Tensor, last: Tensor, routers: ClosRouters
) -> Tensor:
    """The three stages in PyTorch: (I, B) → (O, B)."""
    x = torch.bmm(first, _deal(columns, routers.inputs, routers.input_routers))  # (Ri, Rm, B)
    return _after_inputs(x, bias, middle, last, routers)


def _after_inputs(x: Tensor, bias: Tensor | None, middle: Tensor, last: Tensor, routers: ClosRouters) -> Tensor:
    _, outputs, _, _, output_routers = routers
    x = torch.bmm(middle, x.transpose(0, 1))  # (Rm, Ro, B)
    if bias is None:
        x = torch.bmm(last, x.transpose(0, 1))  # (Ro, O/Ro, B)
    else:
        x = torch.baddbmm(_deal(bias.unsqueeze(1), outputs, output_routers), last, x.transpose(0, 1))  # (Ro, O/Ro, B)
    return _collect(x, outputs, output_routers)  # (O, B)


def _deal(rows: Tensor, size: int, routers: int) -> Tensor:
    """(size, B) → (routers, ceil(size / routers), B), dealt out as `topology.router_sizes` says; padded with zeros."""
    share, more = divmod(size, routers)
    if more == 0:
        return rows.unflatten(0, (routers, share))
    large = rows[: more * (share + 1)].unflatten(0, (more, share + 1))
    small = rows[more * (share + 1) :].unflatten(0, (routers - more, share))
    return torch.cat((large, functional.pad(small, (0, 0, 0, 1))))


def _collect(groups: Tensor, size: int, routers: int) -> Tensor:
    """Inverse of `_deal`: (routers, ceil(size / routers), B) → (size, B), leaving the padding out."""
    share, more = divmod(size, routers)
    if more == 0:
        return groups.flatten(0, 1)
    return torch.cat((groups[:more].flatten(0, 1), groups[more:, :share].flatten(0, 1)))
