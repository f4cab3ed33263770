"""Every public call of fabric.hardware with every argument replaced by what it cannot be.

Each call ends in a value or in a ValueError or TypeError that a check of ours raises and that names the argument.
"""

import re
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import fabric
from fabric.hardware import (
    FixedPoint,
    GoldenMachine,
    Machine,
    NetlistMachine,
    Program,
    Torus,
    TorusMapping,
    cycles,
    deploy,
    fit_format,
    program,
    synthesize,
)
from fabric.hardware.export import export
from fabric.hardware.junctions import (
    GoldenJunctions,
    Junction,
    JunctionBuild,
    JunctionMachine,
    JunctionNetwork,
    JunctionProgram,
    balanced_parallelisms,
    drawn_weights,
    simulate,
)
from fabric.hardware.torus.axi import AxiHost
from fabric.hardware.torus.placement import place
from fabric.topology.interleaver import clash_free

OURS = Path(fabric.__file__).parent
RNG = np.random.default_rng(0)
FIXED = FixedPoint()
MAPPING = TorusMapping([(4, 4, 2, 2, 2)])
TRAINING, INFERENCE = program(MAPPING, "sequential"), program(MAPPING, "inference")
TORUS = Torus.of(MAPPING, FIXED, [TRAINING])
NETWORK = JunctionNetwork.drawn([16, 8, 4], [2, 2], [8, 4], "clash-free-2", RNG)
LESSON = JunctionProgram(NETWORK, "pipelined")
X, Y = np.zeros((3, 4), dtype=int), np.zeros((3, 4), dtype=int)
JX, JY = np.zeros((3, 16), dtype=int), np.zeros((3, 4), dtype=int)
HELD = [np.zeros((p.rings, p.neurons, p.values), dtype=int) for p in MAPPING.phases]
JHELD = [np.zeros(j.edges, dtype=int) for j in NETWORK.junctions]
GOLDEN, JGOLDEN = GoldenMachine(MAPPING, FIXED), GoldenJunctions(NETWORK, FIXED)

AXI = AxiHost(TORUS, MAPPING)
MODEL = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
DEPLOYED = deploy(MODEL, X)

WRONG = {
    "none": None,
    "a word": "banana",
    "bytes": b"sequential",
    "a half": 0.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus one": -1,
    "nothing": 0,
    "true": True,
    "huge": 10**30,
    "a thousand millions": 10**9,
    "complex": 1j,
    "no list": [],
    "a ragged list": [[1], [1, 2]],
    "a list of words": ["banana"],
    "a list of none": [None, None],
    "huge numbers": [10**30, -(10**30)],
    "a dict": {"banana": 1},
    "a set": {1, 2},
    "an object": object(),
    "a class": FixedPoint,
    "a function": len,
    "a generator": range(3),
    "floats": np.full((3, 4), 0.5),
    "nans": np.full((3, 4), np.nan),
    "too wide": np.full((3, 4), 10**6),
    "another shape": np.zeros((2, 2, 2), dtype=int),
    "a scalar array": np.array(3),
    "text array": np.array(["banana"]),
    "objects": np.array([object()], dtype=object),
    "a format": FIXED,
    "a mapping": TorusMapping([(8, 8, 2, 2, 2)]),
    "a program": program(TorusMapping([(8, 8, 2, 2, 2)]), "sequential"),
    "a torus": Torus(3, 3),
    "a network": JunctionNetwork.drawn([16, 8], [2], [8], "clash-free-2", RNG),
    "a junction program": JunctionProgram(JunctionNetwork.drawn([16, 8], [2], [8], "clash-free-2", RNG)),
}

# A call that is right: every argument by its name.
CALLS: dict[str, tuple[Callable, dict]] = {
    "FixedPoint": (FixedPoint, {"word": 9, "weight": 12, "activation_fraction": 5, "delta_fraction": 8,
                                "weight_fraction": 10, "slowest": 10}),
    "FixedPoint.rate": (FIXED.rate, {"exponent": 5}),
    "FixedPoint.accumulator": (FIXED.accumulator, {"longest": 5}),
    "FixedPoint.activations": (FIXED.activations, {"values": [0.5]}),
    "FixedPoint.weights": (FIXED.weights, {"values": [0.5]}),
    "FixedPoint.words": (lambda values: FIXED.words(values, "values"), {"values": [1]}),
    "FixedPoint.stored": (lambda values: FIXED.stored(values, "values"), {"values": [1]}),
    "TorusMapping": (TorusMapping, {"cascades": [(4, 4, 2, 2, 2)], "activations": ["relu"], "rows": 2, "columns": 2}),
    "TorusMapping of one cascade": (lambda cascade: TorusMapping([cascade]), {"cascade": (4, 4, 2, 2, 2)}),
    "TorusMapping of one size": (lambda cascade: TorusMapping([(cascade, 4, 2, 2, 2)]), {"cascade": 4}),
    "TorusMapping.weights": (MAPPING.weights, {"phase": 0, "held": np.zeros((2, 2, 2), dtype=int)}),
    "TorusMapping.memories": (MAPPING.memories, {"weights": HELD, "fixed_point": FIXED}),
    "TorusMapping.place_inputs": (lambda inputs: MAPPING.place_inputs(inputs), {"inputs": X}),
    "TorusMapping.place_outputs": (lambda targets: MAPPING.place_outputs(targets), {"targets": Y}),
    "TorusMapping.collect_outputs": (MAPPING.collect_outputs, {"placed": np.zeros((3, 2, 2), dtype=int)}),
    "TorusMapping.collect_inputs": (MAPPING.collect_inputs, {"placed": np.zeros((3, 2, 2), dtype=int)}),
    "program": (program, {"mapping": MAPPING, "mode": "sequential", "scales": [0, 0, 0], "banks": 3, "rotation": None,
                          "emit_deltas": False}),
    "program, overlapped": (lambda rotation: program(MAPPING, "overlapped", rotation=rotation), {"rotation": 1}),
    "Program": (Program, {"mapping": MAPPING, "mode": "sequential", "slots": TRAINING.slots}),
    "Program.check_layout": (TRAINING.check_layout, {"mapping": MAPPING}),
    "cycles": (cycles, {"program": TRAINING}),
    "Cycles.total": (cycles(TRAINING).total, {"samples": 5}),
    "Torus": (Torus, {"rows": 2, "columns": 2, "fixed_point": FIXED, "banks": 3, "depth": 16, "longest": 16,
                      "store": 16, "feed": 0, "slots": 16, "sigmoid": True}),
    "Torus.of": (Torus.of, {"mapping": MAPPING, "fixed_point": FIXED, "programs": [TRAINING], "banks": 3}),
    "Torus.check": (TORUS.check, {"mapping": MAPPING, "program": TRAINING}),
    "GoldenMachine": (GoldenMachine, {"mapping": MAPPING, "fixed_point": FIXED}),
    "GoldenMachine.load": (GOLDEN.load, {"weights": HELD}),
    "GoldenMachine.load, a phase": (lambda weights: GOLDEN.load([weights, *HELD[1:]]), {"weights": HELD[0]}),
    "GoldenMachine.run": (GOLDEN.run, {"program": TRAINING, "inputs": X, "targets": Y, "rate_exponent": 5,
                                       "stochastic": True, "targets_are_deltas": False}),
    "GoldenMachine.run, inference": (GOLDEN.run, {"program": INFERENCE, "inputs": X, "targets": None,
                                                  "rate_exponent": None, "targets_are_deltas": False}),
    "AxiHost": (AxiHost, {"torus": TORUS, "mapping": MAPPING}),
    "AxiHost.program": (AXI.program, {"program": TRAINING}),
    "AxiHost.load": (AXI.load, {"weights": HELD}),
    "AxiHost.weights": (AXI.weights, {"packets": [b"\0" * 16] * 3}),
    "AxiHost.run": (AXI.run, {"program": TRAINING, "inputs": X, "targets": Y, "rate_exponent": 5, "stochastic": True,
                              "targets_are_deltas": False}),
    "AxiHost.outputs": (AXI.outputs, {"program": TRAINING, "packet": b"\0" * 8}),
    "Machine": (Machine, {"torus": TORUS, "mapping": MAPPING, "trace": False}),
    "NetlistMachine": (NetlistMachine, {"netlist": None}),
    "synthesize": (synthesize, {"torus": TORUS, "program": TRAINING, "part": "machine"}),
    "place": (place, {"torus": TORUS, "program": TRAINING, "seed": 0}),
    "fit_format": (fit_format, {"program": TRAINING, "weights": [w * 0.0 for w in HELD], "inputs": X * 0.5,
                                "targets": Y * 0.5, "rate_exponent": 5, "word": 9, "weight": 12}),
    "deploy": (deploy, {"model": MODEL, "samples": X, "on": "golden model", "mode": "sequential", "rate": 2**-5,
                        "word": 9, "weight": 12, "trace": False}),
    "Deployed": (DEPLOYED, {"samples": X, "trace": None}),
    "Deployed.sums": (DEPLOYED.sums, {"samples": X}),
    "Deployed.train": (DEPLOYED.train, {"samples": X, "targets": Y[:, :2], "rate": 2**-5, "stochastic": True,
                                        "trace": None}),
    "export": (lambda machine: export(machine, "/dev/null/x"), {"machine": None}),
    "Junction": (Junction, {"interleaver": clash_free(8, 2, 4, "clash-free-2", RNG), "outputs": 4,
                            "activation": "relu"}),
    "JunctionNetwork": (JunctionNetwork, {"junctions": NETWORK.junctions}),
    "JunctionNetwork.drawn": (JunctionNetwork.drawn, {"widths": [16, 8], "fan_outs": [2], "parallelisms": [8],
                                                      "pattern": "clash-free-2", "rng": RNG, "activations": ["relu"]}),
    "JunctionNetwork.stored": (lambda weights: NETWORK.stored(weights, FIXED), {"weights": JHELD}),
    "JunctionNetwork.accumulator": (NETWORK.accumulator, {"fixed": FIXED}),
    "JunctionNetwork.memory_bits": (NETWORK.memory_bits, {"fixed": FIXED}),
    "JunctionNetwork.queue": (NETWORK.queue, {"layer": 1}),
    "JunctionProgram": (JunctionProgram, {"network": NETWORK, "mode": "pipelined"}),
    "JunctionBuild": (JunctionBuild, {"network": NETWORK, "fixed_point": FIXED, "entries": (2, 2),
                                      "dither": (True, True)}),
    "JunctionBuild.patterns": (JunctionBuild(NETWORK).patterns, {"network": NETWORK}),
    "JunctionMachine": (JunctionMachine, {"build": None}),
    "GoldenJunctions": (GoldenJunctions, {"network": NETWORK, "fixed_point": FIXED}),
    "GoldenJunctions.load": (JGOLDEN.load, {"weights": JHELD}),
    "GoldenJunctions.load, one": (lambda weights: JGOLDEN.load([weights, JHELD[1]]), {"weights": JHELD[0]}),
    "GoldenJunctions.run": (JGOLDEN.run, {"program": LESSON, "inputs": JX, "targets": JY, "rate_exponent": 5,
                                          "stochastic": True}),
    "simulate": (simulate, {"network": NETWORK, "samples": 8, "sharing": "both", "latency": 2, "stalls": [0, 0]}),
    "balanced_parallelisms": (balanced_parallelisms, {"widths": [16, 8, 4], "fan_outs": [2, 2], "cycles": 8}),
    "drawn_weights": (drawn_weights, {"network": NETWORK, "fixed": FIXED, "rng": RNG}),
}  # fmt: skip
BUILDS = {"export", "Machine", "NetlistMachine", "JunctionMachine", "synthesize", "place"}  # what is right takes long
RIGHT_AT_TIMES = ("none", "true", "nothing", "a thousand millions", "a mapping", "a torus")
# What else may be named: the wrong one of two that do not fit, or a part of the argument.
ALSO = {"exponent": "rate_exponent", "program": "weights mapping", "network": "entries stalls", "widths": "puts"}


def told_rightly(error: Exception, name: str) -> bool:
    """Whether a check of ours raised it and says which argument is wrong."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(last.filename).is_relative_to(OURS) and "raise" in (last.line or "")
    words = (name.rstrip("s"), *ALSO.get(name, "").split())
    named = any(word in str(error).lower() for word in words) and re.search("got|needs|has", str(error))
    return isinstance(error, (ValueError, TypeError)) and ours and bool(named)


@pytest.mark.parametrize("name", CALLS)
def test_what_is_wrong_is_named(name):
    function, right = CALLS[name]
    if name not in BUILDS:
        function(**right)
    found = []
    for argument in right:
        for what, value in WRONG.items():
            if name in BUILDS and what in RIGHT_AT_TIMES:
                continue
            try:
                function(**{**right, argument: value})
            except Exception as error:
                if not told_rightly(error, argument):
                    found.append(f"{argument} = {what}: {type(error).__name__}: {str(error)[:160]}")
    assert not found, "\n".join(found)


def test_the_sweep_is_wide_enough():
    assert sum(len(right) for _, right in CALLS.values()) * len(WRONG) > 2000
