"""Verilog of frozen weights: a module for each input, whose products share adders, and one general multiplier.

Weights are taken without their signs, and products come with either sign: the adder that sums them subtracts those
that are negative at no cost. So no adder is longer than what it changes: the lower bits of one part pass it by.
"""

from collections.abc import Sequence

from fabric.experiments.studies.inverse_plasticity._adders import odd, plan

OPERAND_BITS = 9  # of an input, signed
TOP, GENERAL = "frozen", "general"


def design(groups: Sequence[Sequence[int]], bits: int) -> str:
    """All inputs side by side, each `frozen_<n>` with the products of its constants, and the general multiplier.

    Args:
        groups: constants of each input, integers from 0 below 2^(bits - 1).
        bits: of a signed weight, which is what the general multiplier takes.
    """
    parts = [input_module(f"{TOP}_{number}", group, bits) for number, group in enumerate(groups)]
    width = product_bits(bits)
    ports = [f"output wire [{width * len(group) - 1}:0] p{number}" for number, group in enumerate(groups)]
    inside = [f"{TOP}_{number} input_{number} (.x(x), .p(p{number}));" for number in range(len(groups))]
    head = f"input wire signed [{OPERAND_BITS - 1}:0] x, input wire signed [{bits - 1}:0] w"
    ports.append(f"output wire signed [{width - 1}:0] product")
    inside.append(f"{GENERAL} other (.x(x), .w(w), .product(product));")
    top = [f"module {TOP} ({head}, {', '.join(ports)});", *inside, "endmodule"]
    return "\n".join([*parts, _general(bits), *top]) + "\n"


def product_bits(bits: int) -> int:
    """Bits of every signed product."""
    return OPERAND_BITS + bits


def signs(constants: Sequence[int]) -> list[int]:
    """Of each product as its module gives it: 1, or -1 for minus the product, where that is the smaller circuit."""
    made = _signs(constants)
    return [made[odd(constant)[0]] if constant else 1 for constant in constants]


def _signs(constants: Sequence[int]) -> dict[int, int]:
    """Of each value of the plan. Where its parts do not add up, the lower bits of the right part stay as they are."""
    made = {1: 1}
    for adder in plan(constants):
        made[adder.value] = adder.signs[1] * made[adder.right]
    return made


def input_module(name: str, constants: Sequence[int], bits: int) -> str:
    """A module with all products of one input: x signed, p as many words of `product_bits`, see `signs`."""
    width = product_bits(bits)
    made = _signs(constants)
    lines = [
        f"module {name} (input wire signed [{OPERAND_BITS - 1}:0] x, output wire [{width * len(constants) - 1}:0] p);",
        f"wire signed [{OPERAND_BITS - 1}:0] n1 = x;",
    ]
    for adder in plan(constants):
        top = OPERAND_BITS + adder.value.bit_length() - 1
        adds = adder.signs[0] * made[adder.left] == adder.signs[1] * made[adder.right]
        lines += [
            f"wire signed [{top}:{adder.shift}] u{adder.value} = (n{adder.right} >>> {adder.shift}) "
            f"{'+' if adds else '-'} n{adder.left};",
            f"wire signed [{top}:0] n{adder.value} = {{u{adder.value}, n{adder.right}[{adder.shift - 1}:0]}};",
        ]
    for place, constant in enumerate(constants):
        value, shift = odd(constant) if constant else (1, 0)
        product = f"n{value} <<< {shift}" if constant else "0"
        lines += [
            f"wire signed [{width - 1}:0] y{place} = {product};",
            f"assign p[{width * (place + 1) - 1}:{width * place}] = y{place};",
        ]
    return "\n".join([*lines, "endmodule"])


def _general(bits: int) -> str:
    """A multiplier of two variables in logic: a row for each bit of the weight, the row of its sign subtracted.

    A row adds to what is left of the rows before, whose lowest bit is done.
    """
    width = product_bits(bits)
    lines = [
        f"module {GENERAL} (input wire signed [{OPERAND_BITS - 1}:0] x, input wire signed [{bits - 1}:0] w, "
        f"output wire signed [{width - 1}:0] product);",
        f"wire signed [{OPERAND_BITS}:0] s0 = w[0] ? x : 0;",
    ]
    for bit in range(1, bits):
        operation = "-" if bit == bits - 1 else "+"
        row = f"(w[{bit}] ? x : {OPERAND_BITS}'sd0)"
        lines.append(f"wire signed [{OPERAND_BITS}:0] s{bit} = (s{bit - 1} >>> 1) {operation} {row};")
    done = ", ".join(f"s{bit}[0]" for bit in reversed(range(bits - 1)))
    return "\n".join([*lines, f"assign product = {{s{bits - 1}, {done}}};", "endmodule"])
