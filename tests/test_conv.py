"""Structured convolutions against the dense kernels that they stand for."""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from fabric import topology
from fabric.nn import CascadeConv2d, ClosConv2d
from fabric.nn.init import (
    end_to_end_glorot_uniform_,
    glorot_uniform_,
    he_normal_,
    orthogonal_,
    sparse_glorot_normal_,
    sparse_glorot_uniform_,
)
from fabric.topology import Topology

MASK = np.random.default_rng(0).random((12, 12)) < 0.4
WAYS = ("first", "im2col", "depthwise")
LAYERS = {
    "one pixel": lambda **k: ClosConv2d(24, 16, 1, 4, 3, 8, **k),
    "one pixel, uneven routers": lambda **k: ClosConv2d(23, 17, 1, 5, 3, 4, residual=True, **k),
    "first": lambda **k: ClosConv2d(24, 16, 3, 4, 3, 8, padding=1, residual=True, **k),
    "first, uneven routers": lambda **k: ClosConv2d(23, 17, (3, 2), 5, 3, 4, padding=1, **k),
    "im2col": lambda **k: ClosConv2d(7, 16, 3, 9, 3, 4, padding=1, spatial="im2col", residual=True, **k),
    "depthwise": lambda **k: ClosConv2d(23, 17, 3, 5, 3, 4, padding="same", spatial="depthwise", residual=True, **k),
    "butterfly, first": lambda **k: CascadeConv2d(topology.butterfly(16), 3, stride=2, residual=True, **k),
    "parallel butterflies, first": lambda **k: CascadeConv2d(topology.parallel_butterfly(12, 2, (3, 4)), 3, **k),
    "low rank, first": lambda **k: CascadeConv2d(topology.low_rank(6, 10, 2), (2, 3), **k),
    "edges, first": lambda **k: CascadeConv2d(Topology([MASK, MASK]), 3, padding=1, **k),
    "one stage, first": lambda **k: CascadeConv2d(Topology([MASK]), 3, residual=True, **k),
    "edges, im2col": lambda **k: CascadeConv2d(Topology([MASK]), (2, 1), spatial="im2col", **k),
    "butterfly, depthwise": lambda **k: CascadeConv2d(topology.butterfly(8), 3, spatial="depthwise", **k),
}
make_layers = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
FORMATS = (torch.contiguous_format, torch.channels_last)


def images(layer, batch=2, height=7, width=6, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    if layer.bias is not None:
        torch.nn.init.uniform_(layer.bias, -1, 1, generator=generator)
    return torch.randn(batch, layer.in_channels, height, width, dtype=dtype, generator=generator)


def dense(layer, x):
    """What `torch.nn.functional.conv2d` makes of the dense kernel."""
    with warnings.catch_warnings():  # of PyTorch on "same" with even kernels
        warnings.simplefilter("ignore")
        return functional.conv2d(x, layer.dense_weight(), layer.bias, layer.stride, layer.padding, layer.dilation)


def relative_error(ours, reference):
    return (torch.linalg.norm(ours - reference) / torch.linalg.norm(reference)).item()


@st.composite
def geometries(draw):
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 2)))
    padding = draw(st.sampled_from(["valid", "same", 0, 2, (1, 0)]))
    if padding == "same":
        stride = (1, 1)
    return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": draw(st.integers(1, 2))}


@settings(max_examples=30)
@given(st.data())
def test_clos_convolution_equals_its_dense_kernel(data):
    way, geometry = data.draw(st.sampled_from(WAYS)), data.draw(geometries())
    channels, outputs = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    rows, columns = geometry["kernel_size"]
    upper = channels * rows * columns if way == "im2col" else channels
    routers = data.draw(st.tuples(st.integers(1, upper), st.integers(1, 4), st.integers(1, outputs)))
    residual = (way == "depthwise" or rows * columns % 2 == 1) and data.draw(st.booleans())
    size = geometry.pop("kernel_size")
    layer = ClosConv2d(
        channels, outputs, size, *routers, **geometry, spatial=way, residual=residual, dtype=torch.float64
    )
    x = images(layer, data.draw(st.integers(1, 3)), 9, 8)
    x = x.contiguous(memory_format=data.draw(st.sampled_from(FORMATS)))
    y, reference = layer(x), dense(layer, x)
    assert y.shape == reference.shape
    assert torch.allclose(y, reference, rtol=1e-11, atol=1e-11)


@make_layers
@pytest.mark.parametrize("memory", FORMATS)
def test_layer_equals_its_dense_kernel_with_its_gradients_and_its_format(make, memory):
    layer = make(dtype=torch.float64)
    x = images(layer).contiguous(memory_format=memory).requires_grad_()
    y, reference = layer(x), dense(layer, x)
    assert relative_error(y, reference) < 1e-12
    assert all(y.is_contiguous(memory_format=form) == reference.is_contiguous(memory_format=form) for form in FORMATS)
    above = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(2))
    wanted = [x, *layer.parameters()]
    ours = torch.autograd.grad(y, wanted, above)
    for mine, theirs in zip(ours, torch.autograd.grad(reference, wanted, above), strict=True):
        assert relative_error(mine, theirs) < 1e-12


@pytest.mark.parametrize("name", ["first, uneven routers", "butterfly, first", "edges, first"])
def test_gradients_equal_finite_differences(name):
    layer = LAYERS[name](dtype=torch.float64)
    names = [name for name, _ in layer.named_parameters()]

    def apply(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), x)

    x = images(layer, 1, 4, 4).requires_grad_()
    assert torch.autograd.gradcheck(apply, (x, *layer.parameters()), fast_mode=True)


@make_layers
@pytest.mark.parametrize("memory", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_image_and_none_at_all(kernel, make, memory, dtype):
    layer = make(dtype=dtype)
    x = images(layer, 1, dtype=dtype).contiguous(memory_format=memory)
    y = layer(x)
    assert torch.allclose(layer(x[0]), y[0], rtol=1e-5, atol=1e-5)
    none = layer(x[:0])
    assert none.shape == (0, *y.shape[1:])
    none.sum().backward()
    assert not any(values.grad.any() for values in layer.parameters())


@make_layers
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 0.03), (torch.float16, 0.005)]
)
def test_every_floating_dtype(make, dtype, tolerance):
    layer = make(dtype=dtype)
    x = images(layer, dtype=dtype)
    y = layer(x)
    y.sum().backward()
    assert y.dtype == dtype
    assert relative_error(y.double(), copy.deepcopy(layer).double()(x.double())) < tolerance


@pytest.mark.parametrize("name", ["first, uneven routers", "edges, first"])
def test_layer_exports_and_compiles(name):
    layer = LAYERS[name]()
    x = images(layer, 3, dtype=torch.float32)
    reference = layer(x)
    exported = torch.export.export(layer, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    assert torch.allclose(exported.module()(x[:2]), reference[:2], atol=1e-5)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(x), reference, atol=1e-5)


STRIDED = {
    "one pixel": lambda: ClosConv2d(6, 4, 1, 3, 2, 2, stride=2),
    "first": lambda: ClosConv2d(6, 4, 3, 3, 2, 2, stride=(2, 3), padding=1, residual=True),
    "edges, im2col": lambda: CascadeConv2d(
        Topology([MASK]), (1, 3), (1, 2), dilation=2, spatial="im2col", residual=True
    ),
}


@pytest.mark.parametrize("name", STRIDED)
def test_exported_convolutions_with_strides_take_images_of_any_size(name):
    layer = STRIDED[name]()
    batch, height, width = (torch.export.Dim(side, min=least) for side, least in (("n", 1), ("h", 8), ("w", 8)))
    x = images(layer, 3, 9, 10, torch.float32)
    exported = torch.export.export(layer, (x,), dynamic_shapes=({0: batch, 2: height, 3: width},)).module()
    for size in ((3, 9, 10), (1, 12, 8)):
        x = images(layer, *size, torch.float32)
        assert torch.allclose(exported(x), layer(x), atol=1e-5)


@make_layers
@pytest.mark.filterwarnings("error:Converting a tensor:torch.jit.TracerWarning")
@pytest.mark.filterwarnings(r"ignore:.torch.jit.*is deprecated:DeprecationWarning")
def test_traced_and_symbolically_traced_layers_take_images_of_any_size(make):
    layer = make()
    x, more = images(layer, 2, dtype=torch.float32), images(layer, 3, 9, 11, dtype=torch.float32)
    traced = torch.jit.trace(layer, x)
    graph = torch.fx.symbolic_trace(torch.nn.Sequential(layer, torch.nn.ReLU()))
    assert torch.allclose(traced(more), layer(more), atol=1e-5)
    assert torch.equal(graph(more), layer(more).relu())
    with pytest.raises(TypeError, match="got Proxy"):
        torch.fx.symbolic_trace(layer)


@make_layers
def test_layer_runs_under_autocast_and_loads_its_state(make):
    layer = make()
    x = images(layer, 3, dtype=torch.float32)
    reference = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert relative_error(layer(x).float(), reference) < 0.03
    other = make()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), reference)


@pytest.mark.parametrize("name", ["one pixel, uneven routers", "first, uneven routers", "im2col", "depthwise"])
def test_clos_convolutions_have_shapes_on_the_meta_device(name):
    layer, real = LAYERS[name](device="meta"), LAYERS[name]()
    x = images(real, dtype=torch.float32)
    assert layer(x.to("meta")).shape == real(x).shape
    assert layer.dense_weight().shape == real.dense_weight().shape


def test_first_and_im2col_are_one_layer_where_routers_divide_the_channels():
    first, im2col = (ClosConv2d(24, 16, 3, 4, 3, 8, spatial=way, dtype=torch.float64) for way in ("first", "im2col"))
    im2col.load_state_dict(first.state_dict())
    assert torch.equal(first.dense_weight(), im2col.dense_weight())
    x = images(first)
    im2col.load_state_dict(first.state_dict())
    assert torch.allclose(first(x), im2col(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("way", "weights"),
    [("first", 3 * (9 * 23 + 17 + 5 * 4)), ("im2col", 3 * (9 * 23 + 17 + 5 * 4)), ("depthwise", 9 * 23 + 3 * (60))],
)
def test_weights_are_what_the_formulas_count(way, weights):
    clos = ClosConv2d(23, 17, 3, 5, 3, 4, spatial=way)
    assert clos.connections == weights
    inputs = 23 * 9 if way == "im2col" else 23
    cascade = CascadeConv2d(topology.clos(inputs, 17, 5, 3, 4), 3, spatial=way, bias=False)
    assert sum(values.numel() for values in cascade.parameters()) == cascade.connections == weights
    assert clos.topology == cascade.topology


def test_padding_of_uneven_routers_stays_zero_in_training():
    layer = ClosConv2d(23, 17, 3, 5, 3, 4)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(2, 23, 5, 5)).square().sum().backward()
        optimizer.step()
    weights = [values for name, values in layer.named_parameters() if not name.endswith("bias")]
    assert sum(int(torch.count_nonzero(values)) for values in weights) == layer.connections


@make_layers
def test_residual_is_the_identity_at_the_middle_pixel(make):
    layer = make(dtype=torch.float64)
    if not layer.residual:
        return
    x = images(layer)
    with torch.no_grad():
        for name, values in layer.named_parameters():
            if name.startswith("depthwise"):
                values.zero_()[:, :, values.shape[2] // 2, values.shape[3] // 2] = 1
            else:
                values.zero_()
    kernel = layer.dense_weight()
    rows, columns = layer.kernel_size
    narrow = min(layer.in_channels, layer.out_channels)
    identity = torch.arange(layer.out_channels)[:, None] % narrow == torch.arange(layer.in_channels) % narrow
    assert torch.equal(kernel[:, :, rows // 2, columns // 2] != 0, identity)
    assert kernel.count_nonzero() == identity.sum()
    assert torch.equal(layer(x), dense(layer, x))


@make_layers
def test_initialisation_counts_connections_of_one_position(make):
    layer = sparse_glorot_normal_(make(dtype=torch.float64), generator=torch.Generator().manual_seed(0))
    bounds = sparse_glorot_uniform_(copy.deepcopy(layer), generator=torch.Generator().manual_seed(0)).stage_weights()
    for stage in bounds:
        assert ((stage.weight**2) * (stage.fan_in + stage.fan_out) <= 6 * (1 + 1e-9)).all()
    # A stage that sees windows: k² pixels enter, and each pixel lies in k² windows.
    area = layer.kernel_size[0] * layer.kernel_size[1]
    assert area == 1 or int(layer.stage_weights()[0].fan_out.min()) >= area
    assert not copy.deepcopy(layer).bias.any()


@pytest.mark.parametrize(("way", "channels"), [("first", 16), ("first", 15), ("im2col", 16), ("depthwise", 15)])
def test_he_initialisation_counts_the_pixels_of_a_window(way, channels):
    # Without padding every window sees k² pixels, so that every stage's outputs have twice the square of its inputs.
    layer = ClosConv2d(channels, 16, 3, 4, 4, 4, spatial=way, dtype=torch.float64)
    x = torch.randn(1, channels, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        squares = [he_normal_(layer, generator=generator)(x).square().mean().item() for _ in range(60)]
    assert abs(np.mean(squares) / 2 ** len(layer.stage_weights()) - 1) < 0.2


@pytest.mark.parametrize("name", ["first, uneven routers", "im2col", "depthwise", "edges, first"])
def test_end_to_end_glorot_gives_the_kernel_the_variance_of_a_dense_one(name):
    layer = LAYERS[name](dtype=torch.float64)
    layer.residual = False
    before = [values.clone() for values in layer.parameters()]
    factor = layer.end_to_end_factor()
    assert all(map(torch.equal, before, layer.parameters()))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        squares = [
            sparse_glorot_normal_(layer, generator=generator).dense_weight().square().mean().item() for _ in range(60)
        ]
    area = layer.kernel_size[0] * layer.kernel_size[1]
    wanted = 2 / (area * (layer.in_channels + layer.out_channels))
    found = np.mean(squares) * factor ** len(layer.stage_weights())
    assert abs(found / wanted - 1) < 4 * np.std(squares) / np.mean(squares) / 60**0.5
    assert end_to_end_glorot_uniform_(layer) is layer


@make_layers
@pytest.mark.parametrize("initialise", [glorot_uniform_, orthogonal_, he_normal_])
def test_other_initialisations_reach_every_weight(make, initialise):
    layer = make()
    with torch.no_grad():
        for values in layer.parameters():
            values.fill_(torch.nan)
    initialise(torch.nn.Sequential(layer), generator=torch.Generator().manual_seed(0))
    assert all(values.isfinite().all() for values in layer.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClosConv2d(8, 8, 1, 9, 2, 4), r"input_routers must be an integer from 1 to 8, got 9"),
        (lambda: ClosConv2d(8, 8, 1, 4, 2, 9), r"output_routers must be an integer from 1 to 8, got 9"),
        (lambda: ClosConv2d(0, 8, 1, 4, 2, 4), r"in_channels must be a positive integer, got 0"),
        (lambda: ClosConv2d(8, 8.0, 1, 4, 2, 4), r"out_channels must be a positive integer, got 8.0"),
        (lambda: ClosConv2d(8, 8, 0, 4, 2, 4), r"kernel_size must be an integer of at least 1 or a pair .*, got 0"),
        (lambda: ClosConv2d(8, 8, (3, 3, 3), 4, 2, 4), r"kernel_size must be .* got \(3, 3, 3\)"),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4, stride=(1, True)), r"stride must be .* got \(1, True\)"),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4, padding=-1), r"padding must be an integer of at least 0 .* got -1"),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4, padding="full"), r'"same" or "valid", got \'full\''),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4, 2, "same"), r'stride must be 1 for padding "same", got 2'),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4, dilation="2"), r"dilation must be .* got '2'"),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4, groups=2), r"groups must be 1, got 2: the routers"),
        (
            lambda: ClosConv2d(8, 8, 3, 4, 2, 4, padding_mode="reflect"),
            r'padding_mode must be "zeros", got \'reflect\'',
        ),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4, spatial="all"), r"spatial must be one of first, im2col, depthwise"),
        (
            lambda: ClosConv2d(8, 8, 2, 4, 2, 4, residual=True),
            r"kernel_size must be odd with residual=True, got \(2, 2",
        ),
        (lambda: CascadeConv2d("clos", 3), r"topology must be a fabric.topology.Topology, got 'clos'"),
        (
            lambda: CascadeConv2d(topology.butterfly(16), 3, spatial="im2col"),
            r'topology must have a multiple of 9 inputs for "im2col" .*\(nearest: 9 or 18\), got 16',
        ),
        (
            lambda: CascadeConv2d(topology.butterfly(8), 3, spatial="im2col"),
            r"\(nearest: 9\), got 8",
        ),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4)(torch.ones(2, 7, 5, 5)), r"x must have shape \(N, 8, H, W\) .*\(2, 7, 5"),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4)(torch.ones(8, 5)), r"x must have shape .* got \(8, 5\)"),
        (lambda: ClosConv2d(8, 8, 3, 4, 2, 4)(torch.ones(8, 2, 5)), r"at least 3 × 3 pixels .* got 2 × 5"),
        *(
            (partial(ClosConv2d(8, 8, 3, 4, 2, 4, spatial=way), torch.ones(*shape)), message)
            for way in WAYS
            for shape, message in (((2, 8, 5, 2), r"at least 3 × 3 pixels .* got 5 × 2"), ((8, 0, 5), r"got 0 × 5"))
        ),
        (lambda: ClosConv2d(8, 8, 1, 4, 2, 4)(torch.ones(2, 8, 0, 5)), r"at least 1 × 1 pixels .* got 0 × 5"),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_input_routers_beyond_the_channels_are_told_what_fits():
    for kernel, spatial, inputs, more in (
        (3, "first", 3, r"; up to 27 with spatial=\"im2col\""), (3, "im2col", 27, ""), (3, "depthwise", 3, ""),
        (1, "first", 3, ""),
    ):  # fmt: skip
        message = rf"input_routers must be an integer from 1 to {inputs}, got 28 \(nearest: {inputs}{more}\)$"
        with pytest.raises(ValueError, match=message):
            ClosConv2d(3, 16, kernel, 28, 2, 4, spatial=spatial)


@make_layers
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float64])
def test_images_of_another_dtype_are_named(make, dtype):
    layer = make(dtype=torch.float32)
    x = torch.zeros(1, layer.in_channels, 9, 9, dtype=dtype)
    with pytest.raises(ValueError, match=f"x must have the dtype of the weights, torch.float32, got {dtype}"):
        layer(x)
    with pytest.raises(TypeError, match=r"x must be a tensor .*, got ndarray"):
        layer(x.numpy())
