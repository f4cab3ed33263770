"""Energy of a trained sample, ordinal: counted operations, cited costs of each, the share that has work to do.

What it is not: no glitches, no clock tree, no static power, no wires, another technology than the FPGA's. It orders
machines; its joules are those of no device.
"""

from dataclasses import dataclass, replace

from fabric._checks import instance, number, one_of
from fabric.codesign._checks import share
from fabric.hardware.fixed_point import FixedPoint


@dataclass(frozen=True)
class Costs:
    """Picojoules of an operation on 32 bits in 45 nm CMOS (Han and others, EIE, 2016; in `paper/devices.toml` too).

    A multiplication of n bits takes (n / 32)² of its cost, an addition and an access n / 32 of theirs.
    """

    multiply: float = 3.7
    add: float = 0.9
    access: float = 5.0

    def __post_init__(self) -> None:
        for name in ("multiply", "add", "access"):
            number(name, getattr(self, name), least=0)

    def scaled(self, name: str, factor: float) -> "Costs":
        """With one of the costs times a factor."""
        one_of("name", name, ("multiply", "add", "access"))
        number("factor", factor, least=0)
        return replace(self, **{name: factor * getattr(self, name)})


CITED = Costs()


@dataclass(frozen=True)
class Activity:
    """Share of the products of each pass whose operands both are not zero."""

    forward: float = 1.0
    backward: float = 1.0
    update: float = 1.0

    def __post_init__(self) -> None:
        for name in ("forward", "backward", "update"):
            share(name, getattr(self, name))


def sample_picojoules(weights: int, fixed: FixedPoint, activity: Activity, costs: Costs = CITED) -> float:
    """One trained sample: each weight is read twice and written once, and multiplies in each of three passes.

    A product with a zero operand moves nothing in its multiplier and adds nothing.
    """
    instance("activity", activity, Activity)
    instance("costs", costs, Costs)
    bits = fixed.word / 32
    products = weights * (activity.forward + activity.backward + activity.update)
    arithmetic = products * (costs.multiply * bits**2 + costs.add * 2 * bits)
    return arithmetic + 3 * weights * costs.access * fixed.weight / 32
