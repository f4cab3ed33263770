"""The Clos cascade that is nearest to a dense matrix: alternating least squares, every step in closed form.

The product of a Clos cascade, seen by the outputs of router o and the inputs of router r, is
W[o, r] = U[o] diag(d[o, r]) V[r] with U[o] the weights of output router o, V[r] those of input router r, and d[o, r]
one weight per middle router. Given two of the three factors the third is the solution of least-squares problems no
larger than the middle routers are many, one per router, all solved at once.
"""

from typing import NamedTuple

import torch
from torch import Tensor

RIDGE = 1e-13  # of a Gram matrix's mean diagonal: keeps routers with collinear weights solvable


class Factors(NamedTuple):
    """Weights of a Clos cascade in the shapes of `ClosLinear`'s parameters, float64."""

    input_weight: Tensor  # (R_i, R_m, ceil(I / R_i))
    middle_weight: Tensor  # (R_m, R_o, R_i)
    output_weight: Tensor  # (R_o, ceil(O / R_o), R_m)

    def blocks(self) -> Tensor:
        """The product, (R_o, R_i, outputs of a router, inputs of a router)."""
        return torch.einsum("oqm,mor,rmp->orqp", self.output_weight, self.middle_weight, self.input_weight)


def factorise(blocks: Tensor, middle_routers: int, sweeps: int, starts: int, generator: torch.Generator) -> Factors:
    """The Clos cascade nearest to a matrix in the Frobenius norm, as far as descent finds it.

    Starts from random weights, and where the routers have no fewer inputs and outputs than there are middle routers,
    from the exact solution that exists if the matrix is the product of a Clos cascade. All starts run for a tenth of
    the sweeps, and the best of them for all of them.

    Args:
        blocks: the matrix, float64 (R_o, R_i, outputs of a router, inputs of a router), padded with zeros where
            routers are smaller.
        middle_routers: R_m.
        sweeps: over the three factors, of the start that runs on.
        starts: random ones.
        generator: draws them.

    Returns:
        The factors; entries that stand for padding are zero.
    """
    ro, ri, outputs, inputs = blocks.shape
    candidates = []
    for _ in range(starts):
        shapes = (ri, middle_routers, inputs), (middle_routers, ro, ri), (ro, outputs, middle_routers)
        drawn = (torch.randn(shape, dtype=blocks.dtype, generator=generator) for shape in shapes)
        candidates.append(Factors(*drawn))
    if min(outputs, inputs) >= middle_routers and min(ro, ri) >= 2:
        candidates.append(_exact(blocks, middle_routers))
    tried = [_descend(blocks, factors, max(1, sweeps // 10)) for factors in candidates]
    return balanced(_descend(blocks, min(tried, key=lambda factors: _error(blocks, factors)), sweeps))


def balanced(factors: Factors, rounds: int = 30) -> Factors:
    """The same product with the weights into every hidden neuron as large as those out of it (sums of squares).

    The scale of a hidden neuron is free. Least squares leave some factors thousands of times larger than others, which
    no learning rate suits.
    """
    v, d, u = factors
    for _ in range(rounds):
        scale = _ratio(d.square().sum(1).T, v.square().sum(2))  # of the neurons after input routers, (R_i, R_m)
        v, d = v * scale[..., None], d / scale.T[:, None]
        scale = _ratio(u.square().sum(1), d.square().sum(2).T)  # of the neurons before output routers, (R_o, R_m)
        d, u = d * scale.T[..., None], u / scale[:, None]
    return Factors(v.contiguous(), d.contiguous(), u.contiguous())


def _ratio(wanted: Tensor, given: Tensor) -> Tensor:
    """What makes both sums of squares equal if it multiplies the one and divides the other; 1 where one is zero."""
    ratio = (wanted / given) ** 0.25
    return torch.where(torch.isfinite(ratio) & (ratio > 0), ratio, 1.0)


def _descend(blocks: Tensor, factors: Factors, sweeps: int) -> Factors:
    """The best factors on the way: near an exact solution the normal equations lose half the digits."""
    best, least = factors, _error(blocks, factors)
    for _ in range(sweeps):
        factors = _sweep(blocks, factors)
        error = _error(blocks, factors)
        if error < least:
            best, least = factors, error
    return best


def _error(blocks: Tensor, factors: Factors) -> float:
    return float((factors.blocks() - blocks).norm())


def _sweep(blocks: Tensor, factors: Factors) -> Factors:
    v, u = factors.input_weight, factors.output_weight
    by_input = torch.einsum("orqp,rmp->orqm", blocks, v)
    gram_u, gram_v = u.mT @ u, v @ v.mT
    d = solve(gram_u[:, None] * gram_v, torch.einsum("oqm,orqm->orm", u, by_input)[..., None])[..., 0]
    u = solve(torch.einsum("orm,rmn,orn->omn", d, gram_v, d), torch.einsum("orqm,orm->omq", by_input, d)).mT
    gram_u = u.mT @ u
    by_output = torch.einsum("orm,oqm,orqp->rmp", d, u, blocks)
    v = solve(torch.einsum("orm,omn,orn->rmn", d, gram_u, d), by_output)
    return Factors(v, d.permute(2, 0, 1).contiguous(), u.contiguous())


def solve(gram: Tensor, right: Tensor) -> Tensor:
    """Least squares from normal equations, batched."""
    ridge = RIDGE * gram.diagonal(dim1=-2, dim2=-1).mean(-1) + torch.finfo(gram.dtype).tiny
    return torch.linalg.solve(gram + torch.diag_embed(ridge[..., None].expand(gram.shape[:-1])), right)


def _exact(blocks: Tensor, middle_routers: int) -> Factors:
    """The factors of a matrix that is the product of a Clos cascade; of any other matrix a start like another.

    Within the column space of every output router and the row space of every input router a block is
    S[o, r] = A[o] diag(d[o, r]) B[r] with square factors, so S[0, r] S[1, r]⁻¹ S[1, s] S[0, s]⁻¹ = A[0] diag(…) A[0]⁻¹:
    its eigenvectors are A[0], and everything else follows by division. Scales are free, so d[0, r] = d[o, 0] = 1.
    """
    rows = blocks.permute(0, 2, 1, 3).flatten(2)  # (R_o, outputs, all inputs)
    columns = blocks.permute(1, 0, 2, 3).flatten(1, 2)  # (R_i, all outputs, inputs)
    left = torch.linalg.svd(rows, full_matrices=False)[0][..., :middle_routers]  # (R_o, outputs, R_m)
    right = torch.linalg.svd(columns, full_matrices=False)[2][:, :middle_routers]  # (R_i, R_m, inputs)
    inner = torch.einsum("oqm,orqp,rnp->ormn", left, blocks, right)
    inverse = torch.linalg.pinv(inner)
    first = torch.linalg.eig(inner[0, 0] @ inverse[1, 0] @ inner[1, 1] @ inverse[0, 1])[1].real
    b = torch.linalg.pinv(first) @ inner[0]  # (R_i, R_m, R_m)
    a = inner[:, 0] @ torch.linalg.pinv(b[0])  # (R_o, R_m, R_m)
    d = torch.einsum("omx,orxy,ryn->ormn", torch.linalg.pinv(a), inner, torch.linalg.pinv(b))
    middle = d.diagonal(dim1=-2, dim2=-1).permute(2, 0, 1)
    return Factors(b @ right, middle.contiguous(), left @ a)
