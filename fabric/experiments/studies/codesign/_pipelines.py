"""A row of tori beside one that all cascades share: cycles, parts, and what late updates do to accuracy."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain
from typing import ClassVar

import numpy as np
import pandas as pd

from fabric._checks import instance
from fabric.codesign import MODES
from fabric.experiments.batchless import Cascades, initial_weights, orders
from fabric.experiments.data import DatasetName, load
from fabric.experiments.runs import Measured, Natural, Positive, Results, RunConfig
from fabric.experiments.statements import Verdict, counted
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.hardware import FixedPoint, Torus, TorusMapping
from fabric.hardware.pipeline import Costs, Pipeline, PipelineMachine, stations, time_shared
from fabric.hardware.torus._phases import extent, inputs_of
from fabric.hardware.verilog.rtl import sources_hash


@dataclass(frozen=True)
class PipelineConfig(RunConfig):
    """A network trained in the golden model of a pipeline, or of one torus.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes; features are padded with zeros to the first cascade.
        samples: the first so many of its training part are trained on.
        cascades: of the network; ReLU between them, sigmoids at the end.
        is_pipeline: a torus for each cascade; otherwise one for all, and no update is late.
        rates: the learning rate of an epoch is 2 ** -rate.
        seed: of weights, order and rounding.
        held_out: that many samples after those; accuracy is measured on them.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    samples: Positive
    cascades: Cascades
    is_pipeline: bool
    rates: tuple[Natural, ...]
    seed: Natural
    held_out: Positive


def train_pipeline(config: PipelineConfig) -> Measured:
    """Train; "accuracy", a fraction, of a pass forward over the held-out samples."""
    instance("config", config, PipelineConfig)
    fixed = FixedPoint()
    data = load(config.dataset).padded(config.cascades[0][0])
    end = config.samples + config.held_out
    x = fixed.activations(data.train_x.numpy()[:end])
    labels = data.train_y.numpy()[:end]
    targets = fixed.activations(np.eye(config.cascades[-1][1]))[labels]
    tori = _tori(config.cascades, config.is_pipeline)
    pipeline = Pipeline(tori, fixed, config.seed)
    starts = iter([fixed.weights(each) for each in initial_weights(config.cascades, config.seed)])
    pipeline.load([[next(starts) for _ in torus.phases] for torus in tori])
    for rate, order in zip(config.rates, orders(config.seed, config.samples, len(config.rates)), strict=True):
        pipeline.run(x[order], targets[order], rate)
    answers = pipeline.classify(x[config.samples :])
    return {"accuracy": float((answers.argmax(axis=1) == labels[config.samples :]).mean())}


def pipeline_accuracy(
    results: Results,
    cascades: Sequence[Sequence[int]],
    dataset: str,
    samples: int,
    rates: Sequence[int],
    seeds: int,
    held_out: int,
) -> pd.DataFrame:
    """Both machines with seeds 0, 1, ...: "machine" ("pipeline", "one torus"), "seed", "accuracy"."""
    not_empty(cascades=cascades, rates=rates)
    positive(seeds=seeds)
    configs = [
        PipelineConfig(dataset, samples, tuple(map(tuple, cascades)), is_row, tuple(rates), seed, held_out)
        for is_row in (True, False)
        for seed in range(seeds)
    ]
    records = results.sweep(train_pipeline, configs, "pipelines")
    return pd.DataFrame(
        {
            "machine": ["pipeline" if config.is_pipeline else "one torus" for config in configs],
            "seed": [config.seed for config in configs],
            "accuracy": records["accuracy"].to_numpy(),
        }
    )


@dataclass(frozen=True)
class RowConfig(RunConfig):
    """Tori behind each other in Verilog, beside their golden model, on random words; updates are rounded to nearest.

    Attributes:
        cascades: one for each torus; ReLU between them, sigmoids at the end.
        build: rows, columns, depth, longest, store, feed and slots of the `Torus` that stands in every place.
        samples: that are trained on.
        sources: the `sources_hash` of fabric_machine.
    """

    recipe: ClassVar[int] = 1

    cascades: Cascades
    build: tuple[Natural, ...]
    samples: Positive
    sources: str


def simulate_row(config: RowConfig) -> Measured:
    """Run both; "counted" and "longest": cycles between results, in the mean and at most, in the second half of the
    run; "differing": words of outputs and weights that are not those of the golden model; "waiting": the most values
    that stood in queues of one torus."""
    rows, columns, *sizes = instance("config", config, RowConfig).build
    fixed, rng = FixedPoint(), np.random.default_rng(0)
    depth, longest, store, feed, slots = sizes
    torus = Torus(rows, columns, fixed, depth=depth, longest=longest, store=store, feed=feed, slots=slots)
    mappings = _tori(config.cascades, True, rows, columns)
    weights = [[rng.integers(-900, 900, (p.rings, p.neurons, p.values)) for p in m.phases] for m in mappings]
    x = rng.integers(-64, 64, (config.samples, mappings[0].inputs))
    y = rng.integers(0, 33, (config.samples, mappings[-1].outputs))
    machine, golden = PipelineMachine(mappings, [torus] * len(mappings)), Pipeline(mappings, fixed)
    found = []
    for model in (machine, golden):
        model.load(weights)
        found.append([model.run(x, y, 4, stochastic=False), *chain(*model.weights())])
    between = np.diff(machine.output_times)[config.samples // 2 :]
    return {
        "counted": float(between.mean()),
        "longest": int(between.max()),
        "differing": int(sum((ours != theirs).sum() for ours, theirs in zip(*found, strict=True))),
        "waiting": max(machine.waiting),
    }


def rows_of_tori(results: Results, rows: Sequence[Sequence[Sequence[int]]], samples: int) -> pd.DataFrame:
    """Rows of tori simulated in Verilog, all with the one torus that holds every cascade of all rows.

    Returns:
        "cascades", "tori", "slowest" (cycles that the slowest torus takes for a sample), "late" (samples that the first
        torus takes before the deltas of one must be back), and the fields of `simulate_row`.
    """
    fixed = FixedPoint()
    smallest = [station.torus for row in rows for station in stations(_tori(row, True), fixed)]
    place = max(torus.rows for torus in smallest), max(torus.columns for torus in smallest)
    own = [stations(_tori(row, True, *place), fixed) for row in rows]
    tori = [station.torus for row in own for station in row]
    sizes = (max(getattr(torus, name) for torus in tori) for name in ("depth", "longest", "store", "feed", "slots"))
    build, sources = (*place, *sizes), sources_hash("fabric_machine")
    configs = [RowConfig(tuple(map(tuple, row)), build, samples, sources) for row in rows]
    records = results.sweep(simulate_row, configs, "rows of tori")
    return pd.DataFrame(
        {
            "cascades": ["; ".join(str(tuple(cascade)) for cascade in row) for row in rows],
            "tori": [len(row) for row in rows],
            "slowest": [max(station.training for station in row) for row in own],
            "late": [row[0].late for row in own],
        }
    ).join(records[["counted", "longest", "differing", "waiting"]].reset_index(drop=True))


def slowest_sets_the_pace(rows: pd.DataFrame) -> Verdict:
    """Verdict on "limited by the slowest cascade in the pipeline": that torus alone says how often a sample leaves, in
    every row.

    Args:
        rows: of `rows_of_tori`.

    Raises:
        ValueError: a row that differs from its golden model, or leaves samples more often than its slowest torus can.
    """
    over = rows["counted"] / rows["slowest"]
    if rows["differing"].any() or (over < 1).any():
        raise ValueError(f"rows must equal the golden model and be no faster than their slowest torus, got\n{rows}")
    waiting = [
        f" In {row.cascades} deltas come back after {row.late * row.counted:.0f} cycles, and the first torus keeps "
        f"operands of the {row.late} samples that it takes meanwhile, no more: so it waits."
        for row in rows[over > 1].itertuples()
    ]
    return counted(
        "closnets-slowest-cascade",
        float(over.max()),
        0,
        f"Counted in Verilog, bit for bit as the golden model. None of {len(rows)} rows is faster than its slowest "
        f"torus, which holds by construction; {(over == 1).sum()} are as fast.{''.join(waiting)}",
    )


def pipeline_costs(cascades: Sequence[Sequence[int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of the row of smallest tori, beside one torus that all cascades share in each mode that it can, and of each torus
    of the row.

    Returns:
        "machine", "interval", "multipliers", "weight_bits", "store_bits", "queue_bits"; and "torus", "cascade", "rows",
        "columns", "forward", "training" (cycles), "late" (samples), "queue_words".
    """
    not_empty(cascades=cascades)
    fixed, (whole,) = FixedPoint(), _tori(cascades, False)
    row = stations(_tori(cascades, True), fixed)
    machines = {"pipeline": Costs.of(row)}
    for mode in MODES:
        with suppress(ValueError):  # phases that cannot share the memories
            machines[f"one torus, {mode}"] = time_shared(whole, fixed, mode)
    each = [
        {"torus": at, "cascade": str(tuple(cascades[at])), "rows": station.torus.rows, "columns": station.torus.columns}
        | {"forward": station.inference, "training": station.training, "late": station.late}
        | {"queue_words": station.queue_words}
        for at, station in enumerate(row)
    ]
    return pd.DataFrame([{"machine": name} | asdict(costs) for name, costs in machines.items()]), pd.DataFrame(each)


def _tori(
    cascades: Sequence[Sequence[int]], is_pipeline: bool, rows: int | None = None, columns: int | None = None
) -> list[TorusMapping]:
    """Of the smallest size, or of a given one; but for the first, each has places for all its inputs."""
    kinds = [*["relu"] * (len(cascades) - 1), "sigmoid"]
    if not is_pipeline:
        return [TorusMapping([tuple(cascade) for cascade in cascades], kinds)]
    found = []
    for at, (cascade, kind) in enumerate(zip(cascades, kinds, strict=True)):
        values = inputs_of(tuple(cascade))[1] if at and columns is None else 0
        wide = max(values, extent(tuple(cascade))[1], 2) if columns is None else columns
        found.append(TorusMapping([tuple(cascade)], [kind], rows, wide))
    return found
