"""The junction machines that the hardware tests build: small, and each with something the others have not."""

import numpy as np

from fabric.hardware import FixedPoint
from fabric.hardware.junctions import JunctionBuild, JunctionNetwork


def _build(widths, fan_outs, parallelisms, activations, every=True, fixed=None) -> JunctionBuild:
    """With `every`, a machine that can hold every pattern of its sizes; without, counting patterns without dither."""
    pattern = "clash-free-3"
    network = JunctionNetwork.drawn(widths, fan_outs, parallelisms, pattern, np.random.default_rng(0), activations)
    entries = tuple(j.cycles if every else j.fan_out for j in network.junctions)
    return JunctionBuild(network, fixed or FixedPoint(), entries, (every,) * len(network))


BUILDS = {
    "two junctions": _build([16, 8, 4], [2, 2], [8, 4], ["sigmoid", "sigmoid"]),
    "one junction": _build([12, 6], [3], [3], ["identity"], fixed=FixedPoint(8, 10, 4, 6, 7, 12)),
    "three junctions": _build([12, 8, 8, 4], [4, 2, 1], [12, 4, 2], ["relu", "sigmoid", "identity"]),
    "no crossbars": _build([24, 6, 6], [1, 3], [8, 6], ["relu", "relu"], False, FixedPoint(12, 16, 6, 9, 12, 12)),
    "uneven": _build([18, 9, 3], [3, 1], [2, 9], ["sigmoid", "relu"], fixed=FixedPoint(10, 14, 5, 5, 10, 10)),
    "one cycle": _build([4, 4], [1], [4], ["sigmoid"], fixed=FixedPoint(5, 7, 4, 5, 5, 10)),
}
