"""A top with its parameters, and a test bench in Verilog-2005 that checks every beat that comes out of it."""

from collections.abc import Mapping, Sequence

import numpy as np

from fabric.hardware.export._recorded import Lesson
from fabric.hardware.simulation.verilator import Parameter

Ports = Sequence[tuple[str, int]]
HEADER = [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Loads weights, runs samples, reads the weights back, and compares every beat with the golden model's.",
    "`timescale 1ns / 1ps",
    "module bench;",
    "reg clk = 0, rst = 1;",
    "always #5 clk = !clk;",
    "integer cycle = 0, errors = 0;",
    "reg [15:0] pause = 16'd1;  // a stream pauses where its bit is one",
]


def top_module(name: str, machine: str, parameters: Mapping[str, Parameter], inputs: Ports, outputs: Ports) -> str:
    """The machine with its parameters set, as a module without any."""
    ports = [("input ", port, bits) for port, bits in inputs] + [("output", port, bits) for port, bits in outputs]
    declared = [f"    {side} wire {_range(bits)}{port}" for side, port, bits in ports]
    values = [f"    .{key}({_literal(value)})" for key, value in parameters.items()]
    pins = [f"    .{port}({port})" for _, port, _ in ports]
    return "\n".join(
        [
            "// SPDX-License-Identifier: Apache-2.0",
            f"// {machine} with the parameters of one machine.",
            "`default_nettype none",
            f"module {name} (",
            ",\n".join(declared),
            ");",
            f"{machine} #(",
            ",\n".join(values),
            ") machine (",
            ",\n".join(pins),
            ");",
            "endmodule",
            "`default_nettype wire\n",
        ]
    )


def bench(top: str, inputs: Ports, outputs: Ports, lesson: Lesson) -> str:
    """The test bench: streams with pauses, every beat compared, PASS or FAIL printed once.

    Vectors are read from vectors/<stream>.hex.
    """
    widths, most = dict(inputs) | dict(outputs), 8 * lesson.cycles + 1000
    empty = [(name, bits) for name, bits in inputs if name.removesuffix("_valid") not in lesson.sources]
    lines = list(HEADER)
    pins = [".clk(clk)", ".rst(rst)"]
    for at, (name, beats) in enumerate(lesson.sources.items()):
        earlier = lesson.first[: lesson.first.index(name)] if name in lesson.first else lesson.first
        waits = "".join(f" && {other}_at == {len(lesson.sources[other])}" for other in earlier)
        lines += source(name, widths[name + "_data"], len(beats), at, waits)
        pins += [f".{name}_data({name}_beats[{name}_at])"]
        pins += [f".{name}_{wire}({name}_{wire})" for wire in ("valid", "ready")]
    for at, (name, beats) in enumerate(lesson.sinks.items(), start=8):
        lines += sink(name, widths[name + "_data"], len(beats), at)
        pins += [f".{name}_{wire}({name}_{wire})" for wire in ("data", "valid", "ready")]
    silent = {name.removesuffix("_valid") for name, _ in empty if name.endswith("_valid")}
    for name in sorted(silent):
        pins += [f".{name}_data({widths[name + '_data']}'d0)", f".{name}_valid(1'b0)", f".{name}_ready()"]
    used = {pin[1 : pin.index("(")] for pin in pins}
    pins += [f".{name}()" for name, _ in outputs if name not in used]
    moved = {**lesson.sources, **lesson.sinks}
    done = " && ".join(f"{name}_at == {len(beats)}" for name, beats in moved.items())
    lines += [*ending(done, most), f"{top} dut ({', '.join(pins)});", "endmodule"]
    return "\n".join(lines) + "\n"


def source(name: str, bits: int, beats: int, pause: int, waits: str = "") -> list[str]:
    """A stream of beats read from vectors/<name>.hex; once offered, a beat stays until it is taken."""
    return [
        *_beats(name, bits, beats),
        f"wire {name}_ready;",
        f"reg {name}_offered = 0;  // once offered, a beat stays until it is taken",
        f"wire {name}_valid = !rst && {name}_at < {beats}{waits} && ({name}_offered || !pause[{pause}]);",
        "always @(posedge clk) begin",
        f"    {name}_offered <= {name}_valid && !{name}_ready;",
        f"    if ({name}_valid && {name}_ready) {name}_at <= {name}_at + 1;",
        "end",
    ]


def sink(name: str, bits: int, beats: int, pause: int) -> list[str]:
    """A stream whose beats must be those of vectors/<name>.hex."""
    return [
        *_beats(name, bits, beats),
        f"wire [{bits - 1}:0] {name}_data;",
        f"wire {name}_valid;",
        f"wire {name}_ready = !rst && !pause[{pause}];",
        f"always @(posedge clk) if ({name}_valid && {name}_ready) begin",
        f"    if ({name}_at >= {beats} || {name}_data !== {name}_beats[{name}_at]) begin",
        "        errors <= errors + 1;",
        f'        if (errors < 10) $display("{name} beat %0d: %h, not %h", {name}_at, {name}_data, '
        f"{name}_beats[{name}_at]);",
        "    end",
        f"    {name}_at <= {name}_at + 1;",
        "end",
    ]


def ending(done: str, most: int) -> list[str]:
    """Pauses, the first cycles in reset, and PASS or FAIL when a condition holds or `most` cycles have gone."""
    return [
        "always @(posedge clk) begin",
        "    pause <= {pause[14:0], pause[15] ^ pause[13] ^ pause[12] ^ pause[10]};",
        "    cycle <= cycle + 1;",
        "    if (cycle == 2) rst <= 0;",
        f"    if ({done} || cycle == {most}) begin",
        f'        if (errors == 0 && cycle < {most}) $display("PASS: %0d cycles", cycle);',
        '        else $display("FAIL: %0d errors in %0d cycles", errors, cycle);',
        "        $finish;",
        "    end",
        "end",
    ]


def hexadecimal(beats: np.ndarray, bits: int) -> str:
    """Packed beats as hexadecimal words, one a line."""
    digits = (bits + 3) // 4
    values = (sum(int(word) << (32 * at) for at, word in enumerate(beat)) for beat in beats)
    return "".join(f"{value:0{digits}x}\n" for value in values)


def _beats(name: str, bits: int, beats: int) -> list[str]:
    return [
        f"reg [{bits - 1}:0] {name}_beats [0:{beats}];",
        f"integer {name}_at = 0;",
        f'initial $readmemh("vectors/{name}.hex", {name}_beats, 0, {beats - 1});',
    ]


def _range(bits: int) -> str:
    return f"[{bits - 1}:0] " if bits > 1 else ""


def _literal(value: Parameter) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value[1]}'h{value[0]:x}" if isinstance(value, tuple) else str(value)
