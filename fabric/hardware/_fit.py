"""Number formats chosen from data: those with which the golden model learns a stretch of samples best."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from fabric.hardware._checks import array, whole
from fabric.hardware._protocol import TrainingMachine
from fabric.hardware.fixed_point import RATES, FixedPoint
from fabric.hardware.junctions import GoldenJunctions, JunctionProgram
from fabric.hardware.torus import GoldenMachine, Program

_GAPS = range(5)  # bits after the binary point that deltas, which are small, have more than activations
_USUAL = FixedPoint()


def fit_format(
    program: Program | JunctionProgram,
    weights: Sequence[np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    rate_exponent: int,
    word: int = 9,
    weight: int = 12,
) -> FixedPoint:
    """Choose where the binary points stand, for words of given widths.

    The golden model trains on the samples once for each of some twenty formats, as many as there are places for the
    point of activations, then of deltas, then of weights. The best has the least squared error of the outputs on the
    second half of the samples: too few bits before a point clip what the network has learned, too few after it lose
    what it learns. `saturations` of a run with the format say what it still clips.

    Args:
        program: trains.
        weights: at the start, floats, one array a phase or a junction as `TrainingMachine.load` takes them.
        inputs: floats (samples, inputs), at least two samples; a thousand or more tell formats apart.
        targets: floats (samples, outputs).
        rate_exponent: the learning rate is 2 ** -rate_exponent.
        word, weight: bits, as in `FixedPoint`.

    Raises:
        TypeError: another program than one of a torus or of junctions.
        ValueError: a program that does not train, or arrays and widths that do not fit.
    """
    golden = _golden(program)
    word = whole("word", word, 4, 16)
    guard = whole("weight", weight, word, 24) - word
    rate_exponent = whole("rate_exponent", rate_exponent, -32, 32)
    reals = [array(name, values, "biuf", "real numbers") for name, values in (("inputs", inputs), ("targets", targets))]
    for name, values in zip(("inputs", "targets"), reals, strict=True):
        if np.isnan(values).any():
            raise ValueError(f"{name} must be real numbers, got NaN {np.isnan(values).sum()} times")
    if reals[0].ndim != 2 or len(reals[0]) < 2:
        raise ValueError(
            f"inputs must have shape (samples, {program.inputs}), two samples or more, got {reals[0].shape}"
        )
    if not isinstance(weights, (list, tuple)) or not weights:
        raise ValueError(f"weights must be a list of arrays of floats, got {type(weights).__name__}")
    floats = [array("weights", values, "biuf", "real numbers") for values in weights]

    def error(fixed: FixedPoint) -> float:
        machine = golden(fixed)
        machine.load([fixed.weights(values) for values in floats])
        wanted = fixed.activations(reals[1])
        outputs = machine.run(program, fixed.activations(reals[0]), wanted, rate_exponent)
        late = slice(len(wanted) // 2, None)
        return float(((outputs[late] / 2**fixed.activation_fraction - reals[1][late]) ** 2).mean())

    largest = max((float(np.abs(values).max()) for values in floats if values.size), default=1.0)
    fitting = word - 2 - int(np.ceil(np.log2(max(largest, 2.0**-word))))  # one bit for weights to grow
    operand = min(max(fitting, 1), word)
    gap = _USUAL.delta_fraction - _USUAL.activation_fraction

    def best(candidates: Iterable[tuple[int, int, int]]) -> FixedPoint:
        formats = [_format(word, weight, a, a + more, guard + o, rate_exponent) for a, more, o in candidates]
        possible = [fixed for fixed in formats if fixed is not None]
        if not possible:
            raise ValueError(
                f"rate_exponent must be one that {word}- and {weight}-bit words can take, got {rate_exponent}"
            )
        return min(possible, key=error)

    chosen = best((a, gap, operand) for a in range(1, word))
    a = chosen.activation_fraction
    chosen = best((a, more, operand) for more in _GAPS)
    gap = chosen.delta_fraction - a
    return best((a, gap, o) for o in (operand - 1, operand, operand + 1) if 1 <= o <= word + 4)


def _golden(program: object) -> Callable[[FixedPoint], TrainingMachine]:
    """The golden model that runs a program, by its format."""
    if not isinstance(program, (Program, JunctionProgram)):
        raise TypeError(f"program must be a Program or a JunctionProgram, got {program!r}")
    if not program.trains:
        raise ValueError(f"program must be one that trains, got mode {program.mode}")
    if isinstance(program, Program):
        return partial(GoldenMachine, program.mapping)
    return partial(GoldenJunctions, program.network)


def _format(word: int, weight: int, activation: int, delta: int, stored: int, rate_exponent: int) -> FixedPoint | None:
    """The format, its rates around the one that is wanted and as close to the usual as they can be; None if none is."""
    slowest = range(rate_exponent, rate_exponent + RATES)
    for rates in sorted(slowest, key=lambda rate: abs(rate - _USUAL.slowest)):
        try:
            return replace(_USUAL, word=word, weight=weight, activation_fraction=activation, delta_fraction=delta,
                           weight_fraction=stored, slowest=rates)  # fmt: skip
        except ValueError:
            continue
    return None
