"""Verilated designs in Python: the one file that knows pyverilator.

pyverilator 0.7.0 gives the running model (signals, clock, waveforms) but was written for Verilator 4: here its `build`
is replaced by one for Verilator 5 that takes parameters, and streams get a loop in C++ (rtl/sim/pump.h).
"""

import ctypes
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import types
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

# pyverilator imports tclwrapper for GTKWave windows alone, and that needs Tk and a Python before 3.11.
sys.modules.setdefault("tclwrapper", types.ModuleType("tclwrapper"))
from pyverilator import PyVerilator  # noqa: E402
from pyverilator.verilatorcpp import template_cpp  # noqa: E402

from fabric.hardware.verilog.rtl import RTL, sources_of  # noqa: E402

BUILDS = RTL.parent / "build" / "rtl"
FINISHED, OUT_OF_CYCLES, HANGS = range(3)
Parameter = int | str | tuple[int, int]  # a pair is a vector: its value and its bits
_PORT = re.compile(r"VL_(IN|OUT)(?:8|16|64|W)?\(&?(\w+),(\d+),(\d+)(?:,\d+)?\);")


class SimulationError(RuntimeError):
    """A design does not build, or a simulation makes no progress."""


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


class Simulation(PyVerilator):
    """A design with streams <name>_data, <name>_valid, <name>_ready, simulated by Verilator.

    `io`, `clock.tick()` and the waveform functions are pyverilator's. `cycle` counts the cycles of `pump`.
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
        """
        sources = sources_of(top) if sources is None else list(sources)
        tables = dict(tables or {})
        content = {
            "top": top,
            "parameters": dict(parameters),
            "sources": {path.name: path.read_text() for path in sources},
            "pump": (RTL / "sim" / "pump.h").read_text(),
            "settings": settings and settings.read_text(),
            "wrapper": Path(__file__).read_text(),
            "tables": tables,
            "trace": trace,
            "verilator": subprocess.run(["verilator", "--version"], capture_output=True, text=True, check=True).stdout,
        }
        folder = BUILDS / hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]
        library = folder / f"V{top}"
        if not library.exists():
            BUILDS.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=BUILDS, prefix=".build-") as temporary:
                paths = {name: str(folder / f"{name.lower()}.hex") for name in tables}
                for name, content in tables.items():
                    (Path(temporary) / f"{name.lower()}.hex").write_text(content)
                _build(Path(temporary), top, {**parameters, **paths}, sources, settings, trace)
                if not folder.exists():  # else another process has been faster
                    shutil.copytree(temporary, f"{temporary}-done", ignore=shutil.ignore_patterns("*.o", "*.gch"))
                    try:
                        Path(f"{temporary}-done").rename(folder)
                    except OSError:
                        shutil.rmtree(f"{temporary}-done")
        return cls(str(library))

    def __init__(self, so_file: str, auto_eval: bool = True) -> None:
        self.cycle = 0
        super().__init__(so_file, auto_eval=auto_eval)
        self.source_names = [name.removesuffix("_valid") for name, _ in self.inputs if name.endswith("_valid")]
        self.sink_names = [name.removesuffix("_valid") for name, _ in self.outputs if name.endswith("_valid")]

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
        function = self.lib.pump_streams
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_bool, ctypes.c_int64,
                             ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]  # fmt: skip
        outcome = function(
            self.model, sides[0], sides[1], settle, cycles, patience, self.vcd_trace, ctypes.byref(clock)
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


def _build(
    folder: Path,
    top: str,
    parameters: Mapping[str, Parameter],
    sources: Sequence[Path],
    settings: Path | None,
    trace: bool,
) -> None:
    wrapper = folder / "wrapper.cpp"
    flags = ["-fPIC", "-DVL_USER_FINISH", f"-I{RTL / 'sim'}"]
    values = [f"-G{name}={_literal(value)}" for name, value in parameters.items()]
    flattening = ["--flatten"] if settings is None else [str(settings)]
    _call(
        "verilator", "--cc", "--exe", "-Wall", "-O3", "--x-assign", "fast", "--x-initial", "fast",
        "--output-split", "20000", "--trace", *([] if trace else ["--trace-depth", "1"]), "--top-module", top,
        "-Mdir", str(folder), "-CFLAGS", " ".join(flags), *values, *flattening, *map(str, sources), str(wrapper),
    )  # fmt: skip
    header = (folder / f"V{top}.h").read_text()
    ports = [(side, name, int(high) - int(low) + 1) for side, name, high, low in _PORT.findall(header)]
    inputs, outputs = ([(name, width) for side, name, width in ports if side == which] for which in ("IN", "OUT"))
    wrapper.write_text(template_cpp(top, inputs, outputs, [], json.dumps("null")) + _pump(top, inputs, outputs))
    _call("make", "-C", str(folder), "-f", f"V{top}.mk", "-j2", "LDFLAGS=-fPIC -shared", "OPT_FAST=-O1", "OPT_SLOW=-O0",
          f"V{top}")  # fmt: skip


def _literal(value: Parameter) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value[1]}'h{value[0]:x}" if isinstance(value, tuple) else str(value)


def _pump(top: str, inputs: Sequence[tuple[str, int]], outputs: Sequence[tuple[str, int]]) -> str:
    """The functions that pump.h wants, for the streams found among the ports."""
    model = f"V{top}"
    sources = [name.removesuffix("_valid") for name, _ in inputs if name.endswith("_valid")]
    sinks = [name.removesuffix("_valid") for name, _ in outputs if name.endswith("_valid")]

    def cases(template: str, names: Sequence[str]) -> str:
        return "\n".join(f"    case {at}: {template.format(s=name)}" for at, name in enumerate(names))

    drive = cases("top->{s}_valid = valid; if (valid) put(top->{s}_data, words); break;", sources)
    accepted = cases("return top->{s}_valid && top->{s}_ready;", sources)
    allow = cases("top->{s}_ready = ready; break;", sinks)
    delivered = cases(
        "if (!(top->{s}_valid && top->{s}_ready)) return false; get(top->{s}_data, words); return true;", sinks
    )
    names = {name for name, _ in outputs}
    return f"""
#include "pump.h"
static void drive({model}* top, int k, bool valid, const uint32_t* words) {{ switch (k) {{
{drive}
}} }}
static bool accepted({model}* top, int k) {{ switch (k) {{
{accepted}
}} return false; }}
static void allow({model}* top, int k, bool ready) {{ switch (k) {{
{allow}
}} }}
static bool delivered({model}* top, int k, uint32_t* words) {{ switch (k) {{
{delivered}
}} return false; }}
static uint32_t progress({model}* top) {{ return {"top->count_steps" if "count_steps" in names else "0"}; }}
static bool busy({model}* top) {{ return {"top->busy" if "busy" in names else "false"}; }}
extern "C" int pump_streams({model}* top, Stream* sources, Stream* sinks, bool settle, int64_t cycles, int64_t patience,
                            VerilatedVcdC* trace, int64_t* clock)
{{
    return pump(top, sources, {len(sources)}, sinks, {len(sinks)}, settle, cycles, patience, trace, clock);
}}
"""


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SimulationError(f"{command[0]} ended with {done.returncode}:\n{(done.stderr or done.stdout)[-4000:]}")
