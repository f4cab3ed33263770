"""Training steps of recurrent layers timed beside each other."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import numpy as np
import pandas as pd
import torch
from torch import nn

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Results, Rule, RunConfig
from fabric.nn import ClosGRU, ClosLinear, backend


@dataclass(frozen=True)
class GruTimesConfig(RunConfig):
    """Forward, backward and a step of plain gradient descent, on one thread, with the kernel where there is one.

    Attributes:
        inputs: of all layers.
        hidden: of the Clos GRU, whose routers are the balanced ones, and of the first dense GRU; then of others.
        batch_sizes: sequences at once.
        steps: of a sequence.
        repeats: how often everything is measured, one round after the other.
        seconds: for which a layer's steps are repeated in each round.
    """

    recipe: ClassVar[int] = 1

    inputs: Positive
    hidden: Annotated[tuple[Positive, ...], Rule("a tuple of at least one positive integer", bool)]
    batch_sizes: tuple[Positive, ...]
    steps: Positive
    repeats: Positive
    seconds: PositiveFloat


def time_steps(config: GruTimesConfig) -> Measured:
    """Time everything.

    Returns:
        "backend" of the Clos GRU, and "points": for each layer and batch size "layer", "hidden", "weights" (without
        biases), "batch_size" and "seconds", the processor time of a training step by round.
    """
    instance("config", config, GruTimesConfig)
    generator = torch.Generator().manual_seed(0)
    clos = ClosGRU(config.inputs, config.hidden[0])
    layers: list[tuple[str, ClosGRU | nn.GRU]] = [("clos", clos)]
    layers += [("dense", nn.GRU(config.inputs, hidden)) for hidden in config.hidden]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        tasks: list[tuple[dict[str, Any], Callable[[], None]]] = []
        for size in config.batch_sizes:
            x = torch.randn(config.steps, size, config.inputs, generator=generator)
            for structure, layer in layers:
                weights = sum(v.numel() for name, v in layer.named_parameters() if "bias" not in name)
                point: dict[str, Any] = {
                    "layer": structure,
                    "hidden": layer.hidden_size,
                    "weights": weights,
                    "batch_size": size,
                }
                tasks.append((point | {"seconds": []}, _step(layer, x)))
        for _ in range(config.repeats):
            for timed, step in tasks:
                timed["seconds"].append(_timed(step, config.seconds))
    finally:
        torch.set_num_threads(threads)
    return {"backend": backend(cast(ClosLinear, clos.hidden_layers[0])), "points": [point for point, _ in tasks]}


def _step(layer: nn.Module, x: torch.Tensor) -> Callable[[], None]:
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-3)

    def step() -> None:
        output, _ = layer(x)
        optimizer.zero_grad()
        output.square().mean().backward()
        optimizer.step()

    return step


def _timed(step: Callable[[], None], seconds: float) -> float:
    """Processor time of a call, from as many as fit into `seconds`; a first one is not counted."""
    step()
    begin, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - begin < seconds:
        step()
        calls += 1
    return (time.process_time() - begin) / calls


def measured(results: Results, config: GruTimesConfig) -> pd.DataFrame:
    """Time, or find in the store: a row for each layer and batch size.

    Returns:
        "layer", "hidden", "weights", "batch_size", "seconds" (the median over rounds), and "faster": how many times
        faster than this layer the Clos GRU is, the median over rounds, from the "slowest" to the "fastest" round.
    """
    record = results.sweep(time_steps, [config], "timing").iloc[0]
    points = pd.DataFrame(record["points"])
    clos = points[points["layer"] == "clos"].set_index("batch_size")["seconds"]
    ratios = [np.divide(row.seconds, clos[row.batch_size]) for row in points.itertuples()]
    return points.assign(
        seconds=points["seconds"].map(np.median),
        faster=[float(np.median(ratio)) for ratio in ratios],
        slowest=[float(np.min(ratio)) for ratio in ratios],
        fastest=[float(np.max(ratio)) for ratio in ratios],
    )
