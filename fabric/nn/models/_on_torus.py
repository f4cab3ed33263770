"""What a plan's cascade takes of a torus of processing elements."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fabric.nn.models._entries import Plan


class OnTorus(NamedTuple):
    """A cascade on the smallest torus that holds it.

    Attributes:
        rows, columns: processing elements.
        cycles: from sample to sample in overlapped training.
        memory_bits: of all weight memories, in the formats of `FixedPoint()`.
    """

    rows: int
    columns: int
    cycles: int
    memory_bits: int


def on_torus(plan: "Plan") -> OnTorus | None:
    """What `Plan.on_torus` says."""
    from fabric.hardware import FixedPoint, Torus, TorusMapping, cycles, program  # here, as no layer needs it

    inputs, outputs, counts = plan.in_features, plan.out_features, plan.counts
    if plan.taps != 1 or plan.structure == "butterfly":
        return None
    cascades: list[tuple[int, ...]] = [(inputs, counts[0]), (counts[0], outputs)]  # low rank: two dense layers
    if plan.structure != "low rank":
        whole = [-(-size // routers) * routers for size, routers in ((inputs, counts[0]), (outputs, counts[-1]))]
        cascades = [(*whole, *counts)]  # with the padding that `fabric.hardware.deploy` gives them
    mapping, fixed_point = TorusMapping(cascades), FixedPoint()
    training = program(mapping, "overlapped")
    torus = Torus.of(mapping, fixed_point, [training])
    memory_bits = torus.rows * torus.columns * torus.banks * torus.depth * fixed_point.weight
    return OnTorus(torus.rows, torus.columns, cycles(training).interval, memory_bits)
