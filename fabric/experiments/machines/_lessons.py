"""What a simulated machine is taught, and how well it has learnt it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from fabric.experiments.data import DatasetName, accuracy, load
from fabric.experiments.runs import Checked, Natural, Positive, Rule
from fabric.hardware import FixedPoint

Widths = tuple[int, int, int, int, int, int]  # the arguments of `FixedPoint`


@dataclass(frozen=True)
class Lessons(Checked):
    """What a machine is taught, sample by sample.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes; features are padded with zeros, labels one-hot.
        samples: of the training part, the first ones, in each epoch in another order.
        epochs: how often.
        rates: pairs (samples seen, exponent): from then on the learning rate is 2 ** -exponent.
        fixed_point: arguments of `FixedPoint`, in its order.
        seed: of patterns, weights and orders.
    """

    dataset: DatasetName
    samples: Positive
    epochs: Positive
    rates: Annotated[
        tuple[tuple[Natural, Natural], ...],
        Rule("a tuple of pairs (samples seen, exponent), first of sample 0", lambda rates: rates and rates[0][0] == 0),
    ]
    fixed_point: Widths
    seed: Natural

    @property
    def format(self) -> FixedPoint:
        """Of all words."""
        return FixedPoint(*self.fixed_point)

    def parts(self, inputs: int, outputs: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Inputs, targets and rate exponent of each stretch of samples with one learning rate, as activation words."""
        data = load(self.dataset).first(self.samples).padded(inputs)
        data.check_outputs(outputs)
        x = self.format.activations(data.train_x.numpy())
        y = self.format.activations(np.eye(outputs)[data.train_y.numpy()])
        count = len(x)
        rng = np.random.default_rng((self.seed, 1))
        for epoch in range(self.epochs):
            order, seen = rng.permutation(count), epoch * count
            cuts = [at - seen for at, _ in self.rates if seen < at < seen + count]
            for begin, end in zip([0, *cuts], [*cuts, count], strict=True):
                exponent = [exponent for at, exponent in self.rates if at <= seen + begin][-1]
                yield x[order[begin:end]], y[order[begin:end]], exponent

    def test(self, inputs: int) -> np.ndarray:
        """Inputs of the test part as activation words, (samples, inputs)."""
        return self.format.activations(load(self.dataset).padded(inputs).test_x.numpy())

    def score(self, outputs: np.ndarray) -> float:
        """Accuracy on the test part, from (samples, outputs); outputs beyond the classes do not count."""
        data = load(self.dataset)
        return accuracy(outputs[:, : data.classes], data.test_y.numpy())
