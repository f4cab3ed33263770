"""The number format of a deployed model: the one in which the machine answers most nearly as the model does."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from fabric.hardware.deployment._flow import begin
from fabric.hardware.deployment._places import Place
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.torus import GoldenMachine, Program

_LEAST_RANGE = 8.0  # of activation words, as in `FixedPoint()`: sums of that size come with training


def choose_format(
    places: Sequence[Place],
    inference: Program,
    x: np.ndarray,
    sums: np.ndarray,
    reach: float,
    word: int,
    weight: int,
    slowest: int,
) -> FixedPoint:
    """Choose where the binary points stand, for words of given widths.

    Weights and errors get as few bits before the point as hold them. Activations get as many as make the golden model's
    outputs those of the model: too few clip its sums, too many round them.

    Args:
        places: of all layers.
        inference: gives the sums of the outputs.
        x: inputs where they stand, (samples, rows · places).
        sums: of the model's outputs where they stand, (samples, rows · columns in the order of the mapping).
        reach: the largest absolute value of an input that will come.
        word, weight, slowest: as in `FixedPoint`.

    Raises:
        ValueError: inputs that no activation word of the width holds.
    """
    largest = max(1.0, *chain.from_iterable(map(_sizes, places)))
    stored = weight - 2 - int(np.floor(np.log2(largest)))
    errors = places[-1].layer.activation != "sigmoid"  # those of a sigmoid are below one
    most = 2.0 ** (word - 2)
    if reach > most:
        raise ValueError(
            f"samples must be from {-most:g} to {most:g} for words of {word} bits, got up to {reach:g}: scale them, "
            "for instance to unit variance, or give wider words"
        )

    def error(fixed: FixedPoint) -> float:
        machine = GoldenMachine(inference.mapping, fixed)
        machine.load([fixed.weights(array) for array in begin(places, fixed)])
        found = machine.run(inference, fixed.activations(x)) / 2**fixed.activation_fraction
        return float(((found - sums) ** 2).mean())

    fractions = [a for a in range(word - 2, 0, -1) if 2.0 ** (word - 1 - a) >= min(max(_LEAST_RANGE, reach), most)]
    return min(  # of equal ones the finest
        (FixedPoint(word, weight, a, min(max(a, word - 1 - errors), a + 12), stored, slowest) for a in fractions),
        key=error,
    )


def _sizes(place: Place) -> list[float]:
    return [float(np.abs(array).max(initial=0.0)) for array in place.weights()]
