"""The torus of test_axi.py, what it is taught, and the page of its registers: inside and outside of the simulator."""

from dataclasses import dataclass

import numpy as np

from fabric.hardware import FixedPoint, Program, Torus, TorusMapping, program
from fabric.hardware.verilog.rtl import RTL

PAGE = (RTL / "AXI.md").read_text(encoding="utf-8")
MAPPING = TorusMapping([(6, 4, 2, 2, 2)], ["relu"])
PROGRAMS = {mode: program(MAPPING, mode) for mode in ("sequential", "overlapped", "inference")}
# Words of 7 bits and weights of 10: lanes of 8 bits on one stream, of 16 on the others.
TORUS = Torus.of(MAPPING, FixedPoint(7, 10, 3, 5, 7, 12), list(PROGRAMS.values()))


@dataclass(frozen=True)
class Lesson:
    """Weights, then runs: a program with its samples; packets are sent in so many pieces."""

    weights: list[np.ndarray]
    runs: list[tuple[Program, tuple]]
    pieces: int


def _lesson(seed: int) -> Lesson:
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-512, 512, (p.rings, p.neurons, p.values)) for p in MAPPING.phases]
    x, y = rng.integers(-64, 64, (6, MAPPING.inputs)), rng.integers(-64, 64, (6, MAPPING.outputs))
    training = PROGRAMS[("sequential", "overlapped")[seed % 2]]
    return Lesson(weights, [(training, (x, y, 6 + seed, bool(seed % 2))), (PROGRAMS["inference"], (x,))], 1 + seed)


LESSONS = [_lesson(seed) for seed in range(3)]
