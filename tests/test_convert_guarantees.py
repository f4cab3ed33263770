"""What `convert` promises of any matrix: never worse than low rank or Monarch, near the matrix where no data are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fabric.nn import convert

KINDS = ("gaussian", "steep", "low rank and noise", "permutation", "bands", "blocks", "some rows zero", "zero")


def matrix_of(kind, outputs, inputs, generator):
    """float64 (outputs, inputs)."""
    drawn = torch.randn(outputs, inputs, dtype=torch.float64, generator=generator)
    far = (torch.arange(outputs)[:, None] * inputs - torch.arange(inputs) * outputs).abs() / (inputs + outputs)
    if kind == "steep":
        left, values, right = torch.linalg.svd(drawn, full_matrices=False)
        return left * values * 0.7 ** torch.arange(len(values)) @ right
    if kind == "low rank and noise":
        return drawn[:, :2] @ drawn[:2] + 0.1 * drawn.flip(0)
    if kind == "permutation":
        return (far < 0.25).double()
    if kind == "bands":
        return drawn * (far < 2)
    if kind == "blocks":
        return drawn[:, :1] * drawn[:1] * torch.where(drawn > 0, 1, -1)
    if kind == "some rows zero":
        return drawn * (torch.arange(outputs) % 3 > 0)[:, None]
    return 0 * drawn if kind == "zero" else drawn


def linear(matrix, bias):
    layer = nn.Linear(*matrix.T.shape, bias=bias, dtype=torch.float64)
    layer.weight.data.copy_(matrix)
    return layer


def best_of_rank(matrix, budget):
    """Root of the sum of squares that the best matrix of so few weights leaves, by its singular values."""
    return torch.linalg.svdvals(matrix)[budget // sum(matrix.shape) :].norm().item()


def monarchs(matrix, budget):
    """By their routers the nearest matrices whose blocks have rank one, for all equal blocks of so few weights."""
    outputs, inputs = matrix.shape
    found = {}
    for first in (count for count in range(2, inputs) if inputs % count == 0):
        for last in (count for count in range(2, outputs) if outputs % count == 0):
            if inputs * last + first * outputs <= budget:
                blocks = torch.stack([torch.stack(part.chunk(first, 1)) for part in matrix.chunk(last)])
                left, values, right = torch.linalg.svd(blocks, full_matrices=False)
                near = left[..., :1] * values[..., None, :1] * right[..., :1, :]
                found[first, last] = torch.cat([torch.cat(list(part), 1) for part in near])
    return found


def finest(found):
    """Without those whose routers others split."""

    def splits(counts, others):
        return counts != others and all(many % few == 0 for many, few in zip(counts, others, strict=True))

    return {counts: near for counts, near in found.items() if not any(splits(others, counts) for others in found)}


sizes, shares = st.integers(6, 40), st.floats(0.15, 0.9)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(KINDS), sizes, sizes, shares, st.integers(0, 2**20), st.sampled_from([1e-20, 1.0, 1e20]))
def test_no_matrix_comes_out_worse_than_by_low_rank_or_monarch(kind, outputs, inputs, share, seed, scale):
    matrix = scale * matrix_of(kind, outputs, inputs, torch.Generator().manual_seed(seed))
    budget = int(share * matrix.numel())
    small, (row,) = convert(linear(matrix, bias=False), share, at_least=1, sweeps=2)
    rivals = [
        best_of_rank(matrix, budget),
        *((matrix - near).norm().item() for near in monarchs(matrix, budget).values()),
    ]
    if row["after"].startswith("kept"):
        assert budget < sum(matrix.shape) and len(rivals) == 1
        return
    assert sum(weight.numel() for weight in small.parameters()) >= row["weights left"] <= budget
    assert (small.dense_weight() - matrix).norm().item() <= min(rivals) + 1e-12 * matrix.norm().item()


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(KINDS), sizes, sizes, shares, st.integers(0, 2**20), st.booleans(), st.sampled_from([0.0, 0.01, 1])
)
def test_no_outputs_come_out_worse_than_by_low_rank_or_the_nearest_monarch(
    kind, outputs, inputs, share, seed, bias, ridge
):
    generator = torch.Generator().manual_seed(seed)
    matrix = matrix_of(kind, outputs, inputs, generator)
    mixing = torch.randn(inputs, inputs, dtype=torch.float64, generator=generator) * 0.5 ** torch.arange(inputs)
    x = 1 + torch.randn(3 * inputs, inputs, dtype=torch.float64, generator=generator) @ mixing.T
    seen = x - x.mean(0) if bias else x
    budget, wanted = int(share * matrix.numel()), seen @ matrix.T
    _, (row,) = convert(linear(matrix, bias), share, [x], at_least=1, sweeps=2, ridge=ridge)
    if row["after"].startswith("kept"):
        return
    rank = budget // sum(matrix.shape)
    rivals = [torch.linalg.svdvals(wanted)[rank:].norm().item()]
    rivals += [(wanted - seen @ near.T).norm().item() for near in finest(monarchs(matrix, budget)).values()]
    assert row["on data"] * wanted.norm().item() <= min(rivals) + 1e-7 * wanted.norm().item()


@pytest.mark.parametrize("structure", ["clos", "two-level"])
def test_a_ridge_keeps_products_near_the_matrix_where_the_data_do_not_move(structure):
    generator = torch.Generator().manual_seed(0)
    matrix, mixing = (torch.randn(shape, dtype=torch.float64, generator=generator) for shape in ((24, 32), (6, 32)))
    x = torch.randn(300, 6, dtype=torch.float64, generator=generator) @ mixing
    x = x + 1e-3 * torch.randn(300, 32, dtype=torch.float64, generator=generator)
    rows = {
        ridge: convert(linear(matrix, False), 0.5, [x], at_least=1, structures=[structure], ridge=ridge).table[0]
        for ridge in (0, 0.01, 1e6)
    }
    assert rows[0]["error"] > 1.2 > 0.8 > rows[0.01]["error"]
    assert rows[0]["on data"] < rows[0.01]["on data"] < rows[0]["on data"] + 0.01
    blind = convert(linear(matrix, False), 0.5, at_least=1, structures=[structure]).table[0]
    assert rows[1e6]["error"] == pytest.approx(blind["error"], rel=0.01)


def test_inputs_that_never_move_leave_the_matrix_to_decide():
    matrix = torch.randn(12, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x = torch.ones(50, 16, dtype=torch.float64)
    _, (row,) = convert(linear(matrix, True), 0.5, [x], at_least=1)
    blind = convert(linear(matrix, True), 0.5, at_least=1).table[0]
    assert row["error"] == pytest.approx(blind["error"], rel=0.01) and row["on data"] == 0
