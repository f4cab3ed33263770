"""What the compiled kernel computes: values and gradients of the reference, whatever the shape, strides and batch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import LAYERS, TOLERANCES, compare, randomised

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, backend, reference


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("batch", [0, 1, 2, 7, 33, 257])
def test_values_and_gradients_equal_the_reference(kernel, make, dtype, batch):
    layer = randomised(make(dtype=dtype))
    assert backend(layer).startswith("native")
    compare(layer, torch.randn(batch, layer.in_features).to(dtype))


@st.composite
def clos_sizes(draw):
    inputs, outputs = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    return (inputs, outputs, draw(st.integers(1, inputs)), draw(st.integers(1, 40)), draw(st.integers(1, outputs)))


@settings(deadline=None)
@given(clos_sizes(), st.integers(0, 70), st.sampled_from([1, 2, 3]), st.booleans(), st.sampled_from(list(TOLERANCES)))
def test_any_shape_batch_and_number_of_threads(kernel, sizes, batch, threads, bias, dtype):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compare(randomised(ClosLinear(*sizes, bias=bias, dtype=dtype)), torch.randn(batch, sizes[0]).to(dtype))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.t().contiguous().t(),
        lambda x: torch.stack((x, x), 2)[:, :, 0],
        lambda x: x[::2],
        lambda x: x[0],
        lambda x: x.expand(3, *x.shape),
        lambda x: x.view(2, 3, -1),
        lambda x: x.view(2, 3, -1).transpose(0, 1),
        lambda x: torch._neg_view(x),
    ],
)
def test_strides_and_leading_axes(kernel, view):
    layer = randomised(ClosLinear(23, 17, 5, 3, 4))
    compare(layer, view(torch.randn(6, 23)).detach())


def test_a_result_is_contiguous_and_so_are_gradients(kernel):
    layer = ClosLinear(23, 17, 5, 3, 4)
    y = layer(torch.randn(2, 3, 23, requires_grad=True))
    assert y.is_contiguous()
    y.sum().backward()  # the gradient of a sum has strides 0
    assert all(parameter.grad.is_contiguous() for parameter in layer.parameters())


def test_unused_entries_have_gradient_zero(kernel):
    layer = ClosLinear(23, 17, 5, 3, 4)
    layer(torch.randn(9, 23)).square().sum().backward()
    for stage in layer.stage_weights():
        if stage.used is not None:
            assert not stage.weight.grad[~stage.used.expand_as(stage.weight)].any()


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_infinite_inputs_reach_their_outputs_only(kernel, dtype):
    layer = CascadeLinear(topology.butterfly(16, 4), dtype=dtype)
    x = torch.zeros(5, 16, dtype=dtype)
    x[2, 3] = torch.inf
    assert torch.isfinite(layer(x)[[0, 1, 3, 4]]).all() and not torch.isfinite(layer(x)[2]).any()
    uneven = ClosLinear(23, 17, 5, 3, 4, dtype=dtype)
    x = torch.zeros(5, 23, dtype=dtype)
    x[[0, 3], [7, 12]] = torch.inf
    with reference():
        expected = uneven(x)
    assert torch.equal(uneven(x).isnan(), expected.isnan())
    assert torch.equal(uneven(x[:1]).isnan(), expected[:1].isnan())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", ["clos", "predefined", "parallel butterflies"])
def test_same_bits_at_one_number_of_threads(kernel, name, dtype, threads):
    layer = LAYERS[name](dtype=dtype)
    x = torch.randn(200, layer.in_features).to(dtype)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        runs = [torch.autograd.grad(layer(x).square().sum(), list(layer.parameters())) for _ in range(3)]
    finally:
        torch.set_num_threads(before)
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))
