"""How long it takes to judge a topology by colouring, and by training a network with it."""

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from fabric import constraints
from fabric._checks import instance
from fabric.experiments.networks import Layer, LayerWithSkips, build, one_hidden_layer
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, RunConfig
from fabric.experiments.studies.speed._turns import Task, one_core, rounded, take_turns
from fabric.topology import clos

_CLASSES = 10


@dataclass(frozen=True)
class HeuristicTimesConfig(RunConfig):
    """A layer's colouring, and training by Adam of a network: the layer, ReLU, a dense layer to ten classes.

    Attributes:
        layer: what is judged.
        seed: of random topologies and of the colouring.
        batch_size: of a training step.
        rounds: in which training steps are timed; the colouring is timed once.
        seconds: for which steps are repeated in each round.
    """

    recipe: ClassVar[int] = 1

    layer: Layer | LayerWithSkips
    seed: Natural
    batch_size: Positive
    rounds: Positive
    seconds: PositiveFloat


def time_heuristic(config: HeuristicTimesConfig) -> Measured:
    """Time both on one thread of a processor.

    Returns:
        "entries" that the colouring counts, "coloring_seconds", and by round "step_seconds".
    """
    instance("config", config, HeuristicTimesConfig)
    device = torch.device("cpu")
    with one_core(device):
        constraints.coloring(clos(4, 4, 2, 2, 2), np.random.default_rng(0))  # compiles what it calls
        topology, skips = config.layer.wired(np.random.default_rng(config.seed))
        begin = time.process_time()
        entries = constraints.coloring(topology, np.random.default_rng(config.seed), skips).count
        taken = rounded(time.process_time() - begin)

        network = build(one_hidden_layer(config.layer, _CLASSES), "skip_scaled_glorot_uniform", config.seed)
        optimizer = torch.optim.Adam(network.parameters())
        x = torch.rand(config.batch_size, topology.inputs, generator=torch.Generator().manual_seed(0))
        y = torch.arange(config.batch_size) % _CLASSES

        def step() -> None:
            optimizer.zero_grad()
            functional.cross_entropy(network(x), y).backward()
            optimizer.step()

        steps = take_turns({"step": Task(step)}, config.rounds, config.seconds, device)
    return {"entries": entries, "coloring_seconds": taken, "step_seconds": steps["step"]}
