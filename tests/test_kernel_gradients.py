"""Derivatives through the kernel of every kind that PyTorch has, and its operators under PyTorch's transforms."""

import pytest
import torch
from kernel_cases import LAYERS, randomised

from fabric.nn import ClosLinear, reference
from fabric.nn.kernels import _dispatch
from fabric.nn.kernels._operators import cascade


def test_only_gradients_that_are_wanted(kernel):
    layer, x = randomised(ClosLinear(24, 16, 4, 3, 8)), torch.randn(5, 24)
    layer.input_weight.requires_grad_(False)
    layer(x).sum().backward()
    assert layer.input_weight.grad is None and layer.output_weight.grad is not None
    layer.requires_grad_(False)
    (for_x,) = torch.autograd.grad(layer(x.requires_grad_()).sum(), x)
    assert torch.allclose(for_x, layer.dense_weight().sum(0).expand(5, -1), atol=1e-5)


def test_gradients_of_gradients(kernel):
    layer = randomised(ClosLinear(23, 17, 5, 3, 4))
    x = torch.randn(4, 23, requires_grad=True)

    def penalty(layer, x):
        (gradient,) = torch.autograd.grad(layer(x).pow(3).sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), [x, *layer.parameters()])

    with reference():
        expected = penalty(layer, x)
    for ours, theirs in zip(penalty(layer, x), expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-5 * theirs.abs().max())


def test_many_gradients_at_once(kernel):
    layer, x = randomised(ClosLinear(23, 17, 5, 3, 4)), torch.randn(4, 23)
    y = layer(x.requires_grad_())
    above = torch.randn(3, *y.shape)
    (batched,) = torch.autograd.grad(y, x, above, is_grads_batched=True, retain_graph=True)
    for one, ours in zip(above, batched, strict=True):
        assert torch.allclose(torch.autograd.grad(y, x, one, retain_graph=True)[0], ours, atol=1e-5)


@pytest.fixture
def calls(monkeypatch):
    """The arguments of the operator each time that a layer calls it."""
    seen = []
    monkeypatch.setattr(_dispatch, "_cascade", lambda *inputs: seen.append(inputs) or cascade(*inputs))
    return seen


@pytest.mark.filterwarnings("ignore:.*jit.script:DeprecationWarning")  # torch.func.jvp imports an old module
def test_transforms_and_autocast(kernel, calls):
    layer, x = randomised(ClosLinear(24, 16, 4, 3, 8)), torch.randn(5, 24)
    y = layer(x)
    assert torch.allclose(torch.vmap(layer)(x), y, atol=1e-5)
    assert torch.allclose(torch.vmap(torch.vmap(layer), 1, 1)(x.view(5, 1, 24)), y.view(5, 1, 16), atol=1e-5)
    with torch.autocast("cpu"):
        assert layer(x).dtype == torch.bfloat16
        assert torch.allclose(layer(x.bfloat16()).float(), y, atol=0.1)
        (gradient,) = torch.autograd.grad(layer(x).float().sum(), layer.bias)
    assert torch.equal(gradient, torch.full((16,), 5.0))
    assert len(calls) == 6
    assert torch.allclose(torch.func.jvp(layer, (x,), (x,))[1], y - layer.bias, atol=1e-5)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, x)
        assert torch.allclose(torch.autograd.forward_ad.unpack_dual(layer(dual)).tangent, y - layer.bias, atol=1e-5)
    assert len(calls) == 6  # derivatives of these kinds are left to the reference
    assert layer.to("meta")(x.to("meta")).shape == (5, 16)


@pytest.mark.filterwarnings("ignore:.*jit.script:DeprecationWarning")  # torch.func imports an old module
def test_the_operator_itself_under_every_transform(kernel):
    layer, x = randomised(ClosLinear(24, 16, 4, 3, 8)), torch.randn(5, 24)
    weights = [weight.detach() for weight in layer.layout_weights()]

    def product(x, *weights):
        return cascade(x, layer.bias.detach(), list(weights), [], layer.flat_layout)

    def formula(x, *weights):
        return torch.ops.fabric.cascade_formula(x, layer.bias.detach(), list(weights), [], layer.flat_layout)

    several = [torch.stack((weight, 2 * weight, -weight)) for weight in weights]
    for transform, arguments in (
        (torch.func.jacrev, (x, *weights)),
        (torch.func.jacfwd, (x, *weights)),
        (lambda f: torch.func.hessian(lambda *i: f(*i).square().sum()), (x[0], *weights)),
        (lambda f: torch.vmap(f, (None, 0, 0, 0)), (x, *several)),
        (lambda f: torch.vmap(torch.func.grad(lambda *i: f(*i).square().sum()), (0, None, None, None)), (x, *weights)),
    ):
        ours, theirs = transform(product)(*arguments), transform(formula)(*arguments)
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4) and theirs.any()


@pytest.mark.parametrize("name", ["clos, uneven routers", "predefined", "parallel butterflies"])
def test_compiled_programs_hold_the_kernel_and_exported_ones_the_reference(kernel, name):
    layer = randomised(LAYERS[name]())
    x, graphs = torch.randn(5, layer.in_features, requires_grad=True), []

    def keep(graph, inputs):
        graphs.append(graph)
        return graph

    compiled = torch.compile(layer, fullgraph=True, backend=keep)
    y = layer(x)
    assert torch.equal(compiled(x), y)
    assert "fabric.cascade" in graphs[0].code
    with reference():
        assert torch.allclose(compiled(x), y, atol=1e-5)
    assert len(graphs) == 2 and "fabric.cascade" not in graphs[1].code
    torch.compiler.reset()
    through = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=True)
    wanted = [x, *layer.parameters()]
    for a, b in zip(*(torch.autograd.grad(f(x).square().sum(), wanted) for f in (through, layer)), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)
    exported = torch.export.export(layer, (x,))
    assert "fabric.cascade" not in exported.graph_module.code
    assert torch.allclose(exported.module()(x), y, atol=1e-5)
