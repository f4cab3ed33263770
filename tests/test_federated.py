"""Federated averaging: gradients against PyTorch's, who holds what, and what is sent."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from fabric.experiments.data import load
from fabric.experiments.networks import Layer, build
from fabric.experiments.studies import federated
from fabric.experiments.studies.federated import FederatedConfig, Stack, federate, partition
from fabric.experiments.studies.federated._average import _mask, _rounded

CLOS = (Layer("clos", (784, 40, 28, 3, 8)), Layer("clos", (40, 30, 5, 4, 6)), Layer("dense", (30, 10)))
DENSE = (Layer("dense", (784, 12)), Layer("dense", (12, 12)), Layer("dense", (12, 10)))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("network", [CLOS, DENSE])
def test_every_client_descends_as_an_ordinary_network_does(network):
    clients, samples, rate = 3, 4, 0.3
    stack = Stack(network, seed=1)
    tensors = [each.expand(clients, *each.shape).clone() for each in stack.initial]
    modules = [build(network, "sparse_glorot_uniform", 1) for _ in range(clients)]
    draw = seeded()
    for _ in range(3):
        x = torch.randn(clients, 784, samples, generator=draw)
        y = torch.randint(0, 10, (clients, samples), generator=draw)
        for client, module in enumerate(modules):
            optimizer = torch.optim.SGD(module.parameters(), lr=rate)
            functional.cross_entropy(module(x[client].t()), y[client]).backward()
            optimizer.step()
            optimizer.zero_grad()
        stack.descend(tensors, x, y, rate, [None] * len(tensors))
    x = torch.randn(clients, 784, samples, generator=draw)
    for client, module in enumerate(modules):
        own = stack.outputs([each[client : client + 1] for each in tensors], x[client : client + 1])
        assert torch.allclose(own[0].t(), module(x[client].t()), atol=1e-4)
    assert not torch.allclose(tensors[0][0], tensors[0][1])


def test_masked_weights_are_not_trained_and_the_others_as_before():
    stack = Stack(DENSE, seed=0)
    masks = [_mask(each, 0.3, seeded()) for each in stack.initial]
    both = [[each[None].clone() for each in stack.initial] for _ in range(2)]
    x, y = torch.randn(1, 784, 5, generator=seeded()), torch.tensor([[0, 1, 2, 3, 4]])
    stack.descend(both[0], x, y, 0.1, masks)
    stack.descend(both[1], x, y, 0.1, [None] * 6)
    for start, masked, free, mask in zip(stack.initial, *both, masks, strict=True):
        expected = free if mask is None else torch.where(mask.bool(), free, start)
        assert torch.allclose(masked, expected, atol=1e-6)
        assert mask is None or int(mask.sum()) == round(0.3 * mask.numel())


@pytest.mark.parametrize("kind", ["iid", "shards"])
def test_samples_are_dealt_out_once_and_equally(kind):
    labels = torch.arange(10).repeat(101)
    held = partition(labels, 25, kind, 5, seeded())
    assert held.shape == (25, 40) and held.unique().numel() == 1000
    seen = [labels[row].unique().numel() for row in held]
    assert max(seen) <= 6 if kind == "shards" else min(seen) >= 8
    assert torch.equal(held, partition(labels, 25, kind, 5, seeded()))
    with pytest.raises(ValueError, match="clients must leave each at least 10 of the 1010 samples, got 102"):
        partition(labels, 102, kind, 5, seeded())
    with pytest.raises(ValueError, match="kind must be one of iid, shards, got 'two'"):
        partition(labels, 2, "two", 5, seeded())


def test_one_client_alone_is_plain_descent():
    config = FederatedConfig("digits", CLOS, 1, "iid", 1, 10, 2, 0.2, 3)
    data, draw = load("digits"), seeded(3)
    module = build(CLOS, "sparse_glorot_uniform", 3)
    held = partition(data.train_y, 1, "iid", 10, draw)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.2)
    reached = []
    for _ in range(2):
        torch.randperm(1, generator=draw)
        order = torch.rand(1, held.shape[1], generator=draw).argsort(1)
        for batch in held.gather(1, order)[0].split(10):
            optimizer.zero_grad()
            functional.cross_entropy(module(data.train_x[batch]), data.train_y[batch]).backward()
            optimizer.step()
        reached.append(float((module(data.test_x).argmax(1) == data.test_y).double().mean()))
    ours = federate(config)
    assert np.allclose(ours["accuracy_by_round"], reached, atol=0.01)
    assert ours["client_samples"] == 1430 and ours == federate(config)


def test_uploads_are_counted_in_full_masked_drawn_and_in_few_bits():
    weights, biases = 784 * 12 + 12 * 12 + 120, 34

    def sent(**other):
        run = federate(FederatedConfig("digits", DENSE, 20, "shards", 2, 10, 1, 0.1, 0, **other))
        return run["upload_bytes"], run["weights"]

    assert sent() == (4 * (weights + biases), weights)
    kept = round(0.1 * 9408) + round(0.1 * 144) + 12
    assert sent(density=0.1) == (4 * (kept + biases), kept)
    assert sent(sent=0.1) == (4 * (kept + biases) + 8, weights)
    assert sent(bits=9) == (-(-9 * (weights + biases) // 8) + 6 * 4, weights)


def test_rounding_is_unbiased_and_keeps_to_its_levels():
    change = torch.linspace(-1, 0.3, 1000)[None]
    rounded = torch.stack([_rounded(change, 4, seeded(seed)) for seed in range(400)])
    levels = rounded * 7
    assert (levels - levels.round()).abs().max() < 1e-5 and rounded.unique().numel() <= 15
    assert (rounded - change).abs().max() <= 1 / 7 + 1e-6
    assert (rounded.mean(0) - change).abs().max() < 0.02
    assert torch.equal(_rounded(torch.zeros(2, 3), 9, seeded()), torch.zeros(2, 3))


def test_rounds_are_interpolated_and_what_does_not_arrive_is_none():
    assert federated.rounds_to([0.5, 0.5, 0.9], 0.7) == 2.5
    assert federated.rounds_to([0.5], 0.25) == 0.5
    assert np.isnan(federated.rounds_to([0.5, 0.6], 0.7)) and np.isnan(federated.rounds_to([], 0.7))


def test_networks_that_no_client_can_stack_are_refused():
    for network in ((Layer("clos", (784, 40, 27, 3, 8)),), (Layer("random_sparse", (784, 10, 50)),)):
        with pytest.raises(ValueError, match="network must"):
            Stack(network, 0)


def test_a_printed_number_of_rounds_is_beaten_missed_or_never_reached():
    def judged(*curves):
        runs = pd.DataFrame({"accuracy_by_round": [list(curve) for curve in curves], "rounds": 100})
        return federated.in_rounds("fedavg-2nn-iid", runs, 0.97)  # 87 rounds are printed

    fast, slow, never = [0.5] * 29 + [0.98], [0.5] * 95 + [0.98], [0.5] * 100
    better = judged(fast, [*fast, 0.9], [0.5] * 30 + [0.98])
    assert better.verdict == "better" and 29 < better.ours < 31 and "3 of 3 runs arrived" in better.reason
    assert judged(slow, slow[1:]).verdict == "not reproduced"
    missing = judged(fast, never)
    assert missing.verdict == "undecided" and "1 of 2 runs arrived" in missing.reason and np.isnan(missing.ours)


class Swept:
    """Runs that rise, and collapse with seed 1 at rates above 0.2."""

    def sweep(self, run, configs, title):
        rows = [
            {"kind": each.kind, "learning_rate": each.learning_rate, "seed": each.seed}
            | {"accuracy_by_round": [0.5, 0.9, 0.1 if each.seed == 1 and each.learning_rate > 0.2 else 0.95]}
            for each in configs
        ]
        return pd.DataFrame(rows)


def test_a_rate_at_which_a_run_diverges_is_given_up_for_the_next_lower():
    arms = federated.arms(784, 20, [[784, 20, 28, 2, 2], [20, 20, 2, 2, 2]], 4, 9).iloc[:2]
    trials = arms.merge(pd.DataFrame({"learning_rate": [0.1, 0.2, 0.4]}), how="cross").assign(kind="iid")
    trials["chosen"] = trials["learning_rate"] == np.where(trials["arm"] == "clos", 0.4, 0.1)
    arguments = "digits", [20, 2], 10, {"iid": (2, 4)}, {"iid": 2}
    records, settled = federated.run(Swept(), trials, *arguments)
    assert records.groupby("arm")["learning_rate"].unique().map(list).to_dict() == {"clos": [0.2], "dense": [0.1]}
    assert settled["diverged"].tolist() == [False] * 5 + [True]
    assert settled["chosen"].tolist() == [True, False, False, False, True, False]
    with pytest.raises(
        ValueError, match=r"learning_rates must have one at which clos \(iid\) trains, the lowest is 0\.4"
    ):
        federated.run(Swept(), trials[trials["learning_rate"] == 0.4], *arguments)


def test_what_is_not_finite_any_more_stays_as_it_is():
    ours = federate(FederatedConfig("digits", DENSE, 20, "iid", 2, 10, 4, 1e30, 0))["accuracy_by_round"]
    assert len(ours) == 4 and len(set(ours)) == 1
    assert federated.diverges([0.1, 0.9, 0.4]) and not federated.diverges([0.1, 0.9, 0.5])
