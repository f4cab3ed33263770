"""The Clos cascade whose outputs on given inputs are nearest to a dense matrix's: alternating least squares.

With S the covariance of the inputs the error is that of (product - matrix) times a root of S. Output routers have no
part of it in common. Input routers do, so one after the other takes up what the others leave.
"""

import torch
from torch import Tensor

from fabric.nn._factorise import Factors, balanced, solve


def factorise_on_data(blocks: Tensor, covariance: Tensor, factors: Factors, sweeps: int) -> Factors:
    """Factors no worse than those given; every step is the optimum of one factor, or of one input router of it.

    Args:
        blocks: the matrix, float64 (R_o, R_i, outputs of a router, inputs of a router), as for `factorise`.
        covariance: of the inputs, float64 (R_i, R_i, inputs of a router, inputs of a router), zero for padding.
        factors: to start from.
        sweeps: over all factors.
    """
    best, least = factors, _error(blocks, covariance, factors)
    for _ in range(sweeps):
        factors = _sweep(blocks, covariance, factors)
        error = _error(blocks, covariance, factors)
        if error < least:
            best, least = factors, error
    return balanced(best)


def _error(blocks: Tensor, covariance: Tensor, factors: Factors) -> float:
    lost = factors.blocks() - blocks
    return float((lost * _behind(lost, covariance)).sum())


def _behind(blocks: Tensor, covariance: Tensor) -> Tensor:
    """Blocks of a matrix times the covariance."""
    routers, inputs = covariance.shape[0], covariance.shape[2]
    flat = covariance.transpose(1, 2).reshape(routers * inputs, routers * inputs)
    rows = blocks.transpose(1, 2).flatten(2) @ flat
    return rows.unflatten(2, (routers, inputs)).transpose(1, 2)


def _sweep(blocks: Tensor, covariance: Tensor, factors: Factors) -> Factors:
    v, u = factors.input_weight.clone(), factors.output_weight
    d = factors.middle_weight.permute(1, 2, 0).clone()  # (R_o, R_i, R_m)
    middle = torch.einsum("rmp,rspk,snk->rmsn", v, covariance, v)
    gram = torch.einsum("orm,rmsn,osn->omn", d, middle, d)
    seen = torch.einsum("orqp,rmp,orm->omq", _behind(blocks, covariance), v, d)
    u = solve(gram, seen).mT.contiguous()
    gram_u = u.mT @ u
    missing = _behind(blocks - torch.einsum("oqm,orm,rmp->orqp", u, d, v), covariance)
    for r in range(len(v)):
        own = covariance[r, r]
        present = torch.einsum("oqm,om,mp->oqp", u, d[:, r], v[r])
        seen = u.mT @ (missing[:, r] + present @ own)  # (R_o, R_m, inputs of r)
        d[:, r] = solve(gram_u * (v[r] @ own @ v[r].T), (seen * v[r]).sum(-1, keepdim=True))[..., 0]
        gram = torch.einsum("om,omn,on->mn", d[:, r], gram_u, d[:, r])
        v[r] = solve(gram, torch.einsum("om,omp->mp", d[:, r], seen)) @ torch.linalg.pinv(own, hermitian=True)
        change = torch.einsum("oqm,om,mp->oqp", u, d[:, r], v[r]) - present
        missing -= torch.einsum("oqp,spk->osqk", change, covariance[r])
    return Factors(v, d.permute(2, 0, 1).contiguous(), u)
