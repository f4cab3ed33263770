"""Every public call of fabric.codesign and of pipelines of tori with every argument replaced by what it cannot be."""

import re
import traceback
from collections.abc import Callable
from pathlib import Path

import misuse
import numpy as np
import pytest
import torch  # noqa: F401  # its libraries want more room than a limited call has

import fabric
from fabric import codesign
from fabric.codesign import (
    DEVICES,
    Activity,
    Budget,
    Costs,
    Design,
    Device,
    FixedNetwork,
    Frontier,
    Lesson,
    LogicModel,
    Network,
    Point,
    Surrogate,
    Task,
    Trained,
    all_designs,
    candidates,
    explore,
    fits,
    judge,
    learn_from,
    logic_model,
    number_format,
    search,
    spread,
    train,
    undominated,
)
from fabric.codesign._resources import synthesised
from fabric.hardware import FixedPoint, TorusMapping, pipeline
from fabric.hardware.pipeline import Pipeline, lateness, programs, stations, time_shared

LESSONS_OF = spread(candidates(16, 2), 1)
NETWORK = Network("clos", 16, 16, 2, (4, 2, 4))
DESIGN = Design(NETWORK, 9)
RNG = np.random.default_rng(0)
X, Y = RNG.random((40, 16)), np.arange(40) % 2
TASK, DEVICE = Task(X, Y), DEVICES["EP4CE55"]
TRAINED = Trained(0.9, 0.5, 0.5, 0.5)
LESSONS = [Lesson(network, 9, TRAINED) for network in candidates(16, 2)[:4]]
SURROGATE = Surrogate(LESSONS)
POINT = Point(DESIGN, 0.9, 0.8, 0.95, 1.0)
MAPPING = TorusMapping([(4, 4, 2, 2, 2)])
PIPELINE, WORDS = Pipeline([MAPPING], FixedPoint()), np.zeros((3, 4), int)
HELD = [np.zeros((p.rings, p.neurons, p.values), int) for p in MAPPING.phases]
MODEL = FixedNetwork(NETWORK, number_format(9))
MODEL.run(np.zeros((1, 16), int))  # compiled before the time of a call is limited

WRONG = {kind: value for kind, value in misuse.WRONG.items() if kind != "beyond printing"}
# A call that is right: every argument that can be wrong by its name, and what else an error may name in its place.
CALLS: dict[str, tuple[Callable, dict[str, object], str]] = {
    "Network": (Network, {"family": "clos", "inputs": 16, "hidden": 16, "outputs": 2, "routers": (4, 2, 4),
                          "count": 1}, "routers"),
    "Network.padded": (NETWORK.padded, {"samples": X}, ""),
    "candidates": (candidates, {"inputs": 16, "outputs": 2, "families": ("clos",)}, ""),
    "spread": (spread, {"networks": [NETWORK], "count": 1}, ""),
    "number_format": (number_format, {"word": 9}, ""),
    "FixedNetwork": (FixedNetwork, {"network": NETWORK, "fixed_point": number_format(9), "seed": 0}, ""),
    "FixedNetwork.run": (MODEL.run, {"inputs": np.zeros((3, 16), int), "targets": np.zeros((3, 2), int),
                                     "rate_exponent": 5, "stochastic": True}, "rate_exponent"),
    "train": (train, {"network": NETWORK, "word": 9, "samples": (X, Y), "tests": (X, Y), "rates": (4,), "seed": 0},
              "labels"),
    "Design": (Design, {"network": NETWORK, "word": 9, "mode": "sequential"}, ""),
    "Design.picojoules": (DESIGN.picojoules, {"activity": Activity(), "costs": Costs()}, ""),
    "Activity": (Activity, {"forward": 0.5, "backward": 0.5, "update": 0.5}, ""),
    "Costs": (Costs, {"multiply": 1.0, "add": 1.0, "access": 1.0}, ""),
    "Costs.scaled": (Costs().scaled, {"name": "add", "factor": 2.0}, "add"),
    "LogicModel.fit": (LogicModel.fit, dict(zip(("tori", "element", "around"), synthesised(), strict=True)), ""),
    "LogicModel.logic_elements": (logic_model().logic_elements, {"torus": DESIGN.torus}, ""),
    "Lesson": (Lesson, {"network": NETWORK, "word": 9, "trained": TRAINED}, ""),
    "Surrogate": (Surrogate, {"lessons": LESSONS}, "networks"),
    "Surrogate.accuracy": (SURROGATE.accuracy, {"network": NETWORK, "word": 9}, ""),
    "Surrogate.activity": (SURROGATE.activity, {"network": NETWORK, "word": 9}, ""),
    "Task": (Task, {"samples": X, "labels": Y}, ""),
    "Device": (Device, {"name": "a", "logic_elements": 1, "memory_blocks": 1, "multipliers": 1}, ""),
    "Budget": (Budget, {"weights": 1, "microseconds": 1, "latency": 1, "nanojoules": 1, "accuracy": 1}, ""),
    "all_designs": (all_designs, {"features": 16, "classes": 2, "families": ("clos",), "words": (9,),
                                  "modes": ("sequential",)}, "inputs outputs"),
    "fits": (fits, {"design": DESIGN, "device": DEVICE}, ""),
    "judge": (judge, {"device": DEVICE, "budget": Budget(), "surrogate": SURROGATE}, ""),
    "learn_from": (lambda **given: learn_from(**{"networks": LESSONS_OF} | given),
                   {"task": TASK, "words": (9,), "seed": 0, "each": 1}, "count"),
    "search": (lambda **given: search(**{"evaluate": lambda design: None} | given),
               {"designs": [DESIGN], "method": "random", "evaluations": 1, "seed": 0}, ""),
    "explore": (lambda **given: explore(**{"surrogate": SURROGATE, "words": (9,), "families": ("two-level",)} | given),
                {"task": TASK, "device": DEVICE, "budget": None, "surrogate": SURROGATE, "families": ("two-level",),
                 "words": (9,), "modes": ("sequential",), "method": "random", "evaluations": 5, "seed": 0}, ""),
    "Frontier": (Frontier, {"evaluated": [POINT], "refused": 0}, ""),
    "Point.deploy": (POINT.deploy, {"samples": X, "on": "golden model", "seed": 0}, ""),
    "Pipeline": (Pipeline, {"mappings": [MAPPING], "fixed_point": FixedPoint(), "seed": 0}, ""),
    "Pipeline.load": (PIPELINE.load, {"weights": [HELD]}, ""),
    "Pipeline.run": (PIPELINE.run, {"inputs": WORDS, "targets": WORDS, "rate_exponent": 5, "stochastic": True}, ""),
    "Pipeline.classify": (PIPELINE.classify, {"inputs": WORDS}, ""),
    "stations": (stations, {"mappings": [MAPPING], "fixed_point": FixedPoint()}, ""),
    "Station costs": (pipeline.Costs.of, {"row": stations([MAPPING], FixedPoint())}, ""),
    "time_shared": (time_shared, {"mapping": MAPPING, "fixed_point": FixedPoint(), "mode": "sequential"}, ""),
    "programs": (programs, {"mappings": [MAPPING]}, ""),
    "lateness": (lateness, {"mappings": [MAPPING]}, ""),
    "undominated": (undominated, {"points": np.ones((2, 3))}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_what_is_wrong_is_named(name):
    function, right, also = CALLS[name]
    misuse.call(function, right)
    found = []
    for argument in right:
        for kind, value in WRONG.items():
            try:
                misuse.call(function, {**right, argument: value})
            except Exception as error:
                if not told_rightly(error, argument, also):
                    found.append(f"{argument} = {kind}: {type(error).__name__}: {str(error)[:160]}")
    assert not found, "\n".join(found)


def told_rightly(error: Exception, argument: str, also: str) -> bool:
    """Whether a check of ours raised it and says which argument is wrong."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(last.filename).is_relative_to(Path(fabric.__file__).parent) and "raise" in (last.line or "")
    named = any(word.rstrip("s") in str(error).lower() for word in (argument, *also.split()))
    return isinstance(error, ValueError | TypeError) and ours and named and bool(re.search("got|needs|has", str(error)))


def test_every_public_name_is_called_or_is_a_number():
    called = {name.partition(".")[0] for name in CALLS}
    given = {
        "DEVICES",
        "FAMILIES",
        "METHODS",
        "MODES",
        "OBJECTIVES",
        "Mode",
        "Point",
        "Trained",
        "LogicModel",
        "logic_model",
    }
    assert set(codesign.__all__) - called <= given
