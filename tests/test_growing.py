"""Networks that change while they train: what is counted, what is equal, and what stays."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fabric.experiments.data import load
from fabric.experiments.growing import GrowingConfig, MaskedGrowthConfig, Phase, train_growing, train_masked
from fabric.experiments.growing._common import batches
from fabric.experiments.studies import densification
from fabric.nn import ClosLinear
from fabric.nn.init import sparse_glorot_uniform_
from fabric.topology import clos

CASCADE = (784, 32, 8, 4)
EDGES = {count: clos(784, 32, 8, count, 4).parameters for count in (1, 2, 3, 4)}


def config(*phases, **other):
    return GrowingConfig("digits", CASCADE, tuple(phases), 32, 0.01, 0, **other)


def test_batches_are_full_and_take_every_sample_equally_often():
    stream = batches(10, 4, torch.Generator().manual_seed(0))
    drawn = [next(stream) for _ in range(10)]
    assert {len(batch) for batch in drawn} == {4}
    assert torch.cat(drawn).bincount().tolist() == [4] * 10
    assert torch.cat(drawn)[:10].unique().numel() == 10


def test_a_training_without_change_is_an_ordinary_one():
    steps, data = 5, load("digits")
    draw = torch.Generator().manual_seed(0)
    network = nn.Sequential(ClosLinear(784, 32, 8, 3, 4), nn.ReLU(), nn.Linear(32, 10))
    sparse_glorot_uniform_(network, generator=draw)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for batch, _ in zip(batches(len(data.train_y), 32, draw), range(steps), strict=False):
        optimizer.zero_grad()
        functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch]).backward()
        optimizer.step()
        schedule.step()
    ours = train_growing(config(Phase(3, steps)))
    with torch.no_grad():
        reached = (network(data.test_x).argmax(1) == data.test_y).double().mean()
    assert ours["accuracy"] == pytest.approx(float(reached), abs=0.01)


def test_edges_operations_and_updates_are_counted_phase_by_phase():
    ours = train_growing(config(Phase(1, 2), Phase(3, 4, frozen=(0,)), Phase(3, 1, frozen=(0, 2), frozen_stages=1)))
    last = 320
    edge_steps = [2 * (EDGES[1] + last), 4 * (EDGES[3] + last), EDGES[3] + last]
    trained = [2 * (EDGES[1] + last), 4 * (EDGES[2] + last), EDGES[1] - 784 + last]
    assert ours["operations_by_phase"] == [6 * 32 * sum(edge_steps[: n + 1]) for n in range(3)]
    assert ours["updates_by_phase"] == [32 * sum(trained[: n + 1]) for n in range(3)]
    assert ours["weights"] == EDGES[3] + last
    assert ours["change_by_phase"][1] < 1e-5 and ours["change_by_phase"][2] < 1e-5
    assert ours == train_growing(
        config(Phase(1, 2), Phase(3, 4, frozen=(0,)), Phase(3, 1, frozen=(0, 2), frozen_stages=1))
    )


def test_growing_moves_no_output_and_restarts_change_the_run():
    plan = (Phase(1, 3), Phase(2, 3))
    plain, restarted = train_growing(config(*plan)), train_growing(config(*plan, restart=True))
    assert max(plain["change_by_phase"] + restarted["change_by_phase"]) < 1e-5  # float32, another order of sums
    assert plain["accuracy_by_phase"] != restarted["accuracy_by_phase"]


@pytest.mark.parametrize("criterion", ["gradient", "random"])
def test_sparse_layers_have_the_edges_that_they_are_given(criterion):
    phases = ((100, 2), (300, 3))
    ours = train_masked(MaskedGrowthConfig("digits", 16, phases, criterion, 32, 0.01, 0))
    assert ours["weights"] == 300 + 160
    assert ours["operations_by_phase"] == [6 * 32 * 2 * 260, 6 * 32 * (2 * 260 + 3 * 460)]
    with pytest.raises(ValueError, match="phases must have at most 12544 edges, got 12545"):
        train_masked(MaskedGrowthConfig("digits", 16, ((12545, 1),), criterion, 32, 0.01, 0))


def test_arms_that_claim_equal_operations_spend_them():
    table = densification.arms((784, 256, 28, 16), [4, 8, 12, 16], 160, 64)
    checked = densification.check_equal(table)
    measured = [densification.train(row.make("digits", 0.01, 0, 300)) for row in checked.itertuples()]
    for row, run in zip(checked.itertuples(), measured, strict=True):
        assert run["operations_by_phase"][-1] == 6 * 64 * row.edge_steps
    same = checked[checked["claim"] == "equal operations"]
    assert (same["off"].abs() < 1).all() and (checked["off"].abs() > 20).sum() == 3
    assert len({tuple(run["steps_by_phase"]) for run in measured}) > 3
    with pytest.raises(ValueError, match=r"arms must spend what they claim, these do not: .*constant"):
        densification.check_equal(table.assign(edge_steps=table["edge_steps"].where(table["arm"] != "constant", 1)))


def test_the_narrow_network_is_dense_and_has_as_many_weights():
    arms = {row.arm: row for row in densification.arms((784, 256, 28, 16), [4, 8, 12, 16], 8, 64).itertuples()}
    narrow, grown = (densification.train(arms[arm].make("digits", 0.01, 0, 0)) for arm in ("narrow dense", "grown"))
    assert grown["weights"] - (784 + 10) < narrow["weights"] <= grown["weights"]
    assert narrow["weights"] % (784 + 10) == 0  # each hidden neuron has all inputs and all classes
    assert narrow["steps_by_phase"] == [sum(grown["steps_by_phase"])]


@pytest.mark.parametrize(
    ("routers", "steps", "message"),
    [([4, 8, 13], 24, "middle_routers must have the mean"), ([4, 8, 12, 16], 100, "steps must be a multiple of 8")],
)
def test_arms_that_cannot_be_equal_are_refused(routers, steps, message):
    with pytest.raises(ValueError, match=message):
        densification.arms((784, 256, 28, 16), routers, steps, 64)
