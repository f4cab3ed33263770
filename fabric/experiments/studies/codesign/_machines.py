"""Machines that are synthesised: what the models of area are fitted to and held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import pandas as pd

from fabric._checks import instance
from fabric.codesign import MODES, Design, Network, candidates, spread
from fabric.codesign._design import Mode
from fabric.experiments.runs import Measured, Positive, Results, RunConfig
from fabric.hardware.torus.synthesis import synthesis_key, synthesize

_WORDS = (9, 6, 12, 6, 8, 9, 6)  # words of 12 bits take most time


@dataclass(frozen=True)
class AreaConfig(RunConfig):
    """The machine of a design with a program that can be loaded, in Cyclone IV cells.

    Attributes:
        network, word, mode: of the `Design`.
        content: `synthesis_key` of what is synthesised: another content is another run.
    """

    recipe: ClassVar[int] = 1

    network: Network
    word: Positive
    mode: Mode
    content: str

    @classmethod
    def of(cls, design: Design) -> "AreaConfig":
        """With the content of the present sources."""
        return cls(design.network, design.word, design.mode, synthesis_key(design.torus, None, "surroundings"))


def measure_area(config: AreaConfig) -> Measured:
    """Logic elements of a processing element ("element") and of what surrounds them ("around"); all "memory_bits",
    "memory_blocks" and "multipliers"."""
    instance("config", config, AreaConfig)
    torus = Design(config.network, config.word, config.mode).torus
    element, around = (synthesize(torus, None, part).resources for part in ("element", "surroundings"))
    whole = element * (torus.rows * torus.columns) + around
    return {
        "element": element.logic_elements,
        "around": around.logic_elements,
        "memory_bits": whole.memory_bits,
        "memory_blocks": whole.memory_blocks,
        "multipliers": whole.multipliers,
    }


def synthesised_designs(tasks: Sequence[Sequence[int]], each: int, most_places: int) -> list[Design]:
    """Designs to synthesise, with word lengths and modes in turn: the smallest networks, the largest, those between.

    Args:
        tasks: pairs of features and classes.
        each: networks of each family and task, spread over sizes.
        most_places: of a torus.
    """
    groups = []
    for (inputs, outputs), family in product(tasks, ("clos", "two-level")):
        built = candidates(inputs, outputs, (family,))
        smallest, *others = spread([n for n in built if n.mapping.rows * n.mapping.columns <= most_places], each)
        groups.append([smallest, *others[::-1]])
    networks = [network for size in zip(*groups, strict=True) for network in size]
    return [Design(n, _WORDS[at % len(_WORDS)], MODES[at % len(MODES)]) for at, n in enumerate(networks)]


def areas(results: Results, designs: Sequence[Design]) -> pd.DataFrame:
    """Each design synthesised, beside what the models say.

    Returns:
        "label"; the parameters of its torus as `synthesised.csv` names them; "element", "around", "logic_elements",
        "memory_bits", "memory_blocks" and "multipliers" by Yosys, and the last four by the models, with "model_"
        before their names.
    """
    records = results.sweep(measure_area, [AreaConfig.of(design) for design in designs], "syntheses")
    rows = []
    for design, record in zip(designs, records.to_dict("records"), strict=True):
        torus = design.torus
        sizes = {name: getattr(torus, name) for name in ("rows", "columns", "banks", "depth", "longest", "store",
                                                         "feed", "slots", "pipeline")}  # fmt: skip
        measured = {name: int(record[name]) for name in ("element", "around")}
        total = design.places * measured["element"] + measured["around"]
        rows.append(
            {"label": design.label, **sizes, "word": design.word, **measured, "logic_elements": total}
            | {name: int(record[name]) for name in ("memory_bits", "memory_blocks", "multipliers")}
            | {"model_logic_elements": design.logic_elements, "model_memory_bits": design.memory_bits}
            | {"model_memory_blocks": design.memory_blocks, "model_multipliers": design.multipliers}
        )
    return pd.DataFrame(rows)
