"""What every training of this package shares: full batches, the rate's decay, and how operations are counted."""

import math
from collections.abc import Iterator

import torch
from torch.optim import Optimizer

OPERATIONS = 6  # an edge and sample: a multiplication and an addition in each of the three passes


def batches(samples: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Endless batches of exactly `size` indices, int64, from one random order of all samples after the other."""
    pool = torch.empty(0, dtype=torch.int64)
    while True:
        while len(pool) < size:
            pool = torch.cat((pool, torch.randperm(samples, generator=generator)))
        batch, pool = pool[:size], pool[size:]
        yield batch


def set_rate(optimizer: Optimizer, rate: float, done: int, total: int) -> None:
    """The rate of the next step, decayed from `rate` to zero along a cosine, after `done` of `total` steps."""
    for group in optimizer.param_groups:
        group["lr"] = rate * (1 + math.cos(math.pi * done / total)) / 2
