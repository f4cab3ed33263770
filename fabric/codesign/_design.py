"""A network in words of some length on its machine: what it costs, by the models."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from fabric._checks import instance, one_of
from fabric.codesign import _resources
from fabric.codesign._butterfly import Rounds
from fabric.codesign._energy import CITED, Activity, Costs, sample_picojoules
from fabric.codesign._network import Network
from fabric.codesign._training import number_format
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.torus import Program, Torus, TorusMapping, cycles, program
from fabric.hardware.torus._program import BANKS

Mode = Literal["sequential", "overlapped", "interleaved"]
MODES: tuple[Mode, ...] = ("sequential", "overlapped", "interleaved")
# Placed and routed for an ECP5 with 9-bit operands (notebook 15): MHz of 2 × 2 and of 4 × 4 places by `Torus.pipeline`,
# the machine of Table II and that which trains interleaved.
_PLACED = {0: (63.12988536, 51.70096588), 2: (108.2847036, 79.07013702)}
_SMALLER, _LARGER = 4, 16  # their places


@dataclass(frozen=True)
class Design:
    """A network, the word length and the way it trains; the torus follows.

    Attributes:
        network: what is trained.
        word: bits of operands, 5 to 12; stored weights have three more.
        mode: how it trains, see `fabric.hardware.program`. Interleaved training has a pipelined torus.

    Raises:
        ValueError: an argument outside these, or a network that the machine cannot run.
    """

    network: Network
    word: int
    mode: Mode = "sequential"

    def __post_init__(self) -> None:
        instance("network", self.network, Network)
        one_of("mode", self.mode, MODES)
        object.__setattr__(self, "word", number_format(self.word).word)
        _ = self.interval  # phases that cannot overlap are refused here

    @property
    def label(self) -> str:
        """For tables."""
        return f"{self.network.label}, {self.word} bits, {self.mode}"

    @property
    def fixed_point(self) -> FixedPoint:
        """Formats before any data are seen."""
        return number_format(self.word)

    @property
    def mapping(self) -> TorusMapping:
        """On the smallest torus; of butterflies the phases alone."""
        return self.programs[0].mapping

    @property
    def programs(self) -> tuple[Program, Program]:
        """For training and for inference."""
        return _programs(self.network, self.mode)

    @cached_property
    def torus(self) -> Torus:
        """As it would be built: for butterflies a torus of the same parts, whose places leave weights out."""
        mapping = self.mapping
        if not isinstance(mapping, Rounds):
            return Torus.of(mapping, self.fixed_point, self.programs)
        return Torus(
            mapping.rows,
            mapping.columns,
            self.fixed_point,
            depth=max(2, *(sum(mapping.words[bank::BANKS]) for bank in range(BANKS))),
            longest=max(phase.length for phase in mapping.phases),
            store=max(own.stored for own in self.programs),
            slots=max(len(own.slots) for own in self.programs),
            pipeline=self.programs[0].pipeline,
        )

    @cached_property
    def interval(self) -> int:
        """Cycles from trained sample to trained sample."""
        return cycles(self.programs[0]).interval

    @cached_property
    def latency(self) -> int:
        """Cycles from the first address to the answer, for one sample alone that is classified."""
        return cycles(self.programs[1]).lone

    @property
    def places(self) -> int:
        """Processing elements."""
        return self.torus.rows * self.torus.columns

    @property
    def multipliers(self) -> int:
        """Embedded multipliers, 9 bit by 9 bit."""
        return _resources.multipliers(self.torus)

    @property
    def memory_bits(self) -> int:
        """Bits in memory blocks."""
        return _resources.memory_bits(self.torus)

    @property
    def memory_blocks(self) -> int:
        """M9K blocks."""
        return _resources.memory_blocks(self.torus)

    @cached_property
    def logic_elements(self) -> float:
        """Of a Cyclone IV device, estimated."""
        return _resources.logic_model().logic_elements(self.torus)

    @property
    def logic_error(self) -> float:
        """Largest relative error of that estimate for a torus that was left out of its fit."""
        return _resources.logic_model().error

    @property
    def megahertz(self) -> float:
        """Clock, estimated; see `megahertz_interval`."""
        return clock(self.places, self.torus.pipeline)

    @property
    def megahertz_interval(self) -> tuple[float, float]:
        """If the clock did not fall with the torus, and if it fell twice as fast as it does from 4 places to 16."""
        low, high = sorted(clock(self.places, self.torus.pipeline, times) for times in (0.0, 2.0))
        return low, high

    @property
    def clock_is_extrapolated(self) -> bool:
        """Whether the torus is larger than what was placed and routed."""
        return self.places > _LARGER

    def picojoules(self, activity: Activity, costs: Costs = CITED) -> float:
        """Energy of a trained sample, ordinal."""
        return sample_picojoules(self.network.weights, self.fixed_point, activity, costs)


@lru_cache(maxsize=1 << 14)
def _programs(network: Network, mode: Mode) -> tuple[Program, Program]:
    """For training and for inference; words of all lengths run the same."""
    mapping = network.mapping if network.is_built else Rounds(network.routers, network.count, network.outputs)
    training = program(mapping, mode)
    return training, program(mapping, "inference", pipeline=training.pipeline)


def clock(places: int, pipeline: int, times: float = 1.0) -> float:
    """Megahertz of a torus of so many places: a power of them through what was placed, or one `times` as steep."""
    smaller, larger = _PLACED[pipeline]
    exponent = math.log(larger / smaller) / math.log(_LARGER / _SMALLER)
    return smaller * math.pow(places / _SMALLER, times * exponent)
