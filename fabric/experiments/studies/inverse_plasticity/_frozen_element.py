"""Elements of the three forms synthesised, and their netlists simulated against the machine's golden model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from fabric._checks import instance
from fabric.experiments.runs import Measured, Natural, Positive, RunConfig, one_of
from fabric.experiments.studies.inverse_plasticity._bench import simulate
from fabric.experiments.studies.inverse_plasticity._element import ADDER, FORMS, SHIFT, TOP, WORD, address_bits, element
from fabric.experiments.studies.inverse_plasticity._weights import trained_weights
from fabric.experiments.training import TrainConfig
from fabric.hardware import FixedPoint, GoldenMachine, TorusMapping, program
from fabric.hardware.synthesis.cyclone4 import FLOW, READ, maps
from fabric.hardware.synthesis.resources import count_module
from fabric.hardware.synthesis.yowasp import content_key, run_yosys

_BEHIND = FLOW.index("alumacc") + 1
_SCRIPT = (
    "read_verilog -lib cells.v",
    "read_verilog element.v",
    f"hierarchy -check -top {TOP}",
    # Adders stay apart until each has its carry chain: a sum of many would become tables otherwise.
    f"setattr -mod -set keep_hierarchy 1 {ADDER}_*",
    *READ,
    *FLOW[:_BEHIND],
    f"setattr -mod -unset keep_hierarchy {ADDER}_*",
    "flatten",
    *FLOW[_BEHIND:],
)


@dataclass(frozen=True)
class FrozenElementConfig(RunConfig):
    """Everything that the count of an element depends on.

    Attributes:
        form: one of `FORMS`.
        neurons: of a row that the element computes; 1 unless the form is "products".
        network: the training whose first layer, a Clos cascade, has the weights: those of its first input router.
        samples: of random inputs with which the netlist is simulated.
        seed: of these.
        content: `element_key`.
    """

    recipe: ClassVar[int] = 1

    form: Annotated[str, one_of(*FORMS)]
    neurons: Positive
    network: TrainConfig
    samples: Positive
    seed: Natural
    content: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form != "products" and self.neurons != 1:
            raise ValueError(f"neurons must be 1 with {self.form}, got {self.neurons}")


def element_key() -> str:
    """SHA-256 (hex) of commands, maps and the version of Yosys."""
    return content_key("\n".join(_SCRIPT), maps())


def freeze_element(config: FrozenElementConfig) -> Measured:
    """Synthesise the element and simulate its netlist.

    Returns:
        "inputs" of a neuron; "logic_elements", "registers", "memory_blocks" and "multipliers" (9 bits by 9) of the
        netlist; "cycles" from one result to the next; "results" simulated and "differences", how many of them are
        others than those of the machine's golden model with the same weights in its memory.

    Raises:
        ValueError: the network has no Clos cascade first, or one of fewer middle routers than neurons.
        SynthesisError, MissingToolError: as `run_yosys`.
    """
    instance("config", config, FrozenElementConfig)
    weights = trained_weights(config.network, WORD, config.neurons)[0, : config.neurons]
    files = {"element.v": element(config.form, weights)} | maps()
    folder = run_yosys("\n".join(_SCRIPT) + "\n", files)
    module = json.loads((folder / "mapped.json").read_text())["modules"][TOP]
    counted = count_module(module["cells"], 0)
    x = np.random.default_rng(config.seed).integers(-256, 256, (config.samples, weights.shape[1]))
    netlist = [folder / "netlist.v", folder / "cells.v"]
    ours = row_results(netlist, x, config.neurons) if config.form == "products" else results_of(
        netlist, {}, x, weights[0] if config.form == "memory" else None
    )[:, None]  # fmt: skip
    return {
        "inputs": weights.shape[1],
        "logic_elements": counted.logic_elements,
        "registers": counted.registers,
        "memory_blocks": counted.memory_blocks,
        "multipliers": counted.multipliers,
        "cycles": 1 if config.form == "products" else weights.shape[1],
        "results": ours.size,
        "differences": int((ours != machine_results(weights, x)).sum()),
    }


def machine_results(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What the machine makes of samples, int64 (samples, neurons).

    Args:
        weights: int64 (neurons, inputs), words of nine bits in its memory.
        x: int64 (samples, inputs), words of nine bits.
    """
    mapping = TorusMapping([(weights.shape[1], len(weights))], ["relu"])
    golden = GoldenMachine(mapping, FixedPoint(WORD, WORD, 5, 8, SHIFT, 8))
    golden.load([weights[None]])
    return golden.run(program(mapping, "inference"), x)


def results_of(sources: list[Path], files: dict[str, str], x: np.ndarray, loaded: np.ndarray | None) -> np.ndarray:
    """Results of an element that takes one input a cycle, int64 (samples,).

    Args:
        sources, files: Verilog of it.
        x: int64 (samples, inputs).
        loaded: weights for its memory; None where it has none.
    """
    samples, inputs = x.shape
    bits = address_bits(inputs)
    pins = ["clk", "rst", "enable", "run", "last", "load", "loaded", "incoming", "address", "activation"]
    pins += ["write", "write_address", "write_data"] if loaded is not None else []
    words = range(inputs) if loaded is not None else []
    bench = [
        "module bench;",
        "reg clk = 0, rst = 1, enable = 0, run = 0, last = 0, load = 0, write = 0;",
        f"reg [8:0] loaded = 0, incoming = 0, write_data; reg [{bits - 1}:0] address = 0, write_address;",
        "wire [8:0] activation;",
        f"reg [8:0] x [0:{x.size - 1}]; reg [8:0] w [0:{inputs - 1}];",
        f"{TOP} dut ({', '.join(f'.{pin}({pin})' for pin in pins)});",
        "integer s, t;",
        "task tick; begin #1 clk = 1; #1 clk = 0; end endtask",
        "initial begin",
        '$readmemh("x.hex", x); tick; rst = 0;',
        *(['$readmemh("w.hex", w); write = 1;'] if loaded is not None else []),
        *(f"write_address = {at}; write_data = w[{at}]; tick;" for at in words),
        "write = 0; enable = 1;",
        f"for (s = 0; s < {samples}; s = s + 1) begin",
        f"load = 1; run = 0; last = 0; loaded = x[s * {inputs}]; address = 0; tick; load = 0; run = 1;",
        f"for (t = 0; t < {inputs}; t = t + 1) begin",
        f"last = t == {inputs - 1}; incoming = last ? 0 : x[s * {inputs} + t + 1]; address = t + 1;",
        '#1 if (last) $display("%h", activation);',
        "tick; end end end",
        "endmodule",
    ]
    data = [("x.hex", _hex(x.ravel()))] + ([("w.hex", _hex(loaded))] if loaded is not None else [])
    return np.array([_signed(line) for line in simulate(bench, sources, [*files.items(), *data])])


def row_results(sources: list[Path], x: np.ndarray, neurons: int) -> np.ndarray:
    """Results of the element with all products in logic, int64 (samples, neurons)."""
    samples, inputs = x.shape
    bench = [
        "module bench;",
        f"reg clk = 0; reg [{WORD * inputs - 1}:0] x; wire [{WORD * neurons - 1}:0] y;",
        f"reg [{WORD * inputs - 1}:0] all [0:{samples - 1}];",
        f"{TOP} dut (.clk(clk), .x(x), .y(y));",
        "integer s;",
        'initial begin $readmemh("x.hex", all);',
        f'for (s = 0; s < {samples}; s = s + 1) begin x = all[s]; #1 clk = 1; #1 $display("%h", y); clk = 0; end end',
        "endmodule",
    ]
    packed = [sum((int(word) & 511) << WORD * at for at, word in enumerate(row)) for row in x]
    lines = simulate(bench, sources, [("x.hex", "".join(f"{word:x}\n" for word in packed))])
    words = [[int(line, 16) >> WORD * neuron & 511 for neuron in range(neurons)] for line in lines]
    return np.array([[_signed(f"{word:x}") for word in row] for row in words])


def _hex(values: np.ndarray) -> str:
    return "".join(f"{int(value) & 511:x}\n" for value in values)


def _signed(word: str) -> int:
    value = int(word, 16)
    return value - 512 if value >= 256 else value
