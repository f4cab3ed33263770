"""A processing element's forward phase with its weights in memory, as words in logic, or as products in logic.

The first two take one input a cycle, as it comes along the ring, and multiply it by the weight of its number; what
changes is where that weight comes from. In the third nothing circulates: all products of a row's inputs exist at once,
those of one input share adders, and the sums of the row's neurons are ready in the next cycle.
"""

from collections.abc import Sequence

import numpy as np

from fabric.experiments.studies.inverse_plasticity._verilog import OPERAND_BITS, input_module, product_bits, signs

FORMS = ("memory", "words", "products")
TOP, ADDER = "element", "adder"
WORD, SUM, SHIFT = OPERAND_BITS, 24, 7  # bits of an operand and of a sum; fraction bits of a weight


def element(form: str, weights: np.ndarray) -> str:
    """Verilog of an element with the arithmetic of rtl/README.md, its neurons rectified.

    Args:
        form: one of `FORMS`. With "memory" and "words" the element has one neuron.
        weights: int64 (neurons, inputs), signed words of nine bits.
    """
    if form == "products":
        return _row(weights)
    (own,) = weights.tolist()
    bits = address_bits(len(own))
    ports = "input wire clk, rst, enable, run, last, load, input wire [8:0] loaded, incoming, "
    ports += f"input wire [{bits - 1}:0] address, "
    if form == "memory":
        ports += f"input wire write, input wire [{bits - 1}:0] write_address, input wire [8:0] write_data, "
        source = [
            f"reg [8:0] words [0:{(1 << bits) - 1}]; reg signed [8:0] weight;",
            "always @(posedge clk) begin if (enable) weight <= words[address];",
            "if (write) words[write_address] <= write_data; end",
        ]
    else:
        source = ["reg signed [8:0] weight;", *_table(own, bits)]
    unit = [
        f"reg signed [8:0] operand; reg signed [{SUM - 1}:0] sum;",
        "wire signed [17:0] product = weight * operand;",
        f"wire signed [{SUM - 1}:0] z = sum + product;",
        *_activated("z", "activation"),
        "always @(posedge clk) begin",
        "if (rst || (enable && last)) sum <= 0; else if (enable && run) sum <= z;",
        "if (enable) operand <= load ? loaded : incoming; end",
    ]
    head = f"module {TOP} ({ports}output wire [8:0] activation);"
    return "\n".join([head, *source, *unit, "endmodule"]) + "\n"


def _activated(of: str, name: str) -> list[str]:
    """A sum rounded to a word, half up, saturated and rectified; the word is the net `name`, declared elsewhere."""
    return [
        f"wire signed [{SUM - SHIFT + 1}:0] {name}_r = ({of} >>> {SHIFT - 1}) + 1;",  # one bit below the result is kept
        f"assign {name} = {name}_r < 0 ? 9'd0 : {name}_r > 511 ? 9'd255 : {name}_r[9:1];",
    ]


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


def _row(weights: np.ndarray) -> str:
    """All neurons of a row: products, sums two by two, rounded, rectified, in a register."""
    neurons, inputs = weights.shape
    width = product_bits(WORD)
    columns = weights.T.tolist()
    sizes = [[abs(weight) for weight in column] for column in columns]
    parts = [input_module(f"{TOP}_{at}", group, WORD) for at, group in enumerate(sizes)]
    body = [
        f"module {TOP} (input wire clk, input wire [{WORD * inputs - 1}:0] x, output reg [{WORD * neurons - 1}:0] y);"
    ]
    for at in range(inputs):
        body += [
            f"wire [{width * neurons - 1}:0] p{at};",
            f"{TOP}_{at} input_{at} (.x(x[{WORD * at} +: {WORD}]), .p(p{at}));",
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
        body += [f"wire [8:0] a{neuron};", *_activated(f"z{neuron}", f"a{neuron}")]
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
        return [f"wire [{SUM - 1}:0] z{neuron} = 0;"]
    ((net, bits, sign),) = left
    lines.append(f"wire signed [{bits - 1}:0] last{neuron} = {net};")
    return [*lines, f"wire signed [{SUM - 1}:0] z{neuron} = {'' if sign > 0 else '-'}last{neuron};"]
