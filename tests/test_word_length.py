"""The study of word lengths: formats, choices and losses, on made-up runs and on short real ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.runs import Results
from fabric.experiments.studies import quantised_training, word_length, word_length_tables
from fabric.hardware import TorusMapping
from fabric.hardware.torus import GoldenMachine

CASCADES = ((64, 16, 4, 4, 4), (16, 12, 4, 4, 4))


@given(st.integers(6, 16), st.integers(0, 4), st.integers(2, 3))
def test_formats_are_those_of_a_machine_that_learns_slowly_enough(word, guard, whole):
    weight = min(word + guard, 16)
    fixed = word_length.formats(word, weight, whole)
    assert (fixed.word, fixed.weight) == (word, weight)
    assert fixed.activation_fraction == min(word - 1 - whole, 8)
    assert fixed.weights(np.array([0.99])) < 2 ** (weight - 1)  # weights stay within one
    assert fixed.rate(8) >= 0
    GoldenMachine(TorusMapping(CASCADES), fixed)


def table(number: str, accuracies: list[float], **fields) -> pd.DataFrame:
    """Runs of one way to train, seeds 0, 1, ..."""
    word = None if number == "float32" else word_length.formats(*map(int, number.split("/")))
    row = word_length.way(CASCADES, word, (4, 5), **fields)
    return pd.DataFrame(row | {"seed": at, "accuracy": value, "saturated": 0.1} for at, value in enumerate(accuracies))


def test_losses_are_paired_by_seed():
    runs = word_length_tables.distinct(
        table("float32", [0.98, 0.97]),
        table("9/12", [0.97, 0.97]),
        table("9/12", [0.97, 0.97]),
        table("9/12", [0.90, 0.92], stochastic=False),
        table("9/12", [0.99, 0.98], mode="overlapped"),
    )
    assert len(runs) == 8
    worst = word_length_tables.worst_network(runs, "9/12")
    assert worst.fixed_point.tolist() == pytest.approx([97, 97])
    assert worst.float32.tolist() == pytest.approx([98, 97])
    assert worst.cascades == CASCADES
    assert worst.description.endswith(" 0.50.")
    rows = word_length_tables.accuracies(runs).set_index(["number", "rounding", "mode"])
    assert rows["accuracy"].to_dict() == pytest.approx({
        ("9/12", "nearest", "sequential"): 91, ("9/12", "stochastic", "overlapped"): 98.5,
        ("9/12", "stochastic", "sequential"): 97, ("float32", "none", "sequential"): 97.5,
    })  # fmt: skip
    assert rows["loss"].tolist() == pytest.approx([6.5, -1, 0.5, 0])
    (late,) = word_length_tables.lateness(runs).to_dict("records")
    assert (late["number"], late["gain"], late["seeds"]) == ("9/12", pytest.approx(1.5), 2)


@pytest.mark.parametrize(("nine_bits", "trained", "verdict"), [(0.94, 1, "not reproduced"), (0.93, 0, "reproduced")])
def test_a_network_trains_that_makes_at_most_twice_the_errors_of_float32(nine_bits, trained, verdict):
    runs = word_length_tables.distinct(table("float32", [0.98, 0.96]), table("9/12", [nine_bits, nine_bits]))
    found = quantised_training.from_the_start("closnets-quantizing-after-training", runs, ["9/12"])
    assert (found.ours, found.verdict) == (trained, verdict)
    assert f"{100 * nine_bits:.2f} %, 97.00 % in float32" in found.reason


def test_a_run_without_partner_in_float32_is_named():
    with pytest.raises(ValueError, match="9/12 of seed 1 has none"):
        word_length_tables.losses(word_length_tables.distinct(table("float32", [0.9]), table("9/12", [0.9, 0.9])))


def test_the_best_on_held_out_samples_is_chosen(tmp_path):
    results = Results("16_fixed_point_training", tmp_path)
    ways = pd.DataFrame(word_length.way(CASCADES, word_length.formats(9, 12), rates) for rates in [(4,), (8,), (6,)])
    chosen, trials = word_length.choose(results, ways, ["number"], "digits-8x8", 2, 300, "rates")
    best = trials.loc[trials["held_out_accuracy"].idxmax()]
    assert chosen["rates"].item() == best["rates"]
    assert best["held_out_accuracy"] > trials["held_out_accuracy"].min()
    runs = word_length.run(results, ways, "digits-8x8", 2, 300)
    means = runs.groupby("rates")["accuracy"].mean()
    assert means.to_dict() == pytest.approx(trials.set_index("rates")["held_out_accuracy"].to_dict())


def test_narrow_dense_networks_have_as_many_weights(tmp_path):
    results = Results("16_fixed_point_training", tmp_path)
    dense = [[64, 16], [16, 10]]
    others = ((64, 16, 2, 2, 2), (16, 12, 2, 4, 4))
    runs = word_length.train_narrow(results, [CASCADES, others, CASCADES], dense, [(4,), (6,)], "digits-8x8", 2, 300)
    assert runs["beside"].tolist() == [CASCADES, others] * 2 and runs["seed"].tolist() == [0, 0, 1, 1]
    assert word_length.edges(CASCADES) == 64 * 4 + 4 * 4 * 4 + 16 * 4 + 16 * 4 + 4 * 4 * 4 + 12 * 4
    assert runs["cascades"][0] == ((64, 8), (8, 10))  # 592 weights, for 560
    table = word_length_tables.narrow(runs).set_index("beside")
    for cascades in (CASCADES, others):
        assert table.loc[word_length.label(cascades), "weights"] == pytest.approx(word_length.edges(cascades), rel=0.1)


def test_networks_share_the_last_layer_and_its_routers():
    rows = table("9/12", [0.9]).drop(columns=["seed", "accuracy", "saturated"])
    made = word_length.networks(rows, [[64, 16, 4, 2, 4], [64, 16, 2, 2, 2]], (16, 12, 4, 4, 4), [[64, 16], [16, 10]])
    assert list(made["cascades"]) == [
        ((64, 16, 4, 2, 4), (16, 12, 4, 4, 4)), ((64, 16, 2, 2, 2), (16, 12, 2, 4, 4)), ((64, 16), (16, 10)),
    ]  # fmt: skip
    assert [len(scales) for scales in made["scales"]] == [6, 6, 2]
