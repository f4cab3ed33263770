"""Butterflies on a torus, which no machine here runs: the phases that one would take, by the rule of the rings."""

from collections.abc import Sequence
from itertools import product
from math import prod

from fabric.hardware.torus import TorusMapping
from fabric.hardware.torus._phases import Axis, Phase


class Rounds(TorusMapping):
    """`count` butterflies one after the other, one neuron a place, and a dense layer of so many outputs behind them.

    Each digit of a neuron's number belongs to its row or to its column, so that a stage mixes values within rows or
    within columns and takes one round of that ring, of which a place uses as many values as the radix. The digits are
    dealt out for the fewest cycles. What is asked of it are phases and their cycles: it holds no weights.
    """

    def __init__(self, radices: Sequence[int], count: int, outputs: int) -> None:
        found = []
        for in_row in product((True, False), repeat=len(radices)):
            width = prod(radix for radix, across in zip(radices, in_row, strict=True) if across)
            rows, columns = max(2, prod(radices) // width), max(2, width, outputs)
            stages = [*in_row * count, True, False]
            cycles = sum(columns if across else rows for across in stages)
            found.append((cycles, rows * columns, rows, columns, stages))
        _, _, self.rows, self.columns, stages = min(found, key=lambda each: each[:2])
        self.cascades = ((prod(radices), outputs, *radices),)
        self.activations = ("sigmoid",)
        used = (*radices,) * count  # values of a ring that a place multiplies
        kinds = ["identity"] * (len(stages) - 3) + ["relu", "identity", "sigmoid"]
        self.phases = tuple(
            self._phase(across, values, kind)
            for across, values, kind in zip(stages, (*used, self.columns, self.rows), kinds, strict=True)
        )

    def _phase(self, across: bool, values: int, kind: str) -> Phase:
        axis: Axis = "row" if across else "column"
        rings, length = (self.rows, self.columns) if across else (self.columns, self.rows)
        return Phase(axis, rings, values, length, length, kind)

    @property
    def words(self) -> tuple[int, ...]:
        """Weights that a processing element holds for each phase."""
        return tuple(phase.values for phase in self.phases)
