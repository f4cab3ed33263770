"""How long a training step takes at least: its bytes at the machine's bandwidth, its operations at the machine's rate.

Whichever takes longer bounds the step; a fixed overhead of its calls comes on top.
"""

from dataclasses import dataclass

from fabric._checks import instance, number, positive_number
from fabric.experiments.counting._footprint import Footprint


def traffic(held: Footprint) -> int:
    """Bytes that one training step moves, by counting how often it reads or writes what it holds.

    Weights and indices are read forward and backward, weights read and written by the update; gradients are written
    and then read by the update; the optimiser's state is read and written; activations are written, read by the next
    layer and read backward, and their gradients written and read.
    """
    instance("held", held, Footprint)
    return 4 * held.weights + 2 * held.indices + 2 * held.gradients + 2 * held.optimizer + 5 * held.activations


@dataclass(frozen=True)
class Roofline:
    """The parts of a step's time, in seconds.

    Attributes:
        memory: to move its bytes.
        compute: to carry out its operations.
        overhead: to call them.
    """

    memory: float
    compute: float
    overhead: float

    @property
    def total(self) -> float:
        """Moving and computing overlap, calling does not."""
        return max(self.memory, self.compute) + self.overhead

    @property
    def bound(self) -> str:
        """The largest part: "memory", "compute" or "overhead"."""
        return max(("memory", "compute", "overhead"), key=lambda part: getattr(self, part))


def roofline(moved: float, operations: float, bandwidth: float, rate: float, overhead: float = 0.0) -> Roofline:
    """The time of a step that moves `moved` bytes and carries out `operations`.

    Args:
        moved, operations: of the step.
        bandwidth: bytes a second.
        rate: operations a second.
        overhead: seconds a step.

    Raises:
        ValueError: a number that is not finite, negative, or zero where it is a bandwidth or a rate.
    """
    for name, value in (("moved", moved), ("operations", operations), ("overhead", overhead)):
        number(name, value, least=0)
    for name, value in (("bandwidth", bandwidth), ("rate", rate)):
        positive_number(name, value)
    return Roofline(moved / bandwidth, operations / rate, overhead)
