"""Clos cascades on a GPU: the three stages in one Triton kernel, forward and backward.

A program owns a tile of the batch and walks over groups of middle routers. Of each group it forms both hidden levels on
the chip and adds in float32 what they give every output, so that no hidden level is ever written to memory. One group
holds all middle routers where they fit. The gradient of x is the same kernel on transposed weights. For the gradients
of the weights a program owns a group and a fixed share of the tiles, and forms the hidden levels again; the sums of the
shares are added in a fixed order. There are no atomics: equal inputs give equal bits.

`tl.dot` wants powers of two from 16 along every axis: all sizes are padded to that, with zeros. Products of float32 are
not rounded to TF32. None of this has been measured on a GPU; with TRITON_INTERPRET=1 it runs on the CPU.
"""

import contextlib
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from triton.runtime.errors import OutOfResources

from fabric.nn._clos import ClosRouters, clos_columns

_ON_CHIP = 160 * 1024  # bytes that a level of a tile may take
_SHARES = 32  # of the batch, in the gradients of the weights


class Tile(NamedTuple):
    """What a program holds, padded: routers, neurons of an input and an output router, middle routers, samples."""

    ri: int
    ro: int
    p: int
    q: int
    group: int
    batch: int


def _padded(size: int) -> int:
    return max(16, triton.next_power_of_2(size))


def tile(routers: ClosRouters, itemsize: int) -> Tile | None:
    """The largest tile whose levels fit on the chip, None if none does."""
    inputs, outputs, input_routers, middle_routers, output_routers = routers
    ri, ro = _padded(input_routers), _padded(output_routers)
    p, q = _padded(-(-inputs // input_routers)), _padded(-(-outputs // output_routers))
    for batch in (64, 32, 16):
        group = _padded(middle_routers)
        while group > 16 and (ri + ro) * group * batch * itemsize > _ON_CHIP:
            group //= 2
        hidden = (ri + ro) * group * batch * itemsize
        weights = max(ri * p, ri * ro, ro * q) * group * itemsize
        if max(hidden, weights, ri * p * batch * itemsize, ro * q * batch * itemsize) <= _ON_CHIP:
            return Tile(ri, ro, p, q, group, batch)
    return None


@triton.jit
def _level(pointer, width, routers, batch, first, R: tl.constexpr, N: tl.constexpr, B: tl.constexpr):
    """Addresses and mask of a level (batch, width), row-major, as (routers, neurons of a router, samples).

    The first `width % routers` routers have one neuron more than the others.
    """
    r = tl.arange(0, R)[:, None, None]
    n = tl.arange(0, N)[None, :, None]
    b = first + tl.arange(0, B)[None, None, :]
    share = width // routers
    more = width % routers
    at = r * share + tl.minimum(r, more) + n
    inside = (r < routers) & (n < share + (r < more).to(tl.int32)) & (b < batch)
    return pointer + b.to(tl.int64) * width + at, inside


@triton.jit
def _block(pointer, s0, s1, s2, n0, n1, n2, f0, f1, f2, A: tl.constexpr, B: tl.constexpr, C: tl.constexpr):
    """Addresses and mask of a block (A, B, C) that starts at (f0, f1, f2) of an array (n0, n1, n2)."""
    i = f0 + tl.arange(0, A)[:, None, None]
    j = f1 + tl.arange(0, B)[None, :, None]
    k = f2 + tl.arange(0, C)[None, None, :]
    return pointer + i * s0 + j * s1 + k * s2, (i < n0) & (j < n1) & (k < n2)


@triton.jit
def _dot(a, b, WIDE: tl.constexpr):
    """Sums in float32. The interpreter takes the bits of a bfloat16 for an integer, so it gets WIDE operands."""
    if WIDE:
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def _cascade(
    x, w1, w2, w3, bias, y, batch, inputs, outputs, Ri, Rm, Ro, p, q,
    a0, a1, a2, b0, b1, b2, c0, c1, c2,
    HAS_BIAS: tl.constexpr, RI: tl.constexpr, RO: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, G: tl.constexpr,
    B: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """y = cascade(x): weights (Ri, Rm, p), (Rm, Ro, Ri) and (Ro, q, Rm) with strides a, b and c."""
    first = tl.program_id(0) * B
    address, inside = _level(x, inputs, Ri, batch, first, RI, P, B)
    tile_x = tl.load(address, mask=inside, other=0.0)
    total = tl.full((RO, Q, B), 0.0, tl.float32)
    for g in range(0, Rm, G):
        address, inside = _block(w1, a0, a1, a2, Ri, Rm, p, 0, g, 0, RI, G, P)
        level = _dot(tl.load(address, mask=inside, other=0.0), tile_x, WIDE)
        level = tl.trans(level.to(x.dtype.element_ty), 1, 0, 2)  # (G, RI, B)
        address, inside = _block(w2, b0, b1, b2, Rm, Ro, Ri, g, 0, 0, G, RO, RI)
        level = _dot(tl.load(address, mask=inside, other=0.0), level, WIDE)
        level = tl.trans(level.to(x.dtype.element_ty), 1, 0, 2)  # (RO, G, B)
        address, inside = _block(w3, c0, c1, c2, Ro, q, Rm, 0, 0, g, RO, Q, G)
        total += _dot(tl.load(address, mask=inside, other=0.0), level, WIDE)
    if HAS_BIAS:
        address, inside = _level(bias, outputs, Ro, 1, 0, RO, Q, 1)
        total += tl.load(address, mask=inside, other=0.0).to(tl.float32)
    address, inside = _level(y, outputs, Ro, batch, first, RO, Q, B)
    tl.store(address, total.to(y.dtype.element_ty), mask=inside)


@triton.jit
def _weight_gradients(
    x, dy, w1, w2, w3, d1, d2, d3, batch, share, inputs, outputs, Ri, Rm, Ro, p, q,
    RI: tl.constexpr, RO: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, G: tl.constexpr, B: tl.constexpr,
    WIDE: tl.constexpr,
):  # fmt: skip
    """Sums over one share of the batch, for one group: d1 (shares, Ri, Rm, p), d2 (shares, Rm, Ro, Ri), d3 likewise."""
    g = tl.program_id(0) * G
    part = tl.program_id(1).to(tl.int64)
    address, inside = _block(w1, Rm * p, p, 1, Ri, Rm, p, 0, g, 0, RI, G, P)
    block1 = tl.load(address, mask=inside, other=0.0)
    address, inside = _block(w2, Ro * Ri, Ri, 1, Rm, Ro, Ri, g, 0, 0, G, RO, RI)
    block2 = tl.load(address, mask=inside, other=0.0)
    address, inside = _block(w3, q * Rm, Rm, 1, Ro, q, Rm, 0, 0, g, RO, Q, G)
    block3 = tl.load(address, mask=inside, other=0.0)
    sum1 = tl.full((RI, G, P), 0.0, tl.float32)
    sum2 = tl.full((G, RO, RI), 0.0, tl.float32)
    sum3 = tl.full((RO, Q, G), 0.0, tl.float32)
    for first in range(part * share, tl.minimum(part * share + share, batch), B):
        address, inside = _level(x, inputs, Ri, batch, first, RI, P, B)
        tile_x = tl.load(address, mask=inside, other=0.0)
        address, inside = _level(dy, outputs, Ro, batch, first, RO, Q, B)
        above = tl.load(address, mask=inside, other=0.0)
        one = _dot(block1, tile_x, WIDE)
        one = tl.trans(one.to(x.dtype.element_ty), 1, 0, 2)  # (G, RI, B)
        two = _dot(block2, one, WIDE)
        two = tl.trans(two.to(x.dtype.element_ty), 1, 0, 2)  # (RO, G, B)
        sum3 += _dot(above, tl.trans(two, 0, 2, 1), WIDE)
        above = _dot(tl.trans(block3, 0, 2, 1), above, WIDE)
        above = tl.trans(above.to(x.dtype.element_ty), 1, 0, 2)  # (G, RO, B)
        sum2 += _dot(above, tl.trans(one, 0, 2, 1), WIDE)
        above = _dot(tl.trans(block2, 0, 2, 1), above, WIDE)
        above = tl.trans(above.to(x.dtype.element_ty), 1, 0, 2)  # (RI, G, B)
        sum1 += _dot(above, tl.trans(tile_x, 0, 2, 1), WIDE)
    address, inside = _block(d1 + part * Ri * Rm * p, Rm * p, p, 1, Ri, Rm, p, 0, g, 0, RI, G, P)
    tl.store(address, sum1, mask=inside)
    address, inside = _block(d2 + part * Rm * Ro * Ri, Ro * Ri, Ri, 1, Rm, Ro, Ri, g, 0, 0, G, RO, RI)
    tl.store(address, sum2, mask=inside)
    address, inside = _block(d3 + part * Ro * q * Rm, q * Rm, Rm, 1, Ro, q, Rm, 0, 0, g, RO, Q, G)
    tl.store(address, sum3, mask=inside)


def _run(x: Tensor, bias: Tensor | None, w1: Tensor, w2: Tensor, w3: Tensor, routers: ClosRouters) -> Tensor:
    held = tile(routers, x.element_size())
    assert held is not None  # the caller has asked
    y = x.new_empty(x.shape[0], routers.outputs)
    grid = (triton.cdiv(x.shape[0], held.batch),)
    strides = *w1.stride(), *w2.stride(), *w3.stride()
    _cascade[grid](
        x, w1, w2, w3, x if bias is None else bias, y, x.shape[0], *routers, w1.shape[2], w3.shape[1], *strides,
        bias is not None, *held, triton.knobs.runtime.interpret,
    )  # fmt: skip
    return y


class ClosProduct(Function):
    """x (B, I) → (B, O), differentiable to any order.

    A gradient that is to be differentiated again goes through PyTorch's own operators, and so does one for which the
    compiler finds that the chip has too little room. A product without room raises `OutOfResources`.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor | None, w1: Tensor, w2: Tensor, w3: Tensor, routers: ClosRouters):
        ctx.save_for_backward(x, bias, w1, w2, w3)
        ctx.routers = routers
        return _run(x.contiguous(), bias, w1, w2, w3, routers)

    @staticmethod
    def backward(ctx: Any, above: Tensor):
        again = torch.is_grad_enabled()
        tensors = ctx.saved_tensors
        needed = ctx.needs_input_grad[:5]
        if not again:
            with contextlib.suppress(OutOfResources):
                return *_gradients(tensors, above.contiguous(), ctx.routers, needed), None
        with torch.enable_grad():
            x, bias, w1, w2, w3 = tensors
            y = clos_columns(x.t(), bias, w1, w2, w3, ctx.routers).t()
            wanted = [tensor for tensor, need in zip(tensors, needed, strict=True) if need]
            found = iter(torch.autograd.grad(y, wanted, above, create_graph=again))
        return *(next(found) if need else None for need in needed), None


def _gradients(
    inputs: tuple[Tensor, ...], above: Tensor, routers: ClosRouters, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    x, _, w1, w2, w3 = inputs
    for_x = for_bias = None
    for_weights: list[Tensor | None] = [None, None, None]
    if needed[0]:
        back = ClosRouters(*reversed(routers[:2]), *reversed(routers[2:]))
        for_x = _run(above, None, w3.transpose(1, 2), w2.transpose(1, 2), w1.transpose(1, 2), back)
    if needed[1]:
        for_bias = above.sum(0)
    if any(needed[2:]):
        for_weights = _run_weight_gradients(x.contiguous(), above, w1, w2, w3, routers)
    return [for_x, for_bias, *for_weights]


def _run_weight_gradients(x: Tensor, above: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, routers: ClosRouters):
    w1, w2, w3 = w1.contiguous(), w2.contiguous(), w3.contiguous()
    held = tile(routers, x.element_size())
    assert held is not None  # the caller has asked
    batch = x.shape[0]
    share = triton.cdiv(triton.cdiv(batch, held.batch), _SHARES) * held.batch
    shares = triton.cdiv(batch, share)
    sums = [torch.empty(shares, *w.shape, dtype=torch.float32, device=x.device) for w in (w1, w2, w3)]
    grid = (triton.cdiv(routers.middle_routers, held.group), shares)
    _weight_gradients[grid](
        x, above, w1, w2, w3, *sums, batch, share, *routers, w1.shape[2], w3.shape[1], *held,
        triton.knobs.runtime.interpret,
    )  # fmt: skip
    return [total.sum(0).to(x.dtype) for total in sums]
