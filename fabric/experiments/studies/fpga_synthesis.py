"""The training machine as logic elements, registers, memories, multipliers and a clock (notebook 15_fpga_synthesis)."""

from collections.abc import Sequence
from dataclasses import asdict, fields

import pandas as pd

from fabric.experiments.machines.synthesis import (
    VARIANTS,
    PlacementConfig,
    SimulationConfig,
    SynthesisConfig,
    run_placement,
    run_simulation,
    run_synthesis,
)
from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, at_most, beside, by_design, published, summarise
from fabric.hardware.synthesis.resources import Resources
from fabric.hardware.torus import cycles
from fabric.hardware.torus.synthesis import Part

DEVICE = 150_000  # logic elements of the paper's device
COLUMNS = {  # of Table II, and our names for them
    "logic_elements": "closnets-table2-logic",
    "registers": "closnets-table2-registers",
    "memory_bits": "closnets-table2-memory",
    "multipliers": "closnets-table2-multipliers",
}


def synthesized(results: Results, requests: Sequence[tuple[str, int, Part]]) -> list[dict[str, Resources]]:
    """Resources by module of each (variant, size, part), from stored runs where there are any."""
    frame = results.sweep(run_synthesis, [SynthesisConfig.of(*request) for request in requests], "syntheses")
    names = [field.name for field in fields(Resources)]
    return [
        {module: Resources(*(int(own[name]) for name in names)) for module, own in modules.items()}
        for modules in frame["modules"]
    ]


def total(modules: dict[str, Resources]) -> Resources:
    """Of a whole synthesis."""
    return sum(modules.values(), Resources())


def composed(results: Results, variant: str, sizes: Sequence[int]) -> list[tuple[Resources, Resources]]:
    """One processing element of each size, and what surrounds the n × n of them, each synthesised once."""
    requests: list[tuple[str, int, Part]] = []
    for size in sizes:
        requests += [(variant, size, "element"), (variant, size, "surroundings")]
    found = [total(modules) for modules in synthesized(results, requests)]
    return list(zip(found[::2], found[1::2], strict=True))


def compare(results: Results, sizes: Sequence[int]) -> pd.DataFrame:
    """Table II: every cell, ours beside the published one.

    Returns:
        "size", "quantity", "ours", "published", "per_pe", "published_per_pe"; for logic elements "fewest" and "most",
        the bounds of any packing.
    """
    rows = []
    for size, modules in zip(sizes, synthesized(results, [("table II", n, "machine") for n in sizes]), strict=True):
        ours = total(modules)
        for quantity, claim in COLUMNS.items():
            value, printed = getattr(ours, quantity), published(f"{claim}-{size}x{size}")["value"]
            row = {"size": size, "quantity": quantity, "ours": value, "published": printed}
            row |= {"per_pe": value / size**2, "published_per_pe": printed / size**2}
            bounds = {"fewest": ours.fewest, "most": ours.most} if quantity == "logic_elements" else {}
            rows.append(row | bounds)
    return pd.DataFrame(rows)


def by_module(results: Results, size: int) -> pd.DataFrame:
    """What each Verilog module takes by itself, all its instances together, nothing optimised across modules.

    Returns:
        "module" and the fields of `Resources`; "all modules" is the sum, "optimised across" the machine of Table II.
    """
    apart, machine = synthesized(results, [("table II", size, "modules"), ("table II", size, "machine")])
    rows = {**apart, "all modules": total(apart), "optimised across": total(machine)}
    return pd.DataFrame({"module": module, **asdict(own)} for module, own in rows.items())


def growth(results: Results, sizes: Sequence[int]) -> pd.DataFrame:
    """Composed resources of n × n tori.

    Returns:
        "size", the fields of `Resources`; logic elements of one PE ("element") and of what surrounds all of them
        ("around"), their sum a PE ("per_pe") and as a "share" of the device's.
    """
    rows = []
    for size, (element, around) in zip(sizes, composed(results, "table II", sizes), strict=True):
        whole = element * size**2 + around
        elements = whole.logic_elements
        rows.append({"size": size, **asdict(whole), "element": element.logic_elements, "around": around.logic_elements,
                     "per_pe": elements / size**2, "share": elements / DEVICE})  # fmt: skip
    return pd.DataFrame(rows)


def variants(results: Results, size: int) -> pd.DataFrame:
    """What each choice costs at one size, composed: "variant", fields of `Resources`, "interval" (cycles a sample)."""
    rows = []
    for name, make in VARIANTS.items():
        ((element, around),) = composed(results, name, [size])
        whole = element * size**2 + around
        rows.append({"variant": name, **asdict(whole), "interval": cycles(make(size).program).interval})
    return pd.DataFrame(rows)


def simulate(results: Results, requests: Sequence[tuple[str, int]], cases: int) -> pd.DataFrame:
    """Mapped netlists of (variant, size) on random cases: "variant", "size", "cases", "samples", "differences"."""
    configs = [SimulationConfig(SynthesisConfig.of(*request, "machine"), cases, 0) for request in requests]
    frame = results.sweep(run_simulation, configs, "simulations")
    names = pd.DataFrame(requests, columns=["variant", "size"])
    return names.assign(cases=frame["cases"], samples=frame["samples"], differences=frame["differences"].map(len))


def placed(results: Results, requests: Sequence[tuple[str, int, int]]) -> pd.DataFrame:
    """Place and route on ECP5 of each (variant, size, number of seeds).

    Returns:
        "variant", "size", "megahertz" (mean over seeds 0, 1, ...) with its 95 % interval "low" and
        "high", "seeds", the cells of `Placement` (seed 0), "cycles" of a trained sample, "microseconds" of it, likewise
        with "shortest" and "longest".
    """
    configs = [PlacementConfig.of(variant, size, seed) for variant, size, seeds in requests for seed in range(seeds)]
    frame = results.sweep(run_placement, configs, "placements")
    frame["cycles"] = [cycles(VARIANTS[config.variant](config.size).program).interval for config in configs]
    frame["microseconds"] = frame["cycles"] / frame["megahertz"]
    keys = ["variant", "size"]
    cells = frame[frame["seed"] == 0][[*keys, "tables", "registers", "memory_blocks", "multipliers", "cycles"]]
    clocks, times = (summarise(frame, keys, column) for column in ("megahertz", "microseconds"))
    times = times.rename(columns={"low": "shortest", "high": "longest"}).drop(columns="seeds")
    return clocks.merge(cells, on=keys).merge(times, on=keys)


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """One for each cell of Table II: multipliers and memory bits are built as printed, the others at most so."""
    found = []
    for row in table.itertuples():
        claim, reason = f"{COLUMNS[row.quantity]}-{row.size}x{row.size}", _REASONS[row.quantity]
        bounds = (row.fewest, row.most) if row.quantity == "logic_elements" else None
        if row.quantity in ("multipliers", "memory_bits"):
            found.append(by_design(claim, row.ours, row.ours == published(claim)["value"], reason))
        else:
            found.append(at_most(claim, row.ours, reason, bounds))
    return found


def narrow_words(table: pd.DataFrame) -> Verdict:
    """What area words of nine bits save against words of sixteen, beside the statement on 32-bit floats, from the table
    of `variants`."""
    nine, sixteen = (table.set_index("variant").loc[name] for name in ("table II", "16-bit words"))
    logic, multipliers = (float(sixteen[name] / nine[name]) for name in ("logic_elements", "multipliers"))
    return beside(
        "closnets-nine-bits-area",
        [logic],
        "The paper compares with 32-bit floats and prints no number; no machine with floats is built here. 16-bit "
        f"fixed point takes {logic:.2f} times the logic elements and {multipliers:.0f} times the 9-bit multipliers of "
        "nine bits. At 2 x 2 nine-bit weights are in registers, those of 16 bits in memory, so logic saves less than "
        "it could.",
    )


_REASONS = {
    "logic_elements": "Yosys, with the bounds of any packing; the published count is the vendor's, who packs as well.",
    "registers": "A PE stores what its backward steps read, queues are in registers, weights of 2 x 2 too.",
    "memory_bits": "Nine bits times 6n weights a PE, none at 2 x 2, else at least 32 words: inferred from print.",
    "multipliers": "One each in the forward, backward and update unit of a PE.",
}
