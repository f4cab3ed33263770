"""Training sample by sample in float32: what fixed point is compared with.

Steps are numba loops, since a step on one sample takes PyTorch far longer to call than to compute; PyTorch counts the
correct answers, and its autograd is what the tests hold a step against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numba.typed import List
from torch import nn

from fabric._checks import instance
from fabric._compiled import njit
from fabric.experiments.batchless._common import Cascade, Cascades, Rates, checked, initial_weights, orders
from fabric.experiments.data import DatasetName, accuracy, load
from fabric.experiments.runs import Measured, Natural, RunConfig, one_thread
from fabric.nn import ClosLinear


@dataclass(frozen=True)
class Float32Config(RunConfig):
    """A training run in float32, batch size 1, plain gradient descent on the sum of the outputs' cross-entropies.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        cascades: (I, O, R_i, R_m, R_o), or (I, O) for a dense layer; features are padded with zeros to the first I.
        rates: of each epoch: the learning rate is 2 ** -rate.
        seed: of weights and order of samples.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 2

    dataset: DatasetName
    cascades: Cascades
    rates: Rates
    seed: Natural
    held_out: Natural = 0


def train_float32(config: Float32Config) -> Measured:
    """Train on one thread.

    Returns:
        "accuracy" after the last epoch and "accuracy_by_epoch" (fractions).

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, Float32Config)
    data = load(config.dataset).hold_out(config.held_out).padded(config.cascades[0][0])
    data.check_outputs(config.cascades[-1][1])
    weights = [stage.astype(np.float32) for stage in initial_weights(config.cascades, config.seed)]
    starts = cascade_starts(config.cascades)
    x = data.train_x.numpy()
    targets = np.eye(config.cascades[-1][1], dtype=np.float32)[data.train_y.numpy()]
    accuracies = []
    for rate, order in zip(config.rates, orders(config.seed, len(targets), len(config.rates)), strict=True):
        descend(List(weights), starts, x[order], targets[order], np.float32(2.0**-rate))
        network = float32_network(config.cascades, weights)
        with one_thread(), torch.no_grad():
            accuracies.append(accuracy(network(data.test_x).numpy(), data.test_y.numpy()))
    return {"accuracy": accuracies[-1], "accuracy_by_epoch": accuracies}


def cascade_starts(cascades: Sequence[Cascade]) -> np.ndarray:
    """bool for each stage: whether it is the first of its cascade."""
    return np.concatenate([np.arange(3 if len(cascade) == 5 else 1) == 0 for cascade in checked(cascades)])


@njit(cache=True, fastmath={"contract", "reassoc"})
def descend(weights: List, starts: np.ndarray, x: np.ndarray, targets: np.ndarray, rate: np.float32) -> None:
    """A step of gradient descent for each sample, on the sum of the outputs' binary cross-entropies.

    Args:
        weights: of each stage, float32 (rings, neurons, values), changed in place.
        starts: of `cascade_starts`.
        x: float32 (samples, inputs).
        targets: float32 (samples, outputs), zero or one.
        rate: the learning rate.
    """
    values = List([np.zeros((w.shape[0], w.shape[2]), np.float32) for w in weights])
    deltas = List([np.zeros((w.shape[0], w.shape[1]), np.float32) for w in weights])
    for sample in range(len(x)):
        values[0][:] = x[sample].reshape(values[0].shape)
        for stage in range(len(weights)):
            w, v, out = weights[stage], values[stage], deltas[stage]
            for ring in range(w.shape[0]):
                for neuron in range(w.shape[1]):
                    total = np.float32(0)
                    for value in range(w.shape[2]):
                        total += w[ring, neuron, value] * v[ring, value]
                    out[ring, neuron] = total
            if stage + 1 < len(weights):
                if starts[stage + 1]:
                    values[stage + 1][:] = np.maximum(out, np.float32(0)).reshape(values[stage + 1].shape)
                else:
                    values[stage + 1][:] = out.T
        last = deltas[-1].reshape(targets.shape[1])
        last[:] = np.float32(1) / (np.float32(1) + np.exp(-last)) - targets[sample]
        for stage in range(len(weights) - 1, -1, -1):
            w, v, delta = weights[stage], values[stage], deltas[stage]
            back = np.zeros_like(v)
            for ring in range(w.shape[0]):
                for neuron in range(w.shape[1]):
                    d = delta[ring, neuron]
                    step = rate * d
                    for value in range(w.shape[2]):
                        back[ring, value] += d * w[ring, neuron, value]
                        w[ring, neuron, value] -= step * v[ring, value]
            if stage and starts[stage]:
                deltas[stage - 1][:] = np.where(v > 0, back, np.float32(0)).reshape(deltas[stage - 1].shape)
            elif stage:
                deltas[stage - 1][:] = back.T


def float32_network(cascades: Sequence[Cascade], weights: Sequence[np.ndarray]) -> nn.Sequential:
    """The network up to its last sums, the sigmoid left out, with the weights of each stage."""
    layers = [_linear(*cascade) for cascade in cascades]
    network = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    with torch.no_grad():
        for parameter, stage in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(stage).reshape(parameter.shape))
    return network


def _linear(inputs: int, outputs: int, *routers: int) -> nn.Module:
    if not routers:
        return nn.Linear(inputs, outputs, bias=False)
    r_i, r_m, r_o = routers
    return ClosLinear(inputs, outputs, r_i, r_m, r_o, bias=False)
