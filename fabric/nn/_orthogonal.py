"""Orthogonal matrices in the routers of a stage, or the nearest that its edges allow."""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from fabric.nn._structured import StageWeight

_STEPS = 30


def orthogonal(stage: StageWeight, generator: torch.Generator | None) -> Tensor:
    """Weights for a stage, router by router (semi-)orthogonal, with the mean square that Sparse Glorot gives them."""
    variance = (2 / (stage.fan_in + stage.fan_out)).to(torch.float64)
    if stage.edges is not None:
        return _nearly_orthogonal_edges(stage, generator) * variance.mean().sqrt()
    if stage.used is None:
        return _orthogonal_block(stage.weight.shape, stage.weight.device, generator) * variance.sqrt()
    values = torch.zeros(stage.weight.shape, dtype=torch.float64, device=stage.weight.device)
    for router, used in zip(values, stage.used.expand_as(values), strict=True):
        shape = int(used.any(1).sum()), int(used.any(0).sum())
        router[: shape[0], : shape[1]] = _orthogonal_block(shape, values.device, generator)
    return values * variance.sqrt()


def _orthogonal_block(shape: tuple[int, ...], device: torch.device, generator: torch.Generator | None) -> Tensor:
    """Independent random semi-orthogonal matrices (..., outputs, inputs) of mean square one.

    The rows or the columns, whichever are fewer, are orthogonal to each other and equally long.
    """
    *batch, outputs, inputs = shape
    longer, shorter = max(outputs, inputs), min(outputs, inputs)
    normal = torch.empty(*batch, longer, shorter, dtype=torch.float64, device=device).normal_(generator=generator)
    q, r = torch.linalg.qr(normal)
    q = q * r.diagonal(dim1=-2, dim2=-1).sign()[..., None, :] * longer**0.5  # signs: uniform over all such matrices
    return q if outputs >= inputs else q.mT


def _nearly_orthogonal_edges(stage: StageWeight, generator: torch.Generator | None) -> Tensor:
    """One weight per edge, of mean square one, such that the stage comes near to a semi-orthogonal matrix.

    An exactly orthogonal matrix with given edges need not exist: two neurons with a single common source can never be
    orthogonal. From random normal weights, steps of the Newton-Schulz iteration A ← (3 A - A Aᵀ A) / 2, restricted to
    the edges, bring most singular values close to each other.
    """
    values = torch.empty(stage.weight.shape, dtype=torch.float64, device=stage.weight.device)
    normal = values.normal_(generator=generator).cpu().numpy()
    if not normal.size:
        return values
    assert stage.edges is not None  # the caller has looked
    targets, sources = (neurons.cpu().numpy() for neurons in stage.edges)
    inputs, outputs = stage.widths
    edges = sparse.csr_array((np.ones_like(normal), (targets, sources)), shape=(outputs, inputs))
    matrix = sparse.csr_array((normal, (targets, sources)), shape=(outputs, inputs))
    # The iteration needs singular values below sqrt(3); sums of rows and columns bound them.
    size = abs(matrix)
    matrix = matrix / np.sqrt(size.sum(axis=0).max() * size.sum(axis=1).max())
    for _ in range(_STEPS):
        cube = (matrix @ matrix.T) @ matrix if outputs < inputs else matrix @ (matrix.T @ matrix)
        matrix = 1.5 * matrix - 0.5 * (edges * cube)
    found = torch.from_numpy(matrix.toarray()[targets, sources]).to(values)
    return found / found.square().mean().sqrt()
