"""One layer in all ways, at several batch sizes, all in one run."""

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar

import torch

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Rule, RunConfig, one_of
from fabric.experiments.studies.speed._machine import limits
from fabric.experiments.studies.speed._rivals import (
    REFERENCE,
    WAYS,
    built,
    inference,
    multiplied,
    trains,
    ways,
    weights,
)
from fabric.experiments.studies.speed._turns import Task, forward_backward, named_device, one_core, take_turns
from fabric.nn import ClosLinear, backend

Way = Annotated[str, one_of(*WAYS)]
CascadeSizes = Annotated[
    tuple[Positive, Positive, Positive, Positive, Positive],
    Rule("(I, O, R_i, R_m, R_o) with routers that divide I and O", lambda c: c[0] % c[2] == 0 and c[1] % c[4] == 0),
]


@dataclass(frozen=True)
class LayerTimesConfig(RunConfig):
    """A layer (I, O, R_i, R_m, R_o) against the dense one and others, forward and with all gradients.

    Attributes:
        cascade: (I, O, R_i, R_m, R_o); all other ways have its inputs and outputs.
        dtype: "float32" or "bfloat16".
        batches: batch sizes.
        ways: what is timed, names of `WAYS`.
        rounds: in which all ways take turns.
        seconds: for which a call is repeated in each round.
        device: where.
    """

    recipe: ClassVar[int] = 1

    cascade: CascadeSizes
    dtype: Annotated[str, one_of("float32", "bfloat16")]
    batches: Annotated[tuple[Positive, ...], Rule("a tuple of at least one batch size", bool)]
    ways: Annotated[tuple[Way, ...], Rule("a tuple of at least one way", bool)]
    rounds: Positive
    seconds: PositiveFloat
    device: str = field(default_factory=named_device)


def time_layer(config: LayerTimesConfig) -> Measured:
    """Time everything on one thread.

    Returns:
        "backend", what serves the cascade; "limits" of the machine by round, see `_machine.limits`; "layers", for each
        way "weights" and "multiplied", the multiply-accumulates of a sample; and "points", one for each way, pass
        ("forward" or "both") and batch size: "way", "passes", "batch" and by round "seconds" of a call.

    Raises:
        ValueError: a way that does not exist for these sizes, this dtype or this device.
    """
    instance("config", config, LayerTimesConfig)
    device, dtype = torch.device(config.device), getattr(torch, config.dtype)
    possible = ways(config.cascade, config.dtype, config.device)
    if missing := [way for way in config.ways if way not in possible]:
        raise ValueError(f"ways must be among {', '.join(possible)} for {config.cascade}, got {missing[0]}")
    points: list[dict] = []
    with one_core(device):
        machine = limits(config.rounds, config.seconds, device)
        layers = {way: built(way, config.cascade, dtype=dtype, device=device) for way in config.ways}
        for batch in config.batches:
            x = torch.randn(batch, config.cascade[0], generator=torch.Generator().manual_seed(0)).to(device, dtype)
            for passes in ("forward", "both"):
                tasks = _tasks(layers, x, passes)
                with torch.set_grad_enabled(passes == "both"):
                    times = take_turns(tasks, config.rounds, config.seconds, device)
                points += [
                    {"way": way, "passes": passes, "batch": batch, "seconds": taken} for way, taken in times.items()
                ]
    counted = {way: {"weights": weights(layer), "multiplied": multiplied(layer)} for way, layer in layers.items()}
    served = backend(ClosLinear(*config.cascade, device=device, dtype=dtype))
    return {"backend": served, "limits": machine, "layers": counted, "points": points}


def _tasks(layers: dict[str, torch.nn.Module], x: torch.Tensor, passes: str) -> dict[str, Task]:
    tasks = {}
    for way, layer in layers.items():
        if passes == "both":
            if trains(layer):
                tasks[way] = Task(forward_backward(layer, x), way != REFERENCE)
        else:
            tasks[way] = Task(partial(inference(layer, len(x)), x), way != REFERENCE)
    return tasks
