"""Pyverilog's counts against designs whose counts are known, and against the design in rtl/."""

from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from fabric.experiments.studies import neighbours, processing_element
from fabric.hardware.verilog.datapath import datapath
from fabric.hardware.verilog.header import header
from fabric.hardware.verilog.source import Counts, Design

LANE = """// SPDX-License-Identifier: Apache-2.0
// One product, kept. Latency 1.
module lane #(parameter WORD = 4) (
    input  wire                clk,
    input  wire                chosen,
    input  wire [WORD-1:0]     a,
    input  wire [WORD-1:0]     b,
    output reg  [2*WORD-1:0]   kept_q
);
    wire [2*WORD-1:0] product = a * b;
    wire [2*WORD-1:0] passed = product;
    always @(posedge clk)
        kept_q <= chosen ? passed : kept_q + 2 * WORD;
endmodule
"""
TINY = """// SPDX-License-Identifier: Apache-2.0
// Lanes, a memory, a table. Each lane has a product. Latency 2.
module tiny #(parameter LANES = 3, parameter WORD = 4, parameter SQUARES = 0) (
    input  wire                      clk,
    input  wire [WORD-1:0]           a,
    input  wire [$clog2(LANES)-1:0]  address,
    output wire [2*WORD*LANES-1:0]   y
);
    reg [WORD-1:0] memory [0:LANES-1];
    reg [WORD-1:0] fixed [0:15];
    initial $readmemh("fixed.hex", fixed);
    wire [WORD-1:0] stored = memory[address];
    genvar k;
    generate
        for (k = 0; k < LANES; k = k + 1) begin : each
            lane #(.WORD(WORD)) one (.clk(clk), .chosen(a[0]), .a(a), .b(stored), .kept_q(y[k*2*WORD +: 2*WORD]));
        end
        if (SQUARES != 0) begin : squares
            reg [2*WORD-1:0] square_q;
            always @(posedge clk)
                square_q <= a * a;
        end
    endgenerate
    always @(posedge clk)
        memory[address] <= a ^ fixed[a];
endmodule
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("verilog")
    (folder / "lane.v").write_text(LANE)
    (folder / "tiny.v").write_text(TINY)
    return sorted(folder.glob("*.v"))


@pytest.mark.parametrize(("lanes", "word", "squares"), [(3, 4, 0), (5, 6, 1)])
def test_counts_of_a_design_with_known_counts(sources, lanes, word, squares):
    design = Design("tiny", {"LANES": lanes, "WORD": word, "SQUARES": squares}, sources)
    counts = design.counts()
    assert counts[""] == Counts(squares * 2 * word, lanes * word, 16 * word, squares)
    assert set(counts) == {"", *(f"each[{k}].one" for k in range(lanes))}
    assert all(counts[f"each[{k}].one"] == Counts(2 * word, 0, 0, 1) for k in range(lanes))
    assert design.signals["address"].bits == (lanes - 1).bit_length()
    assert sorted(design.parameters("")) == ["LANES", "SQUARES", "WORD"]


def test_datapath_keeps_words_and_merges_what_only_passes_on(sources):
    graph = datapath(Design("tiny", {}, sources), "each[1].one", 4)
    kinds = dict(graph.nodes("kind"))
    assert kinds == {"a": "input", "b": "input", "product": "multiply", "kept_q": "register"}
    assert set(graph.edges) == {("a", "product"), ("b", "product"), ("product", "kept_q")}
    top = datapath(Design("tiny", {}, sources), "", 4)
    assert top.nodes["each.one"]["copies"] == 3
    assert dict(top.nodes("kind"))["memory"] == "memory" and dict(top.nodes("kind"))["fixed"] == "table"
    with pytest.raises(KeyError, match="instance must be"):
        datapath(Design("tiny", {}, sources), "none", 4)


def test_nothing_is_left_in_the_working_folder(sources, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Design("tiny", {}, sources)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_headers_say_purpose_and_latency(sources, tmp_path):
    told = header(sources[1])
    assert (told.module, told.purpose, told.latency) == ("tiny", "Lanes, a memory, a table", "Latency 2")
    (tmp_path / "silent.v").write_text("// SPDX\n// Does something.\nmodule silent; endmodule\n")
    with pytest.raises(ValueError, match="must say the latency"):
        header(tmp_path / "silent.v")


@pytest.fixture(scope="module")
def design() -> Design:
    return processing_element.elaborate()


def test_every_module_is_counted_and_every_node_of_the_diagrams_has_a_place(design):
    modules = processing_element.modules(design).set_index("module")
    assert (modules["instances"] > 0).all()
    assert modules.loc["fabric_counters", "registers"] == 4 * 32
    held = processing_element.element(design).set_index("part")
    assert held.loc["all", "multipliers"] == 3
    assert processing_element.traversing(design) == ["activation", "input", "operand", "output", "sum", "target"]
    assert processing_element.count_caches(design) == 2
    machine = datapath(design, "", processing_element.WORD)
    assert machine.edges["sequencer", "torus"]["control"] and not machine.edges["input_memory", "torus"]["control"]
    for instance in (
        "",
        processing_element.ELEMENT,
        *(f"{processing_element.ELEMENT}.{u}" for u in processing_element.UNITS),
    ):
        figure = processing_element.diagram(design, [(instance, "title")])
        graph = datapath(design, instance, processing_element.WORD)
        assert sum(patch.get_zorder() == 3 for patch in figure.axes[0].patches) == len(graph)
        plt.close(figure)


def test_words_come_from_neighbours_and_weights_from_inside(design, monkeypatch):
    left, right = neighbours.elements(design)
    assert neighbours.takes_from(design, left, "sum") == {left, right}  # one row: the neighbour above is itself
    assert neighbours.movements(design, ["sum", "activation"]) == neighbours.with_own_weights(design) == 1
    monkeypatch.setitem(design.binds, f"{left}.update.weight", design.binds[f"{right}.update.weight"])
    assert neighbours.with_own_weights(design) == 0.5
    monkeypatch.setitem(design.binds, f"{right}.sum_in", [])
    assert neighbours.movements(design, ["sum", "activation"]) == 2
