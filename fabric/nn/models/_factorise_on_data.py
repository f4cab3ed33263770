"""The cascade whose outputs on given inputs are nearest to a dense matrix's: alternating least squares.

With S the covariance of the inputs the error is that of (product - matrix) times a root of S. Output routers have no
part of it in common. Input routers do, so one after the other takes up what the others leave. The matrix times S is
formed once; all else happens in the hidden neurons, which are few.
"""

import torch
from torch import Tensor

from fabric.nn._factorise import Factors, balanced, solve

STILL = 1e-10  # of the largest variance: less is rounding, and weights divided by it could be of any size


def factorise_on_data(blocks: Tensor, covariance: Tensor, factors: Factors, sweeps: int) -> Factors:
    """A Clos cascade no worse than the given one; every step is the optimum of one factor, or of an input router of it.

    Args:
        blocks: the matrix, float64 (R_o, R_i, outputs of a router, inputs of a router), as for `factorise`.
        covariance: of the inputs, float64 (R_i, R_i, inputs of a router, inputs of a router), zero for padding.
        factors: to start from.
        sweeps: over all factors.
    """
    wanted, inverse = _behind(blocks, covariance), _own_inverse(covariance)
    best, least = factors, _error(wanted, covariance, factors)
    for _ in range(sweeps):
        factors = _sweep(wanted, covariance, inverse, factors)
        error = _error(wanted, covariance, factors)
        if error < least:
            best, least = factors, error
    return balanced(best)


def two_level_on_data(blocks: Tensor, covariance: Tensor, factors: list[Tensor], sweeps: int) -> list[Tensor]:
    """The same for two levels, (R_i, R_o, inputs of a router) and (R_o, outputs of a router, R_i)."""
    wanted, inverse = _behind(blocks, covariance), _own_inverse(covariance)
    v, u = factors[0].transpose(0, 1).clone(), factors[1]  # (R_o, R_i, inputs), (R_o, outputs, R_i)
    for _ in range(sweeps):
        gram = torch.einsum("orp,rspk,osk->ors", v, covariance, v)
        u = solve(gram, torch.einsum("orqp,orp->orq", wanted, v)).mT
        gram, seen = u.mT @ u, torch.einsum("oqr,orqp->orp", u, wanted)
        for r in range(v.shape[1]):
            others = gram[:, r].clone()
            others[:, r] = 0
            own = seen[:, r] - torch.einsum("os,osp,spk->ok", others, v, covariance[:, r])
            scale = gram[:, r, r, None]
            v[:, r] = torch.where(scale > 0, own @ inverse[r] / scale, v[:, r])
    scale = (u.square().sum(1) / v.square().sum(2).clamp_min(torch.finfo(v.dtype).tiny)).sqrt().sqrt()
    scale = torch.where(scale > 0, scale, 1.0)
    return [(v * scale[..., None]).transpose(0, 1).contiguous(), (u / scale[:, None]).contiguous()]


def _behind(blocks: Tensor, covariance: Tensor) -> Tensor:
    """Blocks of a matrix times the covariance."""
    routers, inputs = covariance.shape[0], covariance.shape[2]
    flat = covariance.transpose(1, 2).reshape(routers * inputs, routers * inputs)
    rows = blocks.transpose(1, 2).flatten(2) @ flat
    return rows.unflatten(2, (routers, inputs)).transpose(1, 2).contiguous()


def _own_inverse(covariance: Tensor) -> Tensor:
    """Of what each input router sees alone; directions in which its inputs never move get no weight from it."""
    own = torch.arange(len(covariance))
    return torch.linalg.pinv(covariance[own, own], rtol=STILL, hermitian=True)


def _error(wanted: Tensor, covariance: Tensor, factors: Factors) -> float:
    """Less what the matrix alone contributes, which no factor changes."""
    v, u = factors.input_weight, factors.output_weight
    d = factors.middle_weight.permute(1, 2, 0)
    squares = torch.einsum("omn,omn->", _between(v, d, covariance), u.mT @ u)
    return float(squares - 2 * torch.einsum("oqm,oqm->", u, _seen(wanted, v, d)))


def _between(v: Tensor, d: Tensor, covariance: Tensor) -> Tensor:
    """Covariance of what enters the output routers, (R_o, R_m, R_m)."""
    after = v[:, None] @ covariance @ v[None].mT  # (R_i, R_i, R_m, R_m)
    return torch.einsum("orm,rmon->omn", d, torch.einsum("rsmn,osn->rmon", after, d))


def _seen(wanted: Tensor, v: Tensor, d: Tensor) -> Tensor:
    """Products of outputs wanted and what enters the output routers, (R_o, outputs, R_m)."""
    return torch.einsum("orqm,orm->oqm", wanted @ v.mT, d)


def _sweep(wanted: Tensor, covariance: Tensor, inverse: Tensor, factors: Factors) -> Factors:
    v = factors.input_weight.clone()
    d = factors.middle_weight.permute(1, 2, 0).clone()  # (R_o, R_i, R_m)
    u = solve(_between(v, d, covariance), _seen(wanted, v, d).mT).mT.contiguous()
    gram_u = u.mT @ u
    inner = u.mT[:, None] @ wanted  # (R_o, R_i, R_m, inputs)
    for r in range(len(v)):
        own = covariance[r, r]
        others = d.clone()
        others[:, r] = 0
        missing = inner[:, r] - gram_u @ torch.einsum("osm,smp->omp", others, v @ covariance[:, r])
        d[:, r] = solve(gram_u * (v[r] @ own @ v[r].T), (missing * v[r]).sum(-1, keepdim=True))[..., 0]
        gram = torch.einsum("om,omn,on->mn", d[:, r], gram_u, d[:, r])
        v[r] = solve(gram, torch.einsum("om,omp->mp", d[:, r], missing)) @ inverse[r]
    return Factors(v, d.permute(2, 0, 1).contiguous(), u)
