"""Layers as plain values: a topology by name, with fixed skips or without. What a configuration holds and hashes."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fabric import topology
from fabric._checks import generator, instance, one_of, sequence, shown
from fabric.nn import CascadeLinear, ClosLinear
from fabric.topology import Topology, skips

CascadeModule = ClosLinear | CascadeLinear
Wiring = tuple[Topology, tuple[np.ndarray, ...] | None]
SKIPS: dict[str, Callable[[Topology], Wiring]] = {
    "identity": lambda wiring: (wiring, skips.identity(wiring)),
    "off_support": lambda wiring: (wiring, skips.off_support(wiring)),
    "from_input": skips.from_input,
}

Argument = int | str | tuple["Argument", ...]


@dataclass(frozen=True)
class Layer:
    """The name of a function in `topology.FAMILIES` and its arguments, e.g. Layer("clos", (8, 8, 4, 2, 4)).

    Integers, tuples where a shape or several routers are wanted, Layer("torus", ((32, 32), 8)), and where a pattern is
    wanted its name, Layer("predefined", (784, 112, 2, "structured")). The arguments leave `rng` out: the random
    topologies get the one that `build` is given.

    Raises:
        ValueError: arguments that are not a tuple of integers, names and such tuples.
    """

    topology: str
    arguments: tuple[Argument, ...]

    def __post_init__(self) -> None:
        instance("topology", self.topology, str)
        if not isinstance(self.arguments, tuple) or not _is_plain(self.arguments):
            raise ValueError(
                f"arguments must be a tuple of integers, names and such tuples, got {shown(self.arguments)}"
            )

    def build(self, rng: np.random.Generator) -> Topology:
        """The topology; `rng` serves those that are drawn at random.

        Raises:
            ValueError: the name is not that of a topology, or its arguments do not fit.
        """
        function, arguments = self._call(rng)
        return function(**arguments)

    def _call(self, rng: np.random.Generator) -> tuple[Callable[..., Topology], dict[str, Any]]:
        """The function that makes the topology, and its arguments by name."""
        generator(rng)
        if self.topology not in topology.FAMILIES:
            known = ", ".join(sorted(topology.FAMILIES))
            raise ValueError(
                f"topology must be one of {known}, or registered by topology.family, got {shown(self.topology)}"
            )
        function = topology.FAMILIES[self.topology]
        taken = inspect.signature(function).parameters
        given = inspect.Signature([parameter for name, parameter in taken.items() if name != "rng"])
        try:
            bound = given.bind(*self.arguments)
        except TypeError as error:
            raise ValueError(f"arguments of {self.topology} do not fit, got {shown(self.arguments)}: {error}") from None
        return function, bound.arguments | ({"rng": rng} if "rng" in taken else {})

    def wired(self, rng: np.random.Generator) -> Wiring:
        """The topology and its fixed skips, which are none here; `rng` and errors as for `build`."""
        return self.build(rng), None

    def module(self, rng: np.random.Generator) -> CascadeModule:
        """The linear layer with bias, weights to be initialised; `rng` and errors as for `build`.

        Its `topology` is what `build` would give: whoever counts what trains counts that.
        """
        if self.topology == "clos":
            _, arguments = self._call(rng)
            return ClosLinear(*arguments.values())
        return CascadeLinear(self.build(rng))

    @property
    def label(self) -> str:
        """For tables: "clos(8, 8, 4, 2, 4)"."""
        return f"{self.topology}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class LayerWithSkips:
    """A layer with fixed skip connections, e.g. LayerWithSkips(layer, "off_support").

    Attributes:
        layer: the layer without them.
        skips: a key of `SKIPS`, a function of `fabric.topology.skips`.

    Raises:
        ValueError: a layer that is not a `Layer`, or unknown skips.
    """

    layer: Layer
    skips: str

    def __post_init__(self) -> None:
        instance("layer", self.layer, Layer)
        one_of("skips", self.skips, SKIPS)

    def build(self, rng: np.random.Generator) -> Topology:
        """The topology, without the skips; see `Layer.build`."""
        return self.layer.build(rng)

    def wired(self, rng: np.random.Generator) -> Wiring:
        """The topology and its fixed skips; "from_input" widens the topology so that the inputs reach later stages.

        Raises:
            ValueError: as `Layer.build`, or skips off the support where a stage has no room for them.
        """
        return SKIPS[self.skips](self.build(rng))

    def module(self, rng: np.random.Generator) -> CascadeModule:
        """As `Layer.module`, with the skips; errors as for `wired`."""
        wiring, fixed = self.wired(rng)
        return CascadeLinear(wiring, skips=fixed)

    @property
    def label(self) -> str:
        """For tables: "clos(8, 8, 4, 2, 4) + off-support skips"."""
        return f"{self.layer.label} + {self.skips.replace('_', '-')} skips"


def layer(topology: str, arguments: Sequence[Any]) -> Layer:
    """A `Layer` from what parameters of notebooks and JSON hold: lists become tuples.

    Raises:
        ValueError: as `Layer`.
    """
    return Layer(topology, _as_tuple(sequence("arguments", arguments, "integers, names and such sequences")))


def _as_tuple(argument: Any) -> Any:
    return tuple(map(_as_tuple, argument)) if isinstance(argument, list | tuple) else argument


def _is_plain(argument: Any) -> bool:
    if isinstance(argument, tuple):
        return all(map(_is_plain, argument))
    return isinstance(argument, int | str)
