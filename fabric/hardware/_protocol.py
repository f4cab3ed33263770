"""What all machines have in common: one way to load, run and read them, one set of checks on what they are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from fabric.hardware._checks import flag
from fabric.hardware.fixed_point import FixedPoint

P = TypeVar("P", contravariant=True)


class TrainingMachine(Protocol[P]):
    """A machine that runs programs of the class P: golden model, Verilog or netlist, torus or junctions.

    The weights are arrays, one for each phase of a torus and for each junction of a network. A run begins and ends with
    an empty pipeline and leaves the weights changed if the program trains. What does not fit is refused with an error
    that names the argument, its value and what would be right, and the machine stays as it was.
    """

    def reset(self) -> None:
        """Random generators start anew; weights stay."""

    def load(self, weights: Sequence[np.ndarray]) -> None:
        """Set the stored weights.

        Args:
            weights: integers, one array a phase (rings, neurons, values) or a junction (edges,).

        Raises:
            ValueError: another number of arrays, other shapes, floats, or weights that the format does not hold.
        """

    def weights(self) -> list[np.ndarray]:
        """The stored weights as `load` takes them, int64."""

    def run(
        self,
        program: P,
        inputs: np.ndarray,
        targets: np.ndarray | None = None,
        rate_exponent: int | None = None,
        stochastic: bool = True,
    ) -> np.ndarray:
        """Run samples through the machine.

        Args:
            program: made for the mapping or the network of the machine.
            inputs: activation words (samples, inputs), at least one sample.
            targets: activation words (samples, outputs) for a program that trains, else None.
            rate_exponent: the learning rate is 2 ** -rate_exponent; None for a program that does not train.
            stochastic: stochastic rounding of updates, otherwise to nearest.

        Returns:
            Outputs, activation words, int64 (samples, outputs).

        Raises:
            TypeError: a program of another class.
            ValueError: a program of another mapping or network; shapes or values that do not fit.
        """


class Work(Protocol):
    """What the checks need to know of a program."""

    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def trains(self) -> bool: ...


@dataclass(frozen=True)
class Saturations:
    """How often a run has clipped what its formats do not hold.

    Attributes:
        activations: forward sums that are no activation words: more bits before the binary point help, fewer after it.
        errors: of outputs that are no delta words.
        deltas: backward sums, and their products with a slope, that are no delta words.
        weights: updates that would have left a stored weight outside its format.
    """

    activations: int = 0
    errors: int = 0
    deltas: int = 0
    weights: int = 0


class Samples(NamedTuple):
    """Checked words of a run, int16, and the left shift that is its learning rate."""

    inputs: np.ndarray
    targets: np.ndarray | None
    rate: int
    stochastic: bool


def checked_samples(
    program: Work,
    fixed: FixedPoint,
    inputs: np.ndarray,
    targets: np.ndarray | None,
    rate_exponent: int | None,
    stochastic: bool,
) -> Samples:
    """What a program is to run on; errors as those of `TrainingMachine.run`."""
    stochastic = flag("stochastic", stochastic)
    inputs = fixed.words(inputs, "inputs")
    if inputs.ndim != 2 or inputs.shape[1] != program.inputs or not len(inputs):
        raise ValueError(f"inputs must have shape (samples, {program.inputs}), at least one sample, got {inputs.shape}")
    if not program.trains:
        for name, given in (("targets", targets), ("rate_exponent", rate_exponent)):
            if given is not None:
                raise ValueError(f"{name} must be None for a program that does not train, got {type(given).__name__}")
        return Samples(inputs, None, 0, stochastic)
    if targets is None:
        raise ValueError("targets must be given for a program that trains, got None")
    targets = fixed.words(targets, "targets")
    if targets.shape != (len(inputs), program.outputs):
        raise ValueError(
            f"targets must have shape {(len(inputs), program.outputs)}, one for each of the {len(inputs)} inputs, "
            f"got {targets.shape}"
        )
    return Samples(inputs, targets, fixed.rate(rate_exponent), stochastic)


def checked_weights(
    weights: Sequence[np.ndarray], shapes: Sequence[tuple[int, ...]], parts: Sequence[str], fixed: FixedPoint
) -> list[np.ndarray]:
    """Stored weights as int64, an array of each shape; errors as those of `TrainingMachine.load` name its part."""
    kind = parts[0].partition(" ")[0]
    if not isinstance(weights, (list, tuple)) or len(weights) != len(shapes):
        got = len(weights) if isinstance(weights, (list, tuple)) else type(weights).__name__
        raise ValueError(f"weights must be a list of {len(shapes)} arrays, one a {kind}, got {got}")
    checked = [fixed.stored(values, f"weights of {part}") for values, part in zip(weights, parts, strict=True)]
    for values, shape, part in zip(checked, shapes, parts, strict=True):
        if values.shape != shape:
            raise ValueError(f"weights of {part} must have shape {shape}, got {values.shape}")
    return [values.astype(np.int64) for values in checked]
