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
from fabric.experiments.studies.speed._rivals import weights
from fabric.experiments.studies.speed._turns import Task, named_device, one_core, rounded, take_turns
from fabric.nn import ClosLinear, descend

_RATE = 1e-6  # so small that thousands of steps on one sample change nothing of note
_Products = tuple[Callable[[], Tensor], Callable[[Tensor], None]]  # outputs, and a step given their gradient
_KINDS = ("autograd", "written out", "compiled", "fused")
_RUN = 64  # samples of a fused call


@dataclass(frozen=True)
class SingleSampleConfig(RunConfig):
    """Plain gradient descent with cross-entropy, one sample a step, of a network with one hidden layer of ReLUs.

    Attributes:
        inputs: of the dense network; the cascades pad them.
        classes: outputs of the second layer, which is dense.
        cascades: in the place of the dense first layer, all with as many outputs.
        kinds: of step. "autograd": PyTorch's usual one, the cascade by its kernel. "written out": the same products
            without autograd, each gradient added to its weight as it is formed. "compiled": that by `torch.compile`.
            "fused": `fabric.nn.descend`, one call for a run of samples and both layers, dense ones by the same kernel.
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
                y = torch.zeros(1, dtype=torch.int64, device=device)
                steps = _RUN if kind == "fused" else 1
                points.append({"cascade": cascade, "kind": kind, "weights": weights(first), "steps": steps})
                tasks[str(len(tasks))] = Task(step(network, x.repeat(steps, 1), y.repeat(steps), kind))
        times = take_turns(tasks, config.rounds, config.seconds, device)
    for point, taken in zip(points, times.values(), strict=True):
        steps = point.pop("steps")
        point["seconds"] = [rounded(seconds / steps) for seconds in taken]
    return {"points": points}


def step(network: Any, x: Tensor, y: Tensor, kind: str, rate: float = _RATE) -> Callable[[], object]:
    """A training step on x (1, inputs) and y (1,), if fused one on each row; all kinds give the same weights.

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
    if kind == "fused":
        return lambda: descend(network, x, y, rate)
    first, _, second = network
    outputs, learn = (_dense if isinstance(first, nn.Linear) else _clos)(first, x, rate)
    wanted = functional.one_hot(y, second.out_features).to(x.dtype)
    weight, bias = second.weight.detach(), second.bias.detach()

    def written_out() -> None:
        h = outputs().relu()
        above = torch.softmax(torch.addmm(bias, h, weight.t()), 1) - wanted
        through = (above @ weight) * (h > 0)
        weight.addmm_(above.t(), h, alpha=-rate)
        bias.add_(above[0], alpha=-rate)
        learn(through)

    return _without_gradients(torch.compile(written_out, fullgraph=True) if kind == "compiled" else written_out)


def _without_gradients(call: Callable[[], object]) -> Callable[[], object]:
    def without() -> None:
        with torch.no_grad():
            call()

    return without


def _dense(layer: Any, x: Tensor, rate: float) -> _Products:
    weight, bias = layer.weight.detach(), layer.bias.detach()

    def outputs() -> Tensor:
        return torch.addmm(bias, x, weight.t())

    def learn(above: Tensor) -> None:
        weight.addmm_(above.t(), x, alpha=-rate)
        bias.add_(above[0], alpha=-rate)

    return outputs, learn


def _clos(layer: Any, x: Tensor, rate: float) -> _Products:
    weights, bias = [weight.detach() for weight in layer.layout_weights()], layer.bias.detach()
    fixed = weights, layer.edge_lists(), layer.flat_layout

    def outputs() -> Tensor:
        return torch.ops.fabric.cascade(x, bias, *fixed)

    def learn(above: Tensor) -> None:
        _, for_bias, for_weights = torch.ops.fabric.cascade_backward(above, x, *fixed, False, True)
        torch._foreach_add_([bias, *weights], [for_bias, *for_weights], alpha=-rate)

    return outputs, learn
