"""The GPU kernel, run by Triton's interpreter on the CPU, against the PyTorch path in float64."""

import os
import subprocess
import sys

import pytest
import torch

from fabric.nn import ClosLinear

os.environ.setdefault("TRITON_INTERPRET", "1")  # before Triton is imported
pytest.importorskip("triton", reason="triton is not installed: the GPU kernel is not tested")

from fabric.nn.kernels import _gpu, _triton

SIZES = {
    "equal routers": (64, 64, 16, 16, 16),
    "padded routers": (24, 16, 4, 3, 8),
    "uneven routers": (23, 17, 5, 3, 4),
    "one router each": (20, 30, 1, 1, 1),
    "rectangular": (100, 30, 20, 18, 3),
}
TOLERANCES = {torch.float32: 3e-6, torch.bfloat16: 2e-2}


def product(layer, x):
    weights = layer.input_weight, layer.middle_weight, layer.output_weight
    return _triton.ClosProduct.apply(x, layer.bias, *weights, layer.routers)


def relative_error(ours, reference):
    return (torch.linalg.norm(ours.double() - reference) / torch.linalg.norm(reference)).item()


def twins(sizes, dtype, bias=True):
    torch.manual_seed(0)
    layer = ClosLinear(*sizes, bias=bias, dtype=dtype)
    if bias:
        with torch.no_grad():
            layer.bias.uniform_(-1, 1)
    exact = ClosLinear(*sizes, bias=bias, dtype=torch.float64)
    exact.load_state_dict(layer.state_dict())
    return layer, exact


def check(sizes, dtype, batch, bias=True):
    layer, exact = twins(sizes, dtype, bias)
    x = torch.randn(batch, sizes[0]).to(dtype).requires_grad_()
    above = torch.randn(batch, sizes[1]).to(dtype)
    copy = x.detach().double().requires_grad_()
    ours, reference = product(layer, x), exact(copy)
    assert ours.is_contiguous()
    assert relative_error(ours, reference) < TOLERANCES[dtype]
    mine = torch.autograd.grad(ours, [x, *layer.parameters()], above)
    theirs = torch.autograd.grad(reference, [copy, *exact.parameters()], above.double())
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == dtype
        assert relative_error(a, b) < TOLERANCES[dtype]


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_product_and_gradients_equal_the_reference(sizes, dtype):
    check(sizes, dtype, batch=7)


@pytest.mark.parametrize("batch", [1, 64, 65, 130])
def test_batches_with_and_without_a_tail(batch):
    check(SIZES["uneven routers"], torch.float32, batch)


def test_layers_without_bias():
    check(SIZES["padded routers"], torch.float32, 5, bias=False)


def test_middle_routers_in_groups_and_the_batch_in_shares(monkeypatch):
    monkeypatch.setattr(_triton, "_ON_CHIP", 40 * 1024)
    monkeypatch.setattr(_triton, "_SHARES", 2)
    held = _triton.tile(_triton.ClosRouters(60, 40, 5, 35, 4), 4)
    assert held.group < 35
    check((60, 40, 5, 35, 4), torch.float32, 3 * held.batch + 1)


def test_equal_inputs_give_equal_bits():
    layer, _ = twins(SIZES["uneven routers"], torch.float32)
    x = torch.randn(70, 23)
    runs = [torch.autograd.grad(product(layer, x).square().sum(), [*layer.parameters()]) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_a_gradient_can_be_differentiated_again():
    layer, exact = twins(SIZES["padded routers"], torch.float32)
    x = torch.randn(3, 24)
    found = []
    for f, y in ((layer, product(layer, x)), (exact, exact(x.double()))):
        (gradient,) = torch.autograd.grad(y.square().sum(), [f.middle_weight], create_graph=True)
        found.append(torch.autograd.grad(gradient.square().sum(), [f.input_weight])[0])
    assert relative_error(*found) < 1e-5


def test_routers_too_large_for_the_chip_are_left_to_the_reference():
    assert _triton.tile(_triton.ClosRouters(1024, 1024, 32, 32, 32), 2) is not None
    assert _triton.tile(_triton.ClosRouters(2**16, 2**16, 2, 2, 2), 4) is None


def test_the_hook_serves_what_the_kernel_can_and_nothing_else():
    layer, _ = twins(SIZES["padded routers"], torch.float32)
    x = torch.randn(2, 3, 24)
    assert torch.allclose(_gpu.clos_product(layer, x), layer(x), atol=1e-5)
    assert _gpu.clos_product(layer, x.double()) is None
    assert _gpu.clos_product(layer, x[:, :0]) is None
    assert _gpu.clos_product(layer, x[..., :5]) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert _gpu.clos_product(layer, x) is None


def no_room(*arguments):
    raise _triton.OutOfResources(300_000, 232_448, "shared memory")


def test_where_the_compiler_finds_no_room_pytorch_computes(monkeypatch):
    layer, exact = twins(SIZES["uneven routers"], torch.float32)
    x = torch.randn(5, 23)
    y = product(layer, x)
    monkeypatch.setattr(_triton, "_run_weight_gradients", no_room)
    reference = torch.autograd.grad(exact(x.double()).square().sum(), [*exact.parameters()])
    for a, b in zip(torch.autograd.grad(y.square().sum(), [*layer.parameters()]), reference, strict=True):
        assert relative_error(a, b) < 1e-5
    monkeypatch.setattr(_triton, "_run", no_room)
    monkeypatch.setattr(_gpu, "_without_room", set())
    assert _gpu.clos_product(layer, x) is None
    monkeypatch.undo()
    assert _gpu.clos_product(layer, x) is not None


def test_nothing_of_triton_is_imported_by_a_layer_on_a_cpu():
    code = "import sys, torch, fabric.nn as n; n.ClosLinear(8, 8, 4, 2, 4)(torch.ones(2, 8)); "
    code += "print('fabric.nn.kernels._triton' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
