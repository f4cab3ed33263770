"""Spread, dispersion and scatter against their definitions and cases computed by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junction_sizes import EXACT, junction_sizes

from fabric import topology
from fabric.topology import junctions, permutations, scatter


def brute_force_spread(permutation):
    return min(
        j - i + abs(permutation[i] - permutation[j]) for i, j in itertools.combinations(range(len(permutation)), 2)
    )


@given(st.permutations(range(12)) | st.permutations(range(2)) | st.permutations(range(31)))
def test_spread_and_dispersion_equal_brute_force(permutation):
    pairs = list(itertools.combinations(range(len(permutation)), 2))
    vectors = {(j - i, permutation[j] - permutation[i]) for i, j in pairs}
    assert permutations.dispersion(permutation) == len(vectors) / len(pairs)
    assert permutations.spread(permutation) == brute_force_spread(permutation)
    each = [
        min(abs(i - j) + abs(a - permutation[j]) for j in range(len(permutation)) if j != i)
        for i, a in enumerate(permutation)
    ]
    assert permutations.spreads(permutation).tolist() == each


def test_spread_and_dispersion_of_the_identity():
    assert permutations.spread(range(50)) == 2
    assert permutations.dispersion(range(50)) == 49 / (50 * 49 / 2)


def test_windows_over_one_two_and_three_axes():
    assert scatter.windows((6,), (2,), (2,)).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert scatter.windows((3, 3), (2, 2), (1, 1)).tolist() == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    maps = scatter.windows((4, 4, 128), (2, 2, 2), (2, 2, 2))
    assert maps.shape == (256, 8)
    assert maps[0].tolist() == [0, 1, 128, 129, 512, 513, 640, 641]


def test_scatter_of_hand_computed_cases():
    pairs = scatter.windows((4,), (2,), (2,))
    assert scatter.scatter(np.ones((3, 4), bool), pairs) == 1
    assert scatter.scatter(np.eye(4, dtype=bool), pairs) == 0.5  # all of one window, nothing of the other
    even = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], bool)
    assert scatter.scatter(even, pairs) == 1
    uneven = np.array([[1, 1, 0, 0], [0, 1, 0, 1]], bool)
    assert scatter.scatter(uneven, pairs) == 0.75
    assert scatter.scatter(np.array([[3, 0, 1, 0]]), pairs) == 0.75  # two wanted in each: surplus counts as one


@given(junction_sizes(EXACT), st.data())
def test_scatter_lies_in_0_to_1_and_equals_its_definition(arguments, data):
    (stage,) = topology.predefined(*arguments).stages
    inputs, outputs, fan_out, *_ = arguments
    width = data.draw(st.sampled_from(junctions.divisors(inputs)))
    over = scatter.windows((inputs,), (width,), (width,))
    wanted = width * (inputs * fan_out / outputs) / inputs
    ratios = [min(1, stage[o, window].sum() / wanted) for o in range(outputs) for window in over]
    assert scatter.scatter(stage, over) == pytest.approx(np.mean(ratios))
    assert 0 < scatter.scatter(stage, over) <= 1


def test_scatter_of_the_published_morse_network():
    rng = np.random.default_rng(0)
    stages = [topology.predefined(*sizes, "structured", rng).stages[0] for sizes in [(64, 1024, 128), (1024, 64, 8)]]
    eights = [scatter.windows((n,), (8,), (8,)) for n in (64, 1024, 64)]
    singles = scatter.windows((64,), (1,), (1,))
    network = topology.Topology(stages)
    result = scatter.network_scatter(network, eights, (singles, singles))
    assert result.forward[0] == scatter.scatter(stages[0], eights[0])
    assert result.backward[1] == scatter.scatter(stages[1].T, eights[2])
    assert result.net_forward == scatter.scatter(network.path_counts(), singles)
    assert 0.4 < result.minimum < 0.8
    real = scatter.network_scatter(network, eights, (singles, singles), real=(60, 10))
    assert real.forward[1] == scatter.scatter(stages[1][:10], eights[1])
    assert real.net_backward == scatter.scatter(network.path_counts().T[:60], singles)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: permutations.spread([0, 2]), r"permutation must hold each of 0 \.\.\. 1 once"),
        (lambda: scatter.windows((8,), (3,), (2,)), r"stride\[0\] must divide 8 - 3, got 2"),
        (lambda: scatter.windows((8, 8), (3,), (2,)), r"size and stride must have an entry per axis"),
        (
            lambda: scatter.scatter(np.eye(3), np.array([[3]])),
            r"over must hold columns 0 \.\.\. 2 of .*, got 3 \.\.\. 3",
        ),
        (
            lambda: scatter.scatter(np.eye(3), [[0.5]]),
            r"over must be a non-empty array \(windows, neurons\) of integers",
        ),
        (
            lambda: scatter.scatter(np.eye(3), [[0, 0]]),
            r"over must hold each column once per window, window 0 repeats 0",
        ),
        (
            lambda: scatter.scatter(-np.eye(3), [[0]]),
            r"connections must be a matrix of finite counts .* values from -1.0 to",
        ),
        (lambda: scatter.scatter([[np.nan, 1]], [[0]]), r"connections must be a matrix of finite counts from 0"),
        (lambda: scatter.scatter([[np.inf, 1]], [[0]]), r"with values from 1.0 to inf"),
        (
            lambda: scatter.network_scatter(topology.dense(2, 2), [[[0]], [[0]]], ([[0]],)),
            r"net_over must hold windows over the inputs and over the outputs, 2 in all, got 1",
        ),
        (
            lambda: scatter.scatter(np.zeros((2, 2)), np.array([[0]])),
            r"at least one connection, got shape \(2, 2\) with values from 0.0 to 0.0",
        ),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
