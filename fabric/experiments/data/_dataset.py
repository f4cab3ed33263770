"""A data set in two parts, and what is done with one before a network is trained on it."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from fabric._checks import integer, integers, positive_int, shown

_MOST_FEATURES = 1 << 31  # four bytes each


@dataclass(frozen=True)
class Dataset:
    """Features float32 (samples, features) in 0 ... 1 and labels int64 (samples,).

    Attributes:
        train_x, train_y, test_x, test_y: the two parts.
        image: (channels, height, width) where the features are the pixels of an image, channel by channel and row by
            row; None where they are none.

    Raises:
        ValueError: a part that is none of this, which the message names.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    image: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            if not (_is_tensor(x, torch.float32, 2) and x.numel() and x.shape[1] == self.features):
                raise ValueError(f"{part}_x must be a float32 tensor (samples, features), got {_kind_of(x)}")
            low, high = x.aminmax()
            if not (low >= 0 and high <= 1):
                raise ValueError(f"{part}_x must hold features from 0 to 1, got {low:g} to {high:g}")
            if not (_is_tensor(y, torch.int64, 1) and len(y) == len(x) and y.min() >= 0):
                raise ValueError(
                    f"{part}_y must be an int64 tensor of {len(x)} labels, counted from 0, got {_kind_of(y)}"
                )
        if self.image is not None:
            sides = integers("image", self.image, "channels, height, width")
            if sides.shape != (3,) or sides.min() < 1 or math.prod(sides.tolist()) != self.features:
                raise ValueError(
                    f"image must be None or (channels, height, width) of the {self.features} features, "
                    f"got {shown(self.image)}"
                )

    @property
    def features(self) -> int:
        """Of each sample."""
        return self.train_x.shape[1]

    @property
    def classes(self) -> int:
        """Different labels, which are counted from 0."""
        return int(self.train_y.max()) + 1

    def hold_out(self, samples: int) -> "Dataset":
        """Replace the test part by the last `samples` of the training part, which the training part then lacks.

        Zero samples leave everything as it is: what a configuration says that tests on the test part.

        Raises:
            ValueError: `samples` is not from 0 to one less than the training part.
        """
        if not 0 <= integer("samples", samples) < len(self.train_y):
            raise ValueError(f"samples must be from 0 to {len(self.train_y) - 1}, got {shown(samples)}")
        if samples == 0:
            return self
        return replace(
            self,
            train_x=self.train_x[:-samples],
            train_y=self.train_y[:-samples],
            test_x=self.train_x[-samples:],
            test_y=self.train_y[-samples:],
        )

    def first(self, samples: int) -> "Dataset":
        """The first `samples` of the training part, or all where there are fewer, beside the whole test part.

        Raises:
            ValueError: `samples` is not a positive integer.
        """
        positive_int("samples", samples)
        return replace(self, train_x=self.train_x[:samples], train_y=self.train_y[:samples])

    def padded(self, inputs: int) -> "Dataset":
        """Zeros appended to the features up to the `inputs` of a network; an image is then none any more.

        Raises:
            ValueError: there are more features than that, or so many inputs that memory would not hold all samples.
        """
        if positive_int("inputs", inputs) < self.features:
            raise ValueError(
                f"network must take at least the {self.features} features of the data, its first layer has {inputs}"
            )
        if inputs == self.features:
            return self
        if inputs * max(len(self.train_y), len(self.test_y)) > _MOST_FEATURES:
            raise ValueError(
                f"inputs must leave at most {_MOST_FEATURES:,} features of all samples to store, got {shown(inputs)}"
            )
        pad = (0, inputs - self.features)
        return replace(
            self, train_x=functional.pad(self.train_x, pad), test_x=functional.pad(self.test_x, pad), image=None
        )

    def check_outputs(self, outputs: int) -> None:
        """Nothing where a network has an output for each class.

        Raises:
            ValueError: it has fewer.
        """
        if positive_int("outputs", outputs) < self.classes:
            raise ValueError(f"network must have at least {self.classes} outputs, its last layer has {outputs}")


def _is_tensor(value: object, dtype: torch.dtype, axes: int) -> bool:
    return isinstance(value, Tensor) and value.dtype == dtype and value.dim() == axes


def _kind_of(value: object) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else shown(value)
