"""What the makers of Monarch and of butterflies say of their matrices holds for ours."""

import numpy as np
import pytest
import torch
from scipy import linalg

from fabric import topology
from fabric.nn import CascadeLinear


def strides(n: int) -> list[int]:
    """Of the stages of a butterfly: how far apart the neurons are that a stage mixes."""
    return [int(np.flatnonzero(stage[0]).max()) for stage in topology.butterfly(n).stages]


def test_two_levels_are_a_monarch_product():
    """Two block-diagonal matrices with a transposition of the hidden neurons between them."""
    torch.manual_seed(0)
    side = 4
    layer = CascadeLinear(topology.multistage_clos(side**2, side**2, [side, side]), bias=False, dtype=torch.float64)
    first, last = (stage.weight.detach() for stage in layer.stage_weights())
    transposition = torch.eye(side**2, dtype=torch.float64).unflatten(0, (side, side)).transpose(0, 1).flatten(0, 1)
    blocks = [torch.block_diag(*weight.reshape(side, side, side)) for weight in (first, last)]
    torch.testing.assert_close(layer.dense_weight().detach(), blocks[1] @ transposition @ blocks[0])


@pytest.mark.parametrize("n", [4, 16, 32])
def test_a_hadamard_matrix_is_a_butterfly_of_plus_and_minus_one(n):
    layer = CascadeLinear(topology.butterfly(n), bias=False, dtype=torch.float64)
    index = np.arange(n)
    product = np.eye(n)
    for stage, stride in zip(layer.topology.stages, strides(n), strict=True):
        signs = np.where((index[:, None] & stride > 0) & (index & stride > 0), -1, 1)
        product = stage * signs @ product
    assert (product == linalg.hadamard(n)).all()


@pytest.mark.parametrize("n", [4, 16, 32])
def test_a_fourier_transform_is_a_butterfly_after_an_exchange_of_inputs(n):
    bits = n.bit_length() - 1
    stages = dict(zip(strides(n), topology.butterfly(n).stages, strict=True))
    reversal = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(n)]
    product = np.eye(n)[reversal].astype(complex)
    for stride in sorted(stages):
        turned = np.exp(-2j * np.pi * (np.arange(n) % stride) / (2 * stride))
        upper = np.arange(n) & stride > 0
        factor = np.where(upper[:, None] & upper, -turned, np.where(upper, turned, 1.0))
        product = stages[stride] * factor @ product
    np.testing.assert_allclose(product, np.fft.fft(np.eye(n)), atol=1e-12)
