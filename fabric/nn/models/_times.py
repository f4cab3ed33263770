"""What layers take on this machine: measured, not modelled."""

import time
from functools import lru_cache

import torch
from torch import nn

from fabric.nn.models._entries import STRUCTURES, Plan, entries

FEWEST, REPEATS, LONGEST = 3, 15, 0.02  # calls at least and at most, and seconds after which no more are made
STEPS = 24  # budgets tried of each structure, the next smaller by the square root of two


def seconds_of(layer: nn.Module, inputs: int, rows: int) -> float:
    """The fastest of several forward passes without gradients, in the dtype and on the device of the layer."""
    weight = next(layer.parameters())
    x = torch.zeros(rows, inputs, dtype=weight.dtype, device=weight.device)
    times: list[float] = []
    with torch.inference_mode():
        layer(x)
        while len(times) < FEWEST or (len(times) < REPEATS and sum(times) < LONGEST):
            start = time.perf_counter()
            layer(x)
            if x.is_cuda:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    return min(times)


@lru_cache(maxsize=4096)  # so that one budget is answered alike within a process
def plan_seconds(entry: Plan, rows: int) -> float:
    """Of the layer of a plan in float32 on the CPU."""
    return seconds_of(entry.layer(), entry.in_features, rows)


@lru_cache(maxsize=256)
def dense_seconds(inputs: int, outputs: int, rows: int) -> float:
    """Of `torch.nn.Linear` in float32 on the CPU."""
    return seconds_of(nn.Linear(inputs, outputs), inputs, rows)


def within_seconds(inputs: int, outputs: int, seconds: float, rows: int, structures: list[str]) -> list[Plan]:
    """What `plan` returns for a budget of time: of each structure the largest that a bisection finds within it.

    Raises:
        ValueError: the smallest of every structure takes longer.
    """
    found: list[Plan] = []
    least = float("inf")
    for structure in (name for name in STRUCTURES if name in structures):
        budgets = [int(inputs * outputs / 2 ** (step / 2)) for step in range(1, STEPS)]
        ladder = [offers for budget in budgets if (offers := entries(inputs, outputs, budget, [structure]))]
        low, high = 0, len(ladder)
        while low < high:
            middle = (low + high) // 2
            if any(plan_seconds(entry, rows) <= seconds for entry in ladder[middle]):
                high = middle
            else:
                low = middle + 1
        if low < len(ladder):
            found += [entry for entry in ladder[low] if plan_seconds(entry, rows) <= seconds]
        elif ladder:
            least = min(least, *(plan_seconds(entry, rows) for entry in ladder[-1]), float("inf"))
    if not found:
        raise ValueError(
            f"seconds must be at least {least:.2g} for {' or '.join(structures)} from {inputs} to {outputs} with "
            f"{rows} rows on this machine, got {seconds!r}"
        )
    return found
