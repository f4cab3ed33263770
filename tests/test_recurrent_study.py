"""Notebook 28: counts against modules, batches against single sequences, tasks against what they ask for."""

import dataclasses
import itertools
import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from fabric import plots, topology
from fabric.experiments.data import DataError, Dataset, _sequences, load_sequences
from fabric.experiments.studies import recurrent
from fabric.experiments.studies.recurrent import Gru, GruNetwork, Matrix
from fabric.experiments.studies.recurrent import _batches as batches
from fabric.experiments.studies.recurrent import _memory as memory
from fabric.experiments.studies.recurrent import _rows as rows
from fabric.nn import reference
from fabric.plots import recurrence

CLOS, RANK, BLOCKS = Matrix("clos", (4, 3, 6)), Matrix("low_rank", (3,)), Matrix("block_diagonal", (4,))
BY_GATE = Matrix("clos_by_gate", (4, 2, 3))
NETWORKS = [
    Gru(10, 12, 5),
    Gru(10, 12, 5, from_hidden=CLOS),
    Gru(10, 12, 5, RANK, RANK, RANK),
    Gru(10, 12, 5, CLOS, BLOCKS, Matrix("clos", (4, 3, 5))),
    Gru(10, 12, 5, from_hidden=BY_GATE),
]


@pytest.mark.parametrize("gru", NETWORKS, ids=lambda gru: gru.label)
def test_weights_are_those_of_the_module_and_each_costs_one_multiply_accumulate_a_step(gru):
    network = GruNetwork(gru, 0)
    weights = [values.numel() for name, values in network.named_parameters() if "bias" not in name]
    assert gru.weights == sum(weights)
    assert gru.recurrent_weights == gru.topologies()[1].parameters
    if isinstance(network.layer, torch.nn.GRU):
        return  # PyTorch does not count the operations of its own
    with reference(), FlopCounterMode(display=False) as counter:
        assert network.readout(network(torch.zeros(2, 7, 10))).shape == (2, 7, 5)
    assert counter.get_total_flops() == 2 * 2 * 7 * gru.weights


def test_blocks_lie_on_the_diagonal_of_each_gate():
    network = GruNetwork(Gru(2, 12, 1, from_hidden=BLOCKS), 0)
    gates = network.layer.hidden_layers[0].dense_weight().detach().unflatten(0, (3, 12))
    expected = torch.block_diag(*torch.ones(4, 3, 3)).bool()
    assert all(torch.equal(gate != 0, expected) for gate in gates)


def test_gates_with_cascades_of_their_own_share_only_the_inputs():
    layer = GruNetwork(Gru(2, 12, 1, from_hidden=BY_GATE), 0).layer.hidden_layers[0]
    gates = layer.dense_weight().unflatten(0, (3, 12))
    for gate, other in itertools.permutations(range(3), 2):
        for stage in layer.stages:
            (slope,) = torch.autograd.grad(gates[gate].sum(), stage.weight, retain_graph=True)
            shares = slope.flatten().chunk(3)  # edges are numbered by the neurons that they lead to
            assert shares[gate].any() and not shares[other].any()
    one = topology.clos(12, 12, *BY_GATE.sizes)
    assert BY_GATE.topology(12, 36).parameters == 3 * one.parameters


def test_all_matrices_start_with_the_variance_of_what_enters_them():
    for gru in (Gru(64, 100, 50), Gru(64, 100, 50, Matrix("clos", (8, 8, 10)), Matrix("low_rank", (20,)))):
        network = GruNetwork(gru, 0)
        for name, values in network.named_parameters():
            if "bias" in name:
                assert not values.any()
            else:
                fan_in = values.shape[-1]
                assert values.abs().max() <= (3 / fan_in) ** 0.5
                assert values.var().item() == pytest.approx(1 / fan_in, rel=0.1)
    same, other = GruNetwork(gru, 0), GruNetwork(gru, 1)
    for left, middle, right in zip(*(each.parameters() for each in (network, same, other)), strict=True):
        assert torch.equal(left, middle)
        assert not left.any() or not torch.equal(left, right)


@pytest.mark.parametrize("structure", ["dense", "clos"])
@pytest.mark.parametrize(("inputs", "hidden"), [(4, 9), (16, 16), (64, 25)])
def test_growth_is_what_the_closed_form_says(structure, inputs, hidden):
    from_input, from_hidden, _ = recurrent.grown(structure, inputs, hidden).topologies()
    counted = from_input.parameters, from_hidden.parameters
    assert counted == recurrent.closed_form(structure, inputs, hidden)


def test_four_times_the_memory_costs_sixteen_times_the_weights_or_eight():
    table = recurrent.growth([16, 64], [16, 64]).set_index(["structure", "inputs", "hidden"])
    assert len(table) == 8
    for structure, factor in (("dense", 16), ("clos", 8)):
        assert table["weights"][structure, 64, 64] == factor * table["weights"][structure, 16, 16]
    dense = table.loc["dense"]
    assert dense["input_weights"][64, 16] == 4 * dense["input_weights"][16, 16]  # linear in the window
    assert dense["recurrent_weights"][64, 16] == dense["recurrent_weights"][16, 16]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: recurrent.square_clos(10), "inputs must be a square number, got 10"),
        (lambda: Matrix("clos", (2,)).topology(4, 12), r"sizes must be 3 for clos, got \(2,\)"),
        (lambda: Matrix("dense", (2,)).topology(4, 12), r"sizes must be 0 for dense, got \(2,\)"),
        (lambda: Matrix("ring"), "structure must be one of dense, clos, clos_by_gate, .*, block_diagonal, got 'ring'"),
        (lambda: BY_GATE.topology(12, 37), "outputs must be a multiple of the 3 gates, got 37"),
        (lambda: Matrix("block_diagonal", (5,)).topology(12, 36), "outputs must be a multiple .* got 36 and 5"),
        (lambda: memory.adding(1, 2, torch.Generator()), "length must be at least 2 for adding, got 1"),
        (lambda: load_sequences("mozart"), "name must be one of part_songs, jsb_chorales, got 'mozart'"),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


sequences_of = st.lists(st.integers(2, 9), min_size=1, max_size=7).map(
    lambda lengths: [
        torch.from_numpy(np.random.default_rng(k).integers(0, 2, (steps, 5)).astype(np.float32))
        for k, steps in enumerate(lengths)
    ]
)


@settings(max_examples=15, deadline=None)
@given(sequences_of, st.integers(1, 8), st.none() | st.integers(0, 9))
def test_a_padded_batch_costs_what_its_sequences_cost_one_by_one(sequences, batch_size, seed):
    network = GruNetwork(Gru(5, 6, 5), 0).double()
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    cut = batches.bucketed([each.double() for each in sequences], batch_size, generator)
    assert all(len(batch.x) <= batch_size for batch in cut)
    assert sum(batch.steps for batch in cut) == sum(len(each) - 1 for each in sequences)
    alone = 0.0
    for each in sequences:
        logits = network.readout(network(each[None, :-1].double()))
        alone += functional.binary_cross_entropy_with_logits(logits[0], each[1:].double(), reduction="sum").item()
    with torch.no_grad():
        together = sum(
            batches.negative_log_likelihood(network.readout(network(batch.x)), batch).item() for batch in cut
        )
    assert together == pytest.approx(alone, rel=1e-9)
    steps = sum(len(each) - 1 for each in sequences)
    assert batches.per_step(lambda x: network.readout(network(x)), cut) == pytest.approx(alone / steps, rel=1e-9)


def test_sequences_in_a_batch_have_about_one_length_and_batches_differ():
    sequences = [torch.zeros(steps, 1) for steps in [5, 9, 5, 9, 5, 9]]
    assert [batch.x.shape[1] for batch in batches.bucketed(sequences, 3)] == [4, 8]
    marked = [torch.full((6, 1), float(k)) for k in range(8)]
    draws = {
        tuple(batch.x[:, 0, 0].tolist())
        for seed in range(4)
        for batch in batches.bucketed(marked, 4, torch.Generator().manual_seed(seed))
    }
    assert len(draws) > 4


@pytest.mark.parametrize("length", [1, 4])
def test_copying_asks_for_the_first_symbols(length):
    x, y = memory.copying(length, 50, torch.Generator().manual_seed(0))
    assert x.shape == (50, 3 * length, memory.INPUTS["copying"])
    assert torch.equal(x.sum(2), torch.ones(50, 3 * length))
    assert torch.equal(x[:, :length].argmax(2), y)
    assert (x[:, length : 2 * length].argmax(2) == memory.SYMBOLS).all()
    assert (x[:, 2 * length :].argmax(2) == memory.SYMBOLS + 1).all()
    assert y.max() < memory.OUTPUTS["copying"]


@pytest.mark.parametrize("length", [2, 5])
def test_adding_asks_for_the_sum_of_two_marked_numbers(length):
    x, y = memory.adding(length, 50, torch.Generator().manual_seed(0))
    numbers, marks = x.unbind(2)
    assert torch.equal(marks[:, : length // 2].sum(1), torch.ones(50))
    assert torch.equal(marks[:, length // 2 :].sum(1), torch.ones(50))
    torch.testing.assert_close(y[:, 0], torch.stack([n[m.bool()].sum() for n, m in zip(numbers, marks, strict=True)]))


def test_part_songs_have_four_voices_or_fewer_where_they_meet():
    songs = load_sequences("part_songs")
    assert [len(part) for part in (songs.train, songs.held_out, songs.test)] == [48, 16, 16]
    for song in songs.train:
        assert song.dtype == torch.float32
        assert 8 <= len(song) <= 24 and song.shape[1] == 88
        assert set(song.unique().tolist()) == {0, 1}
        assert song.sum(1).min() >= 1 and song.sum(1).max() == 4


@pytest.mark.skipif("FABRIC_DATA" not in os.environ, reason="set FABRIC_DATA to a folder with poly_music")
def test_the_chorales_are_divided_as_published():
    songs = load_sequences("jsb_chorales")
    assert [len(part) for part in (songs.train, songs.held_out, songs.test)] == [229, 76, 77]
    assert [sum(map(len, part)) for part in (songs.train, songs.held_out, songs.test)] == [13807, 4602, 4725]
    assert {song.shape[1] for song in songs.train} == {88}


def test_a_missing_file_of_chorales_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("FABRIC_DATA", str(tmp_path))
    _sequences._loaded.cache_clear()
    with pytest.raises(DataError, match=r"poly_music/JSB_Chorales.mat is missing .*ac0e60.*https.*unset FABRIC_DATA"):
        load_sequences("jsb_chorales")


SMALL = Gru(88, 8, 88, from_hidden=Matrix("clos", (2, 2, 6)))
MUSIC = recurrent.MusicConfig("part_songs", SMALL, 0.02, 0.1, 16, 1, 4, 0)
ROWS = recurrent.RowsConfig("digits-8x8", 800, Gru(8, 16, 10), 6, 32, 0.02, 0)
ADDING = recurrent.MemoryConfig("adding", 2, Gru(2, 12, 1), 250, 0.02, 0)


def test_training_is_repeatable_and_learns():
    music = recurrent.learn_music(MUSIC)
    assert music == recurrent.learn_music(MUSIC)
    assert music["held_out_by_epoch"][0] > music["held_out_nll"] == min(music["held_out_by_epoch"])
    assert recurrent.learn_music(dataclasses.replace(MUSIC, seed=1))["nll"] != music["nll"]
    assert recurrent.classify_rows(ROWS)["accuracy"] > 0.6
    assert recurrent.remember(ADDING)["accuracy"] > 0.5


def test_music_stops_once_the_held_out_part_no_longer_improves():
    stuck = dataclasses.replace(MUSIC, learning_rate=1e-12, epochs=50)
    assert len(recurrent.learn_music(stuck)["held_out_by_epoch"]) < 50


@pytest.mark.parametrize(
    ("run", "config", "message"),
    [
        (recurrent.learn_music, dataclasses.replace(MUSIC, gru=Gru(87, 4, 88)), r"gru must have 88 .* \(87, 88\)"),
        (recurrent.classify_rows, dataclasses.replace(ROWS, gru=Gru(9, 4, 10)), "gru must have 8 inputs, .* it has 9"),
        (recurrent.classify_rows, dataclasses.replace(ROWS, gru=Gru(8, 4, 9)), "at least 10 outputs, .* has 9"),
        (recurrent.remember, dataclasses.replace(ADDING, gru=Gru(2, 4, 8)), r"gru must have \(2, 1\) .* \(2, 8\)"),
        (recurrent.remember, dataclasses.replace(ADDING, length=1), "length must be at least 2"),
        (recurrent.learn_music, ROWS, "config must be a MusicConfig"),
    ],
)
def test_a_network_that_does_not_fit_is_named(run, config, message):
    with pytest.raises(ValueError, match=message):
        run(config)


def test_rows_are_those_of_grey_images():
    x, y = torch.zeros(2, 12), torch.zeros(2, dtype=torch.int64)
    assert rows._rows(Dataset(x, y, x, y, (1, 3, 4))) == (3, 4)
    for image in (None, (3, 2, 2)):
        with pytest.raises(ValueError, match="dataset must hold grey images"):
            rows._rows(Dataset(x, y, x, y, image))


def entering(kind, x, y, monkeypatch):
    """What the network of a run is given: the training batch, then the test part."""
    given = []

    def forward(self, x):
        given.append(x)
        return torch.zeros(len(x), 3, requires_grad=True)

    monkeypatch.setattr(rows, "load", lambda _: Dataset(x[:40], y[:40], x[40:], y[40:], (1, 3, 2)))
    monkeypatch.setattr(rows._LastState, "forward", forward)
    rows.classify_rows(kind("digits", 40, Gru(2, 4, 3), 1, 40, 0.01, 0))
    return given


def test_sequences_have_no_scale_of_their_own(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(60, 6, generator=generator), torch.arange(60) % 3
    plain, scaled = (entering(recurrent.RowsConfig, each, y, monkeypatch) for each in (x, 0.25 * x + 0.5))
    torch.testing.assert_close(scaled, [0.25 * part + 0.5 for part in plain])
    plain, scaled = (entering(recurrent.SequenceConfig, each, y, monkeypatch) for each in (x, 0.25 * x + 0.5))
    torch.testing.assert_close(scaled, plain)
    assert [part.shape for part in plain] == [(40, 3, 2), (20, 3, 2)]
    torch.testing.assert_close(torch.stack(torch.std_mean(plain[0])), torch.tensor([1.0, 0.0]), atol=1e-6, rtol=0)


def test_gradients_of_sequences_are_clipped(monkeypatch):
    norms = []

    def step(self):
        gradients = [each.grad.flatten() for group in self.param_groups for each in group["params"]]
        norms.append(torch.cat(gradients).norm().item())

    forward = rows._LastState.forward
    monkeypatch.setattr(rows._LastState, "forward", lambda self, x: 100 * forward(self, x))
    monkeypatch.setattr(torch.optim.Adam, "step", step)
    for kind in (recurrent.RowsConfig, recurrent.SequenceConfig):
        rows.classify_rows(kind("digits-8x8", 40, Gru(8, 4, 10), 1, 40, 0.01, 0))
    assert norms[0] > 10
    assert norms[1] == pytest.approx(rows.CLIP, rel=1e-4)


def test_intervals_of_accuracies_are_drawn_up_to_100_percent():
    table = pd.DataFrame({"structure": ["dense"] * 2, "weights": [10, 100], "low": [-0.2, 0.9], "high": [0.5, 1.1]})
    figure, (left, right) = plt.subplots(1, 2)
    plots.reached_against_weights(left, table.assign(accuracy=[0.1, 0.98]), "weights", "accuracy")
    plots.reached_against_weights(right, table.assign(nll=[0.1, 0.98]), "weights", "nll")
    ends = [[line[:, 1].tolist() for line in ax.collections[0].get_segments()] for ax in (left, right)]
    np.testing.assert_allclose(ends, [[[0, 50], [90, 100]], [[-0.2, 0.5], [0.9, 1.1]]])
    plt.close(figure)


def test_marks_of_equal_weights_stand_side_by_side():
    weights = pd.Series([1000, 5000, 1000, 10000, 1001])
    places = recurrence._side_by_side(weights)
    np.testing.assert_allclose(places[[1, 3]], [5000, 10000])
    gaps = np.diff(np.log(places[[0, 2, 4]])) / np.log(10000 / 1000)
    np.testing.assert_allclose(gaps, [0.025, 0.025])
    assert places[[0, 2, 4]].prod() == pytest.approx(weights[[0, 2, 4]].prod())


def test_times_are_those_of_all_layers_at_all_batch_sizes():
    measured = recurrent.time_steps(recurrent.GruTimesConfig(6, (8, 4), (1, 2), 3, 2, 1e-6))
    points = [(p["layer"], p["hidden"], p["batch_size"]) for p in measured["points"]]
    assert points == [
        (layer, hidden, size) for size in (1, 2) for layer, hidden in (("clos", 8), ("dense", 8), ("dense", 4))
    ]
    assert all(len(point["seconds"]) == 2 for point in measured["points"])
    assert measured["points"][1]["weights"] == 3 * 8 * (6 + 8)
