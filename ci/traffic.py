"""What tests stream through simulated designs, recorded once and streamed once more through designs with faults.

Icarus Verilog builds a torus in a tenth of a second, Verilator in four. As a plugin of pytest, `pytest -p traffic`,
this records what the tests move through each design; the environment variable TRAFFIC names the folder. The tests have
compared the beats that came out with their golden model. A `Replay` offers the same beats with the same pauses to the
design in any folder, in Icarus Verilog, and says in which test another beat or counter comes out.
"""

import os
import pickle
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from fabric.hardware.simulation.verilator import FINISHED, Parameter, Simulation, Stream

# Ports that the tests compare whether the host pauses or not. Unknown ones, as Icarus has them, are no difference.
_CLIPPED = ("activations", "errors", "weights")
COUNTED = {"fabric_machine": [f"count_{name}" for name in ("forward", "backward", "updates")]
           + [f"count_clipped_{name}" for name in _CLIPPED]}  # fmt: skip
SLACK = 5000  # cycles that a design with a fault may take longer


@dataclass(frozen=True)
class Exchange:
    """One call of `Simulation.pump`.

    Attributes:
        test: in which it happens.
        reset: the design is reset before it.
        settles: it lasts until the design is idle.
        finished: it has not been given up.
        cycles: how many it lasts.
        beats: uint32 (beats, words) by stream.
        pauses: uint8 (period,) by stream, from its first cycle on, repeated.
        counters: afterwards, by port.
    """

    test: str
    reset: bool
    settles: bool
    finished: bool
    cycles: int
    beats: dict[str, np.ndarray]
    pauses: dict[str, np.ndarray]
    counters: dict[str, int]


@dataclass(frozen=True)
class Traffic:
    """All exchanges with one simulated design: its top, arguments of `Simulation.of`, bits of its ports."""

    top: str
    parameters: dict[str, Parameter]
    tables: dict[str, str]
    ports: dict[str, int]
    sources: list[str]
    sinks: list[str]
    exchanges: list[Exchange] = field(default_factory=list)


@contextmanager
def recording() -> Iterator[list[Traffic]]:
    """The traffic of all designs that are built inside, one after the other."""
    kept: list[Traffic] = []
    of, pump, reset = Simulation.of.__func__, Simulation.pump, Simulation.reset
    known: dict[Simulation, Traffic] = {}
    resets: set[Simulation] = set()

    def recorded_of(
        cls: type[Simulation],
        top: str,
        parameters: Mapping[str, Parameter],
        sources: Sequence[Path] | None = None,
        tables: Mapping[str, str] | None = None,
        *more: Any,
        **named: Any,
    ) -> Simulation:
        simulation = of(cls, top, parameters, sources, tables, *more, **named)
        known[simulation] = Traffic(
            top, dict(parameters), dict(tables or {}), dict(simulation.inputs + simulation.outputs),
            simulation.source_names, simulation.sink_names,
        )  # fmt: skip
        kept.append(known[simulation])
        return simulation

    def recorded_pump(
        simulation: Simulation, streams: Mapping[str, Stream], settle: bool = True, *more: Any, **named: Any
    ) -> int:
        clock = simulation.cycle
        outcome = pump(simulation, streams, settle, *more, **named)
        if simulation in known:
            cycles = simulation.cycle - clock
            pauses = {name: stream.arrays[1] for name, stream in streams.items()}
            known[simulation].exchanges.append(
                Exchange(
                    os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" (")[0].removeprefix("tests/"),
                    simulation in resets, settle, outcome == FINISHED, cycles,
                    {name: stream.arrays[0].copy() for name, stream in streams.items()},
                    {name: np.take(each, clock + np.arange(min(len(each), cycles + 1)), mode="wrap")
                     for name, each in pauses.items()},
                    {name: int(simulation.io[name]) for name in COUNTED.get(known[simulation].top, [])},
                )
            )  # fmt: skip
            resets.discard(simulation)
        return outcome

    def recorded_reset(simulation: Simulation) -> None:
        resets.add(simulation)
        reset(simulation)

    with patch.multiple(Simulation, of=classmethod(recorded_of), pump=recorded_pump, reset=recorded_reset):
        yield kept


def pytest_configure(config: Any) -> None:
    """Record from here on."""
    config.add_cleanup(_kept(Path(os.environ["TRAFFIC"])))


def _kept(folder: Path) -> Any:
    """Begin to record; what is returned ends it and writes a file for each design."""
    context = recording()
    kept = context.__enter__()

    def end() -> None:
        context.__exit__(None, None, None)
        folder.mkdir(parents=True, exist_ok=True)
        for number, traffic in enumerate(kept):
            (folder / f"{number}.pickle").write_bytes(pickle.dumps(traffic))

    return end


class Replay:
    """Traffic as a test bench for Icarus Verilog.

    Args:
        traffic: recorded.
        folder: for the bench and its beats.
    """

    def __init__(self, traffic: Traffic, folder: Path) -> None:
        self.folder = folder
        self.tests = [exchange.test for exchange in traffic.exchanges]
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in traffic.tables.items():
            (folder / f"{name.lower()}.hex").write_text(content, encoding="utf-8")
        (folder / "bench.v").write_text(_bench(traffic, _memories(traffic, folder)), encoding="utf-8")

    def differing(self, rtl: Path, patience: float) -> str | None:
        """The test in which the design in a folder gives something else, or None.

        Raises:
            ValueError: the design does not build or run; the message is Icarus'.
            subprocess.TimeoutExpired: no verdict after `patience` seconds.
        """
        with tempfile.TemporaryDirectory() as temporary:
            bench, sources = str(Path(temporary) / "bench"), [str(path.resolve()) for path in rtl.glob("*.v")]
            for command in (
                ["iverilog", "-g2005", "-s", "bench", "-o", bench, "bench.v", *sources],
                ["vvp", "-n", bench],
            ):
                done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=patience)
                if done.returncode:
                    raise ValueError((done.stderr or done.stdout)[-3000:])
        said = done.stdout.split()
        if "DIFFERS" in said:
            return self.tests[int(said[said.index("DIFFERS") + 1])]
        if said[-1:] != ["SAME"]:
            raise ValueError((done.stdout + done.stderr)[-3000:])
        return None


def _memories(traffic: Traffic, folder: Path) -> dict[str, int]:
    """Write what the bench reads: beats of each stream, pauses, a row of numbers for each exchange. Their lengths."""
    streams = [*traffic.sources, *traffic.sinks]
    lines: dict[str, list[str]] = {name: [] for name in [*streams, "pauses", "rows"]}
    lines["pauses"].append("0")
    for at in traffic.exchanges:
        limit = 2 * at.cycles + SLACK if at.finished else at.cycles
        row = [int(at.reset), int(at.settles), int(at.finished), limit]
        for name in streams:
            digits = -(-traffic.ports[f"{name}_data"] // 4)
            lines[name] += [_hexadecimal(beat)[-digits:] for beat in at.beats.get(name, ())]
            pattern = at.pauses.get(name, np.zeros(0))
            pauses = [str(int(pause != 0)) for pause in pattern] if pattern.any() else []
            row += [len(lines[name]), len(lines["pauses"]) if pauses else 0, max(1, len(pauses))]
            lines["pauses"] += pauses
        row += [at.counters[name] for name in COUNTED.get(traffic.top, [])]
        lines["rows"] += [f"{value & 0xFFFFFFFF:x}" for value in row]
    for name, written in lines.items():
        (folder / f"{name}.beats").write_text("\n".join([*written, "0", ""]), encoding="utf-8")
    return {name: len(written) for name, written in lines.items()}


def _bench(traffic: Traffic, lengths: Mapping[str, int]) -> str:
    """It does in each cycle what rtl/sim/pump.h does."""
    streams, counted = [*traffic.sources, *traffic.sinks], COUNTED.get(traffic.top, [])
    pins, declared, begins, offers, moves = [".clk(clk)", ".rst(rst)", ".busy(busy)"], [], [], [], []
    for number, name in enumerate(streams):
        source, last, at = name in traffic.sources, traffic.ports[f"{name}_data"] - 1, 4 + 3 * number
        mine, theirs = ("valid", "ready") if source else ("ready", "valid")
        declared += [
            f"reg [{last}:0] {name}_beats [0:{lengths[name]}]; integer {name}_at = 0, {name}_end = 0;",
            f"reg {name}_{mine} = 0; wire {name}_{theirs}; {'reg' if source else 'wire'} [{last}:0] {name}_data;",
            f'initial $readmemh("{name}.beats", {name}_beats);',
        ]
        begins += [f"{name}_at = {name}_end; {name}_end = rows[row + {at}];"]
        offers += [
            f"{name}_{mine} = {name}_at < {name}_end && !pauses[rows[row + {at + 1}] + spent % rows[row + {at + 2}]];",
            f"if ({name}_valid) {name}_data = {name}_beats[{name}_at];" if source else "",
            f"if ({name}_at < {name}_end{'' if source else ' && rows[row + 1]'}) moved = 0;",
        ]
        wrong = f"(^{name}_{theirs}) === 1'bx"
        if not source:
            moving = f"{name}_valid && {name}_ready && rows[row + 2]"
            wrong += f" || ({moving} && {name}_data !== {name}_beats[{name}_at])"
        moves += [f"if ({wrong}) differs;", f"if ({name}_valid && {name}_ready) {name}_at = {name}_at + 1;"]
        pins += [f".{name}_{wire}({name}_{wire})" for wire in ("data", "valid", "ready")]
    first = 4 + 3 * len(streams)
    declared += [f"wire [{traffic.ports[name] - 1}:0] {name};" for name in counted]
    compared = [f"if (rows[row + 2] && {name} != rows[row + {first + at}]) differs;" for at, name in enumerate(counted)]
    pins += [f".{name}({name})" for name in counted]
    values = {name: f"{value[1]}'d{value[0]}" if isinstance(value, tuple) else value
              for name, value in traffic.parameters.items()}  # fmt: skip
    settings = values | {name: f'"{name.lower()}.hex"' for name in traffic.tables}
    return "\n".join([
        "module bench;",
        "reg clk = 0, rst = 0, moved, done; wire busy; integer exchange, row, spent;",
        f"reg pauses [0:{lengths['pauses']}]; reg [31:0] rows [0:{lengths['rows']}];",
        'initial begin $readmemh("pauses.beats", pauses); $readmemh("rows.beats", rows); end',
        *declared,
        f"{traffic.top} #({', '.join(f'.{name}({value})' for name, value in settings.items())})",
        f"    machine ({', '.join(pins)});",
        'task differs; begin $display("DIFFERS %0d", exchange); $finish; end endtask',
        "initial begin #1;",
        f"for (exchange = 0; exchange < {len(traffic.exchanges)}; exchange = exchange + 1) begin",
        f"row = {first + len(counted)} * exchange; done = 0;",
        "if (rows[row]) begin rst = 1; repeat (2) begin clk = 0; #1 clk = 1; #1; end rst = 0; end",
        *begins,
        "for (spent = 0; spent < rows[row + 3] && !done; spent = spent + 1) begin",
        "moved = 1;",
        *offers,
        "clk = 0; #1",
        "if (moved && !(rows[row + 1] && busy !== 0)) done = 1; else begin",
        *moves,
        "#1 clk = 1; #1;",
        "end end",
        "if (rows[row + 2] && !done) differs;",
        *compared,
        'end $display("SAME"); $finish; end',
        "endmodule",
        "",
    ])  # fmt: skip


def _hexadecimal(beat: np.ndarray) -> str:
    return "".join(f"{int(word):08x}" for word in beat[::-1])
