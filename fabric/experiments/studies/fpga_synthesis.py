"""The training machine as logic elements, registers, memories and multipliers (notebook 15_fpga_synthesis)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd

from fabric._checks import positive_int
from fabric.experiments.published import published
from fabric.experiments.results import Results
from fabric.experiments.store import Record, run_key
from fabric.experiments.verdicts import Verdict, at_most, counted
from fabric.hardware.cycles import cycles
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.mapping import TorusMapping
from fabric.hardware.program import Program, program
from fabric.hardware.resources import Resources
from fabric.hardware.synthesis import Netlist, NetlistMachine, synthesis_key, synthesize
from fabric.hardware.torus import Torus
from fabric.hardware.verification import differences, random_case, random_data

DEVICE = 150_000  # logic elements of the paper's device
FEWEST_WORDS = 32  # of a memory in blocks: 9 max(32, 6n) bits a PE are the published bits of 4 × 4 and of 8 × 8
NINE_BITS = FixedPoint(9, 9, 5, 8, 7, 8)
COLUMNS = {  # of Table II, and our names for them
    "logic_elements": "closnets-table2-logic",
    "registers": "closnets-table2-registers",
    "memory_bits": "closnets-table2-memory",
    "multipliers": "closnets-table2-multipliers",
}


class Build(NamedTuple):
    """What is synthesised: the torus, the instructions that are fixed in it (None: a writable table), two cascades."""

    torus: Torus
    fixed: Program | None
    mapping: TorusMapping


def table_2(size: int) -> Build:
    """The machine of Table II: n × n PEs, nine bits everywhere, one memory a PE, two fixed cascades, ReLU."""
    return _build(size, NINE_BITS, 1)


def writable(size: int) -> Build:
    """The same with a table of instructions that the host writes."""
    return table_2(size)._replace(fixed=None)


def wide_weights(size: int) -> Build:
    """Weights stored in twelve bits, of which the multipliers take nine."""
    return _build(size, FixedPoint(), 1)


def sigmoid(size: int) -> Build:
    """Sigmoid and its derivative from tables beside ReLU."""
    return _build(size, NINE_BITS, 1, ("sigmoid", "sigmoid"))


def overlapped(size: int) -> Build:
    """Three memories a PE, so that the next samples go forward while the last ones go backward."""
    return _build(size, NINE_BITS, 3)


VARIANTS: dict[str, Callable[[int], Build]] = {
    "table II": table_2,
    "writable instructions": writable,
    "12-bit weights": wide_weights,
    "sigmoid": sigmoid,
    "overlapped training": overlapped,
}


def _build(size: int, fixed_point: FixedPoint, banks: int, activations: Sequence[str] = ("relu", "identity")) -> Build:
    positive_int("size", size)
    cascade = (size * size, size * size, size, size, size)
    mapping = TorusMapping([cascade, cascade], activations)
    chosen = program(mapping, "sequential" if banks == 1 else "overlapped", banks=banks)
    torus = Torus.of(mapping, fixed_point, [chosen], banks)
    if size > 2:
        torus = replace(torus, depth=max(torus.depth, FEWEST_WORDS))
    return Build(torus, chosen, mapping)


@dataclass(frozen=True)
class SynthesisConfig:
    """One synthesis.

    Attributes:
        variant: one of `VARIANTS`.
        size: rows and columns of the torus.
        part: as in `synthesize`.
        content: `synthesis_key` of sources, maps, script and tool: another content is another run.
    """

    recipe: ClassVar[int] = 1

    variant: str
    size: int
    part: str
    content: str

    @classmethod
    def of(cls, variant: str, size: int, part: str) -> "SynthesisConfig":
        """With the content of the present sources."""
        torus, fixed, _ = VARIANTS[variant](size)
        return cls(variant, size, part, synthesis_key(torus, fixed, part))

    def synthesize(self) -> Netlist:
        """Do it."""
        torus, fixed, _ = VARIANTS[self.variant](self.size)
        return synthesize(torus, fixed, self.part)


def run_synthesis(config: SynthesisConfig) -> Record:
    """Record: the configuration, "key", "modules" (resources by Verilog module) and "instances" of each."""
    netlist = config.synthesize()
    modules = {name: asdict(resources) for name, resources in netlist.modules.items()}
    return {**asdict(config), "key": run_key(config), "modules": modules, "instances": netlist.instances}


@dataclass(frozen=True)
class SimulationConfig:
    """Random cases on a mapped netlist: any that the torus can run, or, if its instructions are fixed, any data."""

    recipe: ClassVar[int] = 1

    synthesis: SynthesisConfig
    cases: int
    seed: int


def run_simulation(config: SimulationConfig) -> Record:
    """Record: the configuration, "key", "samples" trained or inferred, "differences" from the golden model."""
    torus, fixed, mapping = VARIANTS[config.synthesis.variant](config.synthesis.size)
    machine = NetlistMachine(torus, config.synthesis.synthesize())
    rng = np.random.default_rng(config.seed)
    found: list[str] = []
    samples = 0
    for _ in range(config.cases):
        case = random_case(torus, rng) if fixed is None else random_data(torus, mapping, fixed, rng)
        samples += len(case.inputs)
        found += [f"{case!r}: {what}" for what in differences(machine, case)]
    return {**asdict(config), "key": run_key(config), "samples": samples, "differences": found}


def synthesized(results: Results, requests: Sequence[tuple[str, int, str]]) -> list[dict[str, Resources]]:
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


def composed(results: Results, variant: str, sizes: Sequence[int]) -> list[Resources]:
    """n × n processing elements and what surrounds them, each synthesised once."""
    parts = [(variant, size, part) for size in sizes for part in ("element", "surroundings")]
    found = [total(modules) for modules in synthesized(results, parts)]
    return [element * size**2 + around for size, element, around in zip(sizes, found[::2], found[1::2], strict=True)]


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
        "size", the fields of `Resources`, "per_pe" logic elements a PE, "share" of the device's logic elements.
    """
    rows = []
    for size, found in zip(sizes, composed(results, "table II", sizes), strict=True):
        elements = found.logic_elements
        rows.append({"size": size, **asdict(found), "per_pe": elements / size**2, "share": elements / DEVICE})
    return pd.DataFrame(rows)


def variants(results: Results, size: int) -> pd.DataFrame:
    """What each choice costs at one size, composed: "variant", fields of `Resources`, "interval" (cycles a sample)."""
    rows = []
    for name, make in VARIANTS.items():
        (found,) = composed(results, name, [size])
        build = make(size)
        chosen = build.fixed or table_2(size).fixed
        rows.append({"variant": name, **asdict(found), "interval": cycles(chosen).interval})
    return pd.DataFrame(rows)


def simulate(results: Results, requests: Sequence[tuple[str, int]], cases: int) -> pd.DataFrame:
    """Mapped netlists of (variant, size) on random cases: "variant", "size", "cases", "samples", "differences"."""
    configs = [SimulationConfig(SynthesisConfig.of(*request, "machine"), cases, 0) for request in requests]
    frame = results.sweep(run_simulation, configs, "simulations")
    names = pd.DataFrame(requests, columns=["variant", "size"])
    return names.assign(cases=frame["cases"], samples=frame["samples"], differences=frame["differences"].map(len))


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """One for each cell of Table II."""
    found = []
    for row in table.itertuples():
        claim = f"{COLUMNS[row.quantity]}-{row.size}x{row.size}"
        if row.quantity in ("multipliers", "memory_bits"):
            found.append(counted(claim, row.ours, 0, _REASONS[row.quantity]))
        else:
            found.append(at_most(claim, row.ours, _REASONS[row.quantity]))
    return found


_REASONS = {
    "logic_elements": "Yosys, registers packed with the table that drives them; published: the vendor's tools.",
    "registers": "Stored activations and queues are in registers, weights of 2 x 2 too.",
    "memory_bits": "Weights: nine bits times 6n words a PE, at least 32 words; those of 2 x 2 are in registers.",
    "multipliers": "One each in the forward, backward and update unit of a PE.",
}
