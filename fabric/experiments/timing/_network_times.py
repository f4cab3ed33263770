"""Inference and training steps of convolutional networks, timed side by side in one run."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.networks import MobileNet
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Rule, RunConfig, one_thread
from fabric.experiments.training._images import path
from fabric.nn import fold_batch_norm

FORMATS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
MODES = ("inference", "training")
_RATE = 1e-3


@dataclass(frozen=True)
class NetworkTimesConfig(RunConfig):
    """Processor time on one thread; cascades by the compiled kernel where there is one.

    Inference has batch normalisation folded into the convolutions before it, a training step is one of plain gradient
    descent.

    Attributes:
        networks: what is timed.
        batch_sizes: at which.
        repeats: rounds; every round times everything once, so that what slows the machine down slows all.
        seconds: for which calls are repeated in each round.
    """

    recipe: ClassVar[int] = 1

    networks: Annotated[tuple[MobileNet, ...], Rule("a tuple of at least one MobileNet", bool)]
    batch_sizes: Annotated[tuple[Positive, ...], Rule("a tuple of at least one integer", bool)]
    repeats: Positive
    seconds: PositiveFloat


def time_networks(config: NetworkTimesConfig) -> Measured:
    """Time everything.

    Returns:
        "times", a row for each network, mode, memory format and batch size: "network" (its place in the
        configuration), "mode", "format", "batch_size", "seconds" (of a call, by round), and "path", what computed the
        cascades.
    """
    instance("config", config, NetworkTimesConfig)
    with one_thread(kernel=True):
        calls: list[Callable[[], Any]] = []
        rows: list[dict[str, Any]] = []
        for (place, network), mode, name, size in itertools.product(
            enumerate(config.networks), MODES, FORMATS, config.batch_sizes
        ):
            model = network.build(0)
            model = (fold_batch_norm(model) if mode == "inference" else model).to(memory_format=FORMATS[name])  # type: ignore[call-overload]
            calls.append(_call(model, mode, network, name, size))
            described = {"network": place, "mode": mode, "format": name, "batch_size": size}
            rows.append({**described, "seconds": [], "path": path(model)})
        for _ in range(config.repeats):
            for row, call in zip(rows, calls, strict=True):
                row["seconds"].append(_seconds(call, config.seconds))
    return {"times": rows}


def _call(model: nn.Module, mode: str, network: MobileNet, name: str, size: int) -> Callable[[], Any]:
    side, colours = network.image
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, colours, side, side, generator=generator).to(memory_format=FORMATS[name])
    y = torch.randint(network.classes, (size,), generator=generator)
    if mode == "inference":
        return torch.inference_mode()(lambda: model.eval()(x))
    optimizer = torch.optim.SGD(model.parameters(), lr=_RATE)
    model.train()

    def step() -> None:
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _seconds(call: Callable[[], Any], seconds: float) -> float:
    """Of a call, over as many as fit into about `seconds`; a first one is not counted."""
    call()
    begin, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - begin < seconds:
        call()
        calls += 1
    return (time.process_time() - begin) / calls
