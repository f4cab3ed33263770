"""A Clos cascade that gains middle routers while it trains, and whose old ones are frozen."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import DatasetName, accuracy, load
from fabric.experiments.growing._common import OPERATIONS, batches, set_rate
from fabric.experiments.runs import Checked, Measured, Natural, Positive, PositiveFloat, Rule, RunConfig, one_thread
from fabric.experiments.training._train import outputs_of
from fabric.nn import ClosLinear, PartlyFrozenClos, freeze, grow
from fabric.nn.init import sparse_glorot_uniform_

STAGES = ("input_weight", "middle_weight", "output_weight")
_TEST_BATCH = 2048


@dataclass(frozen=True)
class Phase(Checked):
    """A part of a training in which the network keeps its form.

    Attributes:
        middle_routers: of the cascade, old and new.
        steps: of the optimiser.
        frozen: middle routers that are not trained, numbered from 0 in the order in which they were added.
        frozen_stages: how many stages of the cascade, inputs first, are not trained.
    """

    middle_routers: Positive
    steps: Positive
    frozen: tuple[Natural, ...] = ()
    frozen_stages: Annotated[int, Rule("an integer from 0 to 3", lambda value: 0 <= value <= 3)] = 0


@dataclass(frozen=True)
class GrowingConfig(RunConfig):
    """Everything that a training depends on.

    A Clos cascade, ReLU and a dense layer to the classes; cross-entropy, Adam with its default momenta, the rate
    decayed to zero along a cosine. New routers come in by `fabric.nn.grow`: the function and the moments of old
    weights stay.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        cascade: (I, O, R_i, R_o); features are padded with zeros to I.
        phases: one after the other. Middle routers are never lost, and what is frozen stays frozen.
        batch_size: every batch is full.
        learning_rate: of the first step.
        seed: of weights and order of samples.
        restart: whether the optimiser starts anew with every phase, and the rate at its largest again.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    cascade: tuple[Positive, Positive, Positive, Positive]
    phases: Annotated[tuple[Phase, ...], Rule("a tuple of at least one Phase", bool)]
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural
    restart: bool = False
    held_out: Natural = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        before = Phase(1, 1)
        for number, phase in enumerate(self.phases):
            shrinks = phase.middle_routers < before.middle_routers or phase.frozen_stages < before.frozen_stages
            if shrinks or not set(before.frozen) <= set(phase.frozen):
                raise ValueError(
                    f"phases must be such that routers and what is frozen stay, phase {number} is not, got {phase}"
                )
            if len(set(phase.frozen)) != len(phase.frozen) or max(phase.frozen, default=0) >= phase.middle_routers:
                last = phase.middle_routers - 1
                raise ValueError(f"phases must be of different frozen routers from 0 to {last}, got {phase.frozen}")
            before = phase


class _Network(nn.Module):
    """The cascade, ReLU and the last layer.

    Attributes:
        trained: which middle routers are trained, numbered in the order in which they were added.
    """

    def __init__(self, first: ClosLinear, last: nn.Linear) -> None:
        super().__init__()
        self.first: ClosLinear | PartlyFrozenClos = first
        self.last = last
        self.trained = list(range(first.middle_routers))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(functional.relu(self.first(x)))

    def enter(self, phase: Phase, optimizer: torch.optim.Optimizer, generator: torch.Generator) -> None:
        """Take the form of a phase."""
        part, frozen = self._parts()
        present = part.middle_routers + (0 if frozen is None else frozen.middle_routers)
        if present < phase.middle_routers:
            count = part.middle_routers + phase.middle_routers - present
            part = grow(part, count, optimizer=optimizer, generator=generator)
            self.first = part if frozen is None else PartlyFrozenClos(part, frozen)
            self.trained += range(present, phase.middle_routers)
        if chosen := [place for place, router in enumerate(self.trained) if router in phase.frozen]:
            self.first = freeze(self.first, chosen, optimizer=optimizer)
            self.trained = [router for router in self.trained if router not in phase.frozen]
        part, _ = self._parts()
        for name in STAGES[: phase.frozen_stages]:
            part.get_parameter(name).requires_grad_(False)

    def edges(self) -> tuple[int, int]:
        """All edges, and those that are trained."""
        part, frozen = self._parts()
        stages = [*part.stage_weights(), *([] if frozen is None else frozen.stage_weights())]
        trained = sum(stage.connections for stage in stages if stage.weight.requires_grad)
        last = self.last.weight.numel()
        return sum(stage.connections for stage in stages) + last, trained + last

    def _parts(self) -> tuple[ClosLinear, ClosLinear | None]:
        if isinstance(self.first, PartlyFrozenClos):
            return self.first.trained, self.first.frozen
        return self.first, None


def train_growing(config: GrowingConfig) -> Measured:
    """Train on one thread.

    Returns:
        "weights" (edges at the end), "accuracy" at the end and "accuracy_by_phase" (fractions of the tested part),
        "steps_by_phase", "operations_by_phase" up to the end of each (6 for each edge and sample, as if none was
        frozen), "updates_by_phase" (trained edges times samples), "change_by_phase" (largest difference of an output
        on the tested part that growing and freezing made at the beginning of each).

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, GrowingConfig)
    inputs, outputs, input_routers, output_routers = config.cascade
    data = load(config.dataset).hold_out(config.held_out).padded(inputs)
    generator = torch.Generator().manual_seed(config.seed)
    first = ClosLinear(inputs, outputs, input_routers, config.phases[0].middle_routers, output_routers)
    network = _Network(first, nn.Linear(outputs, data.classes))
    sparse_glorot_uniform_(network, generator=generator)
    indices = batches(len(data.train_y), config.batch_size, generator)
    every = sum(phase.steps for phase in config.phases)
    done = edge_steps = update_steps = 0
    measured: dict[str, list[float]] = {name: [] for name in ("accuracy", "operations", "updates", "change")}
    with one_thread():
        optimizer = _adam(network)
        before = outputs_of(network, data.test_x, _TEST_BATCH)
        for phase in config.phases:
            optimizer.zero_grad()
            network.enter(phase, optimizer, generator)
            after = outputs_of(network, data.test_x, _TEST_BATCH)
            measured["change"].append(float((after - before).abs().max()))
            if config.restart:
                optimizer = _adam(network)
            network.train()
            for step in range(phase.steps):
                position = (step, phase.steps) if config.restart else (done, every)
                set_rate(optimizer, config.learning_rate, *position)
                batch = next(indices)
                _step(network, optimizer, data.train_x[batch], data.train_y[batch])
                done += 1
            edges, updated = network.edges()
            edge_steps += phase.steps * edges
            update_steps += phase.steps * updated
            before = outputs_of(network, data.test_x, _TEST_BATCH)
            measured["accuracy"].append(accuracy(before, data.test_y))
            measured["operations"].append(OPERATIONS * config.batch_size * edge_steps)
            measured["updates"].append(config.batch_size * update_steps)
    return {
        "weights": edges,
        "accuracy": measured["accuracy"][-1],
        "steps_by_phase": [phase.steps for phase in config.phases],
        **{f"{name}_by_phase": values for name, values in measured.items()},
    }


def _adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam([each for each in network.parameters() if each.requires_grad], fused=True)


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    optimizer.zero_grad()
    functional.cross_entropy(network(x), y).backward()
    optimizer.step()
