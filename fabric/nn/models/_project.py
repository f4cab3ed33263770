"""The nearest matrix of a structure, as the weights of its stages: closed forms where there are some.

Nearest is in the Frobenius norm, or in that of the outputs on given inputs. All is float64.
"""

import torch
from torch import Tensor, nn

from fabric.nn._clos import ClosLinear, ClosRouters, clos_matrix, router_blocks
from fabric.nn._factorise import Factors
from fabric.nn.models._entries import Plan
from fabric.nn.models._factorise_on_data import factorise_on_data, two_level_on_data

SWEEPS = 100
IN_A_MINUTE = 500_000_000  # entries of the largest arrays of all sweeps, after the starts with a third as many


def project(
    matrix: Tensor,
    entry: Plan,
    root: Tensor | None,
    ridge: float,
    sweeps: int | None,
    generator: torch.Generator | None,
) -> list[Tensor]:
    """The weights of the stages, inputs first, of an entry's layer near to a matrix.

    Args:
        matrix: float64 (outputs, inputs).
        entry: of structure "clos", "two-level" or "low rank", for the matrix's sizes.
        root: float64 (inputs, inputs), a square root of the inputs' covariance, for the nearest outputs; low rank is
            the optimum again, the others are no worse than without.
        ridge: of the covariance, see `with_ridge`; not for low rank, whose optimum is a projection of the matrix and
            no larger than it in any direction.
        sweeps: as for `ClosLinear.from_dense`, with a root as many more; `usual_sweeps` if None.
        generator: as for `ClosLinear.from_dense`.
    """
    sweeps = usual_sweeps(entry) if sweeps is None else sweeps
    if entry.structure == "low rank":
        return low_rank(matrix, entry.counts[0], root)
    if entry.structure == "two-level":
        first, last = entry.counts
        nearest = two_level(matrix, first, last)
        if root is None:
            return nearest
        return two_level_on_data(*_by_router(matrix, root, ridge, first, last), nearest, sweeps)
    dense = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False, dtype=torch.float64)
    with torch.no_grad():
        dense.weight.copy_(matrix)
    first, middle, last = entry.counts
    layer = ClosLinear.from_dense(dense, first, middle, last, sweeps=sweeps, generator=generator)
    factors = Factors(*(stage.weight.detach() for stage in layer.stage_weights()))
    if root is None:
        return list(factors)
    return list(factorise_on_data(*_by_router(matrix, root, ridge, first, last), factors, sweeps))


def product(entry: Plan, values: list[Tensor]) -> Tensor:
    """The matrix (outputs, inputs) of what `project` returns, without the layer and its much larger dense factors."""
    if entry.structure == "low rank":
        return values[1][0] @ values[0][0]
    if entry.structure == "two-level":
        return torch.einsum("oqi,iop->oqip", values[1], values[0]).flatten(2).flatten(0, 1)
    first, middle, last = values
    return clos_matrix(first, middle, last, ClosRouters(entry.in_features, entry.out_features, *entry.counts))


def usual_sweeps(entry: Plan) -> int:
    """100, but for Clos cascades so large that these would take longer than about a minute on one core; 10 at least.

    A sweep takes as long as its largest array is: a matrix between the middle routers for each pair of an input and an
    output router. Fewer sweeps leave every promise as it is, since low rank and two-level need none.
    """
    if entry.structure != "clos":
        return SWEEPS
    first, middle, last = entry.counts
    return min(SWEEPS, max(SWEEPS // 10, IN_A_MINUTE // (first * last * middle**2)))


def _by_router(
    matrix: Tensor, root: Tensor, ridge: float, input_routers: int, output_routers: int
) -> tuple[Tensor, Tensor]:
    """Blocks of the matrix and of the covariance, zero for padding."""
    covariance = router_blocks(with_ridge(root @ root.T, ridge), input_routers, input_routers)
    return router_blocks(matrix, input_routers, output_routers), covariance


def with_ridge(covariance: Tensor, ridge: float) -> Tensor:
    """The covariance of the inputs and, with this weight, of white noise of the same power.

    The data say nothing about directions in which they do not move. Without a ridge a product may be of any size there,
    and it will be as large as serves the others; with a ridge it stays near the matrix.
    """
    power = covariance.diagonal().mean()
    noise = torch.where(power > 0, power, 1.0)  # of inputs that never move at all: only the matrix counts
    return covariance + ridge * noise * torch.eye(len(covariance), dtype=covariance.dtype)


def low_rank(matrix: Tensor, rank: int, root: Tensor | None = None) -> list[Tensor]:
    """The optimum, (1, rank, inputs) and (1, outputs, rank): Eckart and Young.

    Of the error times the root of a covariance the optimum is the projection on the leading outputs of matrix · root.
    """
    left = torch.linalg.svd(matrix if root is None else matrix @ root, full_matrices=False)[0][:, :rank]
    inner = left.mT @ matrix
    scale = inner.norm(dim=1).clamp_min(torch.finfo(inner.dtype).tiny).sqrt()  # shared between both factors
    return [(inner / scale[:, None])[None], (left * scale)[None]]


def two_level(matrix: Tensor, input_routers: int, output_routers: int) -> list[Tensor]:
    """The optimum, (R_i, R_o, inputs / R_i) and (R_o, outputs / R_o, R_i), where the counts divide the sizes.

    The block of an output router and an input router has rank one and no weight in common with another: the nearest is
    its leading singular pair (Dao et al., "Monarch", ICML 2022, theorem 1, for any rectangle).
    """
    blocks = matrix.unflatten(1, (input_routers, -1)).unflatten(0, (output_routers, -1)).transpose(1, 2)
    tall = blocks.shape[2] >= blocks.shape[3]
    squares = blocks.mT @ blocks if tall else blocks @ blocks.mT
    leading = torch.linalg.eigh(squares)[1][..., -1:]  # (R_o, R_i, fewer of a router's outputs and inputs, 1)
    other = blocks @ leading if tall else blocks.mT @ leading
    scale = other.norm(dim=2, keepdim=True).clamp_min(torch.finfo(matrix.dtype).tiny).sqrt()
    into, out = (leading * scale, other / scale) if tall else (other / scale, leading * scale)
    return [into[..., 0].transpose(0, 1).contiguous(), out[..., 0].transpose(1, 2).contiguous()]
