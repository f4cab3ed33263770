"""Measurements on the simulated machine: cycles by its counters and a stopwatch, agreement with its golden model."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from fabric._checks import instance
from fabric.experiments.batchless import Cascade
from fabric.experiments.runs import Measured, Natural, Positive, Rule, RunConfig, one_of
from fabric.hardware import FixedPoint, GoldenMachine, Machine, Torus, TorusMapping, program
from fabric.hardware.torus import MODES, MODES_OF, Program
from fabric.hardware.torus.verification import TORI, differences, random_case

_RATE = 5


@dataclass(frozen=True)
class LayerOnChip(RunConfig):
    """A layer on a torus of its own size, run in every mode that the torus is made for.

    Attributes:
        layer: (I, O, R_i, R_m, R_o), or (I, O) for the dense ring.
        samples: of the longer of the two runs in each mode; the other is of one sample.
        sources: the `sources_hash` of fabric_machine.
        seed: of weights, inputs and targets.
        pipeline: of the torus.
    """

    recipe: ClassVar[int] = 1

    layer: Cascade
    samples: Annotated[int, Rule("at least 2", lambda samples: samples >= 2)]
    sources: str
    seed: Natural = 0
    pipeline: Annotated[int, Rule("0, 1 or 2", lambda pipeline: pipeline in range(len(MODES_OF)))] = 0


@dataclass(frozen=True)
class Campaign(RunConfig):
    """Random cases on one small torus.

    Attributes:
        torus: a key of `fabric.hardware.torus.verification.TORI`.
        cases: how many.
        seed: of the cases.
        sources: the `sources_hash` of fabric_machine.
    """

    recipe: ClassVar[int] = 1

    torus: Annotated[str, one_of(*TORI)]
    cases: Positive
    seed: Natural
    sources: str


def run_layer(config: LayerOnChip) -> Measured:
    """Run a layer in every mode.

    Returns:
        The torus' "rows" and "columns", and "runs", one for each mode: "lone" (cycles of one sample alone), "cycles",
        "forward", "backward" and "waiting" (the design's counters over all samples), "stopwatch" (cycles of the clock
        from the first result to the last, for each sample between them), and whether "outputs" and "weights" equal the
        golden model's bit for bit.

    Raises:
        ValueError: a layer that no torus holds.
        SimulationError: the design does not build or hangs.
    """
    instance("config", config, LayerOnChip)
    fixed, mapping = FixedPoint(), TorusMapping([config.layer])
    programs = {mode: program(mapping, mode, pipeline=config.pipeline) for mode in MODES_OF[config.pipeline]}
    machine = Machine(Torus.of(mapping, fixed, programs.values()), mapping)
    golden = GoldenMachine(mapping, fixed)
    rng = np.random.default_rng(config.seed)
    limit = 1 << (fixed.weight - 3)
    weights = [rng.integers(-limit, limit, (p.rings, p.neurons, p.values)) for p in mapping.phases]
    machine.load(weights)
    golden.load(weights)
    runs = [{"mode": mode} | _run(machine, golden, mapping, way, config) for mode, way in programs.items()]
    return {"rows": mapping.rows, "columns": mapping.columns, "runs": runs}


def _run(
    machine: Machine, golden: GoldenMachine, mapping: TorusMapping, way: Program, config: LayerOnChip
) -> dict[str, Any]:
    """A sample alone, then all samples, from the weights that the mode before has left."""
    rng = np.random.default_rng(config.seed)
    inputs = rng.integers(-64, 64, (config.samples, mapping.inputs))
    targets = rng.integers(-64, 64, (config.samples, mapping.outputs)) if way.trains else None
    same, counted = True, []
    for samples in (1, config.samples):
        machine.reset()
        golden.reset()
        run = (way, inputs[:samples], None if targets is None else targets[:samples], _RATE if way.trains else None)
        same &= np.array_equal(machine.run(*run), golden.run(*run))
        counted.append(asdict(machine.counters))
    times = machine.output_times.reshape(config.samples, -1)[:, 0]
    stopwatch = float((times[-1] - times[0]) / (config.samples - 1))
    pairs = zip(machine.weights(), golden.weights(), strict=True)
    return {"lone": counted[0]["cycles"], **counted[1], "stopwatch": stopwatch, "outputs": bool(same),
            "weights": all(np.array_equal(have, want) for have, want in pairs)}  # fmt: skip


def run_campaign(config: Campaign) -> Measured:
    """Hold the Verilog against its golden model, case by case.

    Returns:
        "samples", how many ran in all cases, "modes", the runs in each mode, and "differing": what differed, case by
        case; empty if all is well.

    Raises:
        SimulationError: the design does not build or hangs.
    """
    instance("config", config, Campaign)
    machine = Machine(TORI[config.torus])
    rng = np.random.default_rng(config.seed)
    samples, differing = 0, []
    modes = dict.fromkeys(MODES, 0)
    for _ in range(config.cases):
        case = random_case(machine.torus, rng)
        samples += case.samples
        for run in case.runs:
            modes[run.program.mode] += 1
        found = list(differences(machine, case))
        if found:
            differing.append(f"{case}: {', '.join(found)}")
    return {"samples": samples, "modes": modes, "differing": differing}
