"""One protocol for five machines: the same methods, and the same words for the same mistakes."""

import inspect

import numpy as np
import pytest

from fabric.hardware import (
    FixedPoint,
    GoldenMachine,
    Machine,
    NetlistMachine,
    Torus,
    TorusMapping,
    TrainingMachine,
    cycles,
    program,
)
from fabric.hardware.junctions import GoldenJunctions, JunctionMachine, JunctionNetwork, JunctionProgram

FIXED = FixedPoint()
MAPPING = TorusMapping([(16, 16, 4, 4, 4)])
WIDER = TorusMapping([(64, 64, 8, 8, 8)])
SIZES = ([16, 8, 4], [2, 2], [8, 4], "clash-free-2")
NETWORK, OTHER = (JunctionNetwork.drawn(*SIZES, np.random.default_rng(seed)) for seed in (0, 1))


def methods(kind) -> dict[str, list[str]]:
    return {
        name: list(inspect.signature(getattr(kind, name)).parameters) for name in ("reset", "load", "weights", "run")
    }


@pytest.mark.parametrize("kind", [GoldenMachine, Machine, NetlistMachine, GoldenJunctions, JunctionMachine])
def test_every_machine_has_the_methods_of_the_protocol(kind):
    """Same names in the same order; what a machine takes beyond them has a default."""
    for name, wanted in methods(TrainingMachine).items():
        signature = inspect.signature(getattr(kind, name))
        assert list(signature.parameters)[: len(wanted)] == wanted
        more = list(signature.parameters.values())[len(wanted) :]
        assert all(parameter.default is not inspect.Parameter.empty for parameter in more)
        assert signature.return_annotation == inspect.signature(getattr(TrainingMachine, name)).return_annotation
        assert inspect.getdoc(getattr(kind, name))


GOLDEN = {
    "torus": (GoldenMachine(MAPPING, FIXED), program(MAPPING, "sequential"), program(MAPPING, "inference"), (16, 16)),
    "junctions": (
        GoldenJunctions(NETWORK, FIXED),
        JunctionProgram(NETWORK, "sequential"),
        JunctionProgram(NETWORK, "inference"),
        (16, 4),
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_refused_run_names_what_is_wrong_and_changes_nothing(name):
    machine, training, inference, (inputs, outputs) = GOLDEN[name]
    x, y = np.ones((3, inputs), dtype=int), np.ones((3, outputs), dtype=int)
    before = machine.weights()
    for arguments, error, told in (
        (
            (training, x[:, :-1], y, 5),
            ValueError,
            rf"inputs must have shape \(samples, {inputs}\).*got \(3, {inputs - 1}\)",
        ),
        ((training, x[0], y, 5), ValueError, "inputs must have shape"),
        ((training, x[:0], y[:0], 5), ValueError, "at least one sample"),
        ((training, x * 0.5, y, 5), ValueError, "inputs must be integers"),
        ((training, x * 1000, y, 5), ValueError, "inputs must be from -256 to 255, got 1000 to 1000"),
        ((training, [[1], [1, 2]], y, 5), ValueError, "inputs must be integers"),
        ((training, x, y[:2], 5), ValueError, "targets must have shape"),
        ((training, x, y[:, :-1], 5), ValueError, "targets must have shape"),
        ((training, x, y * np.nan, 5), ValueError, "targets must be integers"),
        ((training, x, None, 5), ValueError, "targets must be given"),
        ((training, x, y, None), ValueError, "rate_exponent must be an integer from 3 to 10, got None"),
        ((training, x, y, 11), ValueError, "rate_exponent must be an integer from 3 to 10, got 11"),
        ((training, x, y, True), ValueError, "rate_exponent must be an integer"),
        ((training, x, y, 5, 2), TypeError, "stochastic must be True or False, got 2"),
        ((inference, x, y), ValueError, "targets must be None"),
        ((inference, x, None, 5), ValueError, "rate_exponent must be None"),
        (("sequential", x, y, 5), TypeError, "program must be a .*Program, got 'sequential'"),
    ):
        with pytest.raises(error, match=told):
            machine.run(*arguments)
    for weights, told in (
        (before[:-1], "weights must be a list of"),
        (before[0], "weights must be a list of"),
        ([before[0][:-1], *before[1:]], "weights of .* must have shape"),
        ([before[0] + 0.5, *before[1:]], "weights of .* must be integers"),
        ([before[0] + 4096, *before[1:]], "weights of .* must be from -2048 to 2047"),
    ):
        with pytest.raises(ValueError, match=told):
            machine.load(weights)
    assert all(np.array_equal(have, want) for have, want in zip(machine.weights(), before, strict=True))


def test_a_program_of_another_mapping_is_refused():
    x = np.zeros((2, 64), dtype=int)
    with pytest.raises(
        ValueError, match=r"program must be made for the machine's TorusMapping\(\[\(16, 16, 4, 4, 4\)\]"
    ):
        GoldenMachine(MAPPING, FIXED).run(program(WIDER, "sequential"), x, x, rate_exponent=5)
    wide = TorusMapping([(16, 16, 4, 4, 4)], rows=5)
    with pytest.raises(ValueError, match="rows=5"):
        GoldenMachine(MAPPING, FIXED).run(program(wide, "inference"), x[:, :16])
    with pytest.raises(ValueError, match="program must be made for the machine's"):
        Torus.of(MAPPING, FIXED, [program(WIDER, "inference")])
    with pytest.raises(ValueError, match="for as many banks"):
        Torus.of(
            TorusMapping([(16, 16, 4, 4, 4)] * 2),
            FIXED,
            [program(TorusMapping([(16, 16, 4, 4, 4)] * 2), "inference", banks=1)],
        )


def test_a_program_of_other_edges_is_refused():
    assert NETWORK == JunctionNetwork.drawn(*SIZES, np.random.default_rng(0)) != OTHER
    with pytest.raises(ValueError, match="program must be made for the machine's JunctionNetwork"):
        GoldenJunctions(NETWORK, FIXED).run(JunctionProgram(OTHER, "inference"), np.zeros((1, 16), dtype=int))
    with pytest.raises(ValueError, match=r"mode must be one of inference, .*, got 'banana'"):
        JunctionProgram(NETWORK, "banana")


def test_weights_are_shared_by_mappings_that_differ_in_their_activations():
    """What is learned with a sigmoid is read out as sums by the program of a mapping without."""
    squashed, sums = (TorusMapping([(16, 16, 4, 4, 4)], [kind]) for kind in ("sigmoid", "identity"))
    rng = np.random.default_rng(0)
    golden = GoldenMachine(squashed, FIXED)
    golden.load([rng.integers(-800, 800, (p.rings, p.neurons, p.values)) for p in squashed.phases])
    x = rng.integers(-64, 64, (5, 16))
    z, y = (golden.run(program(mapping, "inference"), x) for mapping in (sums, squashed))
    table = FIXED.sigmoid_table()
    assert np.array_equal(y, np.where(z < 0, 32 - table[np.minimum(-z, 255)], table[np.maximum(z, 0)]))


def test_deltas_come_only_from_programs_that_emit_them():
    golden = GoldenMachine(MAPPING, FIXED)
    x = np.ones((2, 16), dtype=int)
    golden.run(program(MAPPING, "sequential", emit_deltas=True), x, x, 5)
    assert golden.deltas.shape == (2, 16)
    golden.run(program(MAPPING, "sequential"), x, x, 5)
    assert golden.deltas.shape == (0, 16)


def test_cycles_of_any_integers_do_not_overflow():
    model = cycles(program(MAPPING, "sequential"))
    assert model.total(np.int32(10**8)) == model.total(10**8) == 1 + 10**8 * model.interval + model.drain
    assert FixedPoint(np.int8(9), np.int8(12)) == FixedPoint()
    assert FixedPoint(np.int8(9)).accumulator(np.int8(100)) == 18 + 7


def test_nan_is_no_word_and_infinities_saturate():
    for quantised in (FIXED.activations, FIXED.weights):
        with pytest.raises(ValueError, match="values must be real numbers, got NaN 1 times"):
            quantised([0.0, np.nan])
        with pytest.raises(ValueError, match="values must be real numbers, got complex128"):
            quantised([1j])
    assert list(FIXED.activations([-np.inf, 1e300, 0.5])) == [-256, 255, 16]
