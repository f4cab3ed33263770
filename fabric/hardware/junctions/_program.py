"""What the junction machine does with a stretch of samples: a value of network and mode."""

from dataclasses import dataclass
from typing import Literal

from fabric.hardware._checks import choice, instance
from fabric.hardware.junctions._network import JunctionNetwork

JunctionMode = Literal["inference", "sequential inference", "pipelined", "sequential"]
JUNCTION_MODES: tuple[JunctionMode, ...] = ("inference", "sequential inference", "pipelined", "sequential")


@dataclass(frozen=True)
class JunctionProgram:
    """A run of the junction machine.

    Attributes:
        network: what it is made for. It runs on any machine that holds an equal network.
        mode: "pipelined" trains, a sample enters in each block; "sequential" trains, a sample enters when the one
            before is done: exact stochastic gradient descent. "inference" and "sequential inference" go forward only.

    Raises:
        TypeError: another network than a `JunctionNetwork`.
        ValueError: another mode.
    """

    network: JunctionNetwork
    mode: JunctionMode = "pipelined"

    def __post_init__(self) -> None:
        instance("network", self.network, JunctionNetwork)
        choice("mode", self.mode, JUNCTION_MODES)

    @property
    def inputs(self) -> int:
        """Of the network."""
        return self.network.widths[0]

    @property
    def outputs(self) -> int:
        """Of the network."""
        return self.network.widths[-1]

    @property
    def trains(self) -> bool:
        """Whether weights are updated."""
        return self.mode in ("pipelined", "sequential")

    @property
    def sequential(self) -> bool:
        """Whether a sample enters only when the one before is done."""
        return self.mode.startswith("sequential")

    @property
    def passes(self) -> int:
        """Blocks that a sample takes: twice as many as junctions if it trains, else as many."""
        return (2 if self.trains else 1) * len(self.network)

    @property
    def interval(self) -> int:
        """Blocks from sample to sample."""
        return self.passes if self.sequential else 1

    def check_network(self, network: JunctionNetwork) -> None:
        """Raise ValueError unless the network is the one that the program is made for."""
        if self.network != network:
            raise ValueError(f"program must be made for the machine's {network!r}, got one for {self.network!r}")
