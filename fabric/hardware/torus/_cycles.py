"""Cycles of the machine as formulas. The counters of the design must show exactly these numbers."""

from dataclasses import dataclass

from fabric._checks import positive_int
from fabric.hardware._checks import instance
from fabric.hardware.torus._program import Program


@dataclass(frozen=True)
class Cycles:
    """Cycles of a program on the torus, streams never waiting.

    Attributes:
        interval: from sample to sample in steady state.
        lone: for one sample alone, the cycle of the first address included.
        drain: after the last sample's own round, until its last weight is written.
        forward, backward: cycles a sample in which the forward and the backward unit work.
        updates: cycles a sample in which weights are written: those of the backward unit, frozen phases left out.
        first: from the first address to the end of the first step: the stages of the pipeline.
    """

    interval: int
    lone: int
    drain: int
    forward: int
    backward: int
    updates: int
    first: int

    def total(self, samples: int) -> int:
        """From the first address to the last weight or result.

        Raises:
            ValueError: samples that are no positive integer.
        """
        return self.first + positive_int("samples", samples) * self.interval + self.drain

    @property
    def utilisation(self) -> tuple[float, float]:
        """Share of the cycles in steady state in which the forward and the backward unit work."""
        return self.forward / self.interval, self.backward / self.interval


def cycles(program: Program) -> Cycles:
    """The cycle model of a program; TypeError for anything else."""
    instance("program", program, Program)
    round_ = sum(slot.cycles for slot in program.slots)
    drain = program.drain * round_
    first = 4 if program.pipeline else 1
    return Cycles(
        interval=round_ + program.waits,
        lone=first + round_ + program.waits + drain,
        drain=drain,
        forward=sum(slot.forward.length for slot in program.slots if slot.forward),
        backward=sum(slot.backward.length for slot in program.slots if slot.backward),
        updates=sum(b.length for slot in program.slots if (b := slot.backward) and not b.frozen),
        first=first,
    )
