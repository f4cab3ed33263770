"""Clash-free memories: interleavers, their addresses and numbers, and planted clashes, against brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junction_sizes import junction_sizes

from fabric import topology
from fabric.topology import Interleaver, clashes, interleaver, junctions, pattern_counts


@st.composite
def interleavers(draw):
    lanes, depth, fan_out = draw(st.integers(1, 8)), draw(st.integers(1, 8)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    if draw(st.booleans()):
        return interleaver.clash_free(lanes * depth, fan_out, lanes, draw(st.sampled_from(junctions.CLASH_FREE)), rng)
    return interleaver.start_vector(lanes * depth, fan_out, lanes, draw(st.sampled_from(interleaver.VARIANTS)), rng)


@given(interleavers())
def test_every_interleaver_is_a_clash_free_permutation(drawn):
    p, fan_out, z = drawn.inputs, drawn.fan_out, drawn.parallelism
    weights = drawn.weights()
    assert sorted(weights) == list(range(p * fan_out))
    for first in range(0, p * fan_out, z):
        assert set(weights[first : first + z] // fan_out % z) == set(range(z))
    for sweep in range(fan_out):
        assert sorted(weights[sweep * p : (sweep + 1) * p] // fan_out) == list(range(p))
        assert (weights[sweep * p : (sweep + 1) * p] % fan_out == sweep).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint64])
def test_tables_of_any_integer_type_mean_the_same(dtype):
    drawn = interleaver.clash_free(512, 2, 8, "clash-free-2+MD", np.random.default_rng(0))
    again = Interleaver(drawn.rows.astype(dtype), drawn.memories.astype(dtype))
    assert (again.weights() == drawn.weights()).all()
    assert again.topology(64) == drawn.topology(64)
    memories, _ = drawn.addresses()
    assert clashes.clashes(memories.astype(dtype)) == []


@given(interleavers())
def test_the_formula_and_the_address_generator_agree(drawn):
    p, fan_out, z = drawn.inputs, drawn.fan_out, drawn.parallelism
    memories, rows = drawn.addresses()
    assert memories.shape == rows.shape == (p * fan_out // z, z)
    t = drawn.rows.reshape(fan_out, p)
    weights = drawn.weights()
    for i in range(p * fan_out):
        sweep = i // p
        assert weights[i] == (t[sweep, i % p] * z + drawn.memories[sweep, i % z]) * fan_out + sweep
        neuron = weights[i] // fan_out
        assert (memories[i // z, i % z], rows[i // z, i % z]) == (neuron % z, neuron // z)
    assert clashes.clashes(memories) == []
    assert clashes.stall_cycles(memories) == 0


@given(junction_sizes(junctions.CLASH_FREE))
def test_the_edges_are_those_that_the_addresses_read(arguments):
    inputs, outputs, fan_out, pattern, rng, parallelism = arguments
    lanes = parallelism or math.gcd(inputs, inputs * fan_out // outputs)
    drawn = interleaver.clash_free(inputs, fan_out, lanes, pattern, rng)
    memories, rows = drawn.addresses()
    fan_in = inputs * fan_out // outputs
    edges = {(slot // fan_in, neuron) for slot, neuron in enumerate((rows * lanes + memories).flat)}
    assert edges == set(map(tuple, np.argwhere(drawn.topology(outputs).stages[0])))


def test_published_example_of_the_interleaver():
    drawn = interleaver.start_vector(32, 2, 8, "Basic", np.random.default_rng(0))
    memories, rows = drawn.addresses()
    assert (rows[45 // 8, 45 % 8], memories[45 // 8, 45 % 8]) == (1, 5)
    assert drawn.neurons()[45] == 13
    assert drawn.weights()[45] == 27


def test_published_starts_of_the_verilog():
    """Its default starts for p = 32, fo = 2, z = 8 are one vector four times, moved on by 1, 0, 2, 3."""
    published = [[1, 3, 2, 0, 0, 2, 1, 3], [2, 0, 3, 1, 3, 1, 0, 2]]
    starts = {
        tuple(interleaver.start_vector(32, 2, 8, "SV+SS", np.random.default_rng(seed)).rows[:, 0].flat)
        for seed in range(5000)
    }
    assert tuple(np.ravel(published)) in starts


def test_types_and_variants_are_what_they_are_called():
    def draw(pattern):
        return interleaver.clash_free(60, 4, 6, pattern, np.random.default_rng(3))

    assert not (np.diff(draw("clash-free-1").rows, axis=1) % 10 == 1).all()
    for pattern in ("clash-free-2", "clash-free-3"):
        assert (np.diff(draw(pattern).rows, axis=1) % 10 == 1).all()
    assert (draw("clash-free-3+MD").rows == draw("clash-free-3+MD").rows[0]).all()
    assert (draw("clash-free-3+MD").memories == draw("clash-free-3+MD").memories[0]).all()
    assert not (draw("clash-free-2").rows == draw("clash-free-2").rows[0]).all()
    assert not (draw("clash-free-2+MD").memories == draw("clash-free-2+MD").memories[0]).all()
    assert (draw("clash-free-2").memories == np.arange(6)).all()
    for variant in interleaver.VARIANTS:
        a, b = (interleaver.start_vector(60, 4, 6, variant, np.random.default_rng(seed)) for seed in (0, 1))
        assert ("MD" in variant) != np.array_equal(a.memories, b.memories)
        assert ("SV" in variant or "SS" in variant) != np.array_equal(a.rows, b.rows)


def enumerate_patterns(inputs, outputs, fan_out, pattern, lanes):
    """All adjacency matrices of a pattern, by trying every row order and every dealing of the memories."""
    depth = inputs // lanes
    counters = [[(start + k) % depth for k in range(depth)] for start in range(depth)]
    orders = list(itertools.permutations(range(depth))) if pattern.startswith("clash-free-1") else counters
    dealings = list(itertools.permutations(range(lanes))) if pattern.endswith("+MD") else [range(lanes)]
    sweeps = list(itertools.product(itertools.product(orders, repeat=lanes), dealings))
    drawn = ([s] * fan_out for s in sweeps) if "3" in pattern else itertools.product(sweeps, repeat=fan_out)
    matrices, sequences = set(), 0
    for chosen in drawn:
        rows = np.array([np.transpose(orders) for orders, _ in chosen])
        stage = Interleaver(rows, [memories for _, memories in chosen]).topology(outputs).stages[0]
        matrices.add(np.packbits(stage).tobytes())
        sequences += 1
    return len(matrices), sequences


TINY = [
    (inputs, outputs, fan_out, pattern, lanes)
    for inputs, outputs, fan_out, lanes in [
        (4, 2, 1, 2),
        (4, 2, 2, 2),
        (4, 4, 1, 4),
        (4, 4, 2, 2),
        (6, 2, 1, 2),
        (6, 2, 1, 3),
        (6, 3, 1, 6),
        (6, 4, 2, 2),
    ]
    for pattern in junctions.CLASH_FREE
    if pattern_counts.address_sequences(inputs, outputs, fan_out, pattern, lanes) < 2000
]


@pytest.mark.parametrize("arguments", TINY)
def test_counts_equal_enumeration(arguments):
    matrices, sequences = enumerate_patterns(*arguments)
    assert pattern_counts.adjacency_matrices(*arguments) == matrices
    if not arguments[3].endswith("+MD"):
        assert pattern_counts.address_sequences(*arguments) == sequences


@pytest.mark.parametrize(
    ("inputs", "outputs", "fan_out", "lanes"), [(4, 6, 3, 2), (6, 9, 3, 2), (6, 4, 2, 3), (8, 6, 3, 4)]
)
@pytest.mark.parametrize("pattern", ["clash-free-3", "clash-free-3+MD"])
def test_counts_of_type_3_equal_enumeration_where_neurons_span_sweeps(inputs, outputs, fan_out, lanes, pattern):
    matrices, _ = enumerate_patterns(inputs, outputs, fan_out, pattern, lanes)
    assert pattern_counts.adjacency_matrices(inputs, outputs, fan_out, pattern, lanes) == matrices


def test_published_counts():
    counts = [pattern_counts.address_sequences(9, 6, 2, p, 3) for p in junctions.CLASH_FREE]
    assert counts == [46656, 729, 27] * 2  # fan-in = parallelism: dither changes nothing
    dithered = [pattern_counts.address_sequences(12, 12, 2, f"clash-free-{t}+MD", 4) for t in (1, 2, 3)]
    assert dithered == [60466176, 236196, 486]
    assert pattern_counts.address_sequences(9, 6, 2, "clash-free-1") == 46656  # by default as many memories as fan-in
    # fan-in above parallelism: several address sequences make the same matrix
    assert pattern_counts.address_sequences(12, 6, 2, "clash-free-1", 2) == math.factorial(6) ** 4
    assert pattern_counts.adjacency_matrices(12, 6, 2, "clash-free-1", 2) == (math.factorial(6) // 8) ** 4


def test_a_planted_clash_is_found_and_its_stalls_counted():
    memories, _ = interleaver.clash_free(64, 4, 8, "clash-free-2+MD", np.random.default_rng(0)).addresses()
    planted = memories.copy()
    planted[5, 3] = planted[5, 0]
    planted[17, :3] = planted[17, 7]
    assert clashes.clashes(planted) == [
        clashes.Clash(5, int(planted[5, 0]), 2),
        clashes.Clash(17, int(planted[17, 7]), 4),
    ]
    assert clashes.stall_cycles(planted) == 1 + 3
    assert clashes.stall_cycles([[0, 0, 1, 1, 1]]) == 2
    assert clashes.clashes([[0, 10**12], [10**12, 10**12]]) == [clashes.Clash(1, 10**12, 2)]


@given(junction_sizes())
def test_stalls_of_any_pattern_equal_a_simulation_of_the_memories(arguments):
    (stage,) = topology.predefined(*arguments).stages
    lanes = arguments[-1] or 1
    memories = clashes.reads_in_order(stage, lanes)
    spent = 0
    for cycle in memories.tolist():
        while cycle:  # one cycle serves each memory once
            for memory in set(cycle):
                cycle.remove(memory)
            spent += 1
    assert clashes.stall_cycles(memories) == spent - len(memories)
    assert (clashes.clashes(memories) == []) == (spent == len(memories))
    assert sorted(memories.flat) == sorted(np.nonzero(stage)[1] % lanes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rng: interleaver.clash_free(8, 2, 4, "random", rng), r"pattern must be one of clash-free-1.*'random'"),
        (lambda rng: interleaver.start_vector(8, 2, 4, "VS", rng), r"variant must be one of Basic, .*, got 'VS'"),
        (lambda rng: interleaver.start_vector(8, 2, 3, "SV", rng), r"parallelism must be 2 or 4, got 3"),
        (lambda rng: Interleaver([[0, 1]], [[0, 1]]), r"rows must be a non-empty array \(sweeps, cycles, lanes\)"),
        (lambda rng: Interleaver([[[0.0], [1.0]]], [[0]]), r"rows must be .* of integers, got dtype float64"),
        (lambda rng: Interleaver([[[0], [1]]], [[0, 1]]), r"got shapes \(1, 2, 1\) and \(1, 2\)"),
        (
            lambda rng: Interleaver([[[0, 0], [0, 1]]], [[0, 1]]),
            r"rows must hold each of 0 \.\.\. 1 once per sweep and",
        ),
        (
            lambda rng: Interleaver([[[0, 0], [1, 1]]], [[1, 1]]),
            r"memories must hold each of 0 \.\.\. 1 once per sweep",
        ),
        (
            lambda rng: Interleaver([[[0], [1]]], [[0]]).topology(4),
            r"outputs must be 2 to be safe, got 4: it has to divide 2",
        ),
        (
            lambda rng: Interleaver([[[0], [1], [2]], [[2], [1], [0]]], [[0], [0]]).topology(3),
            r"outputs must be 2 or 6 to be safe, got 3: a fan-in of 2 does not divide 3 inputs",
        ),
        (
            lambda rng: interleaver.clash_free(8, 2, 4, "clash-free-1", 0),
            r"rng must be a numpy.random.Generator, got 0",
        ),
        (
            lambda rng: interleaver.start_vector(8, 2, 4, "Basic", None),
            r"rng must be a numpy.random.Generator, got None",
        ),
        (lambda rng: clashes.clashes([0, 1]), r"memories must be a non-empty array \(cycles, lanes\).*shape \(2,\)"),
        (
            lambda rng: clashes.clashes([[0], [0, 1]]),
            r"memories must be a non-empty array .*, got rows of different lengths",
        ),
        (lambda rng: clashes.clashes([[0, -1]]), r"memories must be at least 0, got -1"),
        (lambda rng: clashes.reads_in_order([[1, 2]], 2), r"must be a non-empty boolean matrix"),
        (lambda rng: clashes.reads_in_order(np.eye(4, dtype=bool)[:3], 2), r"parallelism must divide 3 edges, got 2"),
        (
            lambda rng: pattern_counts.address_sequences(8, 4, 2, "structured", 2),
            r"pattern must be one of clash-free-1",
        ),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make(np.random.default_rng(0))
