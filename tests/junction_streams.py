"""All streams of the junction machine offered together with random pauses: in Verilator, in Icarus, and what must come.

A beat is encoded here as rtl/JUNCTION.md says, not as `JunctionMachine` does it.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fabric.hardware.fixed_point import RATES
from fabric.hardware.junctions import JUNCTION_MODES, GoldenJunctions, JunctionBuild, JunctionMachine, JunctionProgram
from fabric.hardware.junctions._build import table_files
from fabric.hardware.junctions.verification import random_case
from fabric.hardware.simulation.verilator import FINISHED
from fabric.hardware.verilog.rtl import sources_of

SOURCES, SINKS = ("pattern", "weight", "command", "input", "target"), ("output", "dump")
_CYCLES = 6000
_TOP = "fabric_junctions"


@dataclass(frozen=True)
class Command:
    """A run of a program on its samples, or, where there is none, rows of a junction that are read."""

    program: JunctionProgram | None
    samples: tuple = ()  # inputs, targets, rate exponent, stochastic
    junction: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Traffic:
    """Beats of all sources as integers, beats of all sinks by number, pauses of each, and what they mean.

    Attributes:
        rows: junction, row and words of each beat of weights.
        pauses: booleans (cycles,) by stream.
    """

    network: object
    beats: dict[str, list[int]]
    expected: dict[str, int]
    pauses: dict[str, np.ndarray]
    rows: list[tuple[int, int, np.ndarray]]
    commands: list[Command]


def joined(*words_of_bits: tuple[object, int]) -> int:
    """Words side by side, the first lowest: pairs of words, or one, and their bits."""
    value = at = 0
    for words, bits in words_of_bits:
        for word in np.atleast_1d(words):
            value |= (int(word) & ((1 << bits) - 1)) << at
            at += bits
    return value


def drawn(build: JunctionBuild, rng: np.random.Generator) -> Traffic:
    """Patterns and weights in any order, then commands, among which weights go on to come."""
    network, fixed = random_case(build, rng).network, build.fixed_point
    patterns, rows = [], []
    for at, (junction, (starts, memories)) in enumerate(zip(network.junctions, build.patterns(network), strict=True)):
        row_bits, memory_bits = (max(1, (n - 1).bit_length()) for n in (junction.depth, junction.parallelism))
        for entry, (start, memory) in enumerate(zip(starts, memories, strict=True)):
            patterns.append(joined((at, 4), (entry, 16), (start, row_bits), (memory, memory_bits)))
        rows += [(at, row) for row in range(junction.cycles)]
    limit = 1 << (fixed.weight - 1)
    order = [*rng.permutation(len(rows)), *rng.integers(len(rows), size=int(rng.integers(2 * len(rows))))]
    weights = [(*rows[at], rng.integers(-limit, limit, network.junctions[rows[at][0]].parallelism)) for at in order]
    again = rng.integers(len(patterns), size=int(rng.integers(2 * len(patterns))))
    sent = [patterns[at] for at in (*rng.permutation(len(patterns)), *again)]
    commands = [_command(network, fixed, rng) for _ in range(int(rng.integers(2, 6)))]
    runs = [each for each in commands if each.program]
    first, last = network.junctions[0].parallelism, network.junctions[-1].group
    given = {"input": (first, [each.samples[0] for each in runs]),
             "target": (last, [each.samples[1] for each in runs if each.samples[1] is not None])}  # fmt: skip
    beats = {
        "pattern": sent,
        "weight": [joined((at, 4), (row, 16), (words, fixed.weight)) for at, row, words in weights],
        "command": [_encoded(each, fixed) for each in commands],
        **{name: [joined((beat, fixed.word)) for part in parts for beat in part.reshape(-1, lanes)]
           for name, (lanes, parts) in given.items()},
    }  # fmt: skip
    expected = {"output": sum(len(each.samples[0]) for each in runs) * network.widths[-1] // last,
                "dump": sum(each.rows for each in commands)}  # fmt: skip
    pauses = {name: rng.random(_CYCLES) < rng.choice([0, 0.2, 0.6]) for name in (*SOURCES, *SINKS)}
    # No command before the machine holds a whole network. Until then what is offered is taken.
    whole = {"pattern": len(patterns), "weight": len(rows)}
    pauses["command"][: max(np.searchsorted(np.cumsum(~pauses[name]), count) for name, count in whole.items())] = True
    return Traffic(network, beats, expected, pauses, weights, commands)


def _command(network, fixed, rng: np.random.Generator) -> Command:
    if rng.integers(3) == 0:
        junction = int(rng.integers(len(network)))
        return Command(None, (), junction, int(rng.integers(1, network.junctions[junction].cycles + 1)))
    program, count = JunctionProgram(network, JUNCTION_MODES[int(rng.integers(4))]), int(rng.integers(1, 5))
    limit = 1 << (fixed.word - 1)
    inputs, targets = (rng.integers(-limit, limit, (count, network.widths[side])) for side in (0, -1))
    rate = fixed.slowest - int(rng.integers(RATES))
    taught = (targets, rate, bool(rng.integers(2))) if program.trains else (None, None, True)
    return Command(program, (inputs, *taught))


def _encoded(command: Command, fixed) -> int:
    if command.program is None:
        return joined((1, 8), (command.junction, 8), (command.rows, 32))
    inputs, _, rate, stochastic = command.samples
    program = command.program
    flags = program.trains << 1 | stochastic << 2 | program.sequential << 3
    return joined((flags, 4), (0 if rate is None else fixed.slowest - rate, 12), (len(inputs), 32))


Moved = dict[str, list[tuple[int, int]]]  # cycle and value of each beat, by stream


def on_verilator(machine: JunctionMachine, traffic: Traffic) -> Moved:
    """What moves when."""
    simulation = machine.simulation
    machine.reset()
    simulation.cycle = 0
    streams, times, arrays = {}, {}, {}
    for name in (*SOURCES, *SINKS):
        values = traffic.beats[name] if name in SOURCES else [0] * traffic.expected[name]
        words, count = simulation.words(name), len(values)
        arrays[name] = np.array([[value >> 32 * at & 0xFFFFFFFF for at in range(words)] for value in values],
                                dtype=np.uint32).reshape(count, words)  # fmt: skip
        times[name] = np.zeros(count, dtype=np.int64)
        pauses = traffic.pauses[name].astype(np.uint8)
        streams[name] = simulation.stream(name, arrays[name], pauses, times[name])
    assert simulation.pump(streams) == FINISHED and simulation.cycle < _CYCLES
    return {name: [(int(time), joined((beat, 32))) for time, beat in zip(times[name], arrays[name], strict=True)]
            for name in streams}  # fmt: skip


def on_icarus(build: JunctionBuild, traffic: Traffic, folder: Path) -> Moved:
    """The same from Icarus Verilog."""
    for table, text in table_files(build.fixed_point).items():
        (folder / f"{table.lower()}.hex").write_text(text)
    counts = {name: len(beats) for name, beats in traffic.beats.items()} | traffic.expected
    lines = ["reg clk = 0, rst = 1;", "wire busy;", "integer cycle = -2;", "always #1 clk = !clk;"]
    pins = [".clk(clk)", ".rst(rst)", ".busy(busy)"]
    for name in (*SOURCES, *SINKS):
        (folder / f"{name}.pauses").write_text("\n".join("01"[int(pause)] for pause in traffic.pauses[name]))
        count = counts[name]
        lines += [
            f"integer {name}_at = 0, {name}_file = 0;",
            f'initial {name}_file = $fopen("{name}.out");',
            f"reg {name}_pauses [0:{_CYCLES - 1}];",
            f'initial $readmemb("{name}.pauses", {name}_pauses);',
            f"wire {name}_valid, {name}_ready;",
        ]
        if name in SOURCES:
            (folder / f"{name}.hex").write_text("\n".join(f"{value:x}" for value in [*traffic.beats[name], 0]))
            lines += [f"reg [999:0] {name}_beats [0:{count}];", f'initial $readmemh("{name}.hex", {name}_beats);',
                      f"wire [999:0] {name}_data = {name}_beats[{name}_at];"]  # fmt: skip
        else:
            lines += [f"wire [999:0] {name}_data;"]
        mine = "valid" if name in SOURCES else "ready"
        lines += [
            f"assign {name}_{mine} = !rst && {name}_at < {count} && !{name}_pauses[cycle];",
            f"always @(posedge clk) if ({name}_valid && {name}_ready) begin",
            f'    $fdisplay({name}_file, "%0d %h", cycle, {name}_data); {name}_at <= {name}_at + 1;',
            "end",
        ]
        pins += [f".{name}_{wire}({name}_{wire})" for wire in ("data", "valid", "ready")]
    done = " && ".join(f"{name}_at == {count}" for name, count in counts.items()) + " && !busy"
    settings = {**build.parameters, **{name: f'"{name.lower()}.hex"' for name in table_files(build.fixed_point)}}
    given = [f".{name}({value[1]}'d{value[0]})" if isinstance(value, tuple) else f".{name}({value})"
             for name, value in settings.items()]  # fmt: skip
    lines += [
        "always @(posedge clk) begin",
        f"    cycle <= cycle + 1; if (cycle == -1) rst <= 0; if (cycle == {_CYCLES - 1} || {done}) $finish;",
        "end",
        f"{_TOP} #({', '.join(given)}) machine ({', '.join(pins)});",
    ]
    (folder / "bench.v").write_text("\n".join(["module bench;", *lines, "endmodule\n"]))
    design = [str(path) for path in sources_of(_TOP)]
    for command in (["iverilog", "-g2005", "-s", "bench", "-o", "bench", "bench.v", *design], ["vvp", "-n", "bench"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    beats = {name: [line.split() for line in (folder / f"{name}.out").read_text().splitlines()]
             for name in (*SOURCES, *SINKS)}  # fmt: skip
    return {name: [(int(time), int(value.replace("z", "0"), 16)) for time, value in found]
            for name, found in beats.items()}  # fmt: skip


def wanted(build: JunctionBuild, traffic: Traffic, moved: Moved) -> dict[str, list[int]]:
    """Outputs and rows as the golden model gives them, weights written in the order in which their beats were taken."""
    network, fixed = traffic.network, build.fixed_point
    golden, outputs, dump = GoldenJunctions(network, fixed), [], []
    written = list(zip([time for time, _ in moved["weight"]], traffic.rows, strict=True))
    for (time, _), command in zip(moved["command"], traffic.commands, strict=True):
        held = golden.weights()
        while written and written[0][0] <= time:
            at, row, words = written.pop(0)[1]
            z = network.junctions[at].parallelism
            held[at][row * z : (row + 1) * z] = words
        golden.load(held)
        if command.program is None:
            z = network.junctions[command.junction].parallelism
            rows = held[command.junction].reshape(-1, z)[: command.rows]
            dump += [joined((row, fixed.weight)) for row in rows]
        else:
            found = golden.run(command.program, *command.samples)
            outputs += [joined((beat, fixed.word)) for beat in found.reshape(-1, network.junctions[-1].group)]
    return {"output": outputs, "dump": dump}
