"""Recurrent layers of cascades against the dense layers of PyTorch with the same matrices."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence

from fabric import topology
from fabric.nn import CascadeGRU, CascadeLSTM, ClosGRU, ClosLSTM
from fabric.nn.recurrence._recurrent_layers import balanced_routers


def states_of(layer, batch, generator=None):
    shape = (layer.num_layers * layer.directions, batch, layer.hidden_size)
    states = tuple(torch.randn(shape, dtype=torch.float64) for _ in range(layer.state_count))
    return states if layer.state_count == 2 else states[0]


def same(ours, theirs):
    if isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            same(mine, other)
    else:
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([ClosLSTM, ClosGRU]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(1, 5),
    st.integers(1, 4),
    st.booleans(),
)
def test_equal_to_the_dense_layer(kind, inputs, hidden, layers, bias, first, both, steps, batch, given_states):
    torch.manual_seed(0)
    layer = kind(inputs, hidden, layers, bias, first, 0.0, both, dtype=torch.float64)
    for values in layer.parameters():
        nn.init.normal_(values)
    x = torch.randn((batch, steps, inputs) if first else (steps, batch, inputs), dtype=torch.float64)
    hx = states_of(layer, batch) if given_states else None
    same(layer(x, hx), layer.to_dense()(x, hx))


@pytest.mark.parametrize("kind", [ClosLSTM, ClosGRU])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("enforce_sorted", [False, True])
def test_packed_sequences(kind, both, enforce_sorted):
    torch.manual_seed(1)
    layer = kind(5, 8, 2, bidirectional=both, dtype=torch.float64)
    lengths = [6, 4, 4, 1] if enforce_sorted else [4, 1, 6, 4]
    x = torch.randn(6, 4, 5, dtype=torch.float64)
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=enforce_sorted)
    for hx in (None, states_of(layer, 4)):
        ours, after = layer(packed, hx)
        theirs, expected = layer.to_dense()(packed, hx)
        same(pad_packed_sequence(ours), pad_packed_sequence(theirs))
        same(after, expected)


def test_a_packed_sequence_gives_what_each_sequence_gives_alone():
    torch.manual_seed(2)
    layer = ClosGRU(3, 7, bidirectional=True, dtype=torch.float64)
    sequences = [torch.randn(n, 3, dtype=torch.float64) for n in (5, 3, 2)]
    outputs, lengths = pad_packed_sequence(layer(pack_sequence(sequences))[0])
    for k, sequence in enumerate(sequences):
        same(outputs[: lengths[k], k], layer(sequence)[0])


@pytest.mark.parametrize("kind", [ClosLSTM, ClosGRU])
def test_gradients_equal_those_of_the_dense_layer_and_finite_differences(kind):
    torch.manual_seed(3)
    layer = kind(3, 4, 2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    dense = layer.to_dense()
    weights = torch.randn(3, 2, 8, dtype=torch.float64)
    (ours,) = torch.autograd.grad((layer(x)[0] * weights).sum(), x)
    (theirs,) = torch.autograd.grad((dense(x)[0] * weights).sum(), x)
    same(ours, theirs)
    parameters = dict(layer.named_parameters())

    def run(*values):
        return torch.func.functional_call(layer, dict(zip(parameters, values, strict=True)), (x.detach(),))[0]

    assert torch.autograd.gradcheck(run, tuple(parameters.values()))


def test_one_sequence_without_a_batch():
    torch.manual_seed(4)
    layer = ClosLSTM(4, 6, 2, batch_first=True, dtype=torch.float64)
    x = torch.randn(5, 4, dtype=torch.float64)
    hx = tuple(torch.randn(2, 6, dtype=torch.float64) for _ in range(2))
    same(layer(x, hx), layer.to_dense()(x, hx))


def test_dropout_between_layers_only_while_training():
    torch.manual_seed(5)
    layer = ClosGRU(4, 6, 2, dropout=0.5)
    x = torch.randn(5, 3, 4)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    ClosGRU(4, 6, 1, dropout=0.5)(x)  # a single layer has nothing to drop, as in torch.nn


@pytest.mark.parametrize("kind, gates", [(CascadeGRU, 3), (CascadeLSTM, 4)])
def test_any_topology(kind, gates):
    torch.manual_seed(6)
    rng = np.random.default_rng(0)
    low_rank = lambda inputs, outputs: topology.low_rank(inputs, outputs, 2)  # noqa: E731
    drawn = lambda inputs, outputs: topology.random_sparse(inputs, outputs, inputs * outputs // 3, rng)  # noqa: E731
    layer = kind(5, 8, low_rank, drawn, 2, bidirectional=True, dtype=torch.float64)
    assert [tuple(part.dense_weight().shape) for part in layer.hidden_layers] == [(8 * gates, 8)] * 4
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    same(layer(x), layer.to_dense()(x))


def test_balanced_routers_take_a_tenth_where_one_path_does():
    for inputs, outputs in ((256, 768), (512, 1536), (1024, 4096), (128, 384)):
        ri, rm, ro = balanced_routers(inputs, outputs)
        share = rm * (inputs + outputs + ri * ro) / (inputs * outputs)
        assert 0.08 < share <= 0.1
    assert balanced_routers(1, 3) == (1, 1, 2)


def test_the_variance_stays_through_time():
    torch.manual_seed(7)
    layer = ClosGRU(64, 256, input_routers=(8, 8, 24), hidden_routers=(16, 16, 48))
    for part in (layer.input_layers[0], layer.hidden_layers[0]):
        x = torch.randn(2000, part.in_features)
        assert part(x).var().item() == pytest.approx(1, abs=0.1)


def test_states_and_copies_survive():
    layer = ClosLSTM(4, 6, 2)
    other = ClosLSTM(4, 6, 2)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(3, 2, 4)
    assert torch.equal(layer(x)[0], other(x)[0])
    assert torch.equal(layer(x)[0], copy.deepcopy(layer)(x)[0])
    assert layer.to(torch.bfloat16)(x.bfloat16())[0].dtype == torch.bfloat16


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"input_size": 0}, "input_size must be a positive integer, got 0"),
        ({"hidden_size": 2.5}, r"hidden_size must be a positive integer, got 2\.5"),
        ({"num_layers": True}, "num_layers must be a positive integer, got True"),
        ({"dropout": 1.5}, r"dropout must be a probability from 0 to 1, got 1\.5"),
        ({"dropout": float("nan")}, "dropout must be a probability"),
        ({"batch_first": 1}, "batch_first must be True or False, got 1"),
        ({"proj_size": 3}, "proj_size must be 0, .* got 3"),
        ({"hidden_routers": (4, 4)}, r"hidden_routers must be three counts .*, got \(4, 4\)"),
        ({"input_routers": (99, 1, 1)}, "input_routers must be an integer from 1 to 4, got 99"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClosLSTM(**{"input_size": 4, "hidden_size": 6, **arguments})


def test_bad_inputs_are_named():
    layer = ClosLSTM(4, 6)
    x = torch.randn(3, 2, 4)
    with pytest.raises(ValueError, match=r"4 features in the last, got \(3, 2, 5\)"):
        layer(torch.randn(3, 2, 5))
    with pytest.raises(ValueError, match="at least one step"):
        layer(torch.randn(0, 2, 4))
    with pytest.raises(ValueError, match="pair of hidden and cell states, got Tensor"):
        layer(x, torch.zeros(1, 2, 6))
    with pytest.raises(ValueError, match=r"hx must have shape \(1, 2, 6\), got \(1, 3, 6\)"):
        layer(x, (torch.zeros(1, 2, 6), torch.zeros(1, 3, 6)))
    with pytest.raises(ValueError, match=r"hx must have shape \(1, 2, 6\), got a tuple$"):
        CascadeGRU(4, 6, topology.dense, topology.dense)(x, (torch.zeros(1, 2, 6), torch.zeros(1, 2, 6)))
    with pytest.raises(ValueError, match="got 'x'"):
        layer("x")
    with pytest.raises(ValueError, match="hidden_topology must make a Topology of 6 inputs and 18 outputs"):
        CascadeGRU(4, 6, topology.dense, lambda inputs, outputs: topology.dense(outputs, inputs))


@pytest.mark.parametrize("kind", [ClosLSTM, ClosGRU])
def test_autocast_narrows_the_products_and_keeps_states_and_gradients(kind):
    torch.manual_seed(8)
    layer = kind(8, 16, 2, bidirectional=True)
    x, hx = torch.randn(6, 3, 8), tuple(torch.randn(4, 3, 16) for _ in range(kind.state_count))
    before = hx if kind is ClosLSTM else hx[0]
    exact, _ = layer(x, before)
    with torch.autocast("cpu", torch.bfloat16):
        output, after = layer(x, before)
        packed, _ = layer(pack_sequence([x[:, 0], x[:4, 1]]))
    assert output.dtype == packed.data.dtype == torch.float32
    assert {state.dtype for state in (after if kind is ClosLSTM else (after,))} == {torch.float32}
    assert 1e-5 < (output - exact).abs().max() < 0.05  # the products were narrow: bfloat16 has 8 bits
    output.square().mean().backward()
    assert all(values.grad.dtype == torch.float32 and values.grad.isfinite().all() for values in layer.parameters())
