"""Icarus Verilog as a second simulator: what has been streamed through a design once is streamed through it again."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fabric._programs import run
from fabric.hardware._tools import require_programs
from fabric.hardware.simulation.verilator import Simulation, SimulationError
from fabric.hardware.verilog.rtl import sources_of

_MOST_CYCLES = 1_000_000


def replay(
    simulation: Simulation,
    top: str,
    parameters: Mapping[str, int | str],
    tables: Mapping[str, str],
    sources: Mapping[str, np.ndarray],
    expected: Mapping[str, int],
    first: str,
) -> dict[str, np.ndarray]:
    """Stream beats through a design in Icarus Verilog, the host never pausing, until the sinks have had all theirs.

    Args:
        simulation: the same design in Verilator, for the widths of its ports.
        top, parameters, tables: as in `Simulation.of`.
        sources: packed beats of each source, uint32 (beats, words).
        expected: beats of each sink.
        first: the source that must be empty before the others begin.

    Returns:
        Packed beats of each sink, uint32 (beats, words).

    Raises:
        SimulationError: Icarus rejects the design, or the beats do not come.
        MissingToolError: Icarus Verilog is not installed.
    """
    require_programs("iverilog", "vvp")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, content in tables.items():
            (folder / f"{name.lower()}.hex").write_text(content)
        for name, beats in sources.items():
            (folder / f"{name}.hex").write_text(_hexadecimal(beats))
        settings = {**parameters, **{name: f'"{folder / name.lower()}.hex"' for name in tables}}
        (folder / "replay.v").write_text(_bench(simulation, top, settings, sources, expected, first, folder))
        design = [str(path) for path in sources_of(top)]
        _call("iverilog", "-g2005", "-s", "replay", "-o", str(folder / "replay"), str(folder / "replay.v"), *design)
        _call("vvp", "-n", str(folder / "replay"))
        found = {name: _words((folder / f"{name}.out").read_text(), simulation.words(name)) for name in expected}
    for name, count in expected.items():
        if len(found[name]) != count:
            raise SimulationError(f"{name} gave {len(found[name])} of {count} beats in {_MOST_CYCLES} cycles")
    return found


def _bench(
    simulation: Simulation,
    top: str,
    settings: Mapping[str, int | str],
    sources: Mapping[str, np.ndarray],
    expected: Mapping[str, int],
    first: str,
    folder: Path,
) -> str:
    widths = dict(simulation.inputs) | dict(simulation.outputs)
    lines = ["reg clk = 0, rst = 1;", "integer cycle = 0;", "always #1 clk = !clk;"]
    pins = [".clk(clk)", ".rst(rst)"]
    for name, beats in sources.items():
        wait = "" if name == first else f" && {first}_at == {len(sources[first])}"
        lines += [
            f"reg [{widths[name + '_data'] - 1}:0] {name}_beats [0:{len(beats)}];",
            f'integer {name}_at = 0; initial $readmemh("{folder / name}.hex", {name}_beats);',
            f"wire {name}_ready; wire {name}_valid = !rst && {name}_at < {len(beats)}{wait};",
            f"always @(posedge clk) if ({name}_valid && {name}_ready) {name}_at <= {name}_at + 1;",
        ]
        pins += [f".{name}_data({name}_beats[{name}_at])"]
        pins += [f".{name}_{wire}({name}_{wire})" for wire in ("valid", "ready")]
    for name, count in expected.items():
        lines += [
            f"integer {name}_at = 0, {name}_file;",
            f'initial {name}_file = $fopen("{folder / name}.out");',
            f"wire [{widths[name + '_data'] - 1}:0] {name}_data; wire {name}_valid;",
            f"wire {name}_ready = !rst && {name}_at < {count};",
            f"always @(posedge clk) if ({name}_valid && {name}_ready) begin",
            f'    $fdisplay({name}_file, "%h", {name}_data); {name}_at <= {name}_at + 1;',
            "end",
        ]
        pins += [f".{name}_{wire}({name}_{wire})" for wire in ("data", "valid", "ready")]
    done = " && ".join(f"{name}_at == {count}" for name, count in expected.items())
    lines += [
        "always @(posedge clk) begin",
        "    cycle <= cycle + 1; if (cycle == 2) rst <= 0;",
        f"    if (({done}) || cycle == {_MOST_CYCLES}) $finish;",
        "end",
        f"{top} #({', '.join(f'.{name}({value})' for name, value in settings.items())}) machine ({', '.join(pins)});",
    ]
    return "\n".join(["module replay;", *lines, "endmodule\n"])


def _hexadecimal(beats: np.ndarray) -> str:
    return "".join("".join(f"{word:08x}" for word in beat[::-1]) + "\n" for beat in beats)


def _words(lines: str, words: int) -> np.ndarray:
    values = [int(line, 16) for line in lines.split()]
    return np.array([[value >> 32 * at & 0xFFFFFFFF for at in range(words)] for value in values], dtype=np.uint32)


def _call(*command: str) -> None:
    done = run(*command)
    if done.returncode:
        raise SimulationError(f"{command[0]} ended with {done.returncode}:\n{(done.stderr + done.stdout)[-4000:]}")
