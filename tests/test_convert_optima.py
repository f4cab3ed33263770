"""Factors that `convert` finds: optima where they are known, elsewhere where no factor alone can do better."""

import itertools

import pytest
import torch
from matrices import best_of_rank, linear, relative, spectrum

from fabric.nn import ClosLinear, LowRankLinear, Plan, convert, plan
from fabric.nn._clos import router_blocks
from fabric.nn._factorise import Factors
from fabric.nn.models._factorise_on_data import _behind, _own_inverse, _sweep, two_level_on_data
from fabric.nn.models._project import low_rank, project, two_level, usual_sweeps

pytestmark = pytest.mark.usefixtures("on_one_thread")


@pytest.mark.parametrize("shape", [(12, 12), (12, 20), (20, 12)])
def test_two_level_is_the_optimum_block_by_block(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64)
    for into, out in itertools.product((2, 4), (2, 4)):
        first, last = two_level(matrix, into, out)
        least = 0.0
        for rows in matrix.chunk(out):
            least += sum(torch.linalg.svdvals(block)[1:].square().sum().item() for block in rows.chunk(into, 1))
        layer = convert(linear(matrix), (first.numel() + last.numel()) / matrix.numel(), structures=["two-level"],
                        at_least=1).table[0]  # fmt: skip
        assert (layer["error"] * matrix.norm().item()) ** 2 <= least + 1e-9
        product = torch.einsum("oqi,iop->oqip", last, first).flatten(2).flatten(0, 1)
        assert (product - matrix).square().sum().item() == pytest.approx(least)


def test_two_level_is_no_worse_than_descent_from_anywhere():
    torch.manual_seed(1)
    matrix = torch.randn(6, 6, dtype=torch.float64)
    first, last = two_level(matrix, 2, 3)
    least = (torch.einsum("oqi,iop->oqip", last, first).flatten(2).flatten(0, 1) - matrix).norm().item()
    for _ in range(3):
        factors = [torch.randn_like(factor).requires_grad_() for factor in (first, last)]
        optimiser = torch.optim.LBFGS(factors, max_iter=100, line_search_fn="strong_wolfe")

        def loss(factors=factors, optimiser=optimiser):
            optimiser.zero_grad()
            value = (torch.einsum("oqi,iop->oqip", factors[1], factors[0]).flatten(2).flatten(0, 1) - matrix).norm()
            value.backward()
            return value

        assert optimiser.step(loss) is not None and loss().item() >= least - 1e-6


def test_low_rank_is_the_optimum_on_data_too():
    torch.manual_seed(2)
    matrix, root = torch.randn(9, 7, dtype=torch.float64), torch.randn(7, 7, dtype=torch.float64)
    first, last = low_rank(matrix, 3, root)
    assert relative((last[0] @ first[0] - matrix) @ root, matrix @ root) == pytest.approx(
        best_of_rank(matrix @ root, 3)
    )
    first, last = low_rank(matrix, 3)
    torch.testing.assert_close(first[0].norm(dim=1), last[0].norm(dim=0))  # neither factor trains at another scale
    assert relative(last[0] @ first[0] - matrix, matrix) == pytest.approx(best_of_rank(matrix, 3))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.5])
@pytest.mark.parametrize(("outputs", "inputs"), [(48, 48), (64, 24), (31, 53)])
def test_no_layer_is_worse_than_low_rank_or_monarch_of_its_weights(outputs, inputs, power):
    torch.manual_seed(3)
    matrix = spectrum(outputs, inputs, power)
    model, (row,) = convert(linear(matrix), 0.3, at_least=1, sweeps=30)
    assert row["weights left"] <= 0.3 * matrix.numel()
    assert relative(model.dense_weight() - matrix, matrix) == pytest.approx(row["error"])
    assert row["error"] <= best_of_rank(matrix, int(0.3 * matrix.numel()) // (inputs + outputs)) + 1e-12
    alone = convert(linear(matrix), 0.3, at_least=1, structures=["two-level"]).table[0]["error"]
    assert alone is None or row["error"] <= alone
    if power == 1.5:
        assert isinstance(model, LowRankLinear)
    if power == 0:
        assert not isinstance(model, LowRankLinear)


def test_clos_on_data_is_where_no_factor_alone_can_do_better():
    torch.manual_seed(10)
    matrix, mixing = torch.randn(10, 11, dtype=torch.float64), torch.randn(11, 11, dtype=torch.float64)
    layer, root = ClosLinear(11, 10, 3, 2, 3, bias=False, dtype=torch.float64), mixing
    plan = Plan(11, 10, "clos", (3, 2, 3), 60, 2, 0)
    for stage, value in zip(layer.stage_weights(), project(matrix, plan, root, 0.0, 250, None), strict=True):
        stage.weight.data.copy_(value)
    error = ((layer.dense_weight() - matrix) @ root).square().sum() / (matrix @ root).square().sum()
    error.backward()
    assert max(parameter.grad.abs().max().item() for parameter in layer.parameters()) < 1e-5
    plain = ClosLinear.from_dense(linear(matrix), 3, 2, 3, sweeps=250)
    assert error < ((plain.dense_weight() - matrix) @ root).square().sum() / (matrix @ root).square().sum() - 0.01


def test_large_cascades_get_as_many_sweeps_as_a_minute_holds():
    small, large, huge = (
        plan(inputs, outputs, fewer=4, structures=["clos"])[0]
        for inputs, outputs in ((128, 512), (768, 3072), (4096, 4096))
    )
    assert usual_sweeps(small) == 100 and 10 < usual_sweeps(large) < 100 and usual_sweeps(huge) == 10
    first, middle, last = large.counts
    tried = usual_sweeps(large) + 3 * (usual_sweeps(large) // 10)  # one for each of three starts
    assert tried * first * last * middle**2 < 7e8


def test_every_sweep_on_data_comes_nearer():
    torch.manual_seed(11)
    matrix, mixing = torch.randn(16, 24, dtype=torch.float64), torch.randn(24, 24, dtype=torch.float64)
    blocks, covariance = router_blocks(matrix, 6, 4), router_blocks(mixing @ mixing.T, 6, 6)
    shapes = (6, 3, 4), (3, 4, 6), (4, 4, 3)
    factors = Factors(*(torch.randn(shape, dtype=torch.float64) for shape in shapes))
    wanted, inverse, errors = _behind(blocks, covariance), _own_inverse(covariance), []
    for _ in range(25):
        factors = _sweep(wanted, covariance, inverse, factors)
        lost = (factors.blocks() - blocks).transpose(1, 2).flatten(2).flatten(0, 1) @ mixing
        errors.append(lost.square().sum().item())
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(errors))


def test_two_levels_on_data_come_to_where_no_factor_alone_can_do_better():
    torch.manual_seed(12)
    matrix, mixing = torch.randn(12, 20, dtype=torch.float64), torch.randn(20, 20, dtype=torch.float64)
    blocks, covariance = router_blocks(matrix, 5, 3), router_blocks(mixing @ mixing.T, 5, 5)

    def lost(factors):
        first, last = factors
        return torch.einsum("oqr,rop->oqrp", last, first).flatten(2).flatten(0, 1) - matrix

    factors, errors = two_level(matrix, 5, 3), []
    for _ in range(4):
        errors.append((lost(factors) @ mixing).square().sum().item())
        factors = two_level_on_data(blocks, covariance, factors, 100)
    assert errors[0] > errors[1] >= errors[2] * (1 - 1e-9)
    leaves = [factor.clone().requires_grad_() for factor in factors]
    (lost(leaves) @ mixing).square().sum().backward()
    assert max(leaf.grad.abs().max().item() for leaf in leaves) < 1e-4 * errors[-1]


@pytest.mark.parametrize("structure", ["clos", "two-level"])
def test_inputs_that_move_together_get_no_large_weights(structure):
    """Differences of equal inputs are rounding errors, by which no weight may be divided."""
    torch.manual_seed(15)
    x = torch.randn(200, 8).repeat_interleave(4, 1) + 1e-8 * torch.randn(200, 32)
    small, _ = convert(linear(torch.randn(24, 32)), 0.5, [x], at_least=1, structures=[structure])
    assert max(weight.abs().max().item() for weight in small.parameters()) < 10


def test_low_rank_on_data_is_the_whitened_optimum_and_others_are_no_worse():
    torch.manual_seed(5)
    layer = linear(torch.randn(20, 30, dtype=torch.float64))
    x = torch.randn(200, 30, dtype=torch.float64) @ torch.randn(30, 30, dtype=torch.float64)
    best = best_of_rank(layer(x).detach(), 4)
    model, (row,) = convert(layer, 200 / 600, [x], at_least=1, structures=["low rank"])
    assert row["on data"] == pytest.approx(best)
    assert relative((model(x) - layer(x)).detach(), layer(x).detach()) == pytest.approx(best)
    assert convert(layer, 200 / 600, [x], at_least=1, sweeps=20).table[0]["on data"] <= best + 1e-12


def test_more_sweeps_on_data_lose_less():
    torch.manual_seed(6)
    layer = linear(torch.randn(24, 24))
    x = torch.randn(100, 24) * torch.arange(1, 25)
    for structure in ("clos", "two-level"):
        errors = [
            convert(layer, 0.4, [x], at_least=1, structures=[structure], sweeps=sweeps).table[0]["on data"]
            for sweeps in (1, 10, 60)
        ]
        assert errors[0] > errors[1] > errors[2]
