"""Number formats of the training machine and the two ways it rounds. The arithmetic of rtl/README.md."""

from dataclasses import dataclass

import numpy as np

from fabric._checks import positive_int
from fabric.hardware._checks import array, whole, words

RATES = 8  # learning rates are powers of two, this many neighbouring ones without a new build


@dataclass(frozen=True)
class FixedPoint:
    """Signed two's complement formats: bits in all and bits after the binary point.

    The three multipliers of a processing element take operands of `word` bits. A stored weight may be wider: its upper
    `word` bits are the operand, the rest are guard bits that only updates see.

    Attributes:
        word: bits of activations, deltas, targets and weight operands.
        weight: bits of a stored weight, at least `word`.
        activation_fraction, delta_fraction, weight_fraction: bits after the binary point; that of weights is of the
            stored ones.
        slowest: the smallest learning rate is 2 ** -slowest, the largest 2 ** (7 - slowest).

    Raises:
        ValueError: a format that the machine cannot hold.
    """

    word: int = 9
    weight: int = 12
    activation_fraction: int = 5
    delta_fraction: int = 8
    weight_fraction: int = 10
    slowest: int = 10

    def __post_init__(self) -> None:
        self._keep("word", 4, 16)
        self._keep("weight", self.word, 24)
        self._keep("activation_fraction", 1, self.word - 1)
        self._keep("delta_fraction", self.activation_fraction, self.activation_fraction + 12)
        self._keep("weight_fraction", self.guard + 1, self.guard + self.word + 4)
        self._keep("slowest", -64, 64)
        whole("update_shift, which is activation_fraction + delta_fraction - weight_fraction + slowest,",
              self.update_shift, 2, 16)  # fmt: skip

    def _keep(self, name: str, least: int, most: int) -> None:
        """Check a field; keep it as Python's own integer, which cannot overflow."""
        object.__setattr__(self, name, whole(name, getattr(self, name), least, most))

    @property
    def guard(self) -> int:
        """Bits of a stored weight below its operand."""
        return self.weight - self.word

    @property
    def operand_fraction(self) -> int:
        """Bits after the binary point of a weight operand: what a sum loses when it is rounded."""
        return self.weight_fraction - self.guard

    @property
    def update_shift(self) -> int:
        """Bits after those of a stored weight in the product of activation, delta and the largest learning rate."""
        return self.activation_fraction + self.delta_fraction - self.weight_fraction + self.slowest

    def rate(self, exponent: int | None) -> int:
        """Left shift of a product that makes the learning rate 2 ** -exponent.

        Raises:
            ValueError: outside the eight rates of the format.
        """
        return self.slowest - whole("rate_exponent", exponent, self.slowest - RATES + 1, self.slowest)

    def accumulator(self, longest: int) -> int:
        """Bits of a sum of `longest` products that cannot overflow."""
        longest = positive_int("longest", longest)
        return 2 * self.word + max(longest - 1, 1).bit_length()

    def activations(self, values: np.ndarray) -> np.ndarray:
        """Floats as activation words, int64, rounded to nearest, half up, and saturated.

        Raises:
            ValueError: values that are not real numbers, NaN among them.
        """
        return quantise(values, self.activation_fraction, self.word)

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Floats as stored weights; otherwise as `activations`."""
        return quantise(values, self.weight_fraction, self.weight)

    def words(self, values: np.ndarray, name: str) -> np.ndarray:
        """Integers that are words already, as int16.

        Raises:
            ValueError: floats, or a value that does not fit; the message calls them `name`.
        """
        return words(name, values, self.word).astype(np.int16)

    def stored(self, values: np.ndarray, name: str) -> np.ndarray:
        """Integers that are stored weights already, unchanged; raises as `words` does."""
        return words(name, values, self.weight)

    def sigmoid_table(self) -> np.ndarray:
        """Sigmoid of every activation word from zero up, as activation words; that of -z is one less that of z."""
        z = np.arange(2 ** (self.word - 1)) / 2**self.activation_fraction
        return quantise(1 / (1 + np.exp(-z)), self.activation_fraction, self.word)

    def slope_table(self) -> np.ndarray:
        """Derivative a (1 - a) of the sigmoid for every word a from zero to one, as weight operands."""
        a = np.arange(2**self.activation_fraction + 1) / 2**self.activation_fraction
        return quantise(a * (1 - a), self.operand_fraction, self.word)


def quantise(values: np.ndarray, fraction: int, bits: int) -> np.ndarray:
    """Round to nearest, half up, at `fraction` bits after the binary point; saturate to `bits` bits; int64.

    Raises:
        ValueError: values that are not real numbers, NaN among them. Infinities saturate.
    """
    fraction, bits = whole("fraction", fraction, -64, 64), whole("bits", bits, 1, 48)
    numbers = array("values", values, "biuf", "real numbers").astype(float)
    if np.isnan(numbers).any():
        raise ValueError(f"values must be real numbers, got NaN {np.isnan(numbers).sum()} times")
    limit = 2 ** (bits - 1)
    with np.errstate(over="ignore"):  # what is too large becomes an infinity and saturates
        return np.clip(np.floor(numbers * 2.0**fraction + 0.5), -limit, limit - 1).astype(np.int64)
