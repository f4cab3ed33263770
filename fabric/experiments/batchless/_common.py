"""What every training sample by sample shares: starting weights, order of samples, words for the machine.

Networks are cascades without biases, ReLU between them and sigmoid outputs, as many as the last cascade has and at
least one a class. From one seed all of them, in fixed point and in floating point, start at the same weights and see
the same samples in the same order.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np

from fabric._checks import seed as checked_seed
from fabric._checks import sequence, shown, size
from fabric.experiments.data import Dataset
from fabric.experiments.runs import Natural, Positive, Rule
from fabric.hardware import FixedPoint

Cascade = Annotated[
    tuple[Positive, ...], Rule("(I, O, R_i, R_m, R_o), or (I, O) for a dense layer", lambda sizes: len(sizes) in (2, 5))
]
Cascades = Annotated[
    tuple[Cascade, ...], Rule("a tuple of at least one cascade, each (I, O, R_i, R_m, R_o) or (I, O)", bool)
]
Checks = Annotated[
    tuple[Positive, ...],
    Rule("a tuple of increasing positive integers", lambda checks: bool(checks) and sorted(set(checks)) == [*checks]),
]
Rates = Annotated[tuple[Natural, ...], Rule("a tuple of at least one integer from 0, one for each epoch", bool)]

_MOST_WEIGHTS = 1 << 28


def initial_weights(cascades: Sequence[Cascade], seed: int) -> list[np.ndarray]:
    """Sparse Glorot weights of each stage, float64 (rings, neurons, values): uniform in ± sqrt(6 / (fan-in + fan-out)).

    Args:
        cascades: (I, O, R_i, R_m, R_o), or (I, O) for a dense layer.
        seed: of the draw.

    Raises:
        ValueError: cascades that are none or have more than 2**28 weights in a stage, or a seed that is none.
    """
    checked(cascades)
    rng = np.random.default_rng([checked_seed(seed), 0])
    bounds = {shape: np.sqrt(6 / (shape[1] + shape[2])) for cascade in cascades for shape in _shapes(*cascade)}
    return [rng.uniform(-bounds[s], bounds[s], s) for cascade in cascades for s in _shapes(*cascade)]


def checked(cascades: Sequence[Cascade]) -> Sequence[Cascade]:
    """Return `cascades`, or raise ValueError unless each is (I, O, R_i, R_m, R_o) or (I, O)."""
    if len(sequence("cascades", cascades, "cascades")) == 0:
        raise ValueError(f"cascades must hold at least one cascade, got {shown(cascades)}")
    for cascade in cascades:
        sizes = [size("cascades", each) for each in sequence("cascades", cascade, "cascades of integers")]
        if len(sizes) not in (2, 5):
            raise ValueError(f"cascades must hold (I, O, R_i, R_m, R_o) or (I, O), got {shown(cascade)}")
        for rings, neurons, values in _shapes(*sizes):
            if rings * neurons * values > _MOST_WEIGHTS:
                raise ValueError(
                    f"cascades must have stages of at most {_MOST_WEIGHTS:,} weights, got {shown(cascade)}"
                )
    return cascades


def _shapes(inputs: int, outputs: int, *routers: int) -> list[tuple[int, int, int]]:
    if not routers:
        return [(1, outputs, inputs)]
    r_i, r_m, r_o = routers
    return [(r_i, r_m, inputs // r_i), (r_m, r_o, r_i), (r_o, outputs // r_o, r_m)]


def orders(seed: int, samples: int, epochs: int) -> Iterator[np.ndarray]:
    """The order of the samples in each epoch."""
    rng = np.random.default_rng([seed, 1])
    for _ in range(epochs):
        yield rng.permutation(samples)


def stretches(checks: Sequence[int], samples: int, epochs: int) -> Iterator[tuple[int, slice, bool]]:
    """A training cut at the end of each epoch and where accuracy is measured, up to the last measurement.

    Args:
        checks: numbers of samples, all epochs counted together, after which accuracy is measured; increasing.
        samples: of an epoch.
        epochs: at most.

    Yields:
        Epoch, the part of it as a slice of its order, and whether accuracy is measured after it.

    Raises:
        ValueError: checks that do not increase from one to the end of the last epoch.
    """
    if not checks or any(b <= a for a, b in pairwise([0, *checks])) or checks[-1] > samples * epochs:
        raise ValueError(f"checks must increase within 1 and {samples * epochs} samples, got {tuple(checks)}")
    ends = sorted({*checks, *range(samples, checks[-1], samples)})
    for begin, end in pairwise([0, *ends]):
        first = begin - begin % samples
        yield begin // samples, slice(begin - first, end - first), end in checks


def samples(
    data: Dataset, cascades: Sequence[Cascade], fixed_point: FixedPoint
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training inputs (samples, inputs), their targets (samples, outputs), zero or one, and test inputs, as words.

    Raises:
        ValueError: more features or classes than the network takes.
    """
    data.check_outputs(cascades[-1][1])
    data = data.padded(cascades[0][0])
    one_hot = fixed_point.activations(np.eye(cascades[-1][1])).astype(np.int16)
    train_x, test_x = (fixed_point.activations(x.numpy()).astype(np.int16) for x in (data.train_x, data.test_x))
    return train_x, one_hot[data.train_y.numpy()], test_x
