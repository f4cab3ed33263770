"""A single sample with warm and with cold caches."""

import statistics
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar

import torch

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, Rule, RunConfig
from fabric.experiments.studies.speed._layers import CascadeSizes, Way
from fabric.experiments.studies.speed._rivals import REFERENCE, built, inference, weights
from fabric.experiments.studies.speed._turns import Task, named_device, one_core, path, rounded
from fabric.experiments.timing import now

_BEFORE = {"warm": 1 << 12, "cold": 1 << 27}  # bytes that are written before each call: none of note, or all caches


@dataclass(frozen=True)
class CacheTimesConfig(RunConfig):
    """A layer applied to one sample, each call timed alone after other memory was written.

    Attributes:
        cascade, ways, device: as in `LayerTimesConfig`.
        rounds: in which all ways take turns.
        calls: of each way in a round; their median counts.
    """

    recipe: ClassVar[int] = 1

    cascade: CascadeSizes
    ways: Annotated[tuple[Way, ...], Rule("a tuple of at least one way", bool)]
    rounds: Positive
    calls: Positive
    device: str = field(default_factory=named_device)


def time_caches(config: CacheTimesConfig) -> Measured:
    """Time forward passes of one sample on one thread.

    Returns:
        "points", one for each way and state of the caches, "warm" or "cold": "way", "caches", "weight_bytes" and by
        round "seconds" of a call.
    """
    instance("config", config, CacheTimesConfig)
    device = torch.device(config.device)
    with one_core(device), torch.no_grad():
        x = torch.ones(1, config.cascade[0], device=device)
        layers = {way: built(way, config.cascade, device=device) for way in config.ways}
        points: list[dict] = [
            {"way": way, "caches": caches, "weight_bytes": 4 * weights(layer), "seconds": []}
            for caches in _BEFORE
            for way, layer in layers.items()
        ]
        calls = {way: partial(inference(layer, 1), x) for way, layer in layers.items()}
        others = {caches: torch.zeros(size, dtype=torch.uint8, device=device) for caches, size in _BEFORE.items()}
        for _ in range(config.rounds):
            for point in points:
                task = Task(calls[point["way"]], point["way"] != REFERENCE)
                point["seconds"].append(_alone(task, others[point["caches"]], config.calls, device))
    return {"points": points}


def _alone(task: Task, other: torch.Tensor, calls: int, device: torch.device) -> float:
    times = []
    with path(task):
        task.call()
        for _ in range(calls):
            other.add_(1)
            begin = now(device)
            task.call()
            times.append(now(device) - begin)
    return rounded(statistics.median(times))
