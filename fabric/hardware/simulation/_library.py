"""A design as a shared library: what Verilator makes of it, with the functions of pyverilator and of rtl/sim/pump.h.

pyverilator 0.7.0 gives the running model (signals, clock, waveforms) but was written for Verilator 4: here its `build`
is replaced by one for Verilator 5 that takes parameters.
"""

import hashlib
import json
import re
import shutil
import sys
import tempfile
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fabric._programs import run
from fabric.hardware._builds import built
from fabric.hardware._tools import require_programs, required_packages
from fabric.hardware.verilog.rtl import RTL, sources_of

Parameter = int | str | tuple[int, int]  # a pair is a vector: its value and its bits
_CFLAGS = "-fPIC -DVL_USER_FINISH -I."
_RUNTIME = ("verilated.o", "verilated_dpi.o", "verilated_threads.o", "verilated_vcd_c.o")
_PORT = re.compile(r"VL_(IN|OUT)(?:8|16|64|W)?\(&?(\w+),(\d+),(\d+)(?:,\d+)?\);")


class SimulationError(RuntimeError):
    """A design does not build, or a simulation makes no progress."""


def library(
    top: str,
    parameters: Mapping[str, Parameter],
    sources: Sequence[Path] | None,
    tables: Mapping[str, str] | None,
    settings: Path | None,
    trace: bool,
) -> Path:
    """A design as a shared library with its tables beside it: built, or found if it has been built before.

    It depends on sources, parameters, tables and tools; arguments and errors are those of `Simulation.of`.
    """
    require_programs("verilator", "g++", "make")
    files = {path.name: path.read_text(encoding="utf-8") for path in sources or sources_of(top)}
    tables = {f"{name.lower()}.hex": text for name, text in (tables or {}).items()}
    content = {
        "top": top,
        "parameters": dict(parameters),
        "sources": files,
        "pump": (RTL / "sim" / "pump.h").read_text(encoding="utf-8"),
        "settings": settings and settings.read_text(encoding="utf-8"),
        "wrapper": Path(__file__).read_text(encoding="utf-8"),
        "tables": tables,
        "trace": trace,
        "verilator": _version("verilator"),
    }
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]

    def make(folder: Path) -> None:
        for name, text in tables.items():
            (folder / name).write_text(text, encoding="utf-8")
        named = {name.removesuffix(".hex").upper(): name for name in tables}
        _build(folder, top, {**parameters, **named}, files, settings, trace)

    return built("rtl", key, make) / f"V{top}"


def pyverilator() -> Any:
    """The package, or MissingToolError."""
    # pyverilator imports tclwrapper for GTKWave windows alone, and that needs Tk and a Python before 3.11.
    sys.modules.setdefault("tclwrapper", types.ModuleType("tclwrapper"))
    with required_packages():
        import pyverilator as package
        import pyverilator.verilatorcpp
    return package


def _build(
    folder: Path,
    top: str,
    parameters: Mapping[str, Parameter],
    files: Mapping[str, str],
    settings: Path | None,
    trace: bool,
) -> None:
    """Build the library in the folder, from copies of all files, so that no path of this machine enters it."""
    spaces = any(character.isspace() for character in str(folder))  # in which make does not build
    with tempfile.TemporaryDirectory(dir=None if spaces else folder) as temporary:
        objects = Path(temporary)
        (objects / "design").mkdir()
        for name, text in files.items():
            (objects / "design" / name).write_text(text, encoding="utf-8")
        for path in (RTL / "sim" / "pump.h", *([settings] if settings else [])):
            shutil.copy(path, objects)
        wrapper = objects / "wrapper.cpp"
        values = [f"-G{name}={_literal(value)}" for name, value in parameters.items()]
        flattening = "--flatten" if settings is None else settings.name
        _call(
            objects, "verilator", "--cc", "--exe", "-Wall", "-O3", "--x-assign", "fast", "--x-initial", "fast",
            "--output-split", "20000", "--trace", *([] if trace else ["--trace-depth", "1"]), "--top-module", top,
            "-Mdir", ".", "-CFLAGS", _CFLAGS, *values, flattening,
            *(f"design/{name}" for name in files), wrapper.name,
        )  # fmt: skip
        header = (objects / f"V{top}.h").read_text(encoding="utf-8")
        ports = [(side, name, int(high) - int(low) + 1) for side, name, high, low in _PORT.findall(header)]
        inputs, outputs = ([(name, width) for side, name, width in ports if side == which] for which in ("IN", "OUT"))
        template = pyverilator().verilatorcpp.template_cpp(top, inputs, outputs, [], json.dumps("null"))
        wrapper.write_text(template + _pump(top, inputs, outputs), encoding="utf-8")
        runtime = _runtime()
        for name in _RUNTIME:
            shutil.copyfile(runtime / name, objects / name)
        # The functions of a design call each other directly: no other library takes the place of one.
        direct = ("LDFLAGS=-fPIC -shared -Wl,-Bsymbolic", "OPT_FAST=-O2 -fno-semantic-interposition", "OPT_SLOW=-O0")
        _call(objects, "make", "-f", f"V{top}.mk", "-j2", *direct, f"V{top}")
        shutil.move(objects / f"V{top}", folder)


def _runtime() -> Path:
    """Verilator's own part of every library, compiled once: most designs take less time than it does."""

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            objects = Path(temporary)
            (objects / "nothing.v").write_text("module nothing; endmodule\n", encoding="utf-8")
            _call(objects, "verilator", "--cc", "--trace", "-Mdir", ".", "-CFLAGS", _CFLAGS, "nothing.v")
            _call(objects, "make", "-f", "Vnothing.mk", "-j2", *_RUNTIME)
            for name in _RUNTIME:
                shutil.copyfile(objects / name, folder / name)

    tools = [_version("verilator"), _version("g++"), _CFLAGS]
    return built("verilated", hashlib.sha256(json.dumps(tools).encode()).hexdigest()[:24], make)


def _version(tool: str) -> str:
    told = run(tool, "--version")
    told.check_returncode()
    return told.stdout


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


def _call(folder: Path, *command: str) -> None:
    done = run(*command, folder=folder)
    if done.returncode:
        raise SimulationError(f"{command[0]} ended with {done.returncode}:\n{(done.stderr or done.stdout)[-4000:]}")
