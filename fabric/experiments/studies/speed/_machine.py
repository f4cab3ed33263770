"""What the machine can do at most: multiply-adds in registers, copies in a cache and in memory."""

import functools
from collections.abc import Callable

import numba
import numpy as np
import torch
from torch import Tensor

from fabric.experiments.studies.speed._turns import Task, take_turns

_CHAINS = (96, 256)  # numbers in registers, of processors with 16 and with 32 of them
_STEPS = 20_000
_IN_CACHE, _IN_MEMORY = 1 << 17, 1 << 26  # bytes of an array: two fit in a core's cache, or in none
_MATRIX = 4096  # rows and columns of the product that measures other devices


def limits(rounds: int, seconds: float, device: torch.device) -> dict[str, list[float]]:
    """By round: "peak", operations a second in float32, and "cache" and "memory", bytes a second of a copy.

    The peak of a processor is that of chains of multiply-adds in registers; of another device, of a large product.
    """
    tasks = {f"copy {size}": Task(_copy(size, device)) for size in (_IN_CACHE, _IN_MEMORY)}
    if device.type == "cpu":
        operations = {f"chains {size}": 2 * size * _STEPS for size in _CHAINS}
        tasks |= {f"chains {size}": Task(_chains(size)) for size in _CHAINS}
    else:
        a, b = torch.ones(2, _MATRIX, _MATRIX, device=device)
        operations = {"product": 2 * _MATRIX**3}
        tasks["product"] = Task(lambda: torch.mm(a, b))
    times = take_turns(tasks, rounds, seconds, device)
    rates = [[count / taken for taken in times[name]] for name, count in operations.items()]
    return {
        "peak": [max(of_round) for of_round in zip(*rates, strict=True)],
        "cache": [2 * _IN_CACHE / taken for taken in times[f"copy {_IN_CACHE}"]],
        "memory": [2 * _IN_MEMORY / taken for taken in times[f"copy {_IN_MEMORY}"]],
    }


@functools.cache
def _chains(length: int) -> Callable[[], float]:
    """A call of `_STEPS` multiply-adds of each of `length` numbers, compiled for this length so that they stay in
    registers.
    """

    @numba.njit(fastmath=True)
    def chains(steps: int, factor: np.float32, term: np.float32) -> float:
        values = np.zeros(length, np.float32)
        for _ in range(steps):
            for at in range(length):
                values[at] = values[at] * factor + term
        return values.sum()

    half = np.float32(0.5)
    return lambda: chains(_STEPS, half, half)


def _copy(size: int, device: torch.device) -> Callable[[], object]:
    source: Tensor = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)
