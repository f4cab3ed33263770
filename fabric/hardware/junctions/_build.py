"""The build parameters of a junction machine: sizes, formats, patterns. What is fixed when it is synthesised."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from fabric.hardware._checks import instance, listed
from fabric.hardware.fixed_point import FixedPoint
from fabric.hardware.junctions._junction import Junction
from fabric.hardware.junctions._network import JunctionNetwork
from fabric.hardware.simulation.verilator import Parameter
from fabric.hardware.torus import ACTIVATIONS


@dataclass(frozen=True)
class JunctionBuild:
    """What is fixed when the machine is synthesised: sizes, formats, and which patterns it can hold.

    Attributes:
        network: gives the sizes; any network of the same sizes can be loaded whose patterns fit.
        fixed_point: formats.
        entries: patterns that each address generator keeps: 1, the fan-out or the cycles of a pass; empty for as many
            as the network needs.
        dither: whether each junction has crossbars between lanes and memories; empty for where the network needs them.

    Raises:
        TypeError: a network, a format, entries or crossbars of another class.
        ValueError: another number of entries or crossbars than junctions, or fewer than the network needs.
    """

    network: JunctionNetwork
    fixed_point: FixedPoint = field(default_factory=FixedPoint)
    entries: tuple[int, ...] = ()
    dither: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        junctions = instance("network", self.network, JunctionNetwork).junctions
        instance("fixed_point", self.fixed_point, FixedPoint)
        entries = listed("entries", self.entries, int) or [len(j.entries()[0]) for j in junctions]
        dither = listed("dither", self.dither, bool) or [j.dithered for j in junctions]
        for name, given in (("entries", tuple(entries)), ("dither", tuple(dither))):
            if len(given) != len(junctions):
                raise ValueError(f"{name} must be one for each of the {len(junctions)} junctions, got {given}")
            object.__setattr__(self, name, given)
        self.patterns(self.network)

    def patterns(self, network: JunctionNetwork) -> list[tuple[np.ndarray, np.ndarray]]:
        """What the address generators hold for a network: for each junction rows and memories (entries, lanes).

        Raises:
            TypeError: another network than a `JunctionNetwork`.
            ValueError: a network of other sizes, or with patterns that this build cannot hold.
        """
        instance("network", network, JunctionNetwork)
        if len(network) != len(self.network):
            raise ValueError(f"network must have the {len(self.network)} junctions of the build, got {len(network)}")
        for ours, theirs in zip(self.network.junctions, network.junctions, strict=True):
            sizes = [(j.inputs, j.fan_out, j.outputs, j.parallelism, j.activation) for j in (ours, theirs)]
            if sizes[0] != sizes[1]:
                raise ValueError(f"junction must have the build's inputs, fan-out, outputs, parallelism and activation "
                                 f"{sizes[0]}, got {sizes[1]}")  # fmt: skip
        for junction, crossbars in zip(network.junctions, self.dither, strict=True):
            if junction.dithered and not crossbars:
                raise ValueError("pattern deals memories to other lanes, the machine is built without crossbars")
        return [j.entries(count) for j, count in zip(network.junctions, self.entries, strict=True)]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters of the Verilog module fabric_junctions, in its words."""
        fixed, network = self.fixed_point, self.network
        junctions = network.junctions
        return {
            "JUNCTIONS": len(network),
            "WIDTHS": _fields(network.widths, 32, 9),
            "FAN_OUTS": _fields([j.fan_out for j in junctions], 32, 8),
            "LANES": _fields([j.parallelism for j in junctions], 32, 8),
            "ENTRIES": _fields(self.entries, 32, 8),
            "DITHER": _fields(self.dither, 1, 8),
            "FUNCTIONS": _fields([ACTIVATIONS.index(j.activation) for j in junctions], 2, 8),
            "WORD": fixed.word,
            "WEIGHT": fixed.weight,
            "ACC": network.accumulator(fixed),
            "SHIFT": fixed.operand_fraction,
            "FRACTION": fixed.activation_fraction,
            "WIDEN": fixed.delta_fraction - fixed.activation_fraction,
            "UPDATE_SHIFT": fixed.update_shift,
            "PATTERN": max(j.parallelism * sum(entry_bits(j)) for j in junctions),
            "LOAD": max(j.parallelism for j in junctions) * fixed.weight,
        }


def table_files(fixed: FixedPoint) -> dict[str, str]:
    """Contents of the files that the table parameters name: the sigmoid and its derivative, hexadecimal."""
    digits = (fixed.word + 3) // 4
    return {
        name: "".join(f"{value:0{digits}x}\n" for value in values)
        for name, values in (("SIGMOID_TABLE", fixed.sigmoid_table()), ("SLOPE_TABLE", fixed.slope_table()))
    }


def entry_bits(junction: Junction) -> tuple[int, int]:
    """Bits of a row and of a memory's number in an entry of the address generator."""
    return max(1, (junction.depth - 1).bit_length()), max(1, (junction.parallelism - 1).bit_length())


def _fields(values: Iterable[int], bits: int, count: int) -> tuple[int, int]:
    """Integers side by side in `count` fields, the first one lowest: a vector's value and its bits."""
    return sum(int(value) << (bits * at) for at, value in enumerate(values)), bits * count
