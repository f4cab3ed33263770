"""A data set in two parts, and what is done with one before a network is trained on it."""

from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Dataset:
    """Features float32 (samples, features) in 0 ... 1 and labels int64 (samples,).

    Attributes:
        train_x, train_y, test_x, test_y: the two parts.
        image: (channels, height, width) where the features are the pixels of an image, channel by channel and row by
            row; None where they are none.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    image: tuple[int, int, int] | None = None

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
        if not 0 <= samples < len(self.train_y):
            raise ValueError(f"samples must be from 0 to {len(self.train_y) - 1}, got {samples!r}")
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
        """The first `samples` of the training part, or all where there are fewer, beside the whole test part."""
        return replace(self, train_x=self.train_x[:samples], train_y=self.train_y[:samples])

    def padded(self, inputs: int) -> "Dataset":
        """Zeros appended to the features up to the `inputs` of a network; an image is then none any more.

        Raises:
            ValueError: there are more features than that.
        """
        if inputs < self.features:
            raise ValueError(
                f"network must take at least the {self.features} features of the data, its first layer has {inputs}"
            )
        if inputs == self.features:
            return self
        pad = (0, inputs - self.features)
        return replace(
            self, train_x=functional.pad(self.train_x, pad), test_x=functional.pad(self.test_x, pad), image=None
        )

    def check_outputs(self, outputs: int) -> None:
        """Nothing where a network has an output for each class.

        Raises:
            ValueError: it has fewer.
        """
        if outputs < self.classes:
            raise ValueError(f"network must have at least {self.classes} outputs, its last layer has {outputs}")
