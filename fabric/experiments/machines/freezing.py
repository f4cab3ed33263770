"""Phases of the training machine are frozen between epochs: their weights are written no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np

from fabric._checks import instance
from fabric.experiments.batchless import FixedPointConfig, OneTorus, orders, samples
from fabric.experiments.data import accuracy, load
from fabric.experiments.runs import Measured, Natural, Positive, Rule, RunConfig
from fabric.hardware import Machine, Torus, cycles, program
from fabric.hardware.torus import MODES_OF


@dataclass(frozen=True)
class FreezingConfig(RunConfig):
    """A training of the simulated machine.

    Attributes:
        training: what is trained and how; all cascades on one torus.
        frozen: for each epoch the phases whose weights stay, numbered over all cascades; what is frozen stays frozen.
        samples: of an epoch, the first ones of its order.
        sources: the `sources_hash` of fabric_machine.
    """

    recipe: ClassVar[int] = 1

    training: FixedPointConfig
    frozen: Annotated[tuple[tuple[Natural, ...], ...], Rule("a tuple of at least one tuple of phases", bool)]
    samples: Positive
    sources: str

    def __post_init__(self) -> None:
        super().__post_init__()
        epochs, phases = len(self.training.rates), 3 * len(self.training.cascades)
        outside = any(phase >= phases for chosen in self.frozen for phase in chosen)
        thawed = any(not set(before) <= set(after) for before, after in pairwise(self.frozen))
        if len(self.frozen) != epochs or outside or thawed:
            wanted = f"{epochs} tuples, one an epoch, of phases from 0 to {phases - 1} that stay"
            raise ValueError(f"frozen must be {wanted}, got {self.frozen}")


def train_freezing(config: FreezingConfig) -> Measured:
    """Train the simulated machine and its golden model, an epoch at a time, each with the program of that epoch.

    Returns:
        "accuracy" at the end (a fraction of the tested part); "updates" (trained weights times samples);
        "update_cycles", in which the machine has written weights, as it counts them, "predicted_cycles", those of the
        cycle model, and "writes" (words, one in each processing element in such a cycle, padding among them);
        "cycles" of the machine; "changed", frozen weights that an epoch of the machine or of the golden model has
        changed; "identical", whether outputs and weights of both were equal bit for bit after each epoch.

    Raises:
        ValueError: the configuration does not fit the data or the machine.
        DataError: data files are missing or damaged.
        SimulationError: the machine does not build, or hangs.
    """
    instance("config", config, FreezingConfig)
    training = config.training
    fixed = training.fixed_point
    data = load(training.dataset).hold_out(training.held_out)
    x, targets, test_x = samples(data, training.cascades, fixed)
    torus = OneTorus(training)
    phases = torus.mapping.phases
    programs = [program(torus.mapping, mode, training.scales) for mode in MODES_OF[0]]
    machine = Machine(Torus.of(torus.mapping, fixed, programs), torus.mapping)
    machine.load(torus.weights())
    counts = {"updates": 0, "update_cycles": 0, "predicted_cycles": 0, "cycles": 0, "changed": 0}
    identical = True
    epochs = zip(orders(training.seed, len(x), len(training.rates)), training.rates, config.frozen, strict=True)
    for order, rate, frozen in epochs:
        part = order[: config.samples]
        way = program(torus.mapping, training.mode, training.scales, frozen=frozen)
        before = torus.weights()
        run = (way, x[part], targets[part], rate, training.stochastic)
        outputs, golden = machine.run(*run), torus.golden.run(*run)
        ours, theirs = machine.weights(), torus.weights()
        identical &= np.array_equal(outputs, golden) and not _different(ours, theirs, range(len(phases)))
        counts["changed"] += _different(ours, before, frozen) + _different(theirs, before, frozen)
        counts["updates"] += len(part) * sum(p.edges for at, p in enumerate(phases) if at not in frozen)
        counts["update_cycles"] += machine.updates
        counts["predicted_cycles"] += len(part) * cycles(way).updates
        counts["cycles"] += machine.counters.cycles
    return {
        "accuracy": accuracy(torus.classify(test_x), data.test_y.numpy()),
        **counts,
        "writes": counts["update_cycles"] * torus.mapping.rows * torus.mapping.columns,
        "identical": bool(identical),
    }


def _different(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], phases: Sequence[int]) -> int:
    """How many weights of these phases differ."""
    return sum(int((ours[phase] != theirs[phase]).sum()) for phase in phases)
