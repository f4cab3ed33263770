"""Designs that nothing beats in all six objectives at once, as a table whose rows can be built."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fabric._checks import instance, integer, number, path, shown
from fabric._checks import seed as checked_seed
from fabric.codesign._checks import share
from fabric.codesign._design import Design
from fabric.hardware._checks import array, listed

if TYPE_CHECKING:
    from torch import nn

    from fabric.hardware import Deployed

# All are to be small. Power is energy over time: it says nothing that those two do not.
OBJECTIVES = ("error", "weights", "microseconds", "latency", "milliwatts", "logic_elements")


@dataclass(frozen=True)
class Point:
    """A design and what the models say of it.

    Attributes:
        design: network, word length, way to train.
        accuracy, low, high: predicted, with its 95 % interval, fractions.
        nanojoules: of a trained sample, ordinal.
    """

    design: Design
    accuracy: float
    low: float
    high: float
    nanojoules: float

    def __post_init__(self) -> None:
        instance("design", self.design, Design)
        for name in ("accuracy", "low", "high"):
            share(name, getattr(self, name))
        number("nanojoules", self.nanojoules, least=0)

    @property
    def microseconds(self) -> float:
        """Between trained samples."""
        return self.design.interval / self.design.megahertz

    @property
    def latency(self) -> float:
        """Microseconds from the first address to an answer."""
        return self.design.latency / self.design.megahertz

    @property
    def milliwatts(self) -> float:
        """While training, ordinal as the energy is."""
        return self.nanojoules / self.microseconds

    @property
    def objectives(self) -> tuple[float, ...]:
        """In the order of `OBJECTIVES`, all to be small."""
        own = self.design
        return (1 - self.accuracy, own.network.weights, self.microseconds, self.latency, self.milliwatts,
                own.logic_elements)  # fmt: skip

    def row(self) -> dict[str, Any]:
        """Everything, for a table."""
        own, network = self.design, self.design.network
        slow, fast = own.megahertz_interval
        return {
            "network": network.label,
            "family": network.family,
            "word": own.word,
            "mode": own.mode,
            "is_built": network.is_built,
            "accuracy": self.accuracy,
            "accuracy_low": self.low,
            "accuracy_high": self.high,
            "weights": network.weights,
            "rows": own.torus.rows,
            "columns": own.torus.columns,
            "interval": own.interval,
            "megahertz": own.megahertz,
            "megahertz_low": slow,
            "megahertz_high": fast,
            "clock_is_extrapolated": own.clock_is_extrapolated,
            "microseconds": self.microseconds,
            "microseconds_low": own.interval / fast,
            "microseconds_high": own.interval / slow,
            "latency": self.latency,
            "latency_low": own.latency / fast,
            "latency_high": own.latency / slow,
            "nanojoules": self.nanojoules,
            "milliwatts": self.milliwatts,
            "logic_elements": own.logic_elements,
            "logic_elements_low": own.logic_elements * (1 - own.logic_error),
            "logic_elements_high": own.logic_elements * (1 + own.logic_error),
            "multipliers": own.multipliers,
            "memory_bits": own.memory_bits,
            "memory_blocks": own.memory_blocks,
        }

    def model(self, seed: int = 0) -> "nn.Module":
        """The network in PyTorch, Sparse Glorot weights drawn with a seed.

        Raises:
            ValueError: a network that no machine here runs.
        """
        import torch
        from torch import nn

        from fabric.nn import CascadeLinear, ClosLinear
        from fabric.nn.init import sparse_glorot_uniform_

        network, seed = self.design.network, checked_seed(seed)
        if not network.is_built:
            raise ValueError(
                "design must be of a Clos cascade to be built, of two levels or three "
                f"(explore with families of these), got {self.design.label}"
            )
        if len(network.routers) == 3:
            hidden: nn.Module = ClosLinear(network.inputs, network.hidden, *network.routers, bias=False)
        else:
            hidden = CascadeLinear(network.topology, bias=False)
        last = nn.Linear(network.hidden, network.outputs, bias=False)
        model = nn.Sequential(hidden, nn.ReLU(), last, nn.Sigmoid())
        return sparse_glorot_uniform_(model, generator=torch.Generator().manual_seed(seed))

    def deploy(
        self, samples: np.ndarray, on: Literal["golden model", "verilog"] = "golden model", seed: int = 0
    ) -> "Deployed":
        """The network on its torus, ready to `train`; see `fabric.hardware.deploy`.

        Args:
            samples: floats (samples, features) as the machine will see them. `train` and calls take all inputs
                of the network: pad samples of fewer features with zeros.
            on: as in `fabric.hardware.deploy`.
            seed: of the weights.
        """
        from fabric.hardware import deploy

        own = self.design
        fixed = own.fixed_point
        return deploy(self.model(seed), own.network.padded(samples), on, own.mode, word=fixed.word, weight=fixed.weight)

    def export(self, folder: str | os.PathLike, samples: np.ndarray, report: bool = True) -> Path:
        """The machine as a folder of files that other tools take; see `fabric.hardware.export.export`."""
        from fabric.hardware.export import export

        return export(self.deploy(samples, on="verilog"), folder, report=report)


class Frontier(Sequence[Point]):
    """Points that no other one beats or equals in all objectives while beating it in one, most accurate first.

    Attributes:
        evaluated: all points that were looked at and allowed, in the order in which they were.
        refused: how many designs were looked at and not allowed.
    """

    def __init__(self, evaluated: Sequence[Point], refused: int) -> None:
        self.evaluated = listed("evaluated", evaluated, Point)
        self.refused = int(number("refused", integer("refused", refused), least=0))
        best = undominated(np.array([point.objectives for point in self.evaluated]).reshape(-1, len(OBJECTIVES)))
        self._points = sorted((self.evaluated[at] for at in best), key=lambda point: point.objectives)

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, at: Any) -> Any:
        return self._points[at]

    def __iter__(self) -> Iterator[Point]:
        return iter(self._points)

    def rows(self) -> list[dict[str, Any]]:
        """A table: `pandas.DataFrame(frontier.rows())`."""
        return [point.row() for point in self._points]

    def to_csv(self, file: str | os.PathLike) -> None:
        """Write the table."""
        with path("file", file).open("w", newline="", encoding="utf-8") as opened:
            writer = csv.DictWriter(opened, list(self._points[0].row()) if self._points else ["network"])
            writer.writeheader()
            writer.writerows(self.rows())

    def __repr__(self) -> str:
        lines = [f"{len(self)} designs that nothing beats, of {len(self.evaluated)} allowed"]
        for point in self._points[:20]:
            lines.append(
                f"{100 * point.accuracy:5.1f} % ({100 * point.low:.1f} … {100 * point.high:.1f})  "
                f"{point.microseconds:8.2f} µs  {point.nanojoules:8.2f} nJ  {point.design.logic_elements:9,.0f} LE  "
                f"{point.design.label}"
            )
        return "\n".join(lines + ["…"] * (len(self) > 20))


def undominated(points: np.ndarray) -> np.ndarray:
    """Indices of the rows that no other row beats or equals everywhere while beating it somewhere; small is good."""
    points = array("points", points, "biuf", "real numbers")
    if points.ndim != 2 or not points.shape[1] or np.isnan(points).any():
        raise ValueError(f"points must have shape (points, objectives) and be numbers, got {shown(points)}")
    order = np.lexsort(points.T[::-1])
    kept: list[int] = []
    for at in order:  # whatever dominates a row comes before it
        front = points[kept]
        if not len(front) or not ((front <= points[at]).all(axis=1) & (front < points[at]).any(axis=1)).any():
            kept.append(int(at))
    return np.sort(np.array(kept, dtype=np.int64))
