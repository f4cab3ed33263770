"""A PyTorch model on the machine and back: it answers as the model, learns as the model, and returns as the model."""

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import RepeatedStratifiedKFold
from torch import nn

from fabric.hardware import deploy
from fabric.hardware.simulation.trace import Trace
from fabric.nn import CascadeLinear, ClosLinear, LowRankLinear
from fabric.topology import multistage_clos

WIDE = {"word": 16, "weight": 24}  # so fine that only the order of things can be wrong


def linear(inputs, outputs, bias=True):
    return nn.Linear(inputs, outputs, bias=bias)


MODELS = {
    "dense, sigmoids": lambda: [linear(20, 12), nn.Sigmoid(), linear(12, 7), nn.Sigmoid()],
    "dense without biases": lambda: [linear(20, 12, False), nn.ReLU(), linear(12, 7, False)],
    "dense, first bias": lambda: [linear(20, 12), nn.ReLU(), linear(12, 7, False)],
    "dense, last bias": lambda: [linear(20, 12, False), nn.ReLU(), linear(12, 7)],
    "three dense": lambda: [linear(20, 12), nn.ReLU(), linear(12, 9), nn.ReLU(), linear(9, 5), nn.Sigmoid()],
    "one layer": lambda: [linear(5, 3)],
    "Clos": lambda: [ClosLinear(20, 12, 4, 3, 4), nn.ReLU(), ClosLinear(12, 7, 4, 2, 3)],
    "Clos that is padded": lambda: [ClosLinear(21, 13, 4, 3, 5), nn.ReLU(), ClosLinear(13, 7, 5, 2, 3), nn.Sigmoid()],
    "Clos, sigmoids": lambda: [ClosLinear(20, 12, 4, 3, 4), nn.Sigmoid(), ClosLinear(12, 8, 4, 2, 4), nn.Sigmoid(),
                               linear(8, 3)],
    "Clos of one router": lambda: [ClosLinear(6, 4, 1, 2, 1, bias=False), nn.ReLU(), linear(4, 2, False)],
    "Clos, then dense": lambda: [ClosLinear(20, 12, 4, 3, 4), nn.ReLU(), linear(12, 7), nn.ReLU(), linear(7, 3)],
    "the same without biases": lambda: [ClosLinear(20, 12, 4, 3, 4, bias=False), nn.ReLU(), linear(12, 7, False)],
    "dense, then Clos": lambda: [linear(21, 13), nn.ReLU(), ClosLinear(13, 7, 4, 2, 3), nn.ReLU(), linear(7, 3)],
    "four levels of routers": lambda: [CascadeLinear(multistage_clos(20, 12, [3, 4, 2, 3])), nn.ReLU(), linear(12, 7)],
    "two levels of routers": lambda: [CascadeLinear(multistage_clos(9, 6, [3, 2])), nn.Identity()],
}  # fmt: skip


def drawn(name: str, seed: int = 0) -> nn.Sequential:
    """The model with weights of a size that shows in its outputs, biases among them."""
    chance = torch.Generator().manual_seed(seed)
    model = nn.Sequential(*MODELS[name]())
    for parameter in model.parameters():
        parameter.data = torch.empty_like(parameter).uniform_(-0.7, 0.7, generator=chance) * (parameter != 0)
        if parameter.dim() == 1:
            parameter.data.uniform_(-0.7, 0.7, generator=chance)
    return model


def lesson(model: nn.Sequential, samples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    layers = [module for module in model if hasattr(module, "in_features")]
    return rng.uniform(-1, 1, (samples, layers[0].in_features)), rng.uniform(0, 1, (samples, layers[-1].out_features))


def answers(model: nn.Module, x: np.ndarray) -> np.ndarray:
    return copy.deepcopy(model).double()(torch.from_numpy(x)).detach().numpy()


@pytest.mark.parametrize("name", MODELS)
def test_a_deployed_model_answers_learns_and_returns_as_itself(name):
    model = drawn(name)
    x, y = lesson(model, 40)
    deployed = deploy(model, x, rate=2**-4, **WIDE)
    assert np.allclose(deployed(x), answers(model, x), atol=0.02)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    deployed.train(x, y, rate=2**-4)
    learned = deployed.to_torch()
    assert np.abs(answers(learned, x) - answers(model, x)).max() > 0.05
    assert np.allclose(deployed(x), answers(learned, x), atol=0.02)  # nothing is learned that the model cannot hold
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_back_within_half_a_quantum(name):
    model = drawn(name, 1)
    deployed = deploy(model, lesson(model, 5)[0])
    back = deployed.to_torch()
    quantum = 2.0**-deployed.torus.fixed_point.weight_fraction
    for have, want in zip(back.parameters(), model.parameters(), strict=True):
        assert (have - want).abs().max() <= quantum / 2 + 1e-7
    again = deploy(back, lesson(model, 5)[0])
    assert all(map(np.array_equal, again.machine.weights(), deployed.machine.weights()))


@settings(max_examples=25)
@given(st.data())
def test_any_sizes_and_routers(data):
    number = st.integers(1, 7)
    widths = [data.draw(number) for _ in range(3)]
    kinds, rows = [], None
    for inputs, outputs in itertools.pairwise(widths):
        bias = data.draw(st.booleans())
        if data.draw(st.booleans()) and (rows is None or rows <= inputs):
            routers = rows or data.draw(st.integers(1, inputs)), data.draw(number), data.draw(st.integers(1, outputs))
            kinds.append(ClosLinear(inputs, outputs, *routers, bias=bias))
            rows = routers[2]
        else:
            kinds.append(linear(inputs, outputs, bias))
            rows = None if not kinds[:-1] else 1
        kinds.append(nn.ReLU())
    model = nn.Sequential(*kinds[:-1])
    x, y = lesson(model, 8)
    deployed = deploy(model, x, **WIDE)
    assert np.allclose(deployed(x), answers(model, x), atol=0.02)
    deployed.train(x, y)
    assert np.allclose(deployed(x), answers(deployed.to_torch(), x), atol=0.02)


def test_a_step_is_one_of_gradient_descent():
    """Where each weight of the model is one of the machine, it learns as `torch.optim.SGD` does."""
    model = drawn("the same without biases")[:1]
    x, y = lesson(model, 1)
    deployed = deploy(model, x, **WIDE)
    deployed.train(x, y, rate=2**-4, stochastic=False)
    wanted = copy.deepcopy(model).double()
    loss = 0.5 * ((wanted(torch.from_numpy(x)) - torch.from_numpy(y)) ** 2).sum()
    loss.backward()
    for have, parameter in zip(deployed.to_torch().parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(have.double(), parameter - 2**-4 * parameter.grad, atol=1e-3)
        assert (parameter.grad.abs() > 0.1).any()


# --- what it learns ---


def float32(model: nn.Sequential, x: np.ndarray, y: np.ndarray, order: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Sums of a dense network with one hidden layer of ReLUs, trained at batch size one by cross-entropy."""
    w1, b1, w2, b2 = (parameter.detach().numpy().copy() for parameter in model.parameters())
    x, test, rate = x.astype(np.float32), test.astype(np.float32), np.float32(2**-5)
    for at in order:
        h = np.maximum(w1 @ x[at] + b1, 0)
        delta = (y[at] - 1 / (1 + np.exp(-(w2 @ h + b2)))).astype(np.float32)
        below = (w2.T @ delta) * (h > 0)
        w2, b2 = w2 + rate * np.outer(delta, h), b2 + rate * delta
        w1, b1 = w1 + rate * np.outer(below, x[at]), b1 + rate * below
    return np.maximum(test @ w1.T + b1, 0) @ w2.T + b2


def both(x, labels, train, test, hidden: int, epochs: int, seed: int) -> tuple[float, float]:
    """Accuracy of the machine and of float32 from the same start in the same order."""
    torch.manual_seed(seed)
    y = np.eye(labels.max() + 1)[labels]
    model = nn.Sequential(linear(x.shape[1], hidden), nn.ReLU(), linear(hidden, y.shape[1]), nn.Sigmoid())
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(train) for _ in range(epochs)])
    deployed = deploy(model, x[train])
    deployed.train(x[order], y[order])
    found = (deployed.sums(x[test]), float32(model, x, y, order, x[test]))
    on_chip, wanted = ((sums.argmax(axis=1) == labels[test]).mean() for sums in found)
    return float(on_chip), float(wanted)


def test_digits_are_learned_as_in_float32():
    x, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    on_chip, wanted = np.mean(
        [both(x / 16, labels, order[:1437], order[1437:], 32, 5, seed) for seed in (0, 1)], axis=0
    )
    assert wanted > 0.94
    assert on_chip > wanted - 0.02


def test_wine_is_learned_as_in_float32():
    """Repeated cross-validation, features scaled by the training part: the mean difference with its interval."""
    x, labels = load_wine(return_X_y=True)
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    pairs = []
    for seed, (train, test) in enumerate(folds.split(x, labels)):
        scaled = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
        pairs.append(both(scaled, labels, train, test, 8, 10, seed))
    on_chip, wanted = np.array(pairs).T
    difference = on_chip - wanted
    # Tests overlap in their training parts: the variance is that of Nadeau and Bengio, n_test / n_train = 1 / 4.
    error = np.sqrt(difference.var(ddof=1) * (1 / len(difference) + 1 / 4))
    assert wanted.mean() > 0.94
    assert difference.mean() + 2.26 * error > -0.02
    assert on_chip.mean() > wanted.mean() - 0.02


# --- what is refused ---


X = np.zeros((3, 4))


@pytest.mark.parametrize(
    ("model", "error", "told"),
    [
        ("net", TypeError, "model must be a torch.nn.Sequential"),
        (nn.Sequential(linear(4, 4), nn.Tanh()), TypeError, r"got 1 = Tanh\(\)"),
        (nn.Sequential(nn.Flatten(), linear(4, 4)), TypeError, "got 0 = Flatten"),
        (nn.Sequential(nn.ReLU(), linear(4, 4)), ValueError, "a linear layer before each activation"),
        (nn.Sequential(linear(4, 4), nn.ReLU(), nn.Sigmoid()), ValueError, "a linear layer before each activation"),
        (nn.Sequential(nn.Identity()), ValueError, "at least one linear layer"),
        (nn.Sequential(), ValueError, "at least one linear layer"),
        (nn.Sequential(linear(4, 4), linear(5, 4)), ValueError, "must pass 4 values from 0 ="),
        (nn.Sequential(*[linear(4, 4)] * 2), ValueError, "use each layer once"),
        (nn.Sequential(LowRankLinear(4, 4, 2)), ValueError, "Clos topologies, got low_rank"),
        (nn.Sequential(ClosLinear(4, 8, 2, 2, 2), nn.ReLU(), ClosLinear(8, 4, 4, 2, 2)), ValueError,
         "takes 8 values in 4 rows, got them in 2 rows of 4 places; give it 2 input routers"),
        (nn.Sequential(ClosLinear(4, 7, 2, 2, 2), nn.Sigmoid(), ClosLinear(7, 4, 2, 2, 2)), ValueError,
         "fill the rows of the torus where a sigmoid is hidden"),
        (nn.Sequential(linear(4, 6), nn.ReLU(), linear(6, 6), nn.Sigmoid(), linear(6, 2)), ValueError,
         "fill the rows of the torus where a sigmoid is hidden"),
    ],
)  # fmt: skip
def test_what_cannot_be_deployed_is_named(model, error, told):
    with pytest.raises(error, match=told):
        deploy(model, X)


def test_weights_that_are_not_finite_are_named():
    model = nn.Sequential(linear(4, 4))
    model[0].weight.data[0, 0] = float("nan")
    with pytest.raises(ValueError, match="finite weights, got others in 0 ="):
        deploy(model, X)


def test_samples_and_rates_that_do_not_fit_are_named():
    model = nn.Sequential(linear(4, 2))
    deployed, y = deploy(model, X), np.zeros((3, 2))
    classifier = deploy(nn.Sequential(linear(4, 2), nn.Sigmoid()), X)
    before = deployed.machine.weights()
    for call, told in (
        (lambda: deploy(model, X + 1000), "samples must be from -128 to 128"),
        (lambda: deploy(model, X[:, :3]), r"samples must have shape \(samples, 4\)"),
        (lambda: deploy(model, X, rate=0.03), "rate must be a power of two"),
        (lambda: deploy(model, X, on="board"), "on must be one of golden model, verilog, got 'board'"),
        (lambda: deployed(X * np.nan), "samples must be finite"),
        (lambda: deployed(X[:0]), "at least one sample"),
        (lambda: deployed.train(X, y[:2]), "targets must be one for each of the 3 samples, got 2"),
        (lambda: deployed.train(X, y, rate=2**-11), r"rate must be from 2 \*\* -10 to 2 \*\* -3 here, got"),
        (lambda: deployed.train(X, y, rate=1.0), r"rate must be from 2 \*\* -10 to 2 \*\* -3 here, got 1.0"),
        (lambda: deployed.train(X, y + 1000), "targets must be from -8 to 8, which activation words hold"),
        (lambda: classifier.train(X, y + 9), "targets must be from 0 to 1, which a sigmoid reaches, got 9 to 9"),
        (lambda: deployed.train(X, y, rate=True), "rate must be a power of two"),
        (lambda: deployed(X, trace="x.vcd"), "trace must be None for a golden model"),
    ):
        with pytest.raises(ValueError, match=told):
            call()
    assert all(map(np.array_equal, before, deployed.machine.weights()))


# --- the Verilog ---


@pytest.fixture(scope="module")
def pair():
    """A mixed model with biases and padding on the Verilog and on the golden model."""
    model = nn.Sequential(ClosLinear(7, 5, 2, 2, 2), nn.ReLU(), linear(5, 3), nn.Sigmoid())
    model[0].bias.data.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(0))
    x, y = lesson(model, 30)
    return deploy(model, x, on="verilog", trace=True), deploy(model, x), x, y


def test_samples_that_activation_words_cannot_hold_are_refused_and_not_clipped():
    model = drawn("one layer")
    late = np.zeros((1001, 5))
    late[-1, 2] = -40.0  # the formats are told apart on the first 1000
    assert deploy(model, late, word=12)(late).shape == (1001, 3)
    machine = deploy(model, np.ones((4, 5)), word=9)
    most = 2.0 ** (8 - machine.torus.fixed_point.activation_fraction)
    machine(np.full((1, 5), most))
    beyond = -most - 1
    with pytest.raises(ValueError, match=rf"must be from -{most:g} to {most:g}, .* got {beyond:g} to {beyond:g}: "):
        machine(np.full((1, 5), beyond))
    with pytest.raises(ValueError, match=r"samples must be from -128 to 128 for words of 9 bits, got up to 300"):
        deploy(model, np.full((1, 5), 300.0), word=9)
    assert repr(machine) == (
        "Deployed(5-3 on 1 × 3 processing elements, words of 9 bits, weights of 12, sequential, golden model)"
    )


def test_verilog_and_golden_model_answer_and_learn_alike(pair, tmp_path):
    on_chip, golden, x, y = pair
    for deployed in (on_chip, golden):
        assert np.array_equal(deployed(x), golden(x))
    wave, first = tmp_path / "wave.vcd", on_chip.machine.simulation.cycle
    assert np.array_equal(on_chip.train(x, y, trace=wave), golden.train(x, y))
    counted = on_chip.machine.counters
    assert np.array_equal(on_chip.sums(x), golden.sums(x))
    pairs = zip(on_chip.to_torch().parameters(), golden.to_torch().parameters(), strict=True)
    assert all(torch.equal(have, want) for have, want in pairs)
    recorded = Trace(wave, first)
    assert recorded.unsigned("statistics.backward_q").sum() == counted.backward > 0
    assert "torus.row[0].pe[1].operand" in recorded


def test_waveforms_go_where_they_are_sent(pair, tmp_path):
    on_chip, _, x, _ = pair
    for trace, error, told in (
        (tmp_path / "nowhere" / "x.vcd", ValueError, "trace must be a file in a folder that exists"),
        (tmp_path, ValueError, "trace must be a file in a folder that exists"),
        (7, TypeError, "trace must be the path of a file or None, got 7"),
    ):
        with pytest.raises(error, match=told):
            on_chip(x, trace=trace)
    assert list(tmp_path.iterdir()) == []
