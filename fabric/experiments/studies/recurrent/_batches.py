"""Sequences of different lengths in batches, and what a network's predictions of their next steps cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence


@dataclass(frozen=True)
class Batch:
    """Sequences padded with zeros at their ends.

    Attributes:
        x: float32 (batch, steps, features), every step of each sequence but the last.
        y: the same from each second step on: what is to be predicted.
        real: bool (batch, steps), False where a step is padding.
    """

    x: Tensor
    y: Tensor
    real: Tensor

    @staticmethod
    def of(sequences: Sequence[Tensor]) -> "Batch":
        """Pad sequences (steps, features); each has at least two steps."""
        lengths = torch.tensor([len(sequence) - 1 for sequence in sequences])
        x = pad_sequence([sequence[:-1] for sequence in sequences], batch_first=True)
        y = pad_sequence([sequence[1:] for sequence in sequences], batch_first=True)
        return Batch(x, y, torch.arange(x.shape[1]) < lengths[:, None])

    @property
    def steps(self) -> int:
        """Predicted ones."""
        return int(self.real.sum())


def bucketed(sequences: Sequence[Tensor], batch_size: int, generator: torch.Generator | None = None) -> list[Batch]:
    """Batches of sequences of about the same length; drawn anew, in any order, if there is a generator.

    Among sequences of one length and among batches chance decides, so little is padded and batches still differ.
    """
    numbers = range(len(sequences)) if generator is None else torch.randperm(len(sequences), generator=generator)
    ordered = sorted(map(int, numbers), key=lambda number: len(sequences[number]))
    batches = [
        Batch.of([sequences[number] for number in ordered[start : start + batch_size]])
        for start in range(0, len(ordered), batch_size)
    ]
    if generator is None:
        return batches
    return [batches[int(number)] for number in torch.randperm(len(batches), generator=generator)]


def negative_log_likelihood(logits: Tensor, batch: Batch) -> Tensor:
    """Nats of all predicted steps of a batch, summed: each feature is on or off by its own probability.

    Args:
        logits: (batch, steps, features), of each feature being on in the next step.
        batch: the sequences; what `logits` says at padded steps does not count.
    """
    return functional.binary_cross_entropy_with_logits(logits[batch.real], batch.y[batch.real], reduction="sum")


def per_step(predict: Callable[[Tensor], Tensor], batches: Sequence[Batch]) -> float:
    """Mean nats a predicted step over all batches, without gradients."""
    with torch.no_grad():
        total = sum(float(negative_log_likelihood(predict(batch.x), batch)) for batch in batches)
    return total / sum(batch.steps for batch in batches)
