"""Verilated designs in Python: the running model of pyverilator with streams, and a loop in C++ that moves them."""

import contextlib
import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fabric.hardware.simulation._library import Parameter, SimulationError, library, pyverilator

__all__ = ["FINISHED", "HANGS", "OUT_OF_CYCLES", "Parameter", "Simulation", "SimulationError", "Stream"]

FINISHED, OUT_OF_CYCLES, HANGS = range(3)


class Stream(ctypes.Structure):
    """A stream's side of the pump: the beats and how far they have moved."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("words", ctypes.c_int64),
        ("beats", ctypes.c_int64),
        ("done", ctypes.c_int64),
        ("stalls", ctypes.c_void_p),
        ("period", ctypes.c_int64),
        ("times", ctypes.c_void_p),
    )
    arrays: tuple[np.ndarray | None, ...]  # what the pointers point to


class Simulation:
    """A design with streams <name>_data, <name>_valid, <name>_ready, simulated by Verilator.

    Args:
        path: a finished library; the files of its tables lie beside it.

    Attributes:
        cycle: counts the cycles of `pump`.
        io, clock: ports and clock as pyverilator gives them: `io.rst = 1`, `clock.tick()`.
        inputs, outputs: name and bits of each port.
        source_names, sink_names: streams into the design and out of it.
    """

    @classmethod
    def of(
        cls,
        top: str,
        parameters: Mapping[str, Parameter],
        sources: Sequence[Path] | None = None,
        tables: Mapping[str, str] | None = None,
        settings: Path | None = None,
        trace: bool = False,
    ) -> "Simulation":
        """Build the design, or find the finished build of the same sources, parameters and tools, and load it.

        Args:
            top: name of the top module.
            parameters: of the top module.
            sources: Verilog files; None for `sources_of` the top.
            tables: contents of the files that parameters name.
            settings: a file of Verilator's settings, which says what is flattened; None flattens all.
            trace: record all signals; slow for large designs. Otherwise the waveform has the ports only.

        Raises:
            SimulationError: Verilator or the C++ compiler rejects the design; the message is theirs.
            MissingToolError: Verilator, make, a C++ compiler or pyverilator is not installed.
        """
        return cls(library(top, parameters, sources, tables, settings, trace))

    def __init__(self, path: Path) -> None:
        self.cycle = 0
        # The design reads its tables at time zero, by their names alone: a build may stand anywhere.
        with contextlib.chdir(path.parent):
            self._design = pyverilator().PyVerilator(str(path))
        self.io, self.clock = self._design.io, self._design.clock
        self.inputs: list[tuple[str, int]] = self._design.inputs
        self.outputs: list[tuple[str, int]] = self._design.outputs
        self.source_names = [name.removesuffix("_valid") for name, _ in self.inputs if name.endswith("_valid")]
        self.sink_names = [name.removesuffix("_valid") for name, _ in self.outputs if name.endswith("_valid")]

    def start_vcd_trace(self, path: Path) -> None:
        """Write a value change dump of the cycles of `pump` from this call on."""
        self._design.start_vcd_trace(str(path), auto_tracing=False)

    def stop_vcd_trace(self) -> None:
        """Finish the dump."""
        self._design.stop_vcd_trace()

    def words(self, stream: str) -> int:
        """32-bit words of a beat of the stream."""
        widths = dict(self.inputs) | dict(self.outputs)
        return (widths[f"{stream}_data"] + 31) // 32

    def stream(
        self, name: str, beats: np.ndarray, stalls: np.ndarray | None = None, times: np.ndarray | None = None
    ) -> Stream:
        """A stream of packed beats, uint32 (beats, words): the data of a source or the space of a sink.

        `stalls`, uint8, pauses the stream in cycle t where stalls[t mod length] is not zero. `times`, int64 (beats,),
        receives the cycle in which each beat moves. The arrays must outlive the stream.
        """
        if beats.dtype != np.uint32 or not beats.flags.c_contiguous or beats.shape[1:] != (self.words(name),):
            raise ValueError(
                f"beats of {name} must be contiguous uint32 of shape (beats, {self.words(name)}), got {beats.dtype} "
                f"of shape {beats.shape}"
            )
        stalls = _NEVER if stalls is None else stalls
        stream = Stream(
            beats.ctypes.data, beats.shape[1], len(beats), 0, stalls.ctypes.data, len(stalls),
            None if times is None else times.ctypes.data,
        )  # fmt: skip
        stream.arrays = (beats, stalls, times)
        return stream

    def pump(
        self, streams: Mapping[str, Stream], settle: bool = True, cycles: int = 2**62, patience: int = 4096
    ) -> int:
        """Move beats until all have moved and the design is idle, or, unless `settle`, until all sources are empty.

        Returns:
            FINISHED, OUT_OF_CYCLES, or HANGS when no beat has moved and the design has made no step for `patience`
            cycles.
        """
        idle = Stream(None, 0, 0, 0, _NEVER.ctypes.data, 1, None)
        sides = [
            (Stream * max(1, len(names)))(*[streams.get(name, idle) for name in names])
            for names in (self.source_names, self.sink_names)
        ]
        clock = ctypes.c_int64(self.cycle)
        function = self._design.lib.pump_streams
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_bool, ctypes.c_int64,
                             ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]  # fmt: skip
        outcome = function(
            self._design.model,
            sides[0],
            sides[1],
            settle,
            cycles,
            patience,
            self._design.vcd_trace,
            ctypes.byref(clock),
        )
        self.cycle = clock.value
        for names, side in zip((self.source_names, self.sink_names), sides, strict=True):
            for name, moved in zip(names, side, strict=False):
                if name in streams:
                    streams[name].done = moved.done
        return outcome

    def reset(self) -> None:
        """Hold `rst` for two cycles."""
        self.io.rst = 1
        for _ in range(2):
            self.clock.tick()
        self.io.rst = 0


_NEVER = np.zeros(1, dtype=np.uint8)
