"""A processing element's forward phase with its weights in memory, as words in logic, or as products in logic.

The first two take one input a cycle, as it comes along the ring, and multiply it by the weight of its number; what
changes is where that weight comes from. In the third nothing circulates: all products of a row's inputs exist at once,
those of one input share adders, and the sums of the row's neurons are ready in the next cycle.
"""

import re
from collections.abc import Sequence

import numpy as np

from fabric.experiments.studies.inverse_plasticity._verilog import OPERAND_BITS, input_module, product_bits, signs
from fabric.hardware.verilog.rtl import RTL

FORMS = ("memory", "words", "products")
ADDER = "adder"
ACC, SHIFT, WORD = 24, 7, OPERAND_BITS
PARTS = ("fabric_forward", "fabric_round", "fabric_activation", "fabric_ram")


def rtl() -> dict[str, str]:
    """The machine's own modules that the elements are made of, by file, without comments."""
    return {f"{name}.v": re.sub(r"\s*//.*", "", (RTL / f"{name}.v").read_text(encoding="utf-8")) for name in PARTS}


def element(form: str, weights: np.ndarray, name: str = "element") -> str:
    """Verilog of an element whose neurons are rectified, to be read with `rtl`.

    Args:
        form: one of `FORMS`. With "memory" and "words" the element has one neuron.
        weights: int64 (neurons, inputs), signed words of nine bits.
        name: of its module.
    """
    if form == "products":
        return _row(name, weights)
    (own,) = weights.tolist()
    bits = address_bits(len(own))
    ports = "input wire clk, rst, enable, run, last, load, input wire [8:0] loaded, incoming, "
    ports += f"input wire [{bits - 1}:0] address, "
    if form == "memory":
        ports += f"input wire write, input wire [{bits - 1}:0] write_address, input wire [8:0] write_data, "
        source = [
            "wire [8:0] weight;",
            f"fabric_ram #(.WIDTH(9), .DEPTH({1 << bits}), .ADDRESS({bits})) words (.clk(clk), .read_enable(enable), "
            ".read_address(address), .read_data(weight), .write_enable(write), .write_address(write_address), "
            ".write_data(write_data));",
        ]
    else:
        source = ["reg [8:0] weight;"]
        source += _table(own, bits)
    unit = (
        f"fabric_forward #(.WORD(9), .ACC({ACC}), .SHIFT({SHIFT}), .SIGMOID(0)) forward (.clk(clk), .rst(rst), "
        ".enable(enable), .run(run), .last(last), .load(load), .present(1'b1), .kind(2'd1), .scale(2'd0), "
        ".weight(weight), .loaded(loaded), .incoming(incoming), .operand_q(operand), .activation(activation));"
    )
    head = f"module {name} ({ports}output wire [8:0] operand, activation);"
    return "\n".join([head, *source, unit, "endmodule"]) + "\n"


def address_bits(inputs: int) -> int:
    """Of a weight."""
    return max(1, (inputs - 1).bit_length())


def _table(words: Sequence[int], bits: int) -> list[str]:
    """The words in tables of four inputs, one for each bit and sixteen words; higher address bits choose among them."""
    low = [f"address[{place}]" if place < bits else "1'b0" for place in range(4)]
    pins = ", ".join(f".{pin}({net})" for pin, net in zip("abcd", low, strict=True))
    lines, count = [], -(-len(words) // 16)
    for bit in range(WORD):
        for part in range(count):
            mask = sum((word >> bit & 1) << place for place, word in enumerate(words[16 * part :][:16]))
            lines.append(f"le_lut #(.MASK(16'h{mask:x})) bit_{bit}_{part} ({pins}, .y(b{bit}[{part}]));")
    wires = [f"wire [{count - 1}:0] b{bit};" for bit in range(WORD)]
    chosen = [f"b{bit}[{f'address[{bits - 1}:4]' if count > 1 else 0}]" for bit in reversed(range(WORD))]
    return [*wires, *lines, f"always @(posedge clk) if (enable) weight <= {{{', '.join(chosen)}}};"]


def _row(name: str, weights: np.ndarray) -> str:
    """All neurons of a row: products, sums two by two, rounded, rectified, in a register."""
    neurons, inputs = weights.shape
    width = product_bits(WORD)
    columns = weights.T.tolist()
    sizes = [[abs(weight) for weight in column] for column in columns]
    parts = [input_module(f"{name}_{at}", group, WORD) for at, group in enumerate(sizes)]
    body = [
        f"module {name} (input wire clk, input wire [{WORD * inputs - 1}:0] x, output reg [{WORD * neurons - 1}:0] y);"
    ]
    for at in range(inputs):
        body += [
            f"wire [{width * neurons - 1}:0] p{at};",
            f"{name}_{at} input_{at} (.x(x[{WORD * at} +: {WORD}]), .p(p{at}));",
        ]
    adders: dict[str, str] = {}
    for neuron in range(neurons):
        terms = []
        for at, (column, group) in enumerate(zip(columns, sizes, strict=True)):
            if column[neuron]:
                sign = signs(group)[neuron] * (1 if column[neuron] > 0 else -1)
                bits = WORD + group[neuron].bit_length()
                terms.append((f"p{at}[{width * neuron} +: {bits}]", bits, sign))
        body += _sum(neuron, terms, adders)
        body += [
            f"wire [8:0] r{neuron}, a{neuron};",
            f"fabric_round #(.IN({ACC}), .OUT(9), .SHIFT({SHIFT})) round_{neuron} "
            f"(.in(z{neuron}), .scale(2'd0), .out(r{neuron}));",
            f"fabric_activation #(.WORD(9), .SIGMOID(0)) function_{neuron} "
            f"(.in(r{neuron}), .kind(2'd1), .out(a{neuron}));",
        ]
    results = ", ".join(f"a{neuron}" for neuron in reversed(range(neurons)))
    body += [f"always @(posedge clk) y <= {{{results}}};", "endmodule"]
    return "\n".join([*parts, *adders.values(), *body]) + "\n"


def _sum(neuron: int, terms: Sequence[tuple[str, int, int]], adders: dict[str, str]) -> list[str]:
    """The sum z of signed terms (net, bits, sign), narrowest first; the modules of its adders go to `adders`."""
    lines, left, made = [], sorted(terms, key=lambda term: term[1]), 0
    while len(left) > 1:
        (one, one_bits, one_sign), (other, other_bits, other_sign), *left = left
        if one_sign < other_sign:  # what is subtracted comes last
            one, one_bits, one_sign, other, other_bits, other_sign = (
                other,
                other_bits,
                other_sign,
                one,
                one_bits,
                one_sign,
            )
        operation = "+" if one_sign == other_sign else "-"
        bits = max(one_bits, other_bits) + 1
        module = f"{ADDER}_{'add' if operation == '+' else 'subtract'}_{one_bits}_{other_bits}"
        adders[module] = (
            f"module {module} (input wire signed [{one_bits - 1}:0] a, input wire signed [{other_bits - 1}:0] b, "
            f"output wire signed [{bits - 1}:0] s);\nassign s = a {operation} b;\nendmodule"
        )
        net = f"s{neuron}_{made}"
        lines += [f"wire [{bits - 1}:0] {net};", f"{module} sum_{neuron}_{made} (.a({one}), .b({other}), .s({net}));"]
        left = sorted([*left, (net, bits, one_sign)], key=lambda term: term[1])
        made += 1
    if not left:
        return [f"wire [{ACC - 1}:0] z{neuron} = 0;"]
    ((net, bits, sign),) = left
    lines.append(f"wire signed [{bits - 1}:0] last{neuron} = {net};")
    return [*lines, f"wire signed [{ACC - 1}:0] z{neuron} = {'' if sign > 0 else '-'}last{neuron};"]
