"""Frozen weights synthesised, and the netlist simulated with every operand."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from fabric._checks import instance
from fabric.experiments.runs import Measured, Natural, Positive, Rule, RunConfig
from fabric.experiments.studies.inverse_plasticity._adders import plan
from fabric.experiments.studies.inverse_plasticity._bench import simulate
from fabric.experiments.studies.inverse_plasticity._verilog import (
    GENERAL,
    OPERAND_BITS,
    TOP,
    design,
    product_bits,
    signs,
)
from fabric.experiments.studies.inverse_plasticity._weights import constants
from fabric.experiments.training import TrainConfig
from fabric.hardware.synthesis.cyclone4 import FLOW, READ, maps
from fabric.hardware.synthesis.resources import count_module
from fabric.hardware.synthesis.yowasp import content_key, run_yosys

_SCRIPT = (
    "read_verilog -lib cells.v",
    "read_verilog frozen.v",
    f"hierarchy -check -top {TOP}",
    f"setattr -mod -set keep_hierarchy 1 {TOP}_* {GENERAL}",
    *READ,
    *FLOW,
)
_GENERAL_WEIGHTS = 32  # values of the weight with which the general multiplier is simulated, at most


@dataclass(frozen=True)
class FrozenLogicConfig(RunConfig):
    """Everything that a count of logic depends on.

    Attributes:
        bits: of a signed weight.
        shared: how many weights share an input, one design of each kind.
        weights: of each kind, a multiple of all of these.
        network: the training whose first layer, a Clos cascade, is frozen: each input has as many weights as the layer
            has middle routers. None: weights are drawn uniformly.
        seed: of the draw of inputs or weights.
        flow: `flow_key`, so that another flow or version of Yosys is another run.
    """

    recipe: ClassVar[int] = 1

    bits: Annotated[int, Rule("an integer from 2 to 12", lambda value: 2 <= value <= 12)]
    shared: Annotated[tuple[Positive, ...], Rule("a tuple of at least one positive integer", bool)]
    weights: Positive
    network: TrainConfig | None
    seed: Natural
    flow: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(self.weights % count for count in self.shared):
            raise ValueError(f"weights must be a multiple of all of {self.shared}, got {self.weights}")


def flow_key() -> str:
    """SHA-256 (hex) of commands, maps and the version of Yosys."""
    return content_key("\n".join(_SCRIPT), maps())


def freeze_into_logic(config: FrozenLogicConfig) -> Measured:
    """Synthesise all designs in one run and simulate the netlist with all operands.

    Returns:
        For each entry of `shared` "elements", a list of the logic elements of each input, and for all its weights
        together "adders" (of the plan) and "zeros" (weights that are zero); "general_elements" of one multiplier of two
        variables; "products" simulated and "exact", how many of them are right.

    Raises:
        ValueError: the network has no Clos cascade first, or one of fewer middle routers than weights share an input.
        SynthesisError, MissingToolError: as `run_yosys`.
    """
    instance("config", config, FrozenLogicConfig)
    kinds = [constants(config.network, config.bits, count, config.weights, config.seed) for count in config.shared]
    groups = [group for kind in kinds for group in kind]
    folder = run_yosys("\n".join(_SCRIPT) + "\n", {"frozen.v": design(groups, config.bits)} | maps())
    modules = json.loads((folder / "mapped.json").read_text())["modules"]
    counted = iter(count_module(modules[f"{TOP}_{at}"]["cells"], 0).logic_elements for at in range(len(groups)))
    exact, products = _check(folder, groups, config.bits)
    return {
        "elements": [[next(counted) for _ in kind] for kind in kinds],
        "adders": [sum(len(plan(group)) for group in kind) for kind in kinds],
        "zeros": [sum(group.count(0) for group in kind) for kind in kinds],
        "general_elements": count_module(modules[GENERAL]["cells"], 0).logic_elements,
        "products": products,
        "exact": exact,
    }


def _check(folder: Path, groups: Sequence[Sequence[int]], bits: int) -> tuple[int, int]:
    """How many products of the netlist are right, of how many: all operands, and some weights of the general one."""
    width = product_bits(bits)
    operands = np.arange(-(2 ** (OPERAND_BITS - 1)), 2 ** (OPERAND_BITS - 1))
    stored = np.unique(np.linspace(0, 2**bits - 1, _GENERAL_WEIGHTS).astype(int))
    names = [f"p{number}" for number in range(len(groups))]
    buses = [f"wire [{width * len(group) - 1}:0] {name};" for name, group in zip(names, groups, strict=True)]
    pins = ", ".join([".x(x)", ".w(w)", ".product(product)", *(f".{name}({name})" for name in names)])
    bench = [
        "module bench;",
        f"reg signed [{OPERAND_BITS - 1}:0] x; reg signed [{bits - 1}:0] w; wire [{width - 1}:0] product;",
        f"reg [{bits - 1}:0] stored [0:{len(stored) - 1}];",
        *buses,
        f"{TOP} dut ({pins});",
        "integer i, j;",
        "initial begin",
        *(f"stored[{place}] = {weight};" for place, weight in enumerate(stored)),
        f"for (i = {operands[0]}; i <= {operands[-1]}; i = i + 1) begin",
        f'x = i; for (j = 0; j < {len(stored)}; j = j + 1) begin w = stored[j]; #1 $write("%h ", product); end',
        f'$display("{" ".join(["%h"] * len(names))}", {", ".join(names)});',
        "end end",
        "endmodule",
    ]
    lines = simulate(bench, [folder / "netlist.v", folder / "cells.v"])
    signed = np.where(stored >= 2 ** (bits - 1), stored - 2**bits, stored)
    right = total = 0
    for operand, line in zip(operands.tolist(), lines, strict=True):
        words = line.split()
        wanted = [operand * weight for weight in signed.tolist()]
        found = [int(word, 16) for word in words[: len(stored)]]
        for group, word in zip(groups, words[len(stored) :], strict=True):
            wanted += [operand * sign * constant for sign, constant in zip(signs(group), group, strict=True)]
            found += [int(word, 16) >> width * place for place in range(len(group))]
        right += sum((one - other) % 2**width == 0 for one, other in zip(wanted, found, strict=True))
        total += len(wanted)
    return right, total
