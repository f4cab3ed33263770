"""Data sets by name: the digits that ship with scikit-learn, published images; generated: MNIST-1D and Morse code."""

import re
from functools import lru_cache
from typing import Annotated

import numpy as np
import torch
from scipy import ndimage
from sklearn import datasets as bundled
from torch import Tensor
from torch.nn import functional

from fabric._checks import shown
from fabric.experiments.data import _mnist1d, morse
from fabric.experiments.data._dataset import Dataset
from fabric.experiments.data._files import images_and_labels
from fabric.experiments.runs import Rule

_GREY = (1, 28, 28)
_COLOURED = (3, 32, 32)
_SEQUENCE = (1, _mnist1d.STEPS, 1)  # read row by row
_IMAGES = {
    "digits": _GREY,
    "mnist": _GREY,
    "fashion_mnist": _GREY,
    "cifar10": _COLOURED,
    "cifar100": _COLOURED,
    "mnist1d": _SEQUENCE,
}
_REDUCED = re.compile(
    r"(digits|mnist|fashion_mnist|cifar10|cifar100)-([1-9]|1\d|2[0-8])x\2(?:-shuffled-(0|[1-9]\d{0,5}))?"
)
_WANTED = (
    f"one of {', '.join(_IMAGES)} or begin with 'morse-'; images but mnist1d are reduced as in 'mnist-16x16', to sides "
    "from 1 to 28, and their pixels shuffled as in 'mnist-16x16-shuffled-0'"
)
_DIGITS_TEST = 360  # of 1,797: a fifth


def is_known(name: str) -> bool:
    """Whether `load` takes this name. What is wrong within the name of a Morse data set, `load` says."""
    return name in _IMAGES or name.startswith("morse-") or _REDUCED.fullmatch(name) is not None


DatasetName = Annotated[str, Rule(_WANTED, is_known)]


def load(name: str) -> Dataset:
    """A data set by name: "mnist", "fashion_mnist", "cifar10", "cifar100" (its 100 fine classes); without a file
    "digits", "mnist1d", "morse-0" etc.

    Digits are the 1,797 8×8 images of scikit-learn, resampled to 28×28 by linear interpolation, shuffled with a fixed
    seed and split 1,437 to 360. MNIST-1D has the published 4,000 and 1,000 sequences of 40 numbers, which are drawn
    anew; all are shifted and scaled alike, to 0 ... 1, and each is an image of 40 rows of one pixel.

    A size after the name of a set of images reduces them: "mnist-16x16" has 256 features, each the mean of the pixels
    in its share of the image (windows of 2 or 3 pixels a side; neighbours may share a row or column), "cifar10-16x16"
    as many of each colour. "mnist-16x16-shuffled-3" has them in another order, drawn with the seed 3, the same for all
    images, which then are none. Morse code is generated from its name, e.g. "morse-2+leading": noise 2 and a leading
    space, see `fabric.experiments.data.morse.recipe`; a configuration holds the name, which says everything.

    Raises:
        ValueError: unknown name.
        DataError: a file is missing from FABRIC_DATA or damaged.
    """
    if not (isinstance(name, str) and is_known(name)):
        raise ValueError(f"dataset must be {_WANTED}, got {shown(name)}")
    return _loaded(name)


@lru_cache(maxsize=2)
def _loaded(name: str) -> Dataset:
    if name == "digits":
        return _digits()
    if name == "mnist1d":
        return _sequences()
    if name.startswith("morse-"):
        train_x, train_y, test_x, test_y = map(torch.from_numpy, morse.generate(morse.recipe(name)))
        return Dataset(train_x, train_y, test_x, test_y)
    if reduced := _REDUCED.fullmatch(name):
        small = _reduced(load(reduced[1]), int(reduced[2]))
        return small if reduced[3] is None else _shuffled(small, int(reduced[3]))
    images, labels, test_images, test_labels = images_and_labels(name)
    return Dataset(
        _features(images, 255), _labels(labels), _features(test_images, 255), _labels(test_labels), _IMAGES[name]
    )


def _digits() -> Dataset:
    images, labels = bundled.load_digits(return_X_y=True)
    images = ndimage.zoom(images.reshape(-1, 8, 8), (1, 3.5, 3.5), order=1, grid_mode=True, mode="nearest")
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[:-_DIGITS_TEST], order[-_DIGITS_TEST:]
    return Dataset(
        _features(images[train], 16),
        _labels(labels[train]),
        _features(images[test], 16),
        _labels(labels[test]),
        _GREY,
    )


def _sequences() -> Dataset:
    train, train_labels, test, test_labels = _mnist1d.generate()
    low = min(train.min(), test.min())
    scale = max(train.max(), test.max()) - low
    return Dataset(
        _features(train - low, scale),
        _labels(train_labels),
        _features(test - low, scale),
        _labels(test_labels),
        _SEQUENCE,
    )


def _reduced(data: Dataset, side: int) -> Dataset:
    """Images as side × side ones, by means over windows."""
    assert data.image is not None  # names of images only are reduced

    def reduce(x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(x.unflatten(1, data.image), side).flatten(1)

    image = (data.image[0], side, side)
    return Dataset(reduce(data.train_x), data.train_y, reduce(data.test_x), data.test_y, image)


def _shuffled(data: Dataset, seed: int) -> Dataset:
    """The same features in another order."""
    order = torch.from_numpy(np.random.default_rng(seed).permutation(data.features))
    return Dataset(data.train_x[:, order], data.train_y, data.test_x[:, order], data.test_y)


def _features(images: np.ndarray, scale: float) -> Tensor:
    return torch.from_numpy(images.reshape(len(images), -1).astype(np.float32) / np.float32(scale))


def _labels(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64))
