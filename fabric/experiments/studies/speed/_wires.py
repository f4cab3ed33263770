"""What the wires between a cascade's routers cost: the same products with them and with straight wires."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Rule, RunConfig
from fabric.experiments.studies.speed._layers import CascadeSizes
from fabric.experiments.studies.speed._rivals import Cascade, block_diagonal
from fabric.experiments.studies.speed._turns import Task, forward_backward, named_device, one_core, take_turns
from fabric.nn import CascadeLinear, ClosLinear
from fabric.topology import Topology

FORMS = ("kernel", "views", "copies")


@dataclass(frozen=True)
class WireTimesConfig(RunConfig):
    """Clos cascades beside cascades of the same routers whose wires go straight on, forward and backward.

    Attributes:
        cascades: (I, O, R_i, R_m, R_o).
        batches: batch sizes.
        rounds: in which all forms take turns.
        seconds: for which a call is repeated in each round.
        device: where.
    """

    recipe: ClassVar[int] = 1

    cascades: Annotated[tuple[CascadeSizes, ...], Rule("a tuple of at least one cascade", bool)]
    batches: Annotated[tuple[Positive, ...], Rule("a tuple of at least one batch size", bool)]
    rounds: Positive
    seconds: PositiveFloat
    device: str = field(default_factory=named_device)


def time_wires(config: WireTimesConfig) -> Measured:
    """Time everything on one thread.

    Returns:
        "points", one for each cascade, batch size and form: "cascade", "batch", "form" and by round "seconds" of a call
        and "straight", the seconds of the same products with straight wires. The forms: "kernel", all stages at once;
        "views", PyTorch's products on views whose axes are swapped; "copies", PyTorch's products on neighbouring
        numbers, each level scattered by its index before the next stage.
    """
    instance("config", config, WireTimesConfig)
    device = torch.device(config.device)
    points = []
    with one_core(device):
        for cascade in config.cascades:
            torch.manual_seed(0)
            pairs = {form: [layer.to(device) for layer in pair(form, cascade)] for form in FORMS}
            for batch in config.batches:
                x = torch.randn(batch, cascade[0]).to(device)
                tasks = {
                    (form, at): Task(forward_backward(layer, x), form == "kernel")
                    for form, layers in pairs.items()
                    for at, layer in enumerate(layers)
                }
                times = take_turns(tasks, config.rounds, config.seconds, device)
                points += [
                    {"cascade": cascade, "batch": batch, "form": form, "seconds": times[form, 0],
                     "straight": times[form, 1]}
                    for form in FORMS
                ]  # fmt: skip
    return {"points": points}


def pair(form: str, cascade: Cascade) -> tuple[nn.Module, nn.Module]:
    """The cascade in one of `FORMS`, and the same products with straight wires."""
    if form == "kernel":
        return ClosLinear(*cascade), CascadeLinear(straight(cascade))
    return (ClosLinear(*cascade) if form == "views" else _Copied(*cascade)), _Straight(*cascade)


def straight(cascade: Cascade) -> Topology:
    """The routers of a cascade, each taking the outputs of those at its own height: the levels' order never changes."""
    inputs, outputs, first, middle, last = cascade
    levels = inputs, first * middle, middle * last, outputs
    stages = zip(levels, levels[1:], (first, middle, last), strict=False)
    return Topology([block_diagonal(*stage) for stage in stages], "straight")


class _Straight(ClosLinear):
    """The cascade's products in PyTorch without the wires between them."""

    def affine(self, columns: Tensor) -> Tensor:
        first, middle, last = self.input_weight, self.middle_weight, self.output_weight
        x = torch.bmm(first, columns.unflatten(0, (self.input_routers, -1)))
        x = torch.bmm(middle, self.between(x, self.middle_routers))
        x = torch.bmm(last, self.between(x, self.output_routers)).flatten(0, 1)
        return x if self.bias is None else x + self.bias[:, None]

    def between(self, x: Tensor, routers: int) -> Tensor:
        """Outputs of a stage (routers, neurons, batch) → inputs of the next."""
        return x.view(routers, -1, x.shape[2])


class _Copied(_Straight):
    """The cascade in PyTorch, its wires as an index: every level is scattered before the next stage reads it."""

    def between(self, x: Tensor, routers: int) -> Tensor:
        count, neurons, batch = x.shape
        index = torch.arange(count * neurons, device=x.device).view(count, neurons).t().flatten()
        return x.flatten(0, 1).index_select(0, index).view(routers, count, batch)
