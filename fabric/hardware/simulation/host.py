"""The host's side of a simulated machine: streams that may pause, counters, and where the machine is when it hangs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fabric.hardware._checks import array
from fabric.hardware._tools import required_packages
from fabric.hardware.simulation.verilator import FINISHED, HANGS, Simulation, SimulationError, Stream

CHUNK = 512  # samples packed at a time
# Pauses of the host by stream: it pauses in cycle t where the stream's array, uint8, is not zero at t mod its length.
Stalls = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Counters:
    """Cycles of a run, counted by the design: all; those in which the forward and the backward unit work, the update
    unit in the same cycles as the backward unit; those in which the next step waits."""

    cycles: int
    forward: int
    backward: int
    waiting: int


class Host:
    """Drives a machine in Verilog through its streams.

    Attributes:
        simulation: the running design: `simulation.io`, `simulation.start_vcd_trace(...)` and so on.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.reset()

    def reset(self) -> None:
        """Back to the state after power-up, but for what has been loaded into memories."""
        self.simulation.reset()

    @property
    def counters(self) -> Counters:
        """Counters of the last run."""
        io = self.simulation.io
        return Counters(*(int(getattr(io, f"count_{name}")) for name in ("cycles", "forward", "backward", "waiting")))

    def _pausing(self, stalls: Stalls | None) -> Stalls:
        """The pauses, or none.

        Raises:
            ValueError: pauses of a stream that the machine does not have, or that are not a row of cycles.
        """
        if stalls is not None and not isinstance(stalls, Mapping):
            raise TypeError(f"stalls must map names of streams to pauses, got {stalls!r}")
        streams = [*self.simulation.source_names, *self.simulation.sink_names]
        unknown = sorted(str(name) for name in stalls or {} if name not in streams)
        if unknown:
            raise ValueError(f"stalls must be of streams among {', '.join(streams)}, got {', '.join(unknown)}")
        checked = {}
        for name, pauses in (stalls or {}).items():
            found = array(f"stalls of {name}", pauses, "biu", "integers")
            if found.ndim != 1 or len(found) == 0:
                raise ValueError(f"stalls of {name} must have shape (cycles,), got {found.shape}")
            checked[name] = (found != 0).astype(np.uint8)
        return checked

    @contextmanager
    def _recording(self, trace: str | os.PathLike | None) -> Iterator[None]:
        """Write the waveforms of what happens inside to a file; None writes none.

        Raises:
            TypeError: no path.
            ValueError: a file in a folder that does not exist.
        """
        if trace is None:
            yield
            return
        if not isinstance(trace, (str, os.PathLike)):
            raise TypeError(f"trace must be the path of a file or None, got {trace!r}")
        path = Path(trace).absolute()
        if not path.parent.is_dir() or path.is_dir():
            raise ValueError(f"trace must be a file in a folder that exists, got {str(trace)!r}")
        self.simulation.start_vcd_trace(path)
        try:
            yield
        finally:
            self.simulation.stop_vcd_trace()

    def _transfer(self, arrays: Mapping[str, np.ndarray], doing: str) -> None:
        """Move packed beats, by stream, without pauses."""
        self._move({name: self.simulation.stream(name, beats) for name, beats in arrays.items()}, doing)

    def _move(self, streams: Mapping[str, Stream], doing: str, settle: bool = True, limit: int = 2**62) -> None:
        """Move streams as `Simulation.pump` does.

        Raises:
            SimulationError: the machine hangs or is not done after `limit` cycles.
        """
        outcome = self.simulation.pump(streams, settle, limit)
        if outcome == FINISHED:
            return
        what = "hangs" if outcome == HANGS else "is not done"
        moved = ", ".join(f"{name} {stream.done} of {stream.beats}" for name, stream in streams.items())
        raise SimulationError(
            f"the machine {what} while {doing}, in cycle {self.simulation.cycle}{self._position()}: {self.counters}; "
            f"beats moved: {moved}"
        )

    def _position(self) -> str:
        """What else says where the machine is."""
        return ""


@contextmanager
def progress_bar(samples: int, shown: bool) -> Iterator[Any]:
    """A bar with `update`, or nothing to see."""
    with required_packages():
        from tqdm.auto import tqdm
    with tqdm(total=samples, unit="sample", disable=not shown) as bar:
        yield bar
