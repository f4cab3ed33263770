"""MNIST-1D (Greydanus 2020): ten templates of twelve points, distorted, each a sequence of 40 numbers; drawn, not read.

Templates, distortions and their sizes are those of github.com/greydanus/mnist1d, and the numbers are drawn in its order
from NumPy's old generator with its seed: these are the published samples, to rounding.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

STEPS = 40
SEED = 42
_PER_CLASS = 500
_TRAINING = 4000
_POINTS = 12
_PADDING = (36, 60)  # points that follow a template
_LONGEST = _POINTS + _PADDING[1]
_SCALE = 0.4  # whole width of the range of factors around 1
_SHIFTS = 48
_SMOOTH_NOISE, _SMOOTHED_OVER = 0.25, 2.0  # around a template
_NOISE = 0.02  # everywhere
_SLOPE = 0.75  # whole width of the range around 0
_DIGITS = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)


@dataclass(frozen=True)
class Distortions:
    """What happens to each of n templates, in this order.

    Attributes:
        padding: int64 (n,), zeros appended; all is then stretched to 72 points.
        scale: float64 (n,), a factor.
        shift: int64 (n,), points to the right, around the end.
        smooth_noise: float64 (n, 72), takes the place of the zeros after a Gaussian of two points has smoothed it.
        noise: float64 (n, 72), added.
        slope: float64 (n,), how far the end is lowered and the beginning raised, together.
    """

    padding: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    smooth_noise: np.ndarray
    noise: np.ndarray
    slope: np.ndarray


def generate(seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training sequences, their labels, test sequences, their labels; with the default seed the published ones.

    Returns:
        Sequences float64 (4000 or 1000, 40), of zero mean and unit variance all together; labels int64.
    """
    old = np.random.RandomState(seed)
    labels = np.repeat(np.arange(len(_DIGITS)), _PER_CLASS)
    sequences = distorted(templates()[labels], _drawn(len(labels), old))
    order = old.permutation(len(labels))
    sequences, labels = sequences[order], labels[order]
    sequences = (sequences - sequences.mean()) / sequences.std()
    return sequences[:_TRAINING], labels[:_TRAINING], sequences[_TRAINING:], labels[_TRAINING:]


def templates() -> np.ndarray:
    """The ten digits, float64 (10, 12): each begins and ends at zero, with a standard deviation of a sixth."""
    digits = np.array(_DIGITS)
    return (digits - digits[:, :1]) / (6 * digits.std(axis=1, keepdims=True))


def distorted(signals: np.ndarray, by: Distortions) -> np.ndarray:
    """Templates (n, 12) as sequences (n, 40), float64."""
    points = np.arange(_LONGEST)
    places = points * (_POINTS + by.padding[:, None] - 1) / (_LONGEST - 1)
    padded = np.pad(signals, ((0, 0), (0, _PADDING[1])))
    x = by.scale[:, None] * _interpolated(padded, places)
    # The last point of a template leads to the first zero: what lies between them is the template's still.
    rolled = (points - by.shift[:, None]) % _LONGEST
    x, places = np.take_along_axis(x, rolled, 1), np.take_along_axis(places, rolled, 1)
    x = np.where(places < _POINTS, x, ndimage.gaussian_filter1d(by.smooth_noise, _SMOOTHED_OVER, axis=1))
    x += by.noise - by.slope[:, None] * np.linspace(-0.5, 0.5, _LONGEST)
    kept = np.arange(STEPS) * (_LONGEST - 1) / (STEPS - 1)
    return _interpolated(x, np.broadcast_to(kept, (len(x), STEPS)))


def _drawn(count: int, old: np.random.RandomState) -> Distortions:
    """Sample after sample, as published."""
    low, high = _PADDING
    rows = [
        (
            low + int((high - low + 1) * old.random_sample()),
            1 + _SCALE * (old.random_sample() - 0.5),
            old.randint(_SHIFTS),
            _SMOOTH_NOISE * old.standard_normal(_LONGEST),
            _NOISE * old.standard_normal(_LONGEST),
            _SLOPE * (old.random_sample() - 0.5),
        )
        for _ in range(count)
    ]
    return Distortions(*map(np.array, zip(*rows, strict=True)))


def _interpolated(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Each row of x (n, points) at its places (n, ...), linearly between the points."""
    left = np.minimum(places.astype(int), x.shape[1] - 2)
    below, above = (np.take_along_axis(x, at, 1) for at in (left, left + 1))
    return below + (places - left) * (above - below)
