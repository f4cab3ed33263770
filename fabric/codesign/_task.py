"""What a network is chosen for: data, a device, limits."""

from dataclasses import dataclass, field

import numpy as np

from fabric._checks import Named, instance, number, positive_int
from fabric.codesign._checks import share
from fabric.hardware._checks import array

_HELD_OUT = 5  # one sample in so many tests


@dataclass(frozen=True)
class Task:
    """Samples to classify.

    Attributes:
        samples: floats (samples, features), from -8 to 8; most learn best from 0 to 1.
        labels: integers (samples,), classes counted from 0.

    The last fifth of the samples measures accuracy, the others are trained on.

    Raises:
        ValueError: arrays that are none of this, fewer than 20 samples or two classes, or parts that lack classes.
    """

    samples: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        x = array("samples", self.samples, "biuf", "real numbers").astype(np.float64)
        y = array("labels", self.labels, "iu", "integers").astype(np.int64)
        if x.ndim != 2 or len(x) < 20 or x.shape[1] < 2:
            raise ValueError(f"samples must have shape (samples, features), 20 or more of 2 or more, got {x.shape}")
        if not (np.isfinite(x).all() and np.abs(x).max() <= 8):
            raise ValueError(f"samples must be finite and from -8 to 8, got {x.min():g} to {x.max():g}: scale them")
        if y.shape != (len(x),) or y.min() < 0 or y.max() < 1:
            raise ValueError(
                f"labels must be one integer from 0 for each of the {len(x)} samples, of two classes or more, "
                f"got shape {y.shape}, {y.min(initial=0)} to {y.max(initial=0)}"
            )
        if len(np.unique(y)) <= y.max():
            raise ValueError(f"labels must be classes counted from 0, each with samples, got {np.unique(y).tolist()}")
        object.__setattr__(self, "samples", x)
        object.__setattr__(self, "labels", y)
        (_, trained), (_, tested) = self.parts
        if len(np.unique(trained)) <= y.max() or len(np.unique(tested)) == 1:
            raise ValueError(
                f"samples must be in random order: the last fifth, which measures accuracy, has classes "
                f"{np.unique(tested).tolist()}, the others {np.unique(trained).tolist()}"
            )

    @property
    def features(self) -> int:
        return self.samples.shape[1]

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    @property
    def parts(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Samples and labels to train on, and to test with."""
        end = len(self.samples) - len(self.samples) // _HELD_OUT
        return (self.samples[:end], self.labels[:end]), (self.samples[end:], self.labels[end:])


@dataclass(frozen=True)
class Device:
    """A device of the Cyclone IV family, whose cells the models of area count.

    Attributes:
        name: for tables.
        logic_elements, memory_blocks, multipliers: that it has: of four inputs, of 9 kbit, 9 bit by 9 bit.
    """

    name: str
    logic_elements: int
    memory_blocks: int
    multipliers: int

    def __post_init__(self) -> None:
        instance("name", self.name, str)
        for name in ("logic_elements", "memory_blocks", "multipliers"):
            positive_int(name, getattr(self, name))


# Cyclone IV Device Handbook, volume 1, tables 1-1 and 1-2; an embedded multiplier is two of 9 bit by 9 bit.
DEVICES = Named(
    "device",
    {
        device.name: device
        for device in (
            Device("EP4CE22", 22_320, 66, 132),
            Device("EP4CE55", 55_856, 260, 308),
            Device("EP4CE115", 114_480, 432, 532),
            Device("EP4CGX150", 149_760, 720, 720),
        )
    },
)


@dataclass(frozen=True)
class Budget:
    """Limits of a choice; None where there is none.

    Attributes:
        weights: at most.
        microseconds: between trained samples, at most.
        latency: microseconds to an answer, at most.
        nanojoules: of a trained sample by the model of energy, which is ordinal, at most.
        accuracy: at least, the predicted one, a fraction.
    """

    weights: float | None = None
    microseconds: float | None = None
    latency: float | None = None
    nanojoules: float | None = None
    accuracy: float | None = None

    def __post_init__(self) -> None:
        for name in ("weights", "microseconds", "latency", "nanojoules", "accuracy"):
            if getattr(self, name) is not None:
                number(name, getattr(self, name), least=0)
        if self.accuracy is not None:
            share("accuracy", self.accuracy)
