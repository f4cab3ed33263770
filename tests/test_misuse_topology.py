"""Wrong types, sizes, NaN, huge numbers and foreign objects for every public function of topologies and constraints."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest
from misuse import Fresh, call, faults, limited, public

from fabric import constraints, topology
from fabric.topology import clashes, interleaver, junctions, pattern_counts, permutations, scatter, skips

SMALL = topology.clos(4, 4, 2, 2, 2)
ORDER = topology.clash_free(8, 2, 4, "clash-free-1", np.random.default_rng(0))
RNG = Fresh(lambda: np.random.default_rng(0))
# One call that is right for every public function. What is missing here fails the first test.
RIGHT: dict[Callable, dict[str, object]] = {
    topology.Topology: {"stages": [np.ones((2, 3), bool)], "name": "mine"},
    topology.family: {"make": None},
    topology.dense: {"inputs": 4, "outputs": 3},
    topology.low_rank: {"inputs": 4, "outputs": 3, "rank": 2},
    topology.random_sparse: {"inputs": 4, "outputs": 3, "edges": 5, "rng": RNG},
    topology.clos: {"inputs": 4, "outputs": 4, "input_routers": 2, "middle_routers": 2, "output_routers": 2},
    topology.multistage_clos: {"inputs": 4, "outputs": 4, "routers": (2, 2, 2)},
    topology.router_sizes: {"neurons": 8, "routers": 3},
    topology.butterfly: {"n": 8, "radix": 2},
    topology.parallel_butterfly: {"n": 8, "count": 2, "radix": 2},
    topology.hypercube: {"n": 8, "depth": 2},
    topology.torus: {"shape": (3, 4), "depth": 2},
    topology.mesh: {"shape": (3, 4), "depth": 2},
    topology.predefined: {
        "inputs": 8, "outputs": 4, "fan_out": 2, "pattern": "clash-free-1", "rng": RNG, "parallelism": 4,
    },
    topology.Interleaver: {"rows": [[[0, 1], [1, 0]]], "memories": [[0, 1]]},
    topology.clash_free: {"inputs": 8, "fan_out": 2, "parallelism": 4, "pattern": "clash-free-1", "rng": RNG},
    topology.start_vector: {"inputs": 8, "fan_out": 2, "parallelism": 4, "variant": "SV", "rng": RNG},
    clashes.clashes: {"memories": [[0, 0], [0, 1]]},
    clashes.stall_cycles: {"memories": [[0, 0], [0, 1]]},
    clashes.reads_in_order: {"stage": np.ones((2, 4), bool), "parallelism": 2},
    ORDER.topology: {"outputs": 4, "name": "mine"},
    junctions.densities: {"widths": (8, 4, 2), "fan_outs": (2, 1)},
    junctions.valid_fan_outs: {"inputs": 8, "outputs": 4, "pattern": "structured"},
    junctions.nearest_fan_out: {"inputs": 8, "outputs": 4, "density": 0.5, "pattern": "structured"},
    junctions.check_pattern: {"pattern": "structured"},
    junctions.clash_free_type: {"pattern": "clash-free-2"},
    junctions.check_fan_out: {"inputs": 8, "outputs": 4, "fan_out": 2, "pattern": "structured"},
    junctions.check_parallelism: {"inputs": 8, "parallelism": 4},
    junctions.default_parallelism: {"inputs": 8, "outputs": 4, "fan_out": 2},
    junctions.divisors: {"number": 12},
    junctions.nearest: {"value": 3, "valid": [2, 4]},
    pattern_counts.address_sequences: {
        "inputs": 8, "outputs": 4, "fan_out": 2, "pattern": "clash-free-1", "parallelism": 4,
    },
    pattern_counts.adjacency_matrices: {
        "inputs": 8, "outputs": 4, "fan_out": 2, "pattern": "clash-free-1", "parallelism": 4,
    },
    permutations.spreads: {"permutation": [1, 0, 2]},
    permutations.spread: {"permutation": [1, 0, 2]},
    permutations.dispersion: {"permutation": [1, 0, 2]},
    scatter.windows: {"shape": (4, 4), "size": (2, 2), "stride": (1, 2)},
    scatter.scatter: {"connections": np.eye(4), "over": [[0, 1], [2, 3]]},
    scatter.network_scatter: {
        "topology": topology.dense(2, 2), "over": [[[0], [1]], [[0], [1]]], "net_over": ([[0]], [[0]]), "real": (2, 2),
    },
    skips.checked: {"topology": SMALL, "skips": [None, None, None]},
    skips.identity: {"topology": SMALL},
    skips.off_support: {"topology": SMALL},
    skips.from_input: {"topology": SMALL},
    constraints.coloring: {"topology": SMALL, "rng": RNG, "skips": None, "attempts": 2},
    constraints.brute_force: {"topology": topology.butterfly(4), "skips": None},
    constraints.closed_form: {"topology": SMALL},
    constraints.jacobian_rank: {"topology": SMALL, "rng": RNG, "skips": None},
}  # fmt: skip
VALUES_ONLY = {constraints.Coloring, clashes.Clash, junctions.Densities, scatter.NetworkScatter}  # made by functions


def test_every_public_function_stands_in_the_table_with_all_its_arguments():
    modules = topology, constraints, clashes, interleaver, junctions, pattern_counts, permutations, scatter, skips
    known = {*RIGHT, *VALUES_ONLY}
    assert [name for name, function in public(*modules).items() if function not in known] == []
    for function, arguments in RIGHT.items():
        assert list(inspect.signature(function).parameters) == list(arguments), function


def test_the_right_calls_are_right():
    for function, arguments in RIGHT.items():
        if function is not topology.family:
            call(function, arguments)


CASES = [
    pytest.param(function, argument, id=f"{function.__module__.removeprefix('fabric.')}.{function.__name__}-{argument}")
    for function, arguments in RIGHT.items()
    for argument in arguments
]


# What some functions rightly take of the values above; a name alone stands for the argument of every function.
ACCEPTED = {
    "depth": {"None"},
    "parallelism": {"None"},
    "skips": {"None"},
    "attempts": {"None"},
    "real": {"None"},
    "name": {"text"},
    "density": {"zero"},
    "number": {"billion"},
    "value": {"zero", "negative", "billion", "beyond 64 bits", "beyond printing"},
    "topology": {"topology", "topology with too many paths"},
    (topology.Topology, "stages"): {"cube"},
    (constraints.brute_force, "skips"): {"list of None"},
    (topology.multistage_clos, "routers"): {"thousand twos"},
    (junctions.default_parallelism, "inputs"): {"billion", "beyond 64 bits", "beyond printing"},
    (junctions.default_parallelism, "outputs"): {"billion", "beyond 64 bits", "beyond printing"},
    (junctions.default_parallelism, "fan_out"): {"billion", "beyond 64 bits", "beyond printing"},
    (junctions.nearest, "valid"): {"empty list", "empty array", "billions", "negatives", "thousand twos"},
}


@pytest.mark.parametrize(("function", "argument"), CASES)
def test_a_wrong_argument_is_named_with_its_value(function, argument):
    accepted = ACCEPTED.get(argument, set()) | ACCEPTED.get((function, argument), set())
    assert not faults(function, RIGHT[function], argument, accepted=accepted)


M = 1 << 20
TOO_LARGE_TOGETHER = {
    "inputs = 1048576, outputs = 1048576:": lambda: topology.dense(M, M),
    "inputs = 1048576, outputs = 8, rank = 65536": lambda: topology.low_rank(M, 8, 1 << 16),
    "inputs = 32768, outputs = 32768": lambda: topology.random_sparse(1 << 15, 1 << 15, 3, np.random.default_rng(0)),
    "middle_routers = 1048576": lambda: topology.clos(4096, 4096, 64, M, 64),
    "routers = \\[1000, 1000, 1000, 1000\\]": lambda: topology.multistage_clos(1000, 1000, [1000] * 4),
    "n = 1048576, radix = 2": lambda: topology.butterfly(M),
    "n = 8, count = 1048576, radix = 2": lambda: topology.parallel_butterfly(8, M),
    "count must be at most .*, got 1000000000": lambda: topology.parallel_butterfly(8, 10**9),
    "routers must be at most .*, got 1000000000": lambda: topology.router_sizes(8, 10**9),
    "n = 65536, depth = 16": lambda: topology.hypercube(1 << 16),
    "shape = \\(1024, 1024\\), depth = 2": lambda: topology.torus((1024, 1024), 2),
    "shape = \\(1024, 1024\\), depth = 3": lambda: topology.mesh((1024, 1024), 3),
    "fan_out = 65536: 68,719,476,736": lambda: topology.clash_free(
        M, 1 << 16, 1, "clash-free-1", np.random.default_rng(0)
    ),
    "outputs = 262144: 274,877,906,944": lambda: topology.clash_free(
        M, 2, M, "clash-free-2", np.random.default_rng(0)
    ).topology(1 << 18),
    "inputs = 8192, outputs = 8192": lambda: pattern_counts.address_sequences(8192, 8192, 8, "clash-free-1"),
    "at most 65536 entries.*got 65537": lambda: permutations.dispersion(range(65537)),
    "at most 16,777,216 neurons.*\\(8192, 8192\\)": lambda: scatter.windows((8192, 8192), (1, 1), (1, 1)),
    "134,217,728 entries in windows": lambda: scatter.windows((M,), (M // 2,), (1,)),
    "cycles times different memories, got 20,000 times 20,000": lambda: clashes.clashes(np.arange(20000)[:, None]),
    "10,000 trials find the best set of paths, got <Topology low_rank": lambda: constraints.brute_force(
        topology.low_rank(10, 10, 1)
    ),
    "Jacobian of at most .* numbers, got <Topology dense": lambda: constraints.jacobian_rank(
        topology.dense(256, 256), np.random.default_rng(0)
    ),
    "at most 16,777,216 parameters to be coloured, got <Topology dense": lambda: constraints.coloring(
        topology.dense(8192, 8192), np.random.default_rng(0)
    ),
}


@pytest.mark.parametrize("message", TOO_LARGE_TOGETHER)
def test_what_is_too_large_to_build_or_to_try_is_refused_at_once(message):
    with limited(), pytest.raises(ValueError, match=message):
        TOO_LARGE_TOGETHER[message]()


def test_a_colouring_whose_table_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("fabric.constraints._coloring._MOST_SEGMENTS", 15)
    with pytest.raises(
        ValueError, match=r"at most 15 pairs of neurons in the table of rule 4, got <Topology low_rank.*: 16"
    ):
        constraints.coloring(topology.low_rank(4, 4, 2), np.random.default_rng(0))
