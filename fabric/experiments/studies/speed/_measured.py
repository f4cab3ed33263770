"""Everything that the study measures, run by run in one order, as one frame each with a row for each round."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from fabric.experiments.runs import Measured, RunConfig
from fabric.experiments.studies import equal_layers
from fabric.experiments.studies._parameters import not_empty
from fabric.experiments.studies.speed._block import BlockTimesConfig, time_block
from fabric.experiments.studies.speed._caches import CacheTimesConfig, time_caches
from fabric.experiments.studies.speed._heuristic import HeuristicTimesConfig, time_heuristic
from fabric.experiments.studies.speed._layers import LayerTimesConfig, time_layer
from fabric.experiments.studies.speed._memory import PeakMemoryConfig, peak_memory
from fabric.experiments.studies.speed._rivals import Cascade, ways
from fabric.experiments.studies.speed._single import SingleSampleConfig, time_single_samples
from fabric.experiments.studies.speed._turns import named_device
from fabric.experiments.studies.speed._wires import WireTimesConfig, time_wires

Sweep = Callable[[Callable[[Any], Measured], Sequence[RunConfig], str], pd.DataFrame]  # as `Results.sweep`


def label(cascade: Sequence[int]) -> str:
    """A layer as tables name it."""
    inputs, outputs, *routers = cascade
    return f"{inputs} → {outputs} ({', '.join(map(str, routers))})"


def layers(
    sweep: Sweep, described: Sequence[Sequence[Any]], rounds: int, seconds: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Times of layers, one run a layer, and the limits of the machine in each run.

    Args:
        sweep: runs configurations or finds their records, as `Results.sweep`.
        described: for each run the cascade, the dtype, the batch sizes and the ways; no ways: all that exist.
        rounds, seconds: as in `LayerTimesConfig`.

    Returns:
        "device", "dtype", "layer", "backend", "way", "passes", "batch", "inputs", "outputs", "weights", "multiplied",
        "round", "seconds"; and "device", "dtype", "layer", "batch" (the smallest), "round", "peak", "cache", "memory".
    """
    times, limits = [], []
    for cascade, dtype, batches, named in described:
        chosen = tuple(named) or ways(_sizes(cascade), dtype, named_device())
        config = LayerTimesConfig(_sizes(cascade), dtype, tuple(batches), chosen, rounds, seconds)
        record = _one(sweep, time_layer, config, label(cascade))
        known = {"device": record["device"], "dtype": dtype, "layer": label(cascade)}
        limits.append(
            pd.DataFrame(record["limits"]).rename_axis("round").reset_index().assign(**known, batch=batches[0])
        )
        sizes = {"inputs": cascade[0], "outputs": cascade[1], "backend": record["backend"]}
        times += [known | sizes | point | record["layers"][point["way"]] for point in record["points"]]
    return _by_round(times), pd.concat(limits, ignore_index=True)


def caches(sweep: Sweep, cascade: Sequence[int], named: Sequence[str], rounds: int, calls: int) -> pd.DataFrame:
    """Times of one sample: "device", "layer", "way", "caches", "weight_bytes", "round", "seconds"."""
    config = CacheTimesConfig(_sizes(cascade), tuple(named), rounds, calls)
    return _points(sweep, time_caches, config, "caches", layer=label(cascade))


def single_samples(
    sweep: Sweep, cascades: Sequence[Sequence[int]], kinds: Sequence[str], rounds: int, seconds: float
) -> pd.DataFrame:
    """Times of steps of 784-256-10: "device", "network" ("dense" or the cascade), "kind", "weights", "round",
    "seconds".
    """
    not_empty(cascades=cascades, kinds=kinds)
    config = SingleSampleConfig(784, 10, tuple(map(_sizes, cascades)), tuple(kinds), rounds, seconds)
    points = _points(sweep, time_single_samples, config, "training sample by sample")
    names = points["cascade"].map(lambda cascade: label(cascade) if isinstance(cascade, list | tuple) else "dense")
    return points.assign(network=names).drop(columns="cascade")


def block(sweep: Sweep, sizes: Sequence[int], fewer: float, rounds: int, seconds: float) -> pd.DataFrame:
    """Times of a Transformer block (batch, tokens, width): "device", "way", "weights", "round", "seconds"."""
    batch, tokens, width = sizes
    config = BlockTimesConfig(batch, tokens, width, fewer, rounds, seconds)
    return _points(sweep, time_block, config, "Transformer block")


def wires(
    sweep: Sweep, cascades: Sequence[Sequence[int]], batches: Sequence[int], rounds: int, seconds: float
) -> pd.DataFrame:
    """Times with wires and without: "device", "layer", "batch", "form", "round", "seconds", "straight"."""
    not_empty(cascades=cascades, batches=batches)
    config = WireTimesConfig(tuple(map(_sizes, cascades)), tuple(batches), rounds, seconds)
    points = _points(sweep, time_wires, config, "wires")
    return points.assign(layer=points["cascade"].map(label)).drop(columns="cascade")


def memory(sweep: Sweep, cascade: Sequence[int], depth: int, batch: int) -> pd.DataFrame:
    """Bytes in training: "device", "way", "held", "peak", "share" of the dense network's peak."""
    record = _one(sweep, peak_memory, PeakMemoryConfig(_sizes(cascade), depth, batch), "memory")
    points = pd.DataFrame(record["points"]).assign(device=record["device"])
    return points.assign(share=points["peak"] / points["peak"][points["way"] == "dense"].item())


def heuristic(
    sweep: Sweep,
    topologies: Sequence[str],
    side: int,
    *,
    epochs: int,
    samples: int,
    batch_size: int,
    rounds: int,
    seconds: float,
) -> pd.DataFrame:
    """How long it takes to judge topologies.

    Args:
        sweep: as for `layers`.
        topologies: keys of `equal_layers.layers(side)`.
        side: of the images.
        epochs, samples, batch_size: of a training run, whose time is extrapolated from its steps.
        rounds, seconds: as in `HeuristicTimesConfig`.

    Returns:
        "topology", "entries", "coloring_seconds", "training_seconds" (median over rounds), and "faster", how many times
        as long training takes.
    """
    known, rows = equal_layers.layers(side), []
    for name in topologies:
        config = HeuristicTimesConfig(known[name], 0, batch_size, rounds, seconds)
        record = _one(sweep, time_heuristic, config, f"judging {name}")
        training = epochs * math.ceil(samples / batch_size) * statistics.median(record["step_seconds"])
        counted = {name: record[name] for name in ("entries", "coloring_seconds")}
        faster = training / record["coloring_seconds"]
        rows.append({"topology": name, **counted, "training_seconds": training, "faster": faster})
    return pd.DataFrame(rows)


def _sizes(cascade: Sequence[int]) -> Cascade:
    inputs, outputs, first, middle, last = cascade
    return inputs, outputs, first, middle, last


def _one(sweep: Sweep, run: Callable[[Any], Measured], config: RunConfig, title: str) -> pd.Series:
    """The record of one run: runs that are timed never run side by side."""
    return sweep(run, [config], title).iloc[0]


def _points(sweep: Sweep, run: Callable[[Any], Measured], config: RunConfig, title: str, **known: Any) -> pd.DataFrame:
    record = _one(sweep, run, config, title)
    return _by_round([{"device": record["device"]} | known | point for point in record["points"]])


def _by_round(points: list[dict[str, Any]]) -> pd.DataFrame:
    """A row for each round of each point."""
    frame = pd.DataFrame(points)
    frame["round"] = [list(range(len(times))) for times in frame["seconds"]]
    timed = [name for name in ("seconds", "straight") if name in frame]
    rows = frame.explode(["round", *timed], ignore_index=True)
    return rows.astype({"round": int, **dict.fromkeys(timed, float)})
