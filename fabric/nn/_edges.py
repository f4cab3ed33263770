"""Products with a sparse matrix given by its edges, one weight each: forward, both gradients, no dense matrix.

Registered as custom operators so that autograd and `torch.compile` treat them as single steps. Column indices and row
offsets follow the compressed sparse row (CSR) convention; `columns` matrices are (neurons, batch).
"""

import warnings

import torch
from torch import Tensor

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")


def _working_dtype(dtype: torch.dtype) -> torch.dtype:
    """Sparse kernels exist for float32 and float64; narrower types are multiplied in float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


@torch.library.custom_op("fabric::edge_product", mutates_args=())
def edge_product(weight: Tensor, offsets: Tensor, sources: Tensor, columns: Tensor) -> Tensor:
    """A @ columns for the CSR matrix A = (offsets, sources, weight): (inputs, batch) → (outputs, batch)."""
    working = _working_dtype(weight.dtype)
    shape = (offsets.numel() - 1, columns.shape[0])
    matrix = torch.sparse_csr_tensor(offsets, sources, weight.to(working), shape, check_invariants=False)
    return (matrix @ columns.to(working).contiguous()).to(weight.dtype)


@edge_product.register_fake
def _(weight: Tensor, offsets: Tensor, sources: Tensor, columns: Tensor) -> Tensor:
    return weight.new_empty(offsets.shape[0] - 1, columns.shape[1])


@torch.library.custom_op("fabric::edge_gradient", mutates_args=())
def edge_gradient(offsets: Tensor, sources: Tensor, above: Tensor, below: Tensor) -> Tensor:
    """Entries of above @ below.T at the edges: (outputs, batch), (inputs, batch) → (edges,)."""
    working = _working_dtype(above.dtype)
    shape = (above.shape[0], below.shape[0])
    zeros = torch.zeros(sources.numel(), dtype=working, device=above.device)
    matrix = torch.sparse_csr_tensor(offsets, sources, zeros, shape, check_invariants=False)
    product = torch.sparse.sampled_addmm(
        matrix, above.to(working).contiguous(), below.to(working).contiguous().t(), beta=0.0
    )
    return product.values().to(above.dtype)


@edge_gradient.register_fake
def _(offsets: Tensor, sources: Tensor, above: Tensor, below: Tensor) -> Tensor:
    return above.new_empty(sources.shape[0])


class EdgeMultiply(torch.autograd.Function):
    """y = A x with gradients for the edge weights and for x.

    `order` sorts the edges by source, (`source_offsets`, `targets`) is the transposed matrix in CSR form.
    """

    @staticmethod
    def forward(ctx, weight, columns, offsets, sources, source_offsets, targets, order):
        ctx.save_for_backward(weight, columns, offsets, sources, source_offsets, targets, order)
        return edge_product(weight, offsets, sources, columns)

    @staticmethod
    def backward(ctx, above):
        weight, columns, offsets, sources, source_offsets, targets, order = ctx.saved_tensors
        for_weight = edge_gradient(offsets, sources, above, columns) if ctx.needs_input_grad[0] else None
        for_columns = edge_product(weight[order], source_offsets, targets, above) if ctx.needs_input_grad[1] else None
        return for_weight, for_columns, None, None, None, None, None
