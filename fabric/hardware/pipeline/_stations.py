"""What a pipeline of tori costs and how often it takes a sample, beside one torus that all cascades share in time."""

from collections.abc import Sequence
from dataclasses import dataclass

from fabric.hardware._checks import instance, listed
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.pipeline._programs import lateness, programs
from fabric.hardware.torus import Torus, TorusMapping, cycles, program
from fabric.hardware.torus._program import Mode


@dataclass(frozen=True)
class Station:
    """A torus of a pipeline.

    Attributes:
        torus: the smallest, as it is built.
        inference, training: cycles that it takes for a sample, forward only, and forward, backward and update.
        late: samples that go forward in it between a sample's own pass and its update.
        queue_words: of the two streams into it, from the tori before and after, one sample each.
    """

    torus: Torus
    inference: int
    training: int
    late: int
    queue_words: int


@dataclass(frozen=True)
class Costs:
    """Of a whole machine.

    Attributes:
        interval: cycles from trained sample to trained sample.
        multipliers: one each for forward, backward and update in every processing element.
        weight_bits: of the weight memories, padding included.
        store_bits: of the activations that processing elements keep until their deltas come.
        queue_bits: of the streams between tori.
    """

    interval: int
    multipliers: int
    weight_bits: int
    store_bits: int
    queue_bits: int

    @classmethod
    def of(cls, row: Sequence[Station]) -> "Costs":
        """Of tori behind each other: the interval is that of the slowest, everything else adds up.

        Tori that are nearly equally slow take a little longer, since no torus waits for more than three samples.
        """
        row = listed("row", row, Station)
        if not row:
            raise ValueError(f"row must hold at least one station, got {row!r}")
        multipliers, weights, stores = (sum(parts) for parts in zip(*(_parts(s.torus) for s in row), strict=True))
        queues = sum(station.queue_words * station.torus.fixed_point.word for station in row)
        return cls(max(station.training for station in row), multipliers, weights, stores, queues)


def stations(mappings: Sequence[TorusMapping], fixed_point: FixedPoint) -> list[Station]:
    """The tori of a pipeline, each the smallest for its cascades.

    Raises:
        TypeError, ValueError: what `programs` refuses.
    """
    instance("fixed_point", fixed_point, FixedPoint)
    trained, found = programs(mappings), []
    for training, late in zip(trained, lateness(mappings), strict=True):
        mapping = training.mapping
        forward = program(mapping, "inference")
        found.append(
            Station(
                Torus.of(mapping, fixed_point, [training, forward]),
                cycles(forward).interval,
                cycles(training).interval,
                late,
                mapping.inputs * training.emits_deltas + mapping.outputs * (late > 0),
            )
        )
    return found


def time_shared(mapping: TorusMapping, fixed_point: FixedPoint, mode: Mode = "sequential") -> Costs:
    """All cascades one after the other on one torus that trains in one of the modes of `program`."""
    training = program(mapping, mode)
    if not training.trains:
        raise ValueError(f"mode must be one that trains, got {mode!r}")
    torus = Torus.of(mapping, instance("fixed_point", fixed_point, FixedPoint), [training])
    return Costs(cycles(training).interval, *_parts(torus), 0)


def _parts(torus: Torus) -> tuple[int, int, int]:
    """Multipliers, bits of weights, bits of stored activations."""
    places, fixed = torus.rows * torus.columns, torus.fixed_point
    return 3 * places, places * torus.banks * torus.depth * fixed.weight, places * torus.store * fixed.word
