"""The pipelined junction machine: what it gains, what it costs, what staleness does (notebook 23_junction_pipeline)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from fabric.experiments.machines.junctions import (
    JunctionMachineSynthesis,
    JunctionTraining,
    Lessons,
    TorusTraining,
    Widths,
)
from fabric.experiments.statements import interval, summarise
from fabric.experiments.studies._parameters import positive
from fabric.hardware import FixedPoint, Torus, TorusMapping, cycles, program
from fabric.hardware.junctions import SHARING, JunctionNetwork, Schedule, balanced_parallelisms, simulate
from fabric.topology import predefined
from fabric.topology.clashes import reads_in_order, stall_cycles

_MODES: tuple[Literal["pipelined", "sequential"], ...] = ("pipelined", "sequential")
BEHIND_TRUNK = "both, behind a trunk"
_NEURONS, _FAN_OUT, _LANES = 64, 8, 16  # of the junctions that `compare_sharing` puts one after the other


def drawn(widths: Sequence[int], fan_outs: Sequence[int], parallelisms: Sequence[int]) -> JunctionNetwork:
    """A network with patterns of type 2, always the same."""
    return JunctionNetwork.drawn(widths, fan_outs, parallelisms, "clash-free-2", np.random.default_rng(0))


def compare_sharing(depths: Sequence[int]) -> pd.DataFrame:
    """What doing several things at once gains, simulated for `depths` equal junctions.

    Returns:
        "junctions", "sharing", "blocks" from sample to sample in steady state, "speed_up" over one process at a time,
        "printed", 3 J, where FF, BP and UP of all junctions run at once behind a convolutional trunk, "weight_reads"
        for each row used. Without a trunk the first junction has no BP.
    """
    rows = []
    for depth in depths:
        network = _equal(depth)
        alone = simulate(network, 8 * depth, "one process").interval
        for sharing in SHARING:
            schedule = simulate(network, 8 * depth, sharing)
            rows.append(_sharing(depth, sharing, network, schedule, alone))
        # One junction more, of which only the trunk's place is taken: its own FF and UP, one block each, are left out.
        longer = _equal(depth + 1)
        alone = simulate(longer, 8 * depth, "one process").interval - 2 * longer.block_cycles
        rows.append(_sharing(depth, BEHIND_TRUNK, longer, simulate(longer, 8 * depth, "both"), alone))
    return pd.DataFrame(rows)


def _equal(depth: int) -> JunctionNetwork:
    return drawn([_NEURONS] * (depth + 1), [_FAN_OUT] * depth, [_LANES] * depth)


def _sharing(depth: int, sharing: str, network: JunctionNetwork, schedule: Schedule, alone: float) -> dict[str, object]:
    return {
        "junctions": depth,
        "sharing": sharing,
        "blocks": schedule.interval / network.block_cycles,
        "speed_up": alone / schedule.interval,
        "printed": 3 * depth if sharing == BEHIND_TRUNK else float("nan"),
        "weight_reads": schedule.weight_reads(),
    }


def trade_off(cells: pd.DataFrame) -> float:
    """The least factor by which a step to the next z saves cycles or costs lookup tables.

    Args:
        cells: "pattern", "parallelism", "cycles" and "lookup_tables".
    """
    by_pattern = cells.sort_values("parallelism").groupby("pattern")
    return min(_least_step(rows["cycles"], rows["lookup_tables"]) for _, rows in by_pattern)


def machine_trade_off(machines: pd.DataFrame) -> float:
    """As `trade_off`, for the table of `machine_table`: cycles saved, or logic elements that it costs."""
    return _least_step(machines["cycles"], machines["logic_elements"])


def _least_step(cycles: pd.Series, hardware: pd.Series) -> float:
    saved, cost = (cycles.shift() / cycles).dropna(), (hardware / hardware.shift()).dropna()
    return float(min([*saved, *cost]))


def machine_configs(
    widths: Sequence[int], fan_outs: Sequence[int], choices: Sequence[Sequence[int]], fixed_point: Sequence[int]
) -> list[JunctionMachineSynthesis]:
    """The whole machine of one network with each choice of degrees of parallelism."""
    form = _widths(fixed_point)
    return [JunctionMachineSynthesis.of(tuple(widths), tuple(fan_outs), tuple(zs), form) for zs in choices]


def machine_table(records: pd.DataFrame) -> pd.DataFrame:
    """Time and hardware of whole machines, the slowest first.

    Returns:
        "parallelisms", "cycles" from sample to sample, "logic_elements", "registers", "memory_bits", "memory_blocks",
        "multipliers" of 9 bits, and "elements_times_cycles", the same everywhere if the two are exchanged one for one.
    """
    counts = ["cycles", "logic_elements", "registers", "memory_bits", "memory_blocks", "multipliers"]
    table = records.assign(parallelisms=records["parallelisms"].map(lambda zs: ", ".join(map(str, zs))))
    table = table[["parallelisms", *counts]].sort_values("cycles", ascending=False, ignore_index=True)
    return table.assign(elements_times_cycles=table["logic_elements"] * table["cycles"])


def count_queues(networks: Sequence[JunctionNetwork]) -> pd.DataFrame:
    """Banks of activations and staleness of updates per junction, counted in the simulated pipeline.

    Returns:
        "junctions", "junction", "banks" of its left layer, "published_banks" 2 (L - h) - 1 for layer h of L, counted
        from 0, and "staleness": samples whose updates a forward pass does not see yet.
    """
    rows = []
    for network in networks:
        schedule = simulate(network, 8 * len(network))
        for at in range(len(network)):
            rows.append(
                {
                    "junctions": len(network),
                    "junction": at + 1,
                    "banks": schedule.banks(at),
                    "published_banks": 2 * (len(network) + 1 - at) - 1,
                    "staleness": schedule.staleness(at + 1),
                }
            )
    return pd.DataFrame(rows)


def compare_parallelisms(
    widths: Sequence[int], fan_outs: Sequence[int], lengths: Sequence[int], fixed: FixedPoint
) -> pd.DataFrame:
    """Throughput and hardware of networks whose junctions are balanced at some cycles a pass, and of one whose are not.

    Returns:
        "parallelisms", "useful_cycles" of a block, "cycles" from sample to sample (simulated),
        "samples_per_1000_cycles", "idle", the share of all lanes' cycles without an edge, "multipliers", "memories" and
        "memory_bits".
    """
    choices = [balanced_parallelisms(widths, fan_outs, length) for length in lengths]
    first = choices[len(choices) // 2]
    choices.append((first[0], *(2 * z for z in first[1:])))  # lanes that wait for the first junction
    rows = []
    for choice in choices:
        network = drawn(widths, fan_outs, choice)
        schedule = simulate(network, 8 * len(network))
        rows.append(
            {
                "parallelisms": ", ".join(map(str, choice)),
                "useful_cycles": network.useful_cycles,
                "cycles": schedule.interval,
                "samples_per_1000_cycles": 1000 / schedule.interval,
                "idle": 1 - network.edges / (schedule.interval * sum(choice)),
                "multipliers": sum(network.multipliers),
                "memories": sum(network.memories().values()),
                "memory_bits": sum(network.memory_bits(fixed).values()),
            }
        )
    return pd.DataFrame(rows)


def compare_clashes(
    widths: Sequence[int], fan_outs: Sequence[int], parallelisms: Sequence[int], seeds: int
) -> pd.DataFrame:
    """Cycles from sample to sample where patterns are not laid out for their memories, means over seeds.

    Returns:
        "pattern", "cycles" with its 95 % interval "low", "high", "seeds".
    """
    positive(seeds=seeds)
    network = drawn(widths, fan_outs, parallelisms)
    rows = []
    for pattern in ("clash-free-2", "structured", "random"):
        taken = []
        for seed in range(seeds):
            stalls = [_stalls(pattern, junction, np.random.default_rng(seed)) for junction in network.junctions]
            taken.append(simulate(network, 8 * len(network), stalls=stalls).interval)
        bounds = interval(taken)
        rows.append({"pattern": pattern, "cycles": bounds.mean, "low": bounds.low, "high": bounds.high, "seeds": seeds})
    return pd.DataFrame(rows)


def _stalls(pattern: str, junction, rng: np.random.Generator) -> int:
    if pattern == "clash-free-2":
        return stall_cycles(junction.interleaver.addresses()[0])
    stage = predefined(junction.inputs, junction.outputs, junction.fan_out, pattern, rng).stages[0]
    return stall_cycles(reads_in_order(stage, junction.parallelism))


def format_configs(trainings: Sequence[JunctionTraining], formats: Sequence[Sequence[int]]) -> list[JunctionTraining]:
    """The same training in other number formats (arguments of `FixedPoint`), with both ways to round updates."""
    return [
        replace(training, lessons=replace(training.lessons, fixed_point=_widths(form)), stochastic=stochastic)
        for form in formats
        for stochastic in (True, False)
        for training in trainings
    ]


def _widths(form: Sequence[int]) -> Widths:
    word, weight, activation_fraction, delta_fraction, weight_fraction, slowest = form
    return word, weight, activation_fraction, delta_fraction, weight_fraction, slowest


def format_table(records: pd.DataFrame) -> pd.DataFrame:
    """Accuracy per format, named by bits of words, of weights and of the fractions of activations and weights.

    Returns:
        "format", "stochastic", "accuracy" with its 95 % interval "low", "high", and "seeds".
    """
    bits = records["lessons"].map(lambda lessons: lessons["fixed_point"])
    names = bits.map(lambda b: f"word {b[0]} with {b[2]} fraction bits, weight {b[1]} with {b[4]}")
    return summarise(records.assign(format=names), ["format", "stochastic"], "accuracy")


def staleness_configs(
    networks: Sequence[Sequence[Sequence[int]]], dataset: str, samples: int, epochs: int, exponents: Sequence[int],
    fixed_point: Sequence[int], seeds: int,
) -> list[JunctionTraining]:  # fmt: skip
    """Every network (widths, fan-outs, parallelisms), pipelined and sequential, at constant learning rates."""
    positive(seeds=seeds)
    return [
        JunctionTraining(
            Lessons(dataset, samples, epochs, ((0, exponent),), _widths(fixed_point), seed),
            tuple(widths), tuple(fan_outs), tuple(parallelisms), "clash-free-2", mode,
        )
        for widths, fan_outs, parallelisms in networks
        for exponent in exponents
        for mode in _MODES
        for seed in range(seeds)
    ]  # fmt: skip


def staleness_table(records: pd.DataFrame) -> pd.DataFrame:
    """Per network and learning rate: mean accuracies "pipelined" and "sequential" and their difference.

    Returns:
        "junctions", "rate_exponent", "pipelined", "sequential", "pipelined_minus_sequential", paired by seed, with its
        95 % interval "low", "high", and "seeds".
    """
    frame = records.assign(
        junctions=records["fan_outs"].map(len),
        rate_exponent=records["lessons"].map(lambda lessons: lessons["rates"][0][1]),
        seed=records["lessons"].map(lambda lessons: lessons["seed"]),
    )
    keys = ["junctions", "rate_exponent"]
    paired = frame.pivot(index=[*keys, "seed"], columns="mode", values="accuracy").reset_index()
    paired["pipelined_minus_sequential"] = paired["pipelined"] - paired["sequential"]
    means = paired.groupby(keys)[["pipelined", "sequential"]].mean().reset_index()
    return means.merge(summarise(paired, keys, "pipelined_minus_sequential"), on=keys)


def compare_with_torus(
    junctions: JunctionNetwork, mapping: TorusMapping, fixed: FixedPoint, accuracies: dict[str, Sequence[float]]
) -> pd.DataFrame:
    """Both machines at (nearly) equal numbers of weights, overlapped or pipelined training.

    Returns:
        "machine", "weights", "cycles" for a trained sample in steady state, "multipliers", "utilisation", the share of
        the multipliers' cycles that work on an edge, "memory_bits", "memories" with ports of their own, "accuracy" with
        its 95 % interval "low", "high" and "seeds".
    """
    training = program(mapping, "overlapped")
    torus = Torus.of(mapping, fixed, [training])
    built, places = torus.parameters, torus.rows * torus.columns
    words = torus.rows * 2 * 2 ** (built["FEED"] + 2) if torus.feed else 0
    bits = places * (torus.banks * torus.depth * fixed.weight + torus.store * fixed.word) + words * fixed.word
    first = junctions.junctions[0].edges
    machines = {
        "junctions": (
            junctions.edges, simulate(junctions, 8 * len(junctions)).interval, sum(junctions.multipliers),
            3 * junctions.edges - first, sum(junctions.memory_bits(fixed).values()), sum(junctions.memories().values()),
        ),
        "torus": (
            mapping.edges, cycles(training).interval, 3 * places, 3 * mapping.edges, bits,
            places * (torus.banks + 1) + (2 * torus.rows if torus.feed else 0),
        ),
    }  # fmt: skip
    rows = []
    for name, (weights, taken, multipliers, products, memory_bits, memories) in machines.items():
        bounds = interval(accuracies[name])
        rows.append(
            {
                "machine": name,
                "weights": weights,
                "cycles": taken,
                "multipliers": multipliers,
                "utilisation": products / (taken * multipliers),
                "memory_bits": memory_bits,
                "memories": memories,
                "accuracy": bounds.mean,
                "low": bounds.low,
                "high": bounds.high,
                "seeds": len(accuracies[name]),
            }
        )
    return pd.DataFrame(rows)


def torus_configs(lessons: Sequence[Lessons], cascades: Sequence[Sequence[int]]) -> list[TorusTraining]:
    """The same lessons for the torus."""
    return [TorusTraining(each, tuple(map(tuple, cascades))) for each in lessons]
