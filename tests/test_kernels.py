"""The compiled kernel against the reference: values, gradients, what it refuses, and how it is built and found."""

import copy
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import prune

from fabric import topology
from fabric.experiments.runs import one_thread
from fabric.nn import CascadeLinear, ClosLinear, PredefinedLinear, SparseLinear, backend, reference
from fabric.nn.kernels import KernelBuildError, _build, _dispatch, build
from fabric.nn.kernels._operators import cascade, cascade_backward
from fabric.topology import skips

compiler = shutil.which("g++") or shutil.which("clang++")
TOLERANCES = {torch.float32: 2e-6, torch.bfloat16: 2e-2}


@pytest.fixture(scope="module")
def kernel():
    """The kernel of these sources, which is compiled unless that has been done."""
    if compiler is None or _build.instruction_set() is None:
        pytest.skip("no compiler, or a processor that the kernel does not know")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FABRIC_KERNEL", raising=False)
        assert build().startswith("native")
        yield
    _dispatch._kernel.look_up()


def random_stage(outputs, inputs):
    """A few edges; some neurons have none."""
    return np.random.default_rng(0).random((outputs, inputs)) < 0.2


def mixed():
    """Routers, then edges, then routers."""
    first, *_, last = topology.butterfly(16, 4).stages
    return topology.Topology([first, random_stage(16, 16), last], name="mixed")


LAYERS = {
    "clos": lambda **k: ClosLinear(64, 96, 8, 6, 12, **k),
    "clos, one middle router": lambda **k: ClosLinear(20, 12, 4, 1, 3, **k),
    "clos, uneven routers": lambda **k: ClosLinear(23, 17, 5, 3, 4, **k),
    "clos, paper": lambda **k: ClosLinear(784, 256, 32, 16, 32, **k),
    "clos, large routers": lambda **k: ClosLinear(150, 203, 2, 70, 3, **k),
    "clos, without bias": lambda **k: ClosLinear(24, 16, 4, 3, 8, bias=False, **k),
    "butterfly": lambda **k: CascadeLinear(topology.butterfly(64, 4), **k),
    "butterfly, mixed radix": lambda **k: CascadeLinear(topology.butterfly(24, (3, 2, 4)), **k),
    "multistage": lambda **k: CascadeLinear(topology.multistage_clos(48, 32, [8, 4, 4, 4, 8]), **k),
    "low rank": lambda **k: CascadeLinear(topology.low_rank(23, 17, 5), **k),
    "dense": lambda **k: CascadeLinear(topology.dense(13, 9), **k),
    "parallel butterflies": lambda **k: CascadeLinear(topology.parallel_butterfly(16, 3), **k),
    "sparse": lambda **k: SparseLinear(random_stage(17, 23), **k),
    "predefined": lambda **k: PredefinedLinear(24, 16, 4, "structured", np.random.default_rng(0), **k),
    "hypercube": lambda **k: CascadeLinear(topology.hypercube(16), **k),
    "torus": lambda **k: CascadeLinear(topology.torus((3, 5), 2), **k),
    "routers, edges, routers": lambda **k: CascadeLinear(mixed(), **k),
}
make_layers = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())


def randomised(layer):
    generator = torch.Generator().manual_seed(0)
    if layer.bias is not None:
        with torch.no_grad():
            layer.bias.uniform_(-1, 1, generator=generator)
    return layer


def exact(layer, x, above):
    """Result and gradients in float64 by the reference: y, x, weights."""
    twin = copy.deepcopy(layer).double()
    x = x.detach().double().requires_grad_()
    with reference():
        y = twin(x)
    return y, *torch.autograd.grad(y, [x, *twin.parameters()], above.double())


def assert_close(ours, theirs, dtype):
    for mine, exactly in zip(ours, theirs, strict=True):
        assert mine.dtype == dtype and mine.shape == exactly.shape
        error = torch.linalg.norm(mine.double() - exactly)
        size = torch.linalg.norm(exactly) + exactly.numel() ** 0.5  # sums of terms of size 1 may cancel
        assert error <= TOLERANCES[dtype] * size


def compare(layer, x):
    dtype = x.dtype
    x = x.requires_grad_()
    y = layer(x)
    above = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).to(dtype)
    gradients = torch.autograd.grad(y, [x, *layer.parameters()], above)
    with torch.no_grad():
        assert torch.equal(layer(x), y)
    assert_close((y, *gradients), exact(layer, x, above), dtype)


@make_layers
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
@given(clos_sizes(), st.integers(0, 70), st.sampled_from([1, 2, 3]), st.booleans())
def test_any_shape_batch_and_number_of_threads(kernel, sizes, batch, threads, bias):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compare(randomised(ClosLinear(*sizes, bias=bias)), torch.randn(batch, sizes[0]))
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


def test_infinite_inputs_reach_their_outputs_only(kernel):
    layer = CascadeLinear(topology.butterfly(16, 4))
    x = torch.zeros(5, 16)
    x[2, 3] = torch.inf
    assert torch.isfinite(layer(x)[[0, 1, 3, 4]]).all() and not torch.isfinite(layer(x)[2]).any()
    uneven = ClosLinear(23, 17, 5, 3, 4)
    x = torch.zeros(1, 23)
    x[0, 7] = torch.inf
    with reference():
        expected = uneven(x)
    assert torch.equal(uneven(x).isnan(), expected.isnan())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["clos", "predefined", "parallel butterflies"])
def test_same_bits_at_one_number_of_threads(kernel, name, threads):
    layer = LAYERS[name]()
    x = torch.randn(200, layer.in_features)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        runs = [torch.autograd.grad(layer(x).square().sum(), list(layer.parameters())) for _ in range(3)]
    finally:
        torch.set_num_threads(before)
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))


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


@make_layers
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_operators_keep_the_rules_of_pytorch(kernel, make, dtype):
    layer = randomised(make(dtype=dtype))
    x = torch.randn(2, 3, layer.in_features, dtype=dtype)
    weights, edges = [w.detach() for w in layer.layout_weights()], layer.edge_lists()
    bias = None if layer.bias is None else layer.bias.detach()
    with torch.no_grad():
        above = torch.randn_like(layer(x))
        torch.library.opcheck(cascade_backward, (above, x, weights, edges, layer.flat_layout, True, True))
    for tensor in (x, *weights):
        tensor.requires_grad_()
    torch.library.opcheck(cascade, (x, bias, weights, edges, layer.flat_layout))


@make_layers
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


@pytest.fixture
def calls(monkeypatch):
    """The arguments of the operator each time that a layer calls it."""
    seen = []
    monkeypatch.setattr(_dispatch, "cascade", lambda *inputs: seen.append(inputs) or cascade(*inputs))
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


def test_experiments_train_with_the_reference(kernel):
    with one_thread():
        assert backend(ClosLinear(24, 16, 4, 3, 8)).startswith("reference: forced")


def test_inference_mode_and_changed_weights(kernel):
    layer, x = randomised(ClosLinear(24, 16, 4, 3, 8)), torch.randn(5, 24)
    with torch.inference_mode():
        before = layer(x)
    layer.middle_weight.data.mul_(2)  # which PyTorch does not count as a change
    with torch.no_grad():
        assert torch.allclose(layer(x) - layer.bias, 2 * (before - layer.bias), atol=1e-5)


def test_copies_and_pickles_of_a_used_layer(kernel):
    layer, x = randomised(ClosLinear(24, 16, 4, 3, 8)), torch.randn(5, 24)
    y = layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x), y)


def test_masks_on_stages_are_respected(kernel):
    layer, x = CascadeLinear(topology.butterfly(16, 4)), torch.randn(5, 16)
    prune.random_unstructured(layer.stages[0], "weight", 0.5)
    assert backend(layer) == "reference: a stage has hooks"
    assert torch.allclose(layer(x), x @ layer.dense_weight().t(), atol=1e-5)


def test_backend_says_who_serves_and_why(kernel):
    layer = ClosLinear(24, 16, 4, 3, 8)
    assert backend(layer) == f"native {_build.instruction_set()}"
    assert backend(ClosLinear(24, 16, 4, 3, 8, dtype=torch.float64)) == "reference: float64"
    skipped = CascadeLinear(topology.hypercube(8), skips=skips.identity(topology.hypercube(8)))
    assert backend(skipped) == "reference: a cascade that the kernel does not know"
    assert backend(ClosLinear(24, 16, 4, 3, 8, device="meta")) == "reference: device meta"
    with reference():
        assert backend(layer) == "reference: forced by fabric.nn.reference()"
        assert layer(torch.randn(3, 24)).t().is_contiguous()  # what the reference returns


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


SAY = "import torch; from fabric.nn import ClosLinear, backend; l = ClosLinear(8, 8, 2, 2, 2); l(torch.ones(1, 8));"


def test_a_machine_without_compiler_and_kernel(tmp_path):
    build = (
        "from fabric.nn import kernels\ntry: kernels.build()\nexcept kernels.KernelBuildError as error: print(error)"
    )
    done = run(f"{SAY} print(backend(l))\n{build}", FABRIC_CACHE=str(tmp_path), PATH="", CXX="")
    assert done.returncode == 0, done.stderr
    assert "reference: " in done.stdout
    if _build.instruction_set():
        assert "kernel not built: run python -m fabric.nn.kernels build" in done.stdout
        assert "no C++ compiler" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_environment_forces_the_reference(kernel):
    done = run(f"{SAY} print(backend(l))", FABRIC_KERNEL="reference")
    assert done.stdout.strip() == "reference: FABRIC_KERNEL=reference", done.stderr


def test_a_killed_build_leaves_nothing_and_a_second_one_succeeds(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path))
    killed = tmp_path / "killed"
    killed.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo 1;; *) for last; do :; done; echo half > "$last"; exit 137;; esac\n'
    )
    killed.chmod(0o755)
    with pytest.raises(KernelBuildError, match="killed"):
        _build.build(compiler=str(killed))
    assert _build.find(_build.instruction_set()) is None
    compiled = tmp_path / "compiled"
    compiled.write_text(killed.read_text().replace("exit 137", "exit 0"))
    compiled.chmod(0o755)
    path = _build.build(compiler=str(compiled))
    assert _build.find(_build.instruction_set()) == path and path.read_text() == "half\n"
    monkeypatch.setattr(_dispatch._Kernel, "loaded", None)
    other = _dispatch._Kernel()
    other.look_up()
    assert not other.serves and other.why_not.startswith("kernel does not load")


def test_unknown_targets_and_compilers_are_refused():
    with pytest.raises(KernelBuildError, match="target must be one of AVX-512 BF16, AVX-512, AVX2, NEON, got 'SSE'"):
        _build.build("SSE")
    with pytest.raises(KernelBuildError, match="no C\\+\\+ compiler: looked for no-such-compiler"):
        _build.build("AVX2", compiler="no-such-compiler")
