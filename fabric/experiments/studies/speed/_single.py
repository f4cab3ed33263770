"""Training sample by sample: the same kinds of step for a dense first layer and for a Clos cascade in its place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Rule, RunConfig, one_of
from fabric.experiments.studies.speed._layers import CascadeSizes
from fabric.experiments.studies.speed._turns import Task, named_device, one_core, take_turns
from fabric.nn import ClosLinear

_RATE = 1e-6  # so small that thousands of steps on one sample change nothing of note
_KINDS = ("autograd", "written out", "compiled")


@dataclass(frozen=True)
class SingleSampleConfig(RunConfig):
    """Plain gradient descent with cross-entropy, one sample a step, of a network with one hidden layer of ReLUs.

    Attributes:
        inputs: of the dense network; the cascades pad them.
        classes: outputs of the second layer, which is dense.
        cascades: in the place of the dense first layer, all with as many outputs.
        kinds: of step. "autograd": PyTorch's usual one, the cascade by its kernel. "written out": the same products
            without autograd, each gradient added to its weight as it is formed. "compiled": that by `torch.compile`.
        rounds: in which all networks and steps take turns.
        seconds: for which a step is repeated in each round.
        device: where.
    """

    recipe: ClassVar[int] = 1

    inputs: Positive
    classes: Positive
    cascades: Annotated[tuple[CascadeSizes, ...], Rule("a tuple of at least one cascade", bool)]
    kinds: Annotated[tuple[Annotated[str, one_of(*_KINDS)], ...], Rule("a tuple of at least one kind", bool)]
    rounds: Positive
    seconds: PositiveFloat
    device: str = field(default_factory=named_device)


def time_single_samples(config: SingleSampleConfig) -> Measured:
    """Time training steps on one thread.

    Returns:
        "points", one for each network and kind of step: "cascade" (None: dense), "kind", "weights" of the first layer
        and by round "seconds" of a step.
    """
    instance("config", config, SingleSampleConfig)
    device = torch.device(config.device)
    hidden = config.cascades[0][1]
    points: list[dict[str, Any]] = []
    tasks: dict[str, Task] = {}
    with one_core(device):
        for cascade in (None, *config.cascades):
            for kind in config.kinds:
                torch.manual_seed(0)
                first: nn.Linear | ClosLinear
                first = nn.Linear(config.inputs, hidden) if cascade is None else ClosLinear(*cascade)
                network = nn.Sequential(first, nn.ReLU(), nn.Linear(hidden, config.classes)).to(device)
                x = torch.rand(1, config.inputs if cascade is None else cascade[0]).to(device)
                points.append({"cascade": cascade, "kind": kind, "weights": sum(w.numel() for w in _factors(first))})
                tasks[str(len(tasks))] = Task(step(network, x, torch.zeros(1, dtype=torch.int64, device=device), kind))
        times = take_turns(tasks, config.rounds, config.seconds, device)
    return {"points": [point | {"seconds": taken} for point, taken in zip(points, times.values(), strict=True)]}


def step(network: Any, x: Tensor, y: Tensor, kind: str, rate: float = _RATE) -> Callable[[], object]:
    """A training step on x (1, inputs) and y (1,); all kinds give the same weights.

    Args:
        network: a `ClosLinear` or `torch.nn.Linear`, a ReLU and a `torch.nn.Linear`, in a `torch.nn.Sequential`.
        x, y: sample and label.
        kind: as in `SingleSampleConfig`.
        rate: of learning.
    """
    if kind == "autograd":
        parameters: list[Tensor] = list(network.parameters())

        def autograd() -> None:
            gradients = torch.autograd.grad(functional.cross_entropy(network(x), y), parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-rate)

        return autograd
    first, _, second = network
    wanted = functional.one_hot(y, second.out_features).to(x.dtype)
    last, bias = second.weight.detach(), second.bias.detach()
    parts = [weight.detach() for weight in _factors(first)]
    outer = first.bias.detach()
    forward, descend = (_dense_forward, _dense_descend) if len(parts) == 1 else (_clos_forward, _clos_descend)

    def written_out() -> None:
        below = forward(parts, outer, x)
        h = below[-1].relu()
        above = torch.softmax(torch.addmm(bias, h, last.t()), 1) - wanted
        through = (above @ last) * (h > 0)
        last.addmm_(above.t(), h, alpha=-rate)
        bias.add_(above[0], alpha=-rate)
        outer.add_(through[0], alpha=-rate)
        descend(parts, below, through, rate)

    return _without_gradients(torch.compile(written_out, fullgraph=True) if kind == "compiled" else written_out)


def _without_gradients(call: Callable[[], object]) -> Callable[[], object]:
    def without() -> None:
        with torch.no_grad():
            call()

    return without


def _factors(first: nn.Linear | ClosLinear) -> list[Tensor]:
    if isinstance(first, nn.Linear):
        return [first.weight]
    return [first.input_weight, first.middle_weight, first.output_weight]


def _dense_forward(parts: list[Tensor], bias: Tensor, x: Tensor) -> list[Tensor]:
    return [x, torch.addmm(bias, x, parts[0].t())]


def _dense_descend(parts: list[Tensor], below: list[Tensor], above: Tensor, rate: float) -> None:
    parts[0].addmm_(above.t(), below[0], alpha=-rate)


def _clos_forward(parts: list[Tensor], bias: Tensor, x: Tensor) -> list[Tensor]:
    """What enters each stage, one column a router, and the outputs (1, outputs)."""
    first, middle, last = parts
    x = x.view(len(first), -1, 1)
    a = torch.bmm(first, x).transpose(0, 1)
    b = torch.bmm(middle, a).transpose(0, 1)
    return [x, a, b, torch.baddbmm(bias.view(len(last), -1, 1), last, b).view(1, -1)]


def _clos_descend(parts: list[Tensor], below: list[Tensor], above: Tensor, rate: float) -> None:
    first, middle, last = parts
    x, a, b, _ = below
    above = above.view(len(last), -1, 1)
    to_middle = torch.bmm(last.transpose(1, 2), above).transpose(0, 1)
    to_first = torch.bmm(middle.transpose(1, 2), to_middle).transpose(0, 1)
    last.baddbmm_(above, b.transpose(1, 2), alpha=-rate)
    middle.baddbmm_(to_middle, a.transpose(1, 2), alpha=-rate)
    first.baddbmm_(to_first, x.transpose(1, 2), alpha=-rate)
