"""Layers where `torch.nn.Linear` goes: transformations, exports, storage, devices, other people's modules."""

import copy
import importlib.util
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.nn.utils import parametrizations, prune
from torch.utils.flop_counter import FlopCounterMode

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, LowRankLinear, PredefinedLinear, SparseLinear, reference
from fabric.topology import skips

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.torch.jit.*is deprecated:DeprecationWarning"),  # PyTorch's own use, and ours
]


def rng():
    return np.random.default_rng(0)


def random_stage(outputs, inputs):
    stage = rng().random((outputs, inputs)) < 0.3
    stage[0, 0] = True
    return stage


LAYERS = {
    "clos": lambda **k: ClosLinear(24, 16, 4, 3, 8, **k),
    "clos, uneven routers": lambda **k: ClosLinear(23, 17, 5, 3, 4, **k),
    "low-rank": lambda **k: LowRankLinear(23, 17, 5, **k),
    "sparse": lambda **k: SparseLinear(random_stage(17, 23), **k),
    "predefined": lambda **k: PredefinedLinear(24, 16, 4, "clash-free-1+MD", rng(), 8, **k),
    "parallel butterflies": lambda **k: CascadeLinear(topology.parallel_butterfly(16, 3), **k),
    "hypercube with skips": lambda **k: CascadeLinear(
        topology.hypercube(8), skips=skips.identity(topology.hypercube(8)), **k
    ),
}
EDGES = ("sparse", "predefined", "hypercube with skips")
every_layer = pytest.mark.parametrize("name", LAYERS)


def example(layer, *batch, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.bias.uniform_(-1, 1, generator=generator)
    return torch.randn(*batch, layer.in_features, dtype=dtype, generator=generator)


def parameters_of(layer):
    return {name: values.detach() for name, values in layer.named_parameters()}


def through_dense(layer, parameters, x):
    """The same map by one dense product, for its derivatives."""

    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return x @ self.layer.dense_weight().t() + self.layer.bias

    return functional_call(Dense(), {f"layer.{name}": values for name, values in parameters.items()}, (x,))


def same(ours, reference):
    ours, reference = (torch.utils._pytree.tree_leaves(tree) for tree in (ours, reference))
    assert any(values.any() for values in reference)
    return all(torch.allclose(a, b, rtol=1e-9, atol=1e-11) for a, b in zip(ours, reference, strict=True))


@every_layer
def test_functional_transformations_equal_those_of_the_dense_product(name):
    layer = LAYERS[name](dtype=torch.float64)
    x, parameters = example(layer, 3), parameters_of(layer)

    def ours(parameters, x):
        return functional_call(layer, parameters, (x,))

    def reference(parameters, x):
        return through_dense(layer, parameters, x)

    tangents = {key: torch.randn_like(values) for key, values in parameters.items()}, torch.randn_like(x)
    assert same(*(jvp(f, (parameters, x), tangents) for f in (ours, reference)))
    for transform in (jacfwd, jacrev):
        assert same(*(transform(f, (0, 1))(parameters, x) for f in (ours, reference)))
    losses = [lambda parameters, x, f=f: f(parameters, x).square().sum().sin() for f in (ours, reference)]
    assert same(*(hessian(loss, (0, 1))(parameters, x) for loss in losses))
    assert same(*(vmap(grad(loss), (None, 0))(parameters, x) for loss in losses))


@every_layer
def test_backward_of_backward_equals_finite_differences(name):
    layer = LAYERS[name](dtype=torch.float64)
    x = example(layer, 2).requires_grad_()
    names, values = zip(*layer.named_parameters(), strict=True)

    def ours(x, *values):
        return functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(ours, (x, *values), check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(ours, (x, *values), fast_mode=True)


@every_layer
def test_results_have_the_layout_and_the_autocast_dtype_of_a_dense_layer(name):
    layer = LAYERS[name]()
    dense = nn.Linear(layer.in_features, layer.out_features)
    for batch in ((2, 3), (2, 0, 3), (1, 4, 2), ()):
        x = example(layer, *batch, dtype=torch.float32).requires_grad_()
        y = layer(x)
        assert y.stride() == dense(x).stride()
        y.sum().backward()
        assert x.grad.is_contiguous()
    for dtype in (torch.float32, torch.bfloat16):
        x = example(layer, 5, dtype=dtype)
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == dense(x).dtype == torch.bfloat16
            assert layer(x).is_contiguous()
    assert layer.bfloat16()(example(layer, 5, dtype=torch.bfloat16)).is_contiguous()
    layer.double()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(example(layer, 5))
    assert y.dtype == dense.double()(example(layer, 5)).dtype


def test_narrow_types_hand_contiguous_operands_to_every_product():
    from torch.utils._python_dispatch import TorchDispatchMode

    operands = []

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func.overloadpacket.__name__ in ("bmm", "baddbmm"):
                operands.extend(args[-2:])
            return func(*args, **(kwargs or {}))

    layer = ClosLinear(64, 32, 4, 8, 16, dtype=torch.bfloat16)
    x = torch.randn(6, 64, dtype=torch.bfloat16, requires_grad=True)
    with reference(), Record():
        layer(x).backward(torch.ones(6, 32, dtype=torch.bfloat16))
    received = [t for t in operands if t.shape in ((4, 16, 6), (16, 2, 6))]  # the input, the output's gradient
    assert len(received) == 3
    assert all(t.is_contiguous() for t in received)


@every_layer
@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_layers_in_training_and_in_evaluation(name, norm_first):
    layer = LAYERS[name](dtype=torch.float64)
    width, hidden = layer.in_features, layer.out_features
    encoder = nn.TransformerEncoderLayer(
        width, 2 - width % 2, hidden, 0.0, batch_first=True, norm_first=norm_first
    ).double()
    encoder.linear1.weight = nn.Parameter(layer.dense_weight().detach())
    encoder.linear1.bias = layer.bias
    ours = copy.deepcopy(encoder)
    ours.linear1 = layer
    x = torch.randn(2, 4, width, dtype=torch.float64)
    assert torch.allclose(ours(x), encoder(x))
    with torch.no_grad():
        assert torch.allclose(ours.eval()(x), encoder.eval()(x))
        stack, reference = (nn.TransformerEncoder(m, 2, enable_nested_tensor=False).eval() for m in (ours, encoder))
        padding = torch.arange(4)[None] >= torch.tensor([[4], [2]])
        mine, theirs = (m(x, src_key_padding_mask=padding) for m in (stack, reference))
        assert torch.allclose(mine[~padding], theirs[~padding])


@pytest.mark.parametrize("name", ["parallel butterflies", "hypercube with skips"])
def test_attention_trains_through_the_weight_of_its_projection(name):
    layer = LAYERS[name](dtype=torch.float64)
    attention = nn.MultiheadAttention(layer.in_features, 2, batch_first=True, dtype=torch.float64)
    ours = copy.deepcopy(attention)
    attention.out_proj.weight = nn.Parameter(layer.dense_weight().detach())
    ours.out_proj = layer
    attention.out_proj.bias.data.copy_(layer.bias)
    x = torch.randn(2, 4, layer.in_features, dtype=torch.float64)
    assert torch.allclose(ours(x, x, x)[0], attention(x, x, x)[0])
    ours(x, x, x)[0].square().sum().backward()
    assert all(values.grad is not None for values in layer.parameters())
    with torch.no_grad():
        assert torch.allclose(ours.eval()(x, x, x)[0], attention.eval()(x, x, x)[0])


@every_layer
def test_the_weight_is_the_dense_matrix_and_cannot_be_written(name):
    layer = LAYERS[name]()
    weight = layer.weight
    assert weight.shape == (layer.out_features, layer.in_features)
    assert weight.dtype == torch.float32
    assert weight.device == torch.device("cpu")
    assert weight.requires_grad
    assert not weight.data.requires_grad
    assert torch.equal(weight @ torch.eye(layer.in_features), layer.dense_weight())
    assert torch.equal(weight.detach().abs(), layer.dense_weight().abs())
    for write in (
        lambda: weight.data.normal_(),
        lambda: nn.init.xavier_uniform_(layer.weight),
        lambda: weight.detach().zero_(),
        lambda: weight.data.__setitem__(0, 1),
    ):
        with pytest.raises(TypeError, match=r"weight can't be written to .*fabric\.nn\.init"):
            write()
    assert "EquivalentWeight" in repr(weight)
    assert "weight" not in dict(layer.named_parameters())


@every_layer
def test_reset_parameters_draws_as_the_constructor_does(name):
    torch.manual_seed(5)
    layer = LAYERS[name]()
    before = copy.deepcopy(layer.state_dict())
    with torch.no_grad():
        for values in layer.parameters():
            values.fill_(7)
    torch.manual_seed(5)
    layer.reset_parameters()
    assert all(torch.equal(values, before[key]) for key, values in layer.state_dict().items())


@every_layer
def test_traced_and_symbolically_traced_layers(name):
    layer = LAYERS[name]()
    x = example(layer, 4, dtype=torch.float32)
    for inputs in (x, x.view(2, 2, -1)):
        traced = torch.jit.trace(layer, inputs)
        assert torch.allclose(traced(inputs), layer(inputs), atol=1e-6)
    stored = io.BytesIO()
    torch.jit.save(traced, stored)
    stored.seek(0)
    more = x.repeat(3, 1).view(3, 4, -1)
    assert torch.allclose(torch.jit.load(stored)(more), layer(more), atol=1e-6)
    graph = torch.fx.symbolic_trace(nn.Sequential(layer, nn.ReLU()))
    for inputs in (x, x[0], more):
        assert torch.allclose(graph(inputs), layer(inputs).relu(), atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@every_layer
def test_scripts_are_refused_with_the_ways_that_work(name):
    layer = LAYERS[name]()
    for model in (layer, nn.Sequential(nn.Linear(8, 8), layer)):
        with pytest.raises(TypeError, match=rf"no {type(layer).__name__} for torch.jit.script: .* torch.export"):
            torch.jit.script(model)


@every_layer
def test_exported_programs_take_any_batch(name):
    layer = LAYERS[name]()
    x = example(layer, 4, dtype=torch.float32)
    program = torch.export.export(layer, (x,), dynamic_shapes={"x": {0: torch.export.Dim("batch")}})
    assert torch.allclose(program.module()(x.repeat(3, 1)), layer(x.repeat(3, 1)), atol=1e-6)


@pytest.mark.parametrize("name", ["clos, uneven routers", "hypercube with skips"])
def test_compiled_layers_are_one_graph(name):
    layer = LAYERS[name]()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = example(layer, 4, 3, dtype=torch.float32).requires_grad_()
    assert torch.allclose(compiled(x), layer(x), atol=1e-6)
    wanted = [x, *layer.parameters()]
    ours, reference = (torch.autograd.grad(f(x).square().sum(), wanted) for f in (compiled, layer))
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(ours, reference, strict=True))


@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning")  # the exporter's own
@pytest.mark.skipif(
    any(importlib.util.find_spec(package) is None for package in ("onnx", "onnxscript")),
    reason="onnx and onnxscript are not installed",
)
@every_layer
def test_onnx_models_compute_the_same(name):
    from onnx.reference import ReferenceEvaluator

    layer = LAYERS[name]()
    x = example(layer, 4, dtype=torch.float32)
    shapes = {"x": {0: torch.export.Dim("batch")}}
    program = torch.onnx.export(layer.eval(), (x,), dynamo=True, dynamic_shapes=shapes, verbose=False)
    x = x.repeat(3, 1)
    (y,) = ReferenceEvaluator(program.model_proto).run(None, {"x": x.numpy()})
    assert np.allclose(y, layer(x).detach().numpy(), atol=1e-5)


@every_layer
def test_state_dicts_hold_contiguous_tensors_of_their_own_and_nothing_else(name):
    layer = LAYERS[name]()
    state = layer.state_dict()
    assert all(isinstance(values, torch.Tensor) and values.is_contiguous() for values in state.values())
    assert len({values.data_ptr() for values in state.values()}) == len(state)
    other = LAYERS[name]()
    other.load_state_dict({key: values.clone() for key, values in state.items()})
    x = example(layer, 4, dtype=torch.float32)
    other.bias = layer.bias
    assert torch.equal(other(x), layer(x))


@pytest.mark.skipif(importlib.util.find_spec("safetensors") is None, reason="safetensors is not installed")
@every_layer
def test_safetensors_keep_a_model(name, tmp_path):
    from safetensors.torch import load_model, save_model

    model, other = (nn.Sequential(LAYERS[name](), nn.ReLU()) for _ in range(2))
    save_model(model, str(tmp_path / "model.safetensors"))
    assert load_model(other, str(tmp_path / "model.safetensors")) == (set(), [])
    x = torch.randn(3, model[0].in_features)
    assert torch.equal(other(x), model(x))


@every_layer
def test_operations_of_every_layer_are_counted(name):
    layer = LAYERS[name]()
    with FlopCounterMode(display=False) as counter:
        layer(torch.randn(5, layer.in_features, requires_grad=True)).sum().backward()
    weights = sum(values.numel() for values in layer.parameters()) - layer.out_features
    fixed = sum(part.ones.numel() for part in layer.modules() if hasattr(part, "ones"))
    assert counter.get_total_flops() == 2 * 5 * (3 * weights + 2 * fixed)


@every_layer
def test_layers_come_back_from_the_meta_device(name):
    layer, other = LAYERS[name](), LAYERS[name](device="meta")
    assert {values.device.type for values in other.state_dict().values() if values.is_floating_point()} == {"meta"}
    assert other(torch.empty(2, layer.in_features, device="meta")).shape == (2, layer.out_features)
    x = example(layer, 4, dtype=torch.float32)
    for empty in (other, copy.deepcopy(layer).to("meta"), copy.deepcopy(layer)):
        empty.to_empty(device="cpu")
        empty.load_state_dict(layer.state_dict())
        assert torch.equal(empty(x), layer(x))
        assert torch.equal(empty.dense_weight(), layer.dense_weight())


@every_layer
def test_copies_keep_the_layer(name):
    layer = LAYERS[name]()
    x = example(layer, 4, dtype=torch.float32)
    for other in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer), copy.deepcopy(layer).double().float()):
        assert torch.equal(other(x), layer(x))


@every_layer
def test_parametrized_and_pruned_parameters(name):
    layer = LAYERS[name]()
    x = example(layer, 4, dtype=torch.float32)
    owner, key = next(
        (m, key) for m in layer.modules() for key, _ in m.named_parameters(recurse=False) if key != "bias"
    )
    reference = layer(x)
    parametrizations.weight_norm(owner, key)
    assert torch.allclose(layer(x), reference, atol=1e-6)
    torch.nn.utils.parametrize.remove_parametrizations(owner, key)
    prune.l1_unstructured(owner, key, amount=0.5)
    assert not torch.allclose(layer(x), reference, atol=1e-3)
    assert torch.allclose(layer(x), x @ layer.dense_weight().t() + layer.bias, atol=1e-6)
    prune.remove(owner, key)
    layer(x).sum().backward()


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view tensor:UserWarning")
def test_data_parallel_gradients_need_no_copy(tmp_path):
    """DDP warns, here an error, where a gradient has other strides than its parameter."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        for make in LAYERS.values():
            layer = make()
            model = nn.parallel.DistributedDataParallel(layer)
            x = example(layer, 4, dtype=torch.float32)
            model(x).sum().backward()
            assert all(values.grad.stride() == values.stride() for values in layer.parameters())
        for make in LAYERS.values():
            layer = make()
            x = example(layer, 2, 4, dtype=torch.float32)
            reference = layer(x)
            mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
            torch.distributed.fsdp.fully_shard(layer, mesh=mesh)
            y = layer(x)
            assert torch.allclose(y, reference, atol=1e-6)
            y.sum().backward()
    finally:
        torch.distributed.destroy_process_group()
