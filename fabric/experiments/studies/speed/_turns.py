"""Times of calls that take turns, so that a change of clock frequency and the work of others meet all of them."""

import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from fabric.experiments.timing import now
from fabric.nn import reference

Name = TypeVar("Name", bound=Hashable)
_FREED = 7_500_000  # float32 numbers: 30 MB, below what the allocator always returns to the system
_DIGITS = 5  # of a time; more would be noise


class Task(NamedTuple):
    """What is timed.

    Attributes:
        call: without arguments.
        kernel: whether layers may use a kernel; False: they compute with PyTorch's own operators.
    """

    call: Callable[[], object]
    kernel: bool = True


def take_turns(
    tasks: Mapping[Name, Task], rounds: int, seconds: float, device: torch.device
) -> dict[Name, list[float]]:
    """Seconds of a call of each task, by round; in every round each task is repeated for about `seconds`."""
    counts = {}
    for name, task in tasks.items():
        with path(task):
            task.call()
            counts[name] = max(1, round(seconds / min(_timed(task, 1, device), _timed(task, 1, device))))
    times: dict[Name, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            with path(task):
                times[name].append(rounded(_timed(task, counts[name], device)))
    return times


def rounded(seconds: float) -> float:
    """A time as records keep it."""
    return float(f"{seconds:.{_DIGITS}g}")


def forward_backward(layer: nn.Module, x: Tensor) -> Callable[[], object]:
    """The layer's outputs (*, outputs) for x (*, inputs), then the gradients of x and of all parameters."""
    x = x.detach().requires_grad_()
    wanted, above = [x, *layer.parameters()], torch.ones_like(layer(x))
    return lambda: torch.autograd.grad(layer(x), wanted, above)


def named_device() -> str:
    """The device that FABRIC_DEVICE names, else the processor."""
    return os.environ.get("FABRIC_DEVICE", "cpu")


@contextmanager
def one_core(device: torch.device) -> Iterator[None]:
    """PyTorch on one thread inside, with memory as in a process that has trained before.

    Such a process has freed large tensors, from then on the allocator keeps its pages; without this, page faults would
    be what is timed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.ones(_FREED, device=device)
        yield
    finally:
        torch.set_num_threads(before)


def path(task: Task) -> AbstractContextManager[None]:
    """Layers on the path that the task wants inside."""
    return nullcontext() if task.kernel else reference()


def _timed(task: Task, count: int, device: torch.device) -> float:
    call, begin = task.call, now(device)
    for _ in range(count):
        call()
    return max(1e-9, (now(device) - begin) / count)
