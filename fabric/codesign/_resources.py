"""What a torus takes of a device, without synthesising it: multipliers and memory exactly, logic elements by a fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from fabric._checks import instance, shown
from fabric.codesign._training import number_format
from fabric.hardware._checks import array, listed
from fabric.hardware.torus import Torus

_COST = 150  # bits that a block must save, see synthesis/techmaps/cyclone4/m9k.txt; other memories are registers
_M9K = ((1, 8192), (2, 4096), (4, 2048), (9, 1024), (18, 512), (36, 256))  # bits and words of a block
_POINTS = Path(__file__).with_name("synthesised.csv")


class Memory(NamedTuple):
    """So many memories of so many words of so many bits each."""

    number: int
    words: int
    bits: int

    @property
    def is_in_blocks(self) -> bool:
        return self.words * self.bits > _COST * self.blocks

    @property
    def blocks(self) -> int:
        """M9K blocks of one of them."""
        return min(ceil(self.words / deep) * ceil(self.bits / wide) for wide, deep in _M9K)


def memories(torus: Torus) -> list[Memory]:
    """Memories that may lie in blocks: weights, inputs that find no place on a ring, loadable instructions."""
    instance("torus", torus, Torus)
    word, parameters = torus.fixed_point.word, torus.parameters
    instruction = 2 * torus.address_bits + 5 * torus.length_bits + 51
    found = [
        Memory(torus.rows * torus.columns * torus.banks, torus.depth, torus.fixed_point.weight),
        Memory(1, parameters["SLOTS"], instruction),
    ]
    if torus.feed:
        in_flight = 8 if torus.pipeline == 2 else 4  # samples whose inputs are held
        found.append(Memory(2 * torus.rows, in_flight << parameters["FEED"], word))  # one for each of two readers
    return found


def memory_bits(torus: Torus) -> int:
    """Bits in blocks, as `fabric.hardware.synthesize` counts them for a machine whose program can be loaded."""
    return sum(m.number * m.words * m.bits for m in memories(torus) if m.is_in_blocks)


def memory_blocks(torus: Torus) -> int:
    """M9K blocks that hold them."""
    return sum(m.number * m.blocks for m in memories(torus) if m.is_in_blocks)


def multipliers(torus: Torus) -> int:
    """Embedded multipliers, 9 bit by 9 bit: three a processing element, wider ones take two each."""
    word = instance("torus", torus, Torus).fixed_point.word
    return torus.rows * torus.columns * 3 * (1 if word <= 9 else 2)


@dataclass(frozen=True)
class LogicModel:
    """Logic elements as a sum over what a torus is made of, no part with a negative count.

    Attributes:
        element, around: counts of each part, of a processing element and of what surrounds them.
        error: largest relative error for a torus that was left out of the fit.
        smallest, largest: processing elements of the tori of the fit.
    """

    element: tuple[float, ...]
    around: tuple[float, ...]
    error: float
    smallest: int
    largest: int

    @classmethod
    def fit(cls, tori: Sequence[Torus], element: Sequence[float], around: Sequence[float]) -> "LogicModel":
        """From logic elements of synthesised tori: of one processing element, and of what surrounds all of them.

        Raises:
            ValueError: fewer tori than parts, or other numbers than one a torus.
        """
        tori = listed("tori", tori, Torus)
        parts = [np.array([describe(torus) for torus in tori]) for describe in (_element, _around)]
        if len(tori) <= max(len(part[0]) if len(part) else 0 for part in parts):
            raise ValueError(f"tori must be more than the parts of the models, got {len(tori)}")
        counts = [_positive(name, values, len(tori)) for name, values in (("element", element), ("around", around))]
        places = np.array([torus.rows * torus.columns for torus in tori])
        total = places * counts[0] + counts[1]
        errors = []
        for out in range(len(tori)):
            kept = np.arange(len(tori)) != out
            own = [float(part[out] @ _solve(part[kept], n[kept])) for part, n in zip(parts, counts, strict=True)]
            errors.append((places[out] * own[0] + own[1]) / total[out] - 1)
        fitted = [tuple(map(float, _solve(part, n))) for part, n in zip(parts, counts, strict=True)]
        return cls(fitted[0], fitted[1], float(np.abs(errors).max()), int(places.min()), int(places.max()))

    def logic_elements(self, torus: Torus) -> float:
        """Estimate for a machine whose program can be loaded."""
        element = float(np.dot(self.element, _element(instance("torus", torus, Torus))))
        return torus.rows * torus.columns * element + float(np.dot(self.around, _around(torus)))


def _positive(name: str, values: object, count: int) -> np.ndarray:
    """So many positive numbers, or ValueError."""
    found = array(name, values, "iuf", "positive numbers")
    if found.shape != (count,) or not (np.isfinite(found).all() and (found > 0).all()):
        raise ValueError(f"{name} must hold a positive number for each of the {count} tori, got {shown(values)}")
    return found.astype(float)


def _solve(parts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Counts of each part for the least squares of relative errors."""
    return nnls(parts / counts[:, None], np.ones(len(counts)))[0]


def _element(torus: Torus) -> list[float]:
    """Parts of a processing element: those that grow with words, sums, memories in registers, tables of the sigmoid,
    and registers of a pipeline."""
    fixed = torus.fixed_point
    weights = Memory(torus.banks, torus.depth, fixed.weight)
    in_registers = 0 if weights.is_in_blocks else torus.banks * weights.words * weights.bits
    return [
        1.0,
        fixed.word,
        fixed.weight,
        torus.parameters["ACC"],
        torus.parameters["STORE"] * fixed.word,
        in_registers,
        torus.banks * torus.address_bits,
        torus.sigmoid * 2.0**fixed.activation_fraction * fixed.word,
        torus.sigmoid * 2.0 ** (fixed.word - 1),
        torus.pipeline * fixed.word,
    ]


def _around(torus: Torus) -> list[float]:
    """Parts of what surrounds them: queues, inputs and instructions in registers, addresses of rings, control."""
    fixed, parameters = torus.fixed_point, torus.parameters
    queues = torus.rows * parameters["MEMORY"] * (fixed.word + fixed.weight)
    instruction = next(m for m in memories(torus) if m.number == 1)
    feeds = [m for m in memories(torus)[2:] if not m.is_in_blocks]
    return [
        1.0,
        queues,
        sum(m.number * m.words * m.bits for m in feeds),
        0 if instruction.is_in_blocks else instruction.words * instruction.bits,
        (torus.rows + torus.columns) * torus.address_bits,
        torus.rows * fixed.weight,
        torus.length_bits,
        torus.pipeline * (torus.rows + torus.columns) * torus.address_bits,
    ]


@cache
def logic_model() -> LogicModel:
    """The model fitted to the tori that come with the library, synthesised by Yosys for Cyclone IV."""
    tori, element, around = synthesised()
    return LogicModel.fit(tori, element, around)


def synthesised() -> tuple[list[Torus], list[float], list[float]]:
    """Tori of `synthesised.csv`, logic elements of one of their processing elements and of what surrounds them."""
    lines = _POINTS.read_text(encoding="utf-8").splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, map(int, line.split(",")), strict=True)) for line in lines[1:]]
    return (
        [torus_of(row) for row in rows],
        [float(row["element"]) for row in rows],
        [float(row["around"]) for row in rows],
    )


def torus_of(row: dict[str, int]) -> Torus:
    """The torus of a row of the table."""
    return Torus(
        row["rows"],
        row["columns"],
        number_format(row["word"]),
        row["banks"],
        row["depth"],
        row["longest"],
        row["store"],
        row["feed"],
        row["slots"],
        pipeline=row["pipeline"],
    )
