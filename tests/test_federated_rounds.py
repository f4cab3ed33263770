"""What goes from round to round of federated averaging: the mean of the chosen clients, masked weights scaled up."""

import math

import pytest
import torch

from fabric.experiments.networks import Layer
from fabric.experiments.studies.federated import FederatedConfig, federate
from fabric.experiments.studies.federated._stack import Stack

NETWORK = (Layer("dense", (784, 6)), Layer("dense", (6, 10)))


@pytest.fixture
def seen(monkeypatch) -> dict[str, list]:
    """What clients start from and end with, and what is tested, round by round; clients see one batch."""
    seen: dict[str, list] = {"started": [], "ended": [], "tested": []}
    descend, outputs = Stack.descend, Stack.outputs

    def spied_descend(self, own, *arguments):
        seen["started"].append([each.clone() for each in own])
        descend(self, own, *arguments)
        seen["ended"].append([each.clone() for each in own])

    def spied_outputs(self, weights, x):
        if len(weights[0]) == 1:  # not a step of several clients
            seen["tested"].append([each[0].clone() for each in weights])
        return outputs(self, weights, x)

    monkeypatch.setattr(Stack, "descend", spied_descend)
    monkeypatch.setattr(Stack, "outputs", spied_outputs)
    return seen


def config(**changes) -> FederatedConfig:
    return FederatedConfig("digits", NETWORK, 4, "iid", 3, 358, 2, 0.5, 0, **changes)


def test_the_next_round_starts_from_the_mean_of_this_one(seen):
    federate(config())
    first, second = seen["ended"][0], seen["started"][1]
    for ended, started, tested in zip(first, second, seen["tested"][0], strict=True):
        assert not torch.equal(ended[0], ended[1])
        assert torch.allclose(started, ended.mean(0).expand_as(started), atol=1e-6)
        assert torch.equal(tested, started[0])


def test_a_masked_network_keeps_the_variance_of_its_sums(seen):
    federate(config(density=0.25))
    started = seen["started"][0]
    for masked, whole in zip(started, Stack(NETWORK, 0).initial, strict=True):
        if whole.dim() > 1:
            left = masked[0] != 0
            assert int(left.sum()) == round(0.25 * whole.numel())
            assert torch.allclose(masked[0][left], whole[left] / math.sqrt(0.25))
