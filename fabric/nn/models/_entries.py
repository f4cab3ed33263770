"""Ways to spend a budget of weights on one layer: router counts of a Clos cascade, and what else costs as much.

On random matrices of 128 × 128 at a quarter of the weights, the error of the nearest Clos cascade follows the number of
independent entries, weights less hidden neurons, and among equals it is least where both ends have about as many
routers as each of them has neurons: 0.738 for (16, 8, 16), 0.753 for (4, 15, 4), 0.794 for (32, 3, 32).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from torch import Tensor

from fabric import topology
from fabric._checks import positive_int
from fabric.nn._cascade import CascadeLinear, LowRankLinear
from fabric.nn._clos import ClosLinear
from fabric.nn.models._bounds import error_bounds
from fabric.nn.models._on_torus import OnTorus, on_torus

STRUCTURES = ("clos", "two-level", "low rank", "butterfly")
BLOCK = 8  # float32 numbers of a 256-bit vector: sizes that are multiples of it leave no lane idle
CLOSE = 0.9  # of the most independent entries that the budget allows: differences below are not worth padding
CLOS_SHOWN = 5


@dataclass(frozen=True)
class Plan:
    """One way to spend a budget on a layer.

    Attributes:
        in_features, out_features: of the layer.
        structure: "clos", "two-level", "low rank" or "butterfly".
        counts: (R_i, R_m, R_o) of `topology.clos`, two counts of `topology.multistage_clos`, (rank,) of
            `topology.low_rank`, (count, radix) of `topology.parallel_butterfly`.
        weights: edges, which are the multiply-accumulates of one sample.
        paths: between every input and every output.
        padding: entries that the layer stores and multiplies beside its weights, where sizes do not divide.
        taps: pixels of a convolution's window, 1 for a linear layer; `weights` counts an edge of the first stage
            once for each.
    """

    in_features: int
    out_features: int
    structure: str
    counts: tuple[int, ...]
    weights: int
    paths: int
    padding: int
    taps: int = 1

    @property
    def operations(self) -> int:
        """Multiply-accumulates of one sample as the layer does them, padding included."""
        return self.weights + self.padding

    def topology(self) -> topology.Topology:
        """What is connected to what; for a convolution from channels to channels."""
        i, o, counts = self.in_features // self.taps, self.out_features, self.counts
        if self.structure == "clos":
            return topology.clos(i, o, *counts)
        if self.structure == "two-level":
            return topology.multistage_clos(i, o, counts)
        if self.structure == "low rank":
            return topology.low_rank(i, o, *counts)
        return topology.parallel_butterfly(i, *counts)

    @cached_property
    def constraints(self) -> int | None:
        """Entries of the dense matrix that the layer can hit exactly, None where no formula is proved and for windows.

        Counts the paths between all pairs when first asked for, which takes seconds for thousands of neurons.
        """
        from fabric.constraints import closed_form  # here, as it brings numba, which no layer needs

        return closed_form(self.topology()) if self.taps == 1 else None

    def seconds(self, rows: int = 256) -> float:
        """Of one forward pass of so many rows on this machine, as it is measured when first asked for (float32, CPU).

        Raises:
            ValueError: `rows` is not a positive integer, or the plan is one of a convolution.
        """
        from fabric.nn.models._times import plan_seconds  # here, as it makes layers of plans

        return plan_seconds(self, positive_int("rows", rows))

    def error_bounds(self, matrix: Tensor) -> tuple[float, float] | None:
        """Least and greatest error that the layer nearest to a matrix can have, relative in the Frobenius norm.

        Both are the optimum for "low rank" (Eckart and Young, Psychometrika 1936) and "two-level" (Dao et al.,
        "Monarch", ICML 2022, theorem 1). For "clos" the least holds since no block of an input and an output router has
        a rank above R_m, the greatest since each matrix of rank R_m is such a cascade. None for "butterfly".

        Args:
            matrix: (out_features, in_features), any dtype and device; of a convolution `weight.flatten(1)`.

        Raises:
            ValueError: another shape, or numbers that are not finite.
        """
        return error_bounds(self, matrix)

    def on_torus(self) -> OnTorus | None:
        """Cycles and memory bits of training on a torus of processing elements; None where no torus here runs it.

        That is so of butterflies and of convolutions. Low rank is two dense layers there.

        Raises:
            ValueError: the cascade is too large for a torus.
        """
        return on_torus(self)

    def layer(self, bias: bool = True, device=None, dtype=None) -> ClosLinear | CascadeLinear:
        """The layer, freshly initialised; the arguments are those of `torch.nn.Linear`.

        Raises:
            ValueError: the plan is one of a convolution: `replace` builds those.
        """
        if self.taps != 1:
            raise ValueError(f"taps must be 1 for a linear layer, the plan was made with {self.taps}")
        if self.structure == "clos":
            first, middle, last = self.counts
            return ClosLinear(self.in_features, self.out_features, first, middle, last, bias, device, dtype)
        if self.structure == "low rank":
            return LowRankLinear(self.in_features, self.out_features, self.counts[0], bias, device, dtype)
        return CascadeLinear(self.topology(), bias, None, device, dtype)


def entries(inputs: int, outputs: int, budget: int, structures: Sequence[str], taps: int = 1) -> list[Plan]:
    """What `plan` returns for a budget below the dense layer's weights, nothing if none of the structures fits it."""
    chosen = (_ENTRIES[name] for name in STRUCTURES if name in structures)
    return [entry for structure in chosen for entry in structure(inputs, outputs, budget, taps)]


def _clos(inputs: int, outputs: int, budget: int, taps: int) -> list[Plan]:
    found: list[Plan] = []
    for first, last in product(_router_counts(inputs // taps), _router_counts(outputs)):
        used = inputs + outputs + first * last  # by each middle router
        stored = first * -(-inputs // taps // first) * taps + last * -(-outputs // last) + first * last
        most = min(budget // used, (inputs * outputs - 1) // stored)
        for middle in {most, most - most % BLOCK} - {0}:
            padding = middle * (stored - used)
            found.append(Plan(inputs, outputs, "clos", (first, middle, last), middle * used, middle, padding, taps))
    if not found:
        return []
    most = max(map(_independent, found))

    def order(entry: Plan) -> tuple[bool, int, float]:
        first, middle, last = entry.counts
        sizes = first, middle, last, inputs // first, outputs // last
        odd = (entry.padding > 0) + any(count % BLOCK for count in sizes)
        imbalance = abs(math.log(first**2 / (inputs // taps))) + abs(math.log(last**2 / outputs))
        return _independent(entry) < CLOSE * most, odd, imbalance

    return sorted(found, key=order)[:CLOS_SHOWN]


def _independent(entry: Plan) -> int:
    """Weights less hidden neurons: the number of entries that most Clos cascades can hit."""
    first, middle, last = entry.counts
    return min(entry.in_features * entry.out_features, entry.weights - middle * (first + last))


def _two_level(inputs: int, outputs: int, budget: int, taps: int) -> list[Plan]:
    fits = two_level_counts(inputs, outputs, budget, taps)
    if not fits:
        return []
    first, last = max(fits, key=lambda counts: inputs * counts[1] + counts[0] * outputs - math.prod(counts))
    return [Plan(inputs, outputs, "two-level", (first, last), inputs * last + first * outputs, 1, 0, taps)]


def two_level_counts(inputs: int, outputs: int, budget: int, taps: int) -> list[tuple[int, int]]:
    """Router counts without padding within the budget, those left out that split others' routers less finely."""
    fits = [
        (first, last)
        for first, last in product(_divisors(inputs // taps), _divisors(outputs))
        if inputs * last + first * outputs <= budget
    ]
    return [
        counts
        for counts in fits
        if not any(more != counts and more[0] % counts[0] == 0 == more[1] % counts[1] for more in fits)
    ]


def _low_rank(inputs: int, outputs: int, budget: int, taps: int) -> list[Plan]:
    most = budget // (inputs + outputs)
    rank = most - most % BLOCK if most - most % BLOCK >= CLOSE * most else most
    return [Plan(inputs, outputs, "low rank", (rank,), rank * (inputs + outputs), rank, 0, taps)] if rank else []


def _butterfly(inputs: int, outputs: int, budget: int, taps: int) -> list[Plan]:
    """The one of fewest stages, in as many copies as there are orders of its digits."""
    for radix, stages in _radices(inputs) if inputs == outputs and taps == 1 else ():
        one = inputs * radix * stages
        count = min(budget // one, math.factorial(stages))
        if count:
            return [Plan(inputs, outputs, "butterfly", (count, radix), count * one, count, 0)]
    return []


_ENTRIES = {"clos": _clos, "two-level": _two_level, "low rank": _low_rank, "butterfly": _butterfly}


def _router_counts(neurons: int) -> list[int]:
    """Counts worth a try, at most half the neurons: those that divide, multiples of 8, the square root."""
    root = math.isqrt(neurons)
    counts = {*_divisors(neurons), *range(BLOCK, BLOCK * root + 1, BLOCK), root}
    return sorted(count for count in counts if 2 <= count <= neurons // 2)


def _divisors(neurons: int) -> list[int]:
    """Those from 2 to half of the neurons."""
    small = [count for count in range(1, math.isqrt(neurons) + 1) if neurons % count == 0]
    return sorted({*small, *(neurons // count for count in small)} - {1, neurons})


def _radices(n: int) -> Iterator[tuple[int, int]]:
    """(radix, stages) with radix**stages = n and two stages at least, the largest radix first."""
    for radix in range(math.isqrt(n), 1, -1):
        stages = round(math.log(n, radix))
        if radix**stages == n:
            yield radix, stages
