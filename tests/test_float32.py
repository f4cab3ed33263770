"""Training sample by sample in float32 against autograd."""

import numpy as np
import pytest
import torch
from numba.typed import List
from torch.nn import functional

from fabric.experiments.batchless import (
    Float32Config,
    cascade_starts,
    descend,
    float32_network,
    initial_weights,
    train_float32,
)


@pytest.mark.parametrize(
    "cascades", [((12, 8, 3, 2, 4), (8, 4, 2, 3, 2)), ((12, 8), (8, 4)), ((12, 8, 4, 3, 2), (8, 4))]
)
def test_steps_are_those_of_autograd(cascades):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 12)).astype(np.float32)
    targets = np.eye(4, dtype=np.float32)[rng.integers(4, size=5)]
    weights = [stage.astype(np.float32) for stage in initial_weights(cascades, 0)]
    network = float32_network(cascades, weights)
    descend(List(weights), cascade_starts(cascades), x, targets, np.float32(0.25))
    parameters = list(network.parameters())
    for sample, target in zip(torch.from_numpy(x).split(1), torch.from_numpy(targets).split(1), strict=True):
        loss = functional.binary_cross_entropy_with_logits(network(sample), target, reduction="sum")
        with torch.no_grad():
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter -= 0.25 * gradient
    for parameter, stage in zip(parameters, weights, strict=True):
        np.testing.assert_allclose(stage.reshape(parameter.shape), parameter.detach(), rtol=1e-4, atol=1e-6)


def test_digits_are_learned():
    config = Float32Config("digits", ((1024, 256, 32, 16, 32), (256, 16, 32, 8, 16)), (5, 5), seed=0)
    record = train_float32(config)
    assert record["accuracy"] == record["accuracy_by_epoch"][-1] > 0.8
    assert train_float32(config) == record
