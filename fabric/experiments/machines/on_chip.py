"""Training by the machine itself: the Verilog, simulated, learns sample by sample beside its golden model."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from fabric._checks import instance
from fabric.experiments.batchless import Checks, FixedPointConfig, OneTorus, orders, samples, stretches
from fabric.experiments.data import accuracy, load
from fabric.experiments.runs import Measured, RunConfig
from fabric.hardware import Machine, Torus, cycles, program
from fabric.hardware.torus import MODES_OF


@dataclass(frozen=True)
class OnChipConfig(RunConfig):
    """A training run of the simulated machine.

    Attributes:
        training: what is trained and how; all cascades on one torus.
        checks: numbers of samples after which accuracy is measured and all weights are read back; training ends with
            the last. There, and at the end of an epoch, the machine finishes all samples before it goes on.
        sources: the `sources_hash` of fabric_machine.
    """

    recipe: ClassVar[int] = 1

    training: FixedPointConfig
    checks: Checks
    sources: str


def train_on_chip(config: OnChipConfig) -> Measured:
    """Train and test on the simulated machine, and do the same with the golden model.

    One build of the torus runs all modes. Nothing is sent out while it trains.

    Returns:
        "edges", "accuracy_by_check", that of the golden model, and "identical_by_check", whether the machine's weights
        then equal it bit for bit; "accuracy" of the machine's own outputs for the test samples after the last check and
        "outputs_identical"; "weights", the SHA-256 of the machine's weights at the end; of the training "samples",
        "cycles", "forward_cycles", "backward_cycles", "waiting_cycles" as the machine counts them, "predicted_cycles"
        of the cycle model, and "input_words", "target_words" and "output_words" that moved over its streams.

    Raises:
        ValueError: the configuration names something unknown or does not fit the data or the machine.
        DataError: data files are missing or damaged.
        SimulationError: the machine does not build, or hangs.
    """
    instance("config", config, OnChipConfig)
    training = config.training
    fixed = training.fixed_point
    data = load(training.dataset).hold_out(training.held_out)
    x, targets, test_x = samples(data, training.cascades, fixed)
    labels = data.test_y.numpy()
    golden = OneTorus(training)
    programs = [program(golden.mapping, mode, training.scales) for mode in MODES_OF[0]]
    machine = Machine(Torus.of(golden.mapping, fixed, programs), golden.mapping)
    machine.load(golden.weights())
    epochs = list(orders(training.seed, len(x), len(training.rates)))
    counted: Counter[str] = Counter()
    predicted, accuracies, identical = 0, [], []
    for epoch, part, checked in stretches(config.checks, len(x), len(epochs)):
        order, rate = epochs[epoch][part], training.rates[epoch]
        machine.run(golden.training, x[order], targets[order], rate, training.stochastic, emit_outputs=False)
        golden.train(x[order], targets[order], rate)
        counted.update({f"{name}_cycles": count for name, count in asdict(machine.counters).items()})
        counted.update({f"{name}_words": count * machine.torus.rows for name, count in machine.beats.items()})
        predicted += cycles(golden.training).total(len(order))
        if checked:
            accuracies.append(accuracy(golden.classify(test_x), labels))
            identical.append(_equal(machine.weights(), golden.weights()))
    outputs = machine.run(golden.inference, test_x)
    return {
        "edges": golden.mapping.edges,
        "accuracy_by_check": accuracies,
        "identical_by_check": identical,
        "accuracy": accuracy(outputs, labels),
        "outputs_identical": bool(np.array_equal(outputs, golden.classify(test_x))),
        "weights": digest(machine.weights()),
        "samples": config.checks[-1],
        "cycles": counted["cycles_cycles"],
        "predicted_cycles": predicted,
        **{f"{name}_cycles": counted[f"{name}_cycles"] for name in ("forward", "backward", "waiting")},
        **{f"{name}_words": counted[f"{name}_words"] for name in ("input", "target", "output")},
    }


def digest(weights: Sequence[np.ndarray]) -> str:
    """SHA-256 (hex) of stored weights, phase by phase as 32-bit integers, least significant byte first."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(w, "<i4").tobytes() for w in weights)).hexdigest()


def _equal(ours: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(ours, other, strict=True))
