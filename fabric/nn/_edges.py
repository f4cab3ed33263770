"""Products with a sparse matrix given by its edges, one weight each: forward, both gradients, no dense matrix.

Registered as custom operators so that autograd and `torch.compile` treat them as single steps. `offsets` and `sources`
are the row offsets and column indices of the compressed sparse row (CSR) form; columns are (neurons, batch).
"""

import warnings

import torch
from torch import Tensor
from torch.nn import functional

with warnings.catch_warnings():  # PyTorch warns once per process that CSR tensors are in beta: take it here
    warnings.simplefilter("ignore")
    torch.eye(1).to_sparse_csr()


def _working_dtype(dtype: torch.dtype) -> torch.dtype:
    """Sparse kernels exist for float32 and float64; narrower types are multiplied in float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


@torch.library.custom_op("fabric::edge_product", mutates_args=())
def edge_product(weight: Tensor, columns: Tensor, offsets: Tensor, sources: Tensor) -> Tensor:
    """A @ columns for the CSR matrix A: (inputs, batch) → (outputs, batch). Not differentiable.

    An output is a weighted sum of rows of `columns`, which is what an embedding bag computes: on CPU it takes a third
    of the time of the product with a CSR tensor.
    """
    if columns.shape[1] == 0:  # embedding bags of empty vectors fail now and then
        return columns.new_empty(offsets.numel() - 1, 0)
    return functional.embedding_bag(
        sources,
        columns.to(weight.dtype).contiguous(),
        offsets,
        mode="sum",
        per_sample_weights=weight,
        include_last_offset=True,
    )


@edge_product.register_fake
def _(weight: Tensor, columns: Tensor, offsets: Tensor, sources: Tensor) -> Tensor:
    return weight.new_empty(offsets.shape[0] - 1, columns.shape[1])


@torch.library.custom_op("fabric::edge_gradient", mutates_args=())
def edge_gradient(above: Tensor, below: Tensor, offsets: Tensor, sources: Tensor) -> Tensor:
    """The entries of above @ below.T at the edges: (outputs, batch), (inputs, batch) → (edges,). Not differentiable."""
    working = _working_dtype(above.dtype)
    shape = (above.shape[0], below.shape[0])
    zeros = torch.zeros(sources.numel(), dtype=working, device=above.device)
    matrix = torch.sparse_csr_tensor(offsets, sources, zeros, shape, check_invariants=False)
    product = torch.sparse.sampled_addmm(
        matrix, above.to(working).contiguous(), below.to(working).contiguous().t(), beta=0.0
    )
    return product.values().to(above.dtype)


@edge_gradient.register_fake
def _(above: Tensor, below: Tensor, offsets: Tensor, sources: Tensor) -> Tensor:
    return above.new_empty(sources.shape[0])


@torch.library.custom_op("fabric::edge_multiply", mutates_args=())
def edge_multiply(
    weight: Tensor,
    columns: Tensor,
    offsets: Tensor,
    sources: Tensor,
    source_offsets: Tensor,
    targets: Tensor,
    order: Tensor,
) -> Tensor:
    """A @ columns, differentiable in `weight` and `columns`.

    (`source_offsets`, `targets`) is the transposed matrix in CSR form, `order` the position of its edges in `weight`.
    """
    return edge_product(weight, columns, offsets, sources)


@edge_multiply.register_fake
def _(weight, columns, offsets, sources, source_offsets, targets, order):
    return weight.new_empty(offsets.shape[0] - 1, columns.shape[1])


def _keep_inputs(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _gradients(ctx, above: Tensor):
    weight, columns, offsets, sources, source_offsets, targets, order = ctx.saved_tensors
    above = above.contiguous()  # once for both products
    for_weight = edge_gradient(above, columns, offsets, sources) if ctx.needs_input_grad[0] else None
    for_columns = edge_product(weight[order], above, source_offsets, targets) if ctx.needs_input_grad[1] else None
    return for_weight, for_columns, None, None, None, None, None


edge_multiply.register_autograd(_gradients, setup_context=_keep_inputs)
