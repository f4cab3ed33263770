"""Layers against the dense matrices they stand for."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.utils._python_dispatch import TorchDispatchMode

from fabric import topology
from fabric.nn import CascadeLinear, ClosLinear, LowRankLinear, PredefinedLinear, SparseLinear, reference
from fabric.nn._stages import BlockStage
from fabric.topology import Topology, skips


def random_stage(outputs, inputs, density=0.3):
    stage = np.random.default_rng(0).random((outputs, inputs)) < density
    stage[0, 0] = True
    return stage


def skipping(t, make, **kwargs):
    return CascadeLinear(t, skips=make(t), **kwargs)


LAYERS = {
    "clos": lambda **k: ClosLinear(24, 16, 4, 3, 8, **k),
    "clos, uneven routers": lambda **k: ClosLinear(23, 17, 5, 3, 4, **k),
    "clos, paper": lambda **k: ClosLinear(784, 256, 32, 16, 32, **k),
    "low-rank": lambda **k: LowRankLinear(23, 17, 5, **k),
    "sparse": lambda **k: SparseLinear(random_stage(17, 23), **k),
    "predefined, random": lambda **k: PredefinedLinear(24, 15, 1, "random", np.random.default_rng(0), **k),
    "predefined, structured": lambda **k: PredefinedLinear(24, 16, 6, "structured", np.random.default_rng(0), **k),
    "predefined, clash-free": lambda **k: PredefinedLinear(
        24, 16, 4, "clash-free-1+MD", np.random.default_rng(0), 8, **k
    ),
    "predefined, dense": lambda **k: PredefinedLinear(24, 16, 16, "structured", np.random.default_rng(0), **k),
    "cascade of routers": lambda **k: CascadeLinear(topology.clos(24, 16, 4, 3, 8), **k),
    "cascade, uneven": lambda **k: CascadeLinear(topology.clos(23, 17, 5, 3, 4), **k),
    "butterfly": lambda **k: CascadeLinear(topology.butterfly(16), **k),
    "butterfly, mixed radix": lambda **k: CascadeLinear(topology.butterfly(24, (3, 2, 4)), **k),
    "parallel butterflies": lambda **k: CascadeLinear(topology.parallel_butterfly(16, 3), **k),
    "hypercube, identity": lambda **k: skipping(topology.hypercube(8), skips.identity, **k),
    "clos, skips off the support": lambda **k: skipping(topology.clos(24, 16, 4, 3, 8), skips.off_support, **k),
    "cascade of edges": lambda **k: CascadeLinear(Topology([random_stage(9, 23), random_stage(17, 9)]), **k),
}
make_layers = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())


def relative_error(ours, reference):
    return (torch.linalg.norm(ours - reference) / torch.linalg.norm(reference)).item()


def example(layer, *batch, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.bias.uniform_(-1, 1, generator=generator)
    return torch.randn(*batch, layer.in_features, dtype=dtype, generator=generator)


@make_layers
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("batch", [(), (1,), (0,), (7,), (2, 3, 5)])
def test_layer_equals_its_dense_product(make, dtype, tolerance, batch):
    layer = make(dtype=dtype)
    x = example(layer, *batch, dtype=dtype)
    y = layer(x)
    assert y.shape == (*batch, layer.out_features)
    if y.numel():
        reference = x.double() @ layer.dense_weight().double().t() + layer.bias.double()
        assert relative_error(y.double(), reference) < tolerance


@make_layers
def test_gradients_equal_autograd_through_the_dense_product(make):
    layer = make(dtype=torch.float64)
    x = example(layer, 6).requires_grad_()
    above = torch.randn(6, layer.out_features, dtype=torch.float64)
    wanted = [x, *layer.parameters()]
    ours = torch.autograd.grad(layer(x), wanted, above)
    reference = torch.autograd.grad(x @ layer.dense_weight().t() + layer.bias, wanted, above)
    for mine, theirs in zip(ours, reference, strict=True):
        assert relative_error(mine, theirs) < 1e-12


@st.composite
def clos_sizes(draw):
    inputs, outputs = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    return (inputs, outputs, draw(st.integers(1, inputs)), draw(st.integers(1, 9)), draw(st.integers(1, outputs)))


@given(clos_sizes())
def test_clos_layer_and_cascade_of_its_topology_are_the_same_map(sizes):
    layer = ClosLinear(*sizes, dtype=torch.float64)
    cascade = CascadeLinear(layer.topology, dtype=torch.float64)
    with torch.no_grad():
        for ours, theirs in zip(cascade.stage_weights(), layer.stage_weights(), strict=True):
            used = torch.ones(()) if theirs.used is None else theirs.used
            ours.weight.copy_(theirs.weight[used.expand_as(theirs.weight) > 0].view_as(ours.weight))
    x = example(layer, 5)
    cascade.bias = layer.bias
    assert torch.allclose(layer(x), cascade(x), rtol=1e-12, atol=1e-12)


@make_layers
def test_dense_weight_lives_on_the_topology(make):
    layer = make(dtype=torch.float64)
    if isinstance(layer, CascadeLinear) and any(skip is not None for skip in layer.skips):
        return  # skips reach further
    reachable = torch.from_numpy(layer.topology.path_counts() > 0)
    assert not layer.dense_weight()[~reachable].any()
    assert layer.dense_weight()[reachable].all()


def test_a_layer_holds_one_number_per_edge_and_clos_no_index():
    clos = ClosLinear(24, 16, 4, 3, 8, bias=False)
    assert sum(w.numel() for w in clos.parameters()) == clos.topology.parameters
    assert not list(clos.buffers())
    sparse = SparseLinear(random_stage(17, 23), bias=False)
    assert sum(w.numel() for w in sparse.parameters()) == random_stage(17, 23).sum()


def test_training_a_predefined_layer_makes_nothing_of_the_size_of_the_dense_matrix():
    layer = PredefinedLinear(512, 256, 2, "structured", np.random.default_rng(0))
    assert layer.stages[0].weight.shape == (1024,)
    optimizer = torch.optim.Adam(layer.parameters())
    with torch.profiler.profile(profile_memory=True) as record:
        layer(torch.randn(4, 512, requires_grad=True)).square().sum().backward()
        optimizer.step()
    largest = max(event.cpu_memory_usage for event in record.events())
    assert 4 * 512 * 4 <= largest < 512 * 256 * 4 / 8


def test_a_predefined_layer_learns_the_edges_of_its_teacher():
    teacher, student = (
        PredefinedLinear(32, 16, 4, "clash-free-2", np.random.default_rng(0), 8, dtype=torch.float64) for _ in range(2)
    )
    x = torch.randn(256, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(student.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(student(x), teacher(x).detach()).backward()
        optimizer.step()
    assert relative_error(student.dense_weight(), teacher.dense_weight()) < 1e-3


def test_unused_entries_of_uneven_routers_are_zero_and_stay_zero():
    layer = ClosLinear(23, 17, 5, 3, 4)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(8, 23)).square().sum().backward()
        optimizer.step()
    used = [stage.used for stage in layer.stage_weights() if stage.used is not None]
    assert len(used) == 2
    for stage in layer.stage_weights():
        if stage.used is not None:
            assert not stage.weight[~stage.used.expand_as(stage.weight)].any()
    assert sum(int(torch.count_nonzero(w)) for w in list(layer.parameters())[1:]) == layer.topology.parameters


REGULAR = [
    topology.butterfly(64),
    topology.butterfly(64, 8),
    topology.butterfly(60, (3, 5, 4)),
    topology.parallel_butterfly(27, 2, 3),
    topology.parallel_butterfly(16, 5),
    topology.multistage_clos(24, 24, [4, 3, 2, 6]),
]


@pytest.mark.parametrize("t", REGULAR, ids=lambda t: t.name)
def test_stages_made_of_routers_are_blocks_that_lie_on_their_edges(t):
    layer = CascadeLinear(t, bias=False, dtype=torch.float64)
    assert not list(layer.buffers())
    assert sum(w.numel() for w in layer.parameters()) == t.parameters
    for stage, edges in zip(layer.stages, t.stages, strict=True):
        assert isinstance(stage, BlockStage)
        assert np.array_equal(stage.dense().detach().numpy() != 0, edges)
        weight = stage.stage_weight()
        assert weight.widths == (edges.shape[1], edges.shape[0])
        assert {int(weight.fan_in)} == set(edges.sum(axis=1))
        assert {int(weight.fan_out)} == set(edges.sum(axis=0))


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_any_stage_becomes_a_module_with_exactly_its_edges(edges):
    layer = CascadeLinear(Topology([edges]), bias=False, dtype=torch.float64)
    assert np.array_equal(layer.dense_weight().detach().numpy() != 0, edges)
    x = torch.randn(3, edges.shape[1], dtype=torch.float64)
    assert torch.allclose(layer(x), x @ layer.dense_weight().t())


def test_skips_are_fixed_and_stay_out_of_the_state_dict():
    t = topology.butterfly(8)
    layer = CascadeLinear(t, skips=[None, np.eye(8, dtype=bool), None])
    plain = CascadeLinear(t)
    assert list(layer.state_dict()) == list(plain.state_dict())
    assert len(list(layer.parameters())) == len(list(plain.parameters()))
    plain.load_state_dict(layer.state_dict())
    first, second, third = (stage.dense() for stage in plain.stages)
    assert torch.allclose(layer.dense_weight(), third @ (second + torch.eye(8)) @ first)


class RecordBmm(TorchDispatchMode):
    """Collects the operands of every batched product and the names of operators that copy."""

    def __init__(self):
        super().__init__()
        self.operands, self.copies = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("bmm", "baddbmm"):
            self.operands += args[-2:]
        if name in ("clone", "copy_", "_to_copy", "contiguous"):
            self.copies.append(name)
        return func(*args, **(kwargs or {}))


def test_clos_layer_copies_nothing_and_hands_blas_unit_strides():
    layer = ClosLinear(1024, 256, 32, 16, 32)
    x = torch.randn(64, 1024, requires_grad=True)
    with reference(), RecordBmm() as record:
        y = layer(x)
    assert len(record.operands) == 6
    with reference(), RecordBmm() as backward:
        y.backward(torch.ones_like(y))
    assert len(backward.operands) == 12
    assert record.copies == []
    assert all(1 in operand.stride()[1:] for operand in record.operands + backward.operands)
    assert y.t().is_contiguous()


@make_layers
def test_layer_survives_state_dict_deepcopy_and_dtype(make):
    layer = make()
    x = example(layer, 4, dtype=torch.float32)
    other = make()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    reference = layer(x)
    half = layer.bfloat16()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert relative_error(half.float(), reference) < 0.03
    half.sum().backward()


@pytest.mark.parametrize("name", ["clos", "clos, uneven routers", "cascade, uneven", "clos, skips off the support"])
def test_layer_compiles(name):
    layer = LAYERS[name]()
    x = example(layer, 4, dtype=torch.float32).requires_grad_()
    compiled = torch.compile(layer)
    assert relative_error(compiled(x), layer(x)) < 1e-6
    (ours,) = torch.autograd.grad(compiled(x).square().sum(), x)
    (reference,) = torch.autograd.grad(layer(x).square().sum(), x)
    assert relative_error(ours, reference) < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@make_layers
def test_layer_runs_on_cuda(make):
    layer = make(device="cuda")
    x = torch.randn(8, layer.in_features, device="cuda", requires_grad=True)
    y = layer(x)
    y.sum().backward()
    on_cpu = copy.deepcopy(layer).cpu()
    assert relative_error(y.cpu(), on_cpu(x.detach().cpu())) < 1e-5
    assert x.grad is not None


def test_weights_of_another_wiring_are_refused():
    layer = SparseLinear(random_stage(17, 23))
    other = SparseLinear(np.roll(random_stage(17, 23), 1, axis=0))
    with pytest.raises(ValueError, match="other edges"):
        other.load_state_dict(layer.state_dict())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClosLinear(8, 8, 9, 2, 4), r"input_routers must be an integer from 1 to 8, got 9"),
        (lambda: ClosLinear(8, 0, 4, 2, 4), r"out_features must be a positive integer, got 0"),
        (lambda: LowRankLinear(8, 8, 0), r"rank must be a positive integer, got 0"),
        (
            lambda: PredefinedLinear(10, 4, 3, "structured", np.random.default_rng(0)),
            r"fan_out must be 2 or 4, got 3: 10 \* 3 edges do not divide evenly among 4 outputs",
        ),
        (lambda: CascadeLinear("clos"), r"topology must be a fabric.topology.Topology, got 'clos'"),
        (
            lambda: CascadeLinear(topology.butterfly(4), skips=[None]),
            r"skips must hold .* 2 in all, got 1",
        ),
        (lambda: SparseLinear(np.eye(3)), r"boolean matrix"),
        (
            lambda: SparseLinear(random_stage(17, 23))(torch.ones(2, 23, dtype=torch.float64)),
            r"x must have the dtype of the weights, torch.float32, got torch.float64",
        ),
        (lambda: ClosLinear(8, 8, 4, 2, 4)(torch.tensor(1.0)), r"x must have 8 features in its last axis, .*\(\)"),
        (lambda: ClosLinear(8, 8, 4, 2, 4)(torch.ones(3, 7)), r"x must have 8 features in its last axis, .*\(3, 7\)"),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
