"""Energy of training on one sample, from counted accesses and operations and cited costs of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from fabric._checks import instance, integer, mapping, number, shown
from fabric.experiments.counting._footprint import Footprint

_WORD = 4  # bytes of an access
_PICO = 1e-12
_COSTS = ("dram_access", "sram_access", "float_multiply", "float_add")


@dataclass(frozen=True)
class SampleEnergy:
    """Joules of one training step with one sample.

    Attributes:
        outside: to access weights and indices that lie in DRAM.
        inside: to access them where they lie in on-chip SRAM instead.
        activations: to access activations, always on the chip.
        arithmetic: of multiplications and additions.
    """

    outside: float
    inside: float
    activations: float
    arithmetic: float

    @property
    def with_dram(self) -> float:
        return self.outside + self.activations + self.arithmetic

    @property
    def on_chip(self) -> float:
        return self.inside + self.activations + self.arithmetic


def sample_energy(held: Footprint, edges: int, costs: Mapping[str, float]) -> SampleEnergy:
    """Plain gradient descent, each gradient applied as it is formed.

    Weights are read forward and backward and read and written by the update, indices read forward and backward,
    activations written, read by the next layer and read backward, and their gradients written and read. An edge
    multiplies and adds three times: forward, backward and for its weight's gradient.

    Args:
        held: of a step with one sample.
        edges: weights without biases.
        costs: picojoules: "dram_access" and "sram_access" of 32 bits, "float_multiply", "float_add".

    Raises:
        ValueError: an argument of another kind, or a cost that is missing, negative or not finite.
    """
    instance("held", held, Footprint)
    number("edges", integer("edges", edges), least=0)
    for name in _COSTS:
        if name not in mapping("costs", costs):
            raise ValueError(f"costs must hold {', '.join(_COSTS)}, got {shown(costs)}")
        number(f"costs[{name!r}]", costs[name], least=0)
    accesses = (4 * held.weights + 2 * held.indices) / _WORD
    return SampleEnergy(
        outside=_PICO * accesses * costs["dram_access"],
        inside=_PICO * accesses * costs["sram_access"],
        activations=_PICO * 5 * held.activations / _WORD * costs["sram_access"],
        arithmetic=_PICO * 3 * edges * (costs["float_multiply"] + costs["float_add"]),
    )
