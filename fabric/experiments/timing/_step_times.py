"""Training steps timed at many batch sizes, beside the machine's bandwidth and rate, all in one run.

On a processor: one thread, processor time, a number of steps. On a device that FABRIC_DEVICE names: whole epochs.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from fabric._checks import instance
from fabric.experiments.counting import footprint
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Rule, RunConfig, one_thread
from fabric.experiments.timing._clock import now
from fabric.experiments.timing._timed_networks import Subject

_RATE = 1e-3
_MATRIX = 1024  # rows and columns of the matrix product whose rate is measured
_IMAGE_BATCH, _KERNELS = (8, 128, 32, 32), (128, 128, 3, 3)  # of the convolution


@dataclass(frozen=True)
class StepTimesConfig(RunConfig):
    """Plain gradient descent with cross-entropy, as in equations (1) and (2) of ClosNets.

    Attributes:
        subjects: what is timed.
        repeats: how often everything is measured, one round after the other.
        seconds: for which steps are repeated in each round; a whole epoch where the device is no processor.
        device: where.
    """

    recipe: ClassVar[int] = 1

    subjects: Annotated[tuple[Subject, ...], Rule("a tuple of at least one Subject", bool)]
    repeats: Positive
    seconds: PositiveFloat
    device: str = field(default_factory=lambda: os.environ.get("FABRIC_DEVICE", "cpu"))


def measure(config: StepTimesConfig) -> Measured:
    """Time everything.

    Returns:
        "rates" by round (operations a second of a large matrix "product" and of a wide "convolution") and "points", one
        for each subject and batch size: "name", "kind", "batch_size", "samples" of an epoch, "operations" of a step
        (counted by PyTorch in matrix products and convolutions), the bytes of a `Footprint`, and by round "steps",
        "seconds" a step, "bandwidths" (bytes a second of a copy whose two arrays hold as much as the step does) and
        "overheads", seconds a step of the tiny network.

    Raises:
        ValueError: a data set that is unknown or smaller than a batch.
        DataError: data files are missing or damaged.
    """
    instance("config", config, StepTimesConfig)
    device = torch.device(config.device)
    with one_thread():
        tasks, calls = [], {}
        for subject in config.subjects:
            x, y = (part.to(device) for part in subject.samples())
            tasks += [_Task(subject, subject.build().to(device), x, y, size) for size in subject.batch_sizes]
            x = x[:, :1].contiguous() if subject.network else x
            calls[subject.name] = _Task(subject, subject.build(tiny=True).to(device), x, y, 1)
        rates = []
        for _ in range(config.repeats):
            rates.append({"product": _product_rate(device, config.seconds)})
            rates[-1]["convolution"] = _convolution_rate(device, config.seconds)
            overheads = {name: _timed(task.step, config.seconds, device)[1] for name, task in calls.items()}
            for task in tasks:
                limit = config.seconds if device.type == "cpu" else math.inf
                steps, seconds = _timed(task.step, limit, device, task.steps_per_epoch)
                task.point["steps"].append(steps)
                task.point["seconds"].append(seconds)
                task.point["bandwidths"].append(_bandwidth(task.held, device, config.seconds))
                task.point["overheads"].append(overheads[task.point["name"]])
    return {"rates": rates, "points": [task.point for task in tasks]}


class _Task:
    """A network in training at one batch size."""

    def __init__(self, subject: Subject, network: nn.Module, x: Tensor, y: Tensor, batch_size: int) -> None:
        if batch_size > len(y):
            raise ValueError(f"batch_sizes must be at most the {len(y)} samples of {subject.dataset}, got {batch_size}")
        self._network, self._x, self._y = network, x, y
        self._optimizer = torch.optim.SGD(network.parameters(), lr=_RATE)
        self.steps_per_epoch = math.ceil(len(y) / batch_size)
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0)).to(y.device)
        self._batches: Iterator[Tensor] = cycle(order.split(batch_size)[: len(order) // batch_size])
        with FlopCounterMode(display=False) as counter:
            held = footprint(network, self._optimizer, x[order[:batch_size]], y[order[:batch_size]])
        self.held = held.training
        self.point = {
            "name": subject.name, "kind": subject.kind, "batch_size": batch_size, "samples": len(y),
            "operations": counter.get_total_flops(), **asdict(held),
            "steps": [], "seconds": [], "bandwidths": [], "overheads": [],
        }  # fmt: skip

    def step(self) -> None:
        batch = next(self._batches)
        loss = functional.cross_entropy(self._network(self._x[batch]), self._y[batch])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


def _timed(
    call: Callable[[], object], seconds: float, device: torch.device, most: float = math.inf
) -> tuple[int, float]:
    """Calls made within about `seconds`, at most `most`, and the seconds of each; a first one is not counted."""
    call()
    begin, calls = now(device), 0
    while calls < most and (calls == 0 or seconds == math.inf or now(device) - begin < seconds):
        call()
        calls += 1
    return calls, (now(device) - begin) / calls


def _bandwidth(size: int, device: torch.device, seconds: float) -> float:
    source, target = torch.ones(2, max(1, size // 8), device=device)  # float32, half of the bytes each
    return 2 * source.nbytes / _timed(lambda: target.copy_(source), seconds / 4, device)[1]


def _product_rate(device: torch.device, seconds: float) -> float:
    a, b = torch.ones(2, _MATRIX, _MATRIX, device=device)
    return 2 * _MATRIX**3 / _timed(lambda: torch.mm(a, b), seconds, device)[1]


def _convolution_rate(device: torch.device, seconds: float) -> float:
    images, kernels = torch.ones(*_IMAGE_BATCH, device=device), torch.ones(*_KERNELS, device=device)
    samples, _, *sides = _IMAGE_BATCH
    operations = 2 * samples * math.prod(sides) * math.prod(_KERNELS)
    return operations / _timed(lambda: functional.conv2d(images, kernels, padding=1), seconds, device)[1]
