"""The torus on AXI buses as a top level, and a test bench that writes its registers and moves its streams."""

from collections.abc import Iterator

import numpy as np

from fabric.hardware.export._bench import HEADER, ending, sink, source
from fabric.hardware.export._recorded import Lesson
from fabric.hardware.simulation.packing import unpack
from fabric.hardware.torus import Torus
from fabric.hardware.torus._encoding import DUMP
from fabric.hardware.torus.axi import COMMAND, IDENTITY, PROGRAM, lane

_CONTROL = (
    ("aw", (("addr", 8), ("prot", 3)), True),
    ("w", (("data", 32), ("strb", 4)), True),
    ("b", (("resp", 2),), False),
    ("ar", (("addr", 8), ("prot", 3)), True),
    ("r", (("data", 32), ("resp", 2)), False),
)  # channels of the registers: their words, and whether the master sends


def axi_ports(torus: Torus) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Inputs and outputs of fabric_axi: name and bits."""
    inputs: list[tuple[str, int]] = [("aclk", 1), ("aresetn", 1)]
    outputs: list[tuple[str, int]] = []
    for channel, words, sent in _CONTROL:
        there, back = (inputs, outputs) if sent else (outputs, inputs)
        there += [(f"s_axil_{channel}{word}", bits) for word, bits in words] + [(f"s_axil_{channel}valid", 1)]
        back.append((f"s_axil_{channel}ready", 1))
    for name, bits in _lanes(torus).items():
        there, back, prefix = (outputs, inputs, "m") if name == "output" else (inputs, outputs, "s")
        there += [(f"{prefix}_axis_{name}_{wire}", n) for wire, n in (("tdata", bits), ("tvalid", 1), ("tlast", 1))]
        back.append((f"{prefix}_axis_{name}_tready", 1))
    return inputs, outputs


def axi_vectors(torus: Torus, lesson: Lesson) -> dict[str, str]:
    """A lesson as hexadecimal words, one a line: register writes, and the beats of each stream, `tlast` above them."""
    words = [(PROGRAM + 4 * at, word) for beat in lesson.sources["program"] for at, word in enumerate(beat)]
    words += [(COMMAND + 4 * at, word) for beat in lesson.sources["command"] for at, word in enumerate(beat)]
    vectors = {"writes": "".join(f"{address << 32 | int(word):010x}\n" for address, word in words)}
    fixed = torus.fixed_point
    streams = {**lesson.sources, **lesson.sinks}
    for name, bits in _lanes(torus).items():
        if name not in streams:
            continue
        word = fixed.word if name == "target" else fixed.weight
        beats = unpack(streams[name], torus.rows, word).astype(lane(word))
        lasts = np.concatenate(list(_group_ends(torus, name, lesson.sources["command"], len(beats))))
        values = (
            int(last) << bits | int.from_bytes(beat.tobytes(), "little")
            for beat, last in zip(beats, lasts, strict=True)
        )
        vectors[name] = "".join(f"{int(value):0{bits // 4 + 1}x}\n" for value in values)
    return vectors


def axi_bench(top: str, torus: Torus, lesson: Lesson) -> str:
    """The test bench; what the registers refuse it writes again, and at the end no packet may have been wrong."""
    writes = sum(lesson.sources[name].size for name in ("program", "command"))
    lines, pins = [*HEADER, _MASTER.format(writes=writes, identity=IDENTITY)], [".aclk(clk)", ".aresetn(!rst)"]
    pins += [f".s_axil_{name}({name})" for name in _WIRES] + [".s_axil_awprot(3'd0)", ".s_axil_arprot(3'd0)"]
    moved = []
    for at, (name, bits) in enumerate(_lanes(torus).items()):
        beats = len({**lesson.sources, **lesson.sinks}.get(name, ()))
        side, wires = ("m", "data") if name == "output" else ("s", f"beats[{name}_at]")
        if beats:
            lines += (sink if name == "output" else source)(name, bits + 1, beats, at)
            moved.append(f"{name}_at == {beats}")
        else:
            lines += [f"wire [{bits}:0] {name}_idle = 0;", f"wire {name}_valid = 0;", f"wire {name}_ready;"]
            wires = "idle"
        pins += [
            f".{side}_axis_{name}_tdata({name}_{wires}[{bits - 1}:0])",
            f".{side}_axis_{name}_tlast({name}_{wires}[{bits}])",
        ]
        pins += [f".{side}_axis_{name}_t{wire}({name}_{wire})" for wire in ("valid", "ready")]
    lines += [f"assign moved = {' && '.join(moved)};", *ending("finished", 8 * lesson.cycles + 40 * writes + 1000)]
    return "\n".join([*lines, f"{top} dut ({', '.join(pins)});", "endmodule\n"])


def _lanes(torus: Torus) -> dict[str, int]:
    """Bits of a beat of each stream."""
    wide, narrow = (8 * lane(bits).itemsize for bits in (torus.fixed_point.weight, torus.fixed_point.word))
    return {"input": torus.rows * wide, "target": torus.rows * narrow, "output": torus.rows * wide}


def _group_ends(torus: Torus, name: str, commands: np.ndarray, beats: int) -> Iterator[np.ndarray]:
    """Whether each beat of a stream is the last of its group, from what the commands say."""
    if name != "input":
        yield np.arange(beats) % torus.columns == torus.columns - 1
        return
    for low, high, top in commands.astype(np.int64):
        group, count = (low >> 16) + 1, high >> 16 | top << 16
        if low & 3 != DUMP:
            yield np.arange(group * count) % group == group - 1


_WIRES = (
    "awaddr", "awvalid", "awready", "wdata", "wstrb", "wvalid", "wready", "bresp", "bvalid", "bready",
    "araddr", "arvalid", "arready", "rdata", "rresp", "rvalid", "rready",
)  # fmt: skip
_MASTER = """\
// The master of the registers: writes them in turn, again where a write is refused, and reads STATUS at the end.
reg [39:0] writes_beats [0:{writes}];
initial $readmemh("vectors/writes.hex", writes_beats, 0, {writes} - 1);
integer writes_at = 0;
reg awvalid = 0, wvalid = 0, arvalid = 0, waiting = 0, known = 0, finished = 0;
wire [7:0] awaddr = writes_beats[writes_at][39:32];
wire [31:0] wdata = writes_beats[writes_at][31:0];
wire [3:0] wstrb = 4'b1111;
wire [7:0] araddr = known ? 8'h0c : 8'h00;
wire awready, wready, bvalid, arready, rvalid, moved;
wire [1:0] bresp, rresp;
wire [31:0] rdata;
wire bready = !pause[6];
wire rready = !pause[7];
always @(posedge clk) if (!rst) begin
    if (awvalid && awready) awvalid <= 0;
    if (wvalid && wready) wvalid <= 0;
    if (arvalid && arready) arvalid <= 0;
    if (!waiting && !known || !waiting && writes_at == {writes} && moved) begin
        arvalid <= 1;
        waiting <= 1;
    end else if (!waiting && writes_at < {writes} && !pause[5]) begin
        awvalid <= 1;
        wvalid <= 1;
        waiting <= 1;
    end
    if (bvalid && bready) begin
        waiting <= 0;
        if (bresp == 2'b00) writes_at <= writes_at + 1;
    end
    if (rvalid && rready) begin
        waiting <= 0;
        known <= 1;
        if (rresp != 2'b00 || (!known && rdata != 32'h{identity:08x}) || (known && rdata > 1)) begin
            errors <= errors + 1;
            $display("register at %h: %h, answer %b", araddr, rdata, rresp);
        end
        finished <= known && rdata != 1;
    end
end"""
