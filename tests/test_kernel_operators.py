"""The kernel's operators by themselves: PyTorch's rules, the formulas, what they refuse."""

import pytest
import torch
from kernel_cases import LAYERS, randomised

from fabric.nn import ClosLinear
from fabric.nn.kernels._operators import cascade, cascade_backward


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("clos, uneven routers", torch.float32),
        ("clos, without bias", torch.float64),
        ("parallel butterflies", torch.float32),
        ("routers, edges, routers", torch.float32),
        ("sparse", torch.float64),
    ],
)
def test_the_operators_keep_the_rules_of_pytorch(kernel, name, dtype):
    layer = randomised(LAYERS[name](dtype=dtype))
    x = torch.randn(2, 3, layer.in_features, dtype=dtype)
    weights, edges = [w.detach() for w in layer.layout_weights()], layer.edge_lists()
    bias = None if layer.bias is None else layer.bias.detach()
    with torch.no_grad():
        above = torch.randn_like(layer(x))
        torch.library.opcheck(cascade_backward, (above, x, weights, edges, layer.flat_layout, True, True))
    for tensor in (x, *weights):
        tensor.requires_grad_()
    torch.library.opcheck(cascade, (x, bias, weights, edges, layer.flat_layout))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
def test_formulas_equal_the_kernel(kernel, make):
    layer = randomised(make())
    x = torch.randn(5, layer.in_features)
    others = layer.layout_weights(), layer.edge_lists(), layer.flat_layout
    with torch.no_grad():
        y, above = layer(x), torch.randn(5, layer.out_features)
        assert torch.allclose(torch.ops.fabric.cascade_formula(x, layer.bias, *others), y, atol=1e-5)
        ours, formula = (
            operator(above, x, *others, True, True)
            for operator in (torch.ops.fabric.cascade_backward, torch.ops.fabric.cascade_backward_formula)
        )
    for a, b in zip((*ours[:2], *ours[2]), (*formula[:2], *formula[2]), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)


def test_operators_refuse_what_does_not_fit(kernel):
    layer, x = ClosLinear(24, 16, 4, 3, 8), torch.randn(5, 24)
    weights, layout = layer.layout_weights(), layer.flat_layout
    with pytest.raises(ValueError, match="x must have 24 features"):
        cascade(x[:, 1:], None, weights, [], layout)
    with pytest.raises(ValueError, match="weights must be 3 tensors, got 2"):
        cascade(x, None, weights[1:], [], layout)
    with pytest.raises(ValueError, match=r"weights\[1\] must have 96 entries, got 72"):
        cascade(x, None, [weights[0], weights[0], weights[2]], [], layout)
    with pytest.raises(ValueError, match="edges must be 0 tensors, got 1"):
        cascade(x, None, weights, [x], layout)
