"""The most memory that a training step holds, counted in the allocations that PyTorch reports.

With the kernel nearly all but the weights is what any layer needs that keeps its input. Of four layers at the peak: the
inputs of three, the gradients before and after a ReLU, and an array that the loss keeps, each of the batch's size.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, RunConfig
from fabric.experiments.studies.speed._layers import CascadeSizes
from fabric.experiments.studies.speed._rivals import CLOS, DENSE, REFERENCE, built
from fabric.experiments.studies.speed._turns import Task, named_device, one_core, path


@dataclass(frozen=True)
class PeakMemoryConfig(RunConfig):
    """A step of plain gradient descent that teaches several equal layers with ReLUs to repeat their inputs.

    Attributes:
        cascade: (I, O, R_i, R_m, R_o) with I = O.
        depth: layers.
        batch: samples.
        device: where.
    """

    recipe: ClassVar[int] = 1

    cascade: CascadeSizes
    depth: Positive
    batch: Positive
    device: str = field(default_factory=named_device)


def peak_memory(config: PeakMemoryConfig) -> Measured:
    """Count one step for each way.

    Returns:
        "points", one for each way: "way", "held" (bytes of weights and batch, there before and after) and "peak", the
        most bytes held within the step, those included. A kernel's work space, a tile of the batch, is not PyTorch's
        and not counted.

    Raises:
        ValueError: a cascade with other outputs than inputs.
    """
    instance("config", config, PeakMemoryConfig)
    if config.cascade[0] != config.cascade[1]:
        raise ValueError(f"cascade must have as many outputs as inputs, got {config.cascade}")
    device, points = torch.device(config.device), []
    with one_core(device):
        for way in (DENSE, CLOS, REFERENCE):
            layers = [built(way, config.cascade) for _ in range(config.depth)]
            network = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1]).to(device)
            x = torch.ones(config.batch, config.cascade[0], device=device)
            held = x.nbytes + sum(parameter.nbytes for parameter in network.parameters())
            points.append({"way": way, "held": held, "peak": held + _grown(network, x, way != REFERENCE)})
    return {"points": points}


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing on standard error inside: the profiler tells there when it begins and ends."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _grown(network: nn.Module, x: torch.Tensor, kernel: bool) -> int:
    """Bytes by which memory grows at most within a step."""
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6)

    def step() -> None:
        functional.mse_loss(network(x), x).backward()
        optimizer.step()
        optimizer.zero_grad()

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if x.is_cuda else [])]
    with path(Task(step, kernel)):
        step()
        with _silent(), profile(activities=activities, profile_memory=True) as seen:
            step()
    kind = torch.autograd.DeviceType.CUDA if x.is_cuda else torch.autograd.DeviceType.CPU
    events = sorted(
        (event.start_ns(), event.nbytes())
        for event in seen.profiler.kineto_results.events()
        if event.name() == "[memory]" and event.device_type() == kind
    )
    most = now = 0
    for _, change in events:
        now += change
        most = max(most, now)
    return most
